"""Names of groups of places, in the user's language."""

from __future__ import annotations

import numpy as np

from .placewords import say, tell
from .satclip_core.encoder import LocationEncoder
from .satclip_core.errors import InputError
from .satclip_core.products import PropertyHeads
from .satclip_core.products.place_words import group_phrases
from .text import tr


def named_groups(encoder: LocationEncoder, embeddings, groups, count: int) -> list[str]:
    """What most places of each group are predicted to be; their number where nobody knows.

    Args:
        encoder: that embedded them.
        embeddings: (N, dim).
        groups: (N,) of each, from 1.
        count: number of groups.
    """
    try:
        heads = PropertyHeads.of(encoder)
    except InputError:
        return [_numbered(group) for group in range(1, count + 1)]
    labels = np.asarray(groups, np.int64) - 1
    phrases = group_phrases(heads, embeddings, labels, count)
    return [
        ", ".join(phrase.said(say, tell) for phrase in name) or _numbered(group)
        for group, name in enumerate(phrases, 1)
    ]


def _numbered(group: int) -> str:
    return tr("group {number}").format(number=group)
