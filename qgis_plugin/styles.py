"""How results arrive on the map: a renderer by what they show, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Callable
from weakref import WeakKeyDictionary

import numpy as np
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsClassificationEqualInterval,
    QgsColorRampShader,
    QgsContrastEnhancement,
    QgsFillSymbol,
    QgsGradientColorRamp,
    QgsGradientStop,
    QgsGraduatedSymbolRenderer,
    QgsLayerMetadata,
    QgsLinePatternFillSymbolLayer,
    QgsLineSymbol,
    QgsMapLayer,
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsProcessingUtils,
    QgsProperty,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsRectangle,
    QgsRendererCategory,
    QgsSingleBandPseudoColorRenderer,
    QgsSingleSymbolRenderer,
    QgsSymbol,
    QgsSymbolLayer,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtGui import QColor

from .compat import keeps_styles
from .satclip_core.analysis import unit
from .satclip_core.encoder import LocationEncoder
from .satclip_core.grid.land import land_places
from .satclip_core.products.legend import Legend
from .text import tr

# Viridis (Smith and van der Walt 2015): perceptually uniform, in six stops.
_VIRIDIS = ("#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725")
# From ColorBrewer's OrRd (Brewer 2013): the darker, the larger the error.
_REDS = ("#fef0d9", "#fc8d59", "#990000")
# Shares of the pixels below and above the range of a ramp, and the number of pixels looked at.
_CUT = (0.02, 0.98)
_SAMPLE = 250_000
_POINT_CLASSES = 5
_AREAS_OPACITY = 0.6
# Millimetres between the lines of a hatched area.
_HATCH = 2.0
# Dimensions that make a colour, and the outline of what is coloured by them.
_COLOURS = 3
_OUTLINE = (60, 60, 60, 120)

# Random land as a model embeds it.
_WORLD: WeakKeyDictionary = WeakKeyDictionary()


def viridis() -> QgsGradientColorRamp:
    """A perceptually uniform ramp from dark violet to yellow."""
    colours = [QColor(name) for name in _VIRIDIS]
    steps = len(colours) - 1
    stops = [QgsGradientStop(index / steps, colours[index]) for index in range(1, steps)]
    return QgsGradientColorRamp(colours[0], colours[-1], False, stops)


def style_values(layer: QgsRasterLayer, band: int = 1) -> None:
    """One band of numbers: viridis, from the 2nd to the 98th percentile."""
    style_range(layer, *_cut(layer, band), band)


def _cut(layer: QgsRasterLayer, band: int) -> tuple[float, float]:
    """The 2nd and 98th percentile of a band, apart."""
    low, high = layer.dataProvider().cumulativeCut(band, *_CUT, QgsRectangle(), _SAMPLE)
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def style_range(
    layer: QgsRasterLayer,
    low: float,
    high: float,
    band: int = 1,
    ramp: QgsGradientColorRamp | None = None,
) -> None:
    """One band of numbers: viridis, or another ramp, over a range that is known."""
    renderer = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), band)
    renderer.setClassificationMin(low)
    renderer.setClassificationMax(max(high, low + 1e-6))
    renderer.createShader(ramp or viridis(), QgsColorRampShader.Type.Interpolated)
    layer.setRenderer(renderer)


def style_errors(layer: QgsRasterLayer, band: int) -> None:
    """One band of errors: from pale to dark red, from the 2nd to the 98th percentile."""
    colours = [QColor(name) for name in _REDS]
    stops = [QgsGradientStop(0.5, colours[1])]
    ramp = QgsGradientColorRamp(colours[0], colours[2], False, stops)
    style_range(layer, *_cut(layer, band), band, ramp)


def style_classes(layer: QgsRasterLayer, legend: Legend, band: int = 1) -> None:
    """One band of codes: a colour and a name for each."""
    classes = [
        QgsPalettedRasterRenderer.Class(code, QColor(*colour), name)
        for code, name, colour in zip(legend.codes, legend.names, legend.colours)
    ]
    layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), band, classes))


def style_bands(layer: QgsRasterLayer, low: Sequence[float], high: Sequence[float]) -> None:
    """Embeddings: the first three bands as colours, each over a range that is known."""
    provider = layer.dataProvider()
    renderer = QgsMultiBandColorRenderer(provider, 1, 2, 3)
    setters = (
        renderer.setRedContrastEnhancement,
        renderer.setGreenContrastEnhancement,
        renderer.setBlueContrastEnhancement,
    )
    stretch = QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum
    for band, (setter, least, most) in enumerate(zip(setters, low, high), 1):
        enhancement = QgsContrastEnhancement(provider.dataType(band))
        enhancement.setMinimumValue(least)
        enhancement.setMaximumValue(most)
        enhancement.setContrastEnhancementAlgorithm(stretch)
        setter(enhancement)
    layer.setRenderer(renderer)


def world_range(
    encoder: LocationEncoder, normalized: int | None = None
) -> tuple[list[float], list[float]]:
    """The range of each of the first three dimensions over random land, 2nd to 98th percentile.

    It is a matter of the model alone: colours of any two layers of one model mean the same.

    Args:
        encoder: the model.
        normalized: how many first dimensions are scaled to norm 1 together; None for raw ones.
    """
    if encoder not in _WORLD:
        _WORLD[encoder] = encoder.encode(land_places(), single=True)
    land = _WORLD[encoder]
    if normalized is not None:
        land = unit(land[:, :normalized])
    low, high = np.quantile(land[:, :_COLOURS], _CUT, axis=0).tolist()
    return low, high


def style_world(encoder: LocationEncoder, dimensions: Sequence[str]) -> Callable:
    """What draws features in the colours of the world, by their first three dimensions.

    Args:
        encoder: that embedded them.
        dimensions: expressions for the three.
    """
    parts = [
        f"scale_linear({dimension}, {low:.6g}, {high:.6g}, 0, 255)"
        for dimension, low, high in zip(dimensions, *world_range(encoder))
    ]
    colour = f"color_rgb({', '.join(parts)})"

    def style(layer: QgsVectorLayer) -> None:
        symbol = QgsSymbol.defaultSymbol(layer.geometryType())
        kind = QgsSymbolLayer.Property
        line = layer.geometryType() == QgsWkbTypes.GeometryType.LineGeometry
        for part in symbol.symbolLayers():
            what = kind.PropertyStrokeColor if line else kind.PropertyFillColor
            part.setDataDefinedProperty(what, QgsProperty.fromExpression(colour))
            if not line:
                part.setStrokeColor(QColor(*_OUTLINE))
        layer.setRenderer(QgsSingleSymbolRenderer(symbol))

    return style


def style_groups(layer: QgsVectorLayer, field: str, legend: Legend) -> None:
    """Features by the code of a class: a colour and a name for each."""
    categories = []
    for code, name, colour in zip(legend.codes, legend.names, legend.colours):
        symbol = QgsSymbol.defaultSymbol(layer.geometryType())
        symbol.setColor(QColor(*colour))
        categories.append(QgsRendererCategory(code, symbol, name))
    layer.setRenderer(QgsCategorizedSymbolRenderer(field, categories))


def style_areas(layer: QgsVectorLayer, field: str) -> None:
    """Polygons by a number, in the colours of points, with the map shining through."""
    style_points(layer, field)
    layer.setOpacity(_AREAS_OPACITY)


def style_points(layer: QgsVectorLayer, field: str) -> None:
    """Points by a number: viridis in five classes."""
    renderer = QgsGraduatedSymbolRenderer(field)
    renderer.setSourceColorRamp(viridis())
    renderer.setClassificationMethod(QgsClassificationEqualInterval())
    renderer.updateClasses(layer, _POINT_CLASSES)
    layer.setRenderer(renderer)


def style_hatched(layer: QgsVectorLayer) -> None:
    """Polygons of what not to trust: lines over what lies below, which stays to be seen, paler."""
    symbol = QgsFillSymbol.createSimple({"color": "255,255,255,70", "outline_style": "no"})
    for colour, width in ((QColor(255, 255, 255, 150), 0.5), (QColor(40, 40, 40, 255), 0.2)):
        lines = QgsLinePatternFillSymbolLayer()
        lines.setLineAngle(45)
        lines.setDistance(_HATCH)
        line = {"line_color": "{},{},{},{}".format(*colour.getRgb()), "line_width": str(width)}
        lines.setSubSymbol(QgsLineSymbol.createSimple(line))
        symbol.appendSymbolLayer(lines)
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))


def describe(layer: QgsMapLayer, facts: Mapping[str, str], title: str) -> None:
    """Write provenance into the metadata of a layer.

    Args:
        layer: a result.
        facts: names and values: of the model, the product, the command.
        title: what the layer is.
    """
    metadata = QgsLayerMetadata(layer.metadata())
    metadata.setType("dataset")
    metadata.setTitle(title)
    metadata.setAbstract("\n".join(f"{name}: {value}" for name, value in facts.items()))
    metadata.setCrs(layer.crs())
    if "licence" in facts:
        metadata.setLicenses([tr("Model weights: {licence}").format(licence=facts["licence"])])
    history = [facts[name] for name in ("software", "command") if name in facts]
    metadata.setHistory(history)
    layer.setMetadata(metadata)


def keep_style(layer: QgsMapLayer) -> None:
    """Keep the style with the file of a layer, so that opened again it looks the same.

    In a GeoPackage itself; beside any other file as .qml. Temporary files, which go with QGIS, have
    none.
    """
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    path = Path(str(parts.get("path") or ""))
    if not path.is_file() or Path(QgsProcessingUtils.tempFolder()) in path.parents:
        return
    if isinstance(layer, QgsVectorLayer) and keeps_styles(layer.dataProvider()):
        _, ids, names, _, _ = layer.listStylesInDatabase()
        for number, name in zip(ids, names):  # else QGIS asks before it replaces one
            if name == layer.name():
                layer.deleteStyleFromDatabase(number)
        layer.saveStyleToDatabase(layer.name(), "", True, "")
    else:
        layer.saveNamedStyle(str(path.with_suffix(".qml")))
