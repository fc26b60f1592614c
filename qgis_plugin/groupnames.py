"""Names of groups of places, in the user's language."""

from __future__ import annotations

from .placewords import say, tell
from .satclip_core.products import ClusterModel
from .satclip_core.products.legend import Legend


def named_groups(model: ClusterModel) -> list[str]:
    """What most places of each group are predicted to be; their number where nobody knows."""
    return model.said(say, tell)


def named_legend(model: ClusterModel) -> Legend:
    """Codes and colours of the core, names in the user's language."""
    legend = model.legend
    return Legend(legend.codes, tuple(named_groups(model)), legend.colours)
