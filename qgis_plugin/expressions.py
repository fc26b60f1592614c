"""Functions of expressions: what the place of a feature is like, without fields that hold it.

    satclip_embedding()                        the embedding of the feature, an array of numbers
    satclip_similarity($geometry, make_point(23.6, -2.9))
    satclip_property('rain')

A place is embedded once and remembered. Where an expression runs in the main thread, as in the
attribute table, the field calculator and selections, the first feature of a layer has all others
embedded with it, which is many times as fast as one by one. (In other threads layers must not be
touched: there it is one by one, remembered all the same.)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsExpression,
    QgsExpressionFunction,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QThread

from .algorithms.features import number, shape_of
from .crs import core_crs
from .models import default_model, encoder
from .satclip_core.analysis import cosine_similarity
from .satclip_core.encoder import LocationEncoder
from .satclip_core.errors import InputError, SatclipError
from .satclip_core.grid.crs import LONLAT
from .satclip_core.grid.land import land_mask
from .satclip_core.points.zones import ZoneEmbedder
from .satclip_core.products import PropertyHeads
from .text import tr
from .words import worded

GROUP = "SatCLIP"
# Places remembered: 50 MB at 256 dimensions. Features of a layer that are embedded ahead.
_MOST = 50_000
_AHEAD = 20_000

Key = tuple[str, str, bytes]


class _Memory:
    """Embeddings of geometries, those last asked for."""

    def __init__(self) -> None:
        self._known: OrderedDict[Key, np.ndarray] = OrderedDict()
        self._ahead: set[tuple[str, str]] = set()
        self._lock = Lock()

    def of(self, model: str, crs: str, geometry: QgsGeometry, layer: str) -> np.ndarray | None:
        """The embedding of a geometry, (dim,); None where it has no place.

        Args:
            model: name or path.
            crs: of the geometry, as the core takes it.
            geometry: any.
            layer: id of the layer that it is of, to embed its other features too; else "".

        Raises:
            SatclipError: there is no such model.
        """
        key = model, crs, bytes(geometry.asWkb())
        found = self._get(key)
        if found is None and layer and QThread.currentThread() is _main_thread():
            self._look_ahead(model, crs, layer)
            found = self._get(key)
        if found is None:
            self._put([key], _embedded(encoder(model), crs, [geometry]))
            found = self._get(key)
        return None if found is None or not np.isfinite(found).all() else found

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._known.clear()
            self._ahead.clear()

    def _look_ahead(self, model: str, crs: str, layer_id: str) -> None:
        """Embed the features of a layer that are not known yet, once for each state of it."""
        layer = QgsProject.instance().mapLayer(layer_id)
        if not isinstance(layer, QgsVectorLayer) or core_crs(layer.crs()) != crs:
            return
        if not 1 < layer.featureCount() <= _AHEAD or (model, layer_id) in self._ahead:
            return
        self._ahead.add((model, layer_id))
        request = QgsFeatureRequest().setNoAttributes()
        geometries = [feature.geometry() for feature in layer.getFeatures(request)]
        keyed = {
            (model, crs, bytes(geometry.asWkb())): geometry
            for geometry in geometries
            if not geometry.isNull()
        }
        with self._lock:
            new = {key: geometry for key, geometry in keyed.items() if key not in self._known}
        self._put(list(new), _embedded(encoder(model), crs, list(new.values())))

    def _get(self, key: Key) -> np.ndarray | None:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def _put(self, keys: Sequence[Key], embeddings: np.ndarray) -> None:
        with self._lock:
            for key, embedding in zip(keys, embeddings):
                self._known[key] = embedding
            while len(self._known) > _MOST:
                self._known.popitem(last=False)


def _main_thread() -> QThread:
    return QgsApplication.instance().thread()


def _embedded(model: LocationEncoder, crs: str, geometries: Sequence[QgsGeometry]) -> np.ndarray:
    """(N, dim): polygons and lines by their land, as the algorithms take them."""
    zones = ZoneEmbedder(model, crs, mask=land_mask())
    return zones([shape_of(geometry) for geometry in geometries]).means


_MEMORY = _Memory()


class _Function(QgsExpressionFunction):
    """A function of a place; subclasses `answer`.

    Args:
        name: of the function.
        text: of its help, HTML.
    """

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name, -1, GROUP, text, False, True, True)

    def usesGeometry(self, _node):
        """All are of the feature's place, unless another is given."""
        return True

    def referencedColumns(self, _node):
        """None by themselves."""
        return set()

    def func(self, values, context, parent, _node):
        """Called by QGIS."""
        try:
            return self.answer(list(values), context)
        except SatclipError as error:
            parent.setEvalErrorString(f"{self.name()}: {worded(error)}")
        return None

    def answer(self, values, context) -> Any:
        """The value.

        Raises:
            SatclipError: arguments that are none.
        """
        raise NotImplementedError


class _Embedding(_Function):
    def answer(self, values, context):
        """Array of the embedding of the feature, or of a geometry."""
        _check(values, 0, 2)
        found = _embedding(values[0] if values else None, context, *values[1:], own=not values)
        return None if found is None else [number(value) for value in found.tolist()]


