"""Places from the features of a layer, all or the selected ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qgis.core import (
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
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
        count: features that have a place.
        missing: features that have none.
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
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    shown = name_of(layer)
    # A number that is an identifier is no name.
    names = layer.fields().names()
    named = shown.prepare(context) and not _is_number(layer, shown)
    kind = names.index(KIND) if KIND in names else None
    places, missing = [], 0
    for feature in layer.getSelectedFeatures() if selected else layer.getFeatures():
        at = place_of(feature, layer.crs())
        if at is None:
            missing += 1
            continue
        name = ""
        if named:
            context.setFeature(feature)
            value = shown.evaluate(context)
            name = str(value) if isinstance(value, str) else ""
        other = kind is not None and feature.attribute(kind) == COUNTER_EXAMPLE
        places.append(Place(*at, unlike or other, name))
    count = len(places)
    if count > MOST_PLACES:
        kept = np.random.default_rng(0).choice(count, MOST_PLACES, replace=False)
        places = [places[index] for index in sorted(kept)]
    return Taken(places, count, missing)


def _is_number(layer: QgsVectorLayer, shown: QgsExpression) -> bool:
    field = layer.fields().lookupField(shown.expression().strip('"'))
    return bool(field >= 0 and layer.fields().at(field).isNumeric())
