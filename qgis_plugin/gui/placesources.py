"""Places from the features of a layer, all or the selected ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qgis.core import (
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsFeatureRequest,
    QgsVectorLayer,
)

from ..placenames import name_of, place_of
from .places import Place

# More do not say more of what is meant, and each is a mark on the map.
MOST_PLACES = 500
# Of places that the dock has written: the field, and its value for a counter-example.
KIND, COUNTER_EXAMPLE, EXAMPLE = "kind", "counter-example", "example"


@dataclass(frozen=True)
class Taken:
    """What a layer gives.

    Attributes:
        places: as many as are taken.
        count: features that there are.
        missing: of those taken, features that have no place.
    """

    places: list[Place]
    count: int
    missing: int


def places_of(layer: QgsVectorLayer, *, selected: bool, unlike: bool = False) -> Taken:
    """Places of the features of a layer; of very many some drawn at random, always the same.

    Points count as they are, lines and polygons by a point on them. Names are the layer's display
    names. Where the dock has written the layer, counter-examples are counter-examples again.

    Args:
        layer: of any geometry.
        selected: whether selected features alone are taken.
        unlike: whether they are counter-examples.
    """
    ids = sorted(layer.selectedFeatureIds() if selected else layer.allFeatureIds())
    count = len(ids)
    if count > MOST_PLACES:
        kept = np.random.default_rng(0).choice(count, MOST_PLACES, replace=False)
        ids = [ids[index] for index in sorted(kept.tolist())]
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    shown = name_of(layer)
    named = shown.prepare(context)
    names = layer.fields().names()
    kind = names.index(KIND) if KIND in names else None
    places, missing = [], 0
    for feature in layer.getFeatures(QgsFeatureRequest().setFilterFids(ids)):
        at = place_of(feature, layer.crs())
        if at is None:
            missing += 1
            continue
        context.setFeature(feature)
        value = shown.evaluate(context) if named else None
        name = value if isinstance(value, str) else ""  # a number is no name
        other = kind is not None and feature.attribute(kind) == COUNTER_EXAMPLE
        places.append(Place(*at, unlike or other, name))
    return Taken(places, count, missing)