class _Similarity(_Function):
    def answer(self, values, context):
        """Cosine of two places, each a geometry or an embedding."""
        _check(values, 1, 3)
        one = _embedding(values[0], context, *values[2:])
        other = _embedding(
            values[1] if len(values) > 1 else None, context, *values[2:], own=len(values) < 2
        )
        if one is None or other is None:
            return None
        if one.shape != other.shape:
            text = tr("embeddings of {one} and of {other} numbers cannot be compared")
            raise InputError(text.format(one=len(one), other=len(other)))
        return number(float(cosine_similarity(one[None], other[None])[0, 0]))


class _Property(_Function):
    def answer(self, values, context):
        """A number, or the name of a class."""
        _check(values, 1, 3)
        name, given = str(values[0]), values[1:]
        heads = _heads(encoder()).chosen([name])
        found = _embedding(given[0] if given else None, context, *given[1:], own=not given)
        if found is None:
            return None
        value = float(heads.read(found[None])[name].values[0])
        (facts,) = heads.facts
        if value != value or facts.legend is None:
            return number(value)
        return facts.legend.names[facts.legend.codes.index(int(value))]


def _check(values, least: int, most: int) -> None:
    if not least <= len(values) <= most:
        text = tr("{count} arguments: give {least} to {most}")
        raise InputError(text.format(count=len(values), least=least, most=most))


def _embedding(given, context, crs=None, *, own=False) -> np.ndarray | None:
    """The embedding of an argument, (dim,): an array of numbers, a geometry, or the feature itself.

    Args:
        given: the argument.
        context: of the expression.
        crs: of a geometry, such as 'EPSG:4326'; that of the layer where None.
        own: whether the feature's geometry is meant.
    """
    layer = ""
    if own:
        given, layer = context.feature().geometry(), str(context.variable("layer_id") or "")
    if isinstance(given, (list, tuple)):
        try:
            return np.array(given, np.float32)
        except (TypeError, ValueError) as error:
            raise InputError(tr("an embedding is an array of numbers")) from error
    if not isinstance(given, QgsGeometry):
        if given is None or not str(given) or str(given) == "NULL":
            return None
        text = tr("{value} is neither a geometry nor an embedding")
        raise InputError(text.format(value=repr(given)[:40]))
    if given.isNull() or given.isEmpty():
        return None
    same = context.feature().geometry()
    if not layer and not same.isNull() and given.asWkb() == same.asWkb():
        layer = str(context.variable("layer_id") or "")  # $geometry, written out
    return _MEMORY.of(default_model(), _crs_of(context, crs), given, layer)


def _crs_of(context, given) -> str:
    """CRS of geometries: the one given, the layer's, or the project's."""
    for name in (given, context.variable("layer_crs"), context.variable("project_crs")):
        if name:
            crs = QgsCoordinateReferenceSystem(str(name))
            if crs.isValid():
                return core_crs(crs)
            if name is given:
                raise InputError(tr("{crs} is no CRS").format(crs=given))
    return LONLAT


_HEADS: dict[str, PropertyHeads] = {}


def _heads(model: LocationEncoder) -> PropertyHeads:
    found = _HEADS.get(model.sha256)
    if found is None:
        found = _HEADS[model.sha256] = PropertyHeads.of(model)
    return found


class Functions:
    """The functions, for as long as the plugin is loaded."""

    def __init__(self) -> None:
        self._functions: list[_Function] = []

    def register(self) -> None:
        """Offer them."""
        self._functions = [
            _Embedding("satclip_embedding", _help_of_embedding()),
            _Similarity("satclip_similarity", _help_of_similarity()),
            _Property("satclip_property", _help_of_property()),
        ]
        for function in self._functions:
            QgsExpression.registerFunction(function)

    def unregister(self) -> None:
        """Take them away, and what they remember."""
        for function in self._functions:
            QgsExpression.unregisterFunction(function.name())
        self._functions = []
        _MEMORY.clear()
        _HEADS.clear()


def _help_of_embedding() -> str:
    return tr(
        "<h3>satclip_embedding([geometry[, crs]])</h3><p>The embedding of the feature's place, an "
        "array of numbers: of a polygon the mean over its land, of a line that along it.</p>"
        "<p><b>geometry</b>: another place, in the CRS of the layer, or in crs.</p>"
        "<pre>satclip_embedding()[0]\nsatclip_embedding(make_point(23.6, -2.9), 'EPSG:4326')</pre>"
    )


def _help_of_similarity() -> str:
    return tr(
        "<h3>satclip_similarity(a[, b[, crs]])</h3><p>The cosine similarity of two places, -1 to "
        "1.</p><p><b>a</b>, <b>b</b>: geometries in the CRS of the layer, or in crs; or "
        "embeddings, as satclip_embedding gives them. Without b it is the feature's own place.</p>"
        "<pre>satclip_similarity(geometry(get_feature('farms', 'name', 'Hillside')))\n"
        "satclip_similarity($geometry, make_point(1113195, 5621521))</pre>"
    )


def _help_of_property() -> str:
    return tr(
        "<h3>satclip_property(name[, geometry[, crs]])</h3><p>A property of the feature's place as "
        "the model predicts it: a number, or the name of a class in English. Nothing but the land "
        "cover is known on water.</p><p><b>name</b>: temperature, temperature_january, "
        "temperature_july, rain, elevation, greenness, land_cover, night_light, population, "
        "koppen, as satclip describe tells them.</p><pre>satclip_property('rain')\n"
        "satclip_property('land_cover') = 'cropland'</pre>"
    )
