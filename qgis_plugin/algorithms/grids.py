"""Extent, resolution and CRS as parameters, and the grid they make."""

from __future__ import annotations

import re
from math import isfinite

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterCrs,
    QgsProcessingParameterDistance,
    QgsProcessingParameterExtent,
    QgsProcessingParameterString,
    QgsWkbTypes,
)

from ..compat import integer_field, number_field
from ..crs import core_crs, default_resolution, lonlat_crs
from ..satclip_core.errors import InputError
from ..satclip_core.grid import Grid, said_extent
from ..satclip_core.grid.crs import half_turn
from ..satclip_core.grid.extent import transform_bounds
from ..satclip_core.grid.land import LAND
from ..satclip_core.raster import open_region
from ..satclip_core.raster.mask import opened_mask
from ..satclip_core.raster.region import both
from ..satclip_core.types import Mask
from ..text import tr
from .base import Algorithm

_NUMBER = r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"
_EXTENT = re.compile(rf"^{','.join([_NUMBER] * 4)}(?:\[(.*)\])?\s*$")


class GridAlgorithm(Algorithm):
    """An algorithm that works on a grid of pixels."""

    EXTENT = "EXTENT"
    RESOLUTION = "RESOLUTION"
    CRS = "CRS"
    LAND = "LAND"
    REGION = "REGION"

    def add_grid(self, configuration) -> None:
        """Declare extent, resolution, CRS, whether the sea is left out, and a country."""
        extent = QgsProcessingParameterExtent(self.EXTENT, tr("Extent"))
        if not configuration.get("IN_MODELER"):
            extent.setDefaultValue(_canvas_extent())
        self.add(
            extent,
            tr(
                "The area to cover, in any CRS; the map's view at first. "
                "West > east crosses the date line."
            ),
        )
        self.add(
            QgsProcessingParameterDistance(
                self.RESOLUTION, tr("Resolution"), None, self.CRS, optional=True, minValue=0
            ),
            tr(
                "Pixel size in units of the CRS. Not set: a quarter of what the model resolves, "
                "and at least 100 pixels along the longer side."
            ),
        )
        self.add(
            QgsProcessingParameterCrs(self.CRS, tr("CRS"), "ProjectCrs", optional=True),
            tr("CRS of the result; EPSG:4326 where the project has none."),
        )
        self.add(
            QgsProcessingParameterBoolean(self.LAND, tr("Only on land"), True, optional=True),
            tr(
                "No data at sea, where the models have learnt nothing: by a mask of 1/40 degree "
                "that comes with the plugin. Lakes are land."
            ),
        )
        self.add(
            QgsProcessingParameterString(self.REGION, tr("Only in this country"), optional=True),
            tr(
                "No data outside it: a country by its English name or ISO code, or a GeoJSON file "
                "of polygons. The extent stays as it is."
            ),
            advanced=True,
        )

    def mask(self, parameters, context) -> str | None:
        """Which places are wanted: the field of land, or None for all."""
        return LAND if self.parameterAsBoolean(parameters, self.LAND, context) else None

    def region(self, parameters, context) -> str | None:
        """Name or file of the only region that is wanted; None for all."""
        return self.parameterAsString(parameters, self.REGION, context).strip() or None

    def wanted_places(self, parameters, context) -> Mask | None:
        """Which places are wanted: on land, in the region, or both; None for all.

        Raises:
            InputError: there is no such region.
        """
        region = self.region(parameters, context)
        inside = None if region is None else open_region(region)
        return both(opened_mask(self.mask(parameters, context)), inside)

    def grid(self, parameters, context, model) -> Grid:
        """The grid asked for.

        Raises:
            InputError: extent, resolution and CRS make none.
        """
        crs = self.grid_crs(parameters, context)
        bounds, bounds_crs = self._bounds(parameters, context, crs)
        name, other = core_crs(crs), core_crs(bounds_crs)
        apart = other != name
        if self._given(parameters, self.RESOLUTION):
            res = self.parameterAsDouble(parameters, self.RESOLUTION, context)
            return Grid.from_bounds(bounds, res, name, bounds_crs=other if apart else None)
        bounds = self._in_crs(bounds, bounds_crs, crs)
        west, south, east, north = bounds
        res = default_resolution(model, crs, east - west, north - south)
        # Aligned as it would be from the other CRS, whose bounds are not taken over twice.
        return Grid.from_bounds(bounds, res, name, bounds_crs=name if apart else None, tap=apart)

    def said_extent(self, grid, parameters, context) -> str | None:
        """What the grid covers, in a line, where that is not just the extent asked for."""
        bounds, bounds_crs = self._bounds(parameters, context, self.grid_crs(parameters, context))
        return said_extent(grid, bounds, core_crs(bounds_crs))

    def grid_crs(self, parameters, context) -> QgsCoordinateReferenceSystem:
        """The CRS asked for, else the project's, else degrees."""
        crs = self.parameterAsCrs(parameters, self.CRS, context)
        if not crs.isValid() and context.project() is not None:
            crs = context.project().crs()
        return crs if crs.isValid() else lonlat_crs()

    def write_places(self, name, grid, found, columns, parameters, context) -> str:
        """Write pixels that were found as points, the best first.

        Args:
            name: of the parameter that is the sink.
            grid: of the pixels.
            found: with `pixels`, (n, 2) row and column.
            columns: (n,) values of each field, by its name; "rank" is a whole number.
            parameters: of the run.
            context: of the run.

        Returns:
            The destination.

        Raises:
            QgsProcessingException: the sink cannot be had, or refuses a feature.
        """
        fields = QgsFields()
        for field in columns:
            fields.append(integer_field(field) if field == "rank" else number_field(field))
        x, y = grid.centres(found.pixels[:, 0], found.pixels[:, 1])
        values = zip(*(column.tolist() for column in columns.values()))
        rows = (
            (QgsGeometry.fromPointXY(QgsPointXY(east, north)), [*of_one])
            for east, north, of_one in zip(x.tolist(), y.tolist(), values)
        )
        crs, kind = self.grid_crs(parameters, context), QgsWkbTypes.Type.Point
        return self.written(name, fields, kind, crs, rows, parameters, context)

    def checkParameterValues(self, parameters, context):
        """Whether they make sense; of an extent that is none QGIS does not say what one is."""
        value = parameters.get(self.EXTENT)
        other = isinstance(value, str) and value and not _EXTENT.match(value)
        if other and self.parameterAsExtent(parameters, self.EXTENT, context).isNull():
            return False, _no_extent(value)
        return super().checkParameterValues(parameters, context)

    def grid_problems(self, parameters, context):
        """What is wrong with extent, resolution and region."""
        if self._given(parameters, self.RESOLUTION):
            size = self.parameterAsDouble(parameters, self.RESOLUTION, context)
            if not (isfinite(size) and size > 0):
                yield tr("Resolution {size:g}: give a pixel size above 0, or leave it out.").format(
                    size=size
                )
                return
        self.grid(parameters, context, self.encoder(parameters, context))
        self.wanted_places(parameters, context)

    def _given(self, parameters, name) -> bool:
        return parameters.get(name) not in (None, "")

    def _bounds(self, parameters, context, crs):
        """(west, south, east, north) as given, and their CRS."""
        value = parameters.get(self.EXTENT)
        known = self.parameterAsExtentCrs(parameters, self.EXTENT, context)
        known = known if known.isValid() else crs
        matched = _EXTENT.match(value) if isinstance(value, str) else None
        if matched:  # as text, since a QgsRectangle would put west > east in order
            west, east, south, north = (float(number) for number in matched.groups()[:4])
        else:
            box = self.parameterAsExtent(parameters, self.EXTENT, context)
            if isinstance(value, str) and box.isNull():
                raise InputError(_no_extent(value))
            west, east = box.xMinimum(), box.xMaximum()
            south, north = box.yMinimum(), box.yMaximum()
        half = half_turn(core_crs(known))
        if half is not None:
            west, south, east, north = _on_earth(west, south, east, north, half)
        return (west, south, east, north), known

    def _in_crs(self, bounds, bounds_crs, crs):
        west, south, east, north = bounds
        half = half_turn(core_crs(bounds_crs))
        if west > east and half is not None:
            east += 2 * half
        if bounds_crs == crs:
            return west, south, east, north
        return transform_bounds((west, south, east, north), core_crs(bounds_crs), core_crs(crs))


def _no_extent(value: str) -> str:
    text = tr(
        "The extent {value} is none: give west, east, south, north as numbers, with commas "
        "between them, or a layer."
    )
    return text.format(value=value)


def _on_earth(west, south, east, north, half):
    """A view in degrees, or grads, cut to the Earth: a map is often wider than the world."""
    if east - west >= 2 * half:
        west, east = -half, half
    if north < -half / 2 or south > half / 2:
        raise InputError(f"the extent lies off the Earth: latitude {south:g} to {north:g}")
    return west, max(south, -half / 2), east, min(north, half / 2)


def _canvas_extent():
    """What is in view, as text; None where there is no map."""
    from qgis.utils import iface

    canvas = iface.mapCanvas() if iface is not None else None
    if canvas is None or canvas.extent().isEmpty() or not canvas.layers():
        return None
    settings = canvas.mapSettings()
    box = settings.visibleExtent()
    numbers = (box.xMinimum(), box.xMaximum(), box.yMinimum(), box.yMaximum())
    text = ",".join(f"{number:.10g}" for number in numbers)
    return f"{text} [{settings.destinationCrs().authid()}]"
