"""Which of some embeddings are most like each of others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compute.blas import product
from ..errors import CancelledError, InputError
from ..types import Cancelled, Float32, Integers
from .vectors import unit

# Cosines held at a time: 64 MB.
_TOGETHER = 2**24


def lookalikes(
    embeddings: NDArray[Any],
    others: NDArray[Any],
    count: int,
    *,
    own: Integers | None = None,
    cancelled: Cancelled | None = None,
) -> tuple[Integers, Float32]:
    """The most similar of some embeddings for each of others, by the cosine.

    Args:
        embeddings: (N, dim), finite.
        others: (M, dim), finite.
        count: how many for each.
        own: (N,) which of the others each one is itself, and no lookalike; -1 for none of them,
            and that for all where None.
        cancelled: asked now and then.

    Returns:
        (N, k) rows of `others`, the most similar first and the first of equals, and (N, k)
        cosines; k is `count`, or as many as there are.

    Raises:
        InputError: a count below 1, or no others.
        CancelledError: `cancelled` said so.
    """
    own = np.full(len(embeddings), -1) if own is None else own
    most = len(others) - bool((own >= 0).any())
    if count < 1 or most < 1:
        raise InputError(f"{count} lookalikes of {max(most, 0)}: give at least 1 of each")
    count = min(count, most)
    directions = unit(np.asarray(others, np.float32))
    rows = np.empty((len(embeddings), count), np.int64)
    cosines = np.empty((len(embeddings), count), np.float32)
    step = max(1, _TOGETHER // len(others))
    for start in range(0, len(embeddings), step):
        if cancelled is not None and cancelled():
            raise CancelledError("stopped on request: nothing was left behind")
        part = slice(start, start + step)
        found = product(unit(np.asarray(embeddings[part], np.float32)), directions.T)
        itself = np.flatnonzero(own[part] >= 0)
        found[itself, own[part][itself]] = -np.inf
        best = np.argpartition(-found, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(found, best, axis=1)
        order = np.lexsort((best, -values), axis=1)
        rows[part] = np.take_along_axis(best, order, axis=1)
        cosines[part] = np.clip(np.take_along_axis(values, order, axis=1), -1, 1)
    return rows, cosines
