"""Random places on land: what a similarity is held against."""

from __future__ import annotations

import numpy as np

from .satclip_core.encoder import LocationEncoder
from .satclip_core.products import AnySimilarity, compared_land

# Share of the land at whose similarity colours begin, as in QGIS' own stretch.
LEAST_SHARE = 0.02


def land_range(similarity: AnySimilarity, encoder: LocationEncoder) -> tuple[float, float]:
    """The similarities between which colours say something: of all but the least of the land, and
    of the places themselves; of words, which lie at no place, of the most alike land.
    """
    land = similarity(encoder.encode(compared_land(similarity.within), single=True)[None])
    most = similarity(similarity.references[None]) if len(similarity.places) else land
    return float(np.quantile(land, LEAST_SHARE)), float(most.max())
