"""The writer behind `open_writer`, by osgeo.gdal: in QGIS, which has no rasterio."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Argument, InputError, OutputError, require
from ..grid import Window
from .space import Handover
from .spec import RasterSpec
from .tiff import check_complete, crs_lost

_TYPES = {"float32": "GDT_Float32", "float16": "GDT_Float32", "uint8": "GDT_Byte"}
_TYPES.update(int16="GDT_Int16", uint16="GDT_UInt16")
_COLOURS = {"red": "GCI_RedBand", "green": "GCI_GreenBand", "blue": "GCI_BlueBand"}
_COLOURS.update(alpha="GCI_AlphaBand")
_NO_SIDE_FILES = "GDAL_PAM_ENABLED"


@contextmanager
def create(path: Path, target: Path, spec: RasterSpec) -> Iterator[GdalWriter]:
    """A new GeoTIFF at `path`, known to the user as `target`; checked once it is closed."""
    gdal = require("osgeo.gdal", purpose="writing a GeoTIFF")
    before = gdal.GetThreadLocalConfigOption(_NO_SIDE_FILES)
    gdal.SetThreadLocalConfigOption(_NO_SIDE_FILES, "NO")
    try:
        _check_crs(gdal, spec)
        writer = GdalWriter(gdal, path, target, spec)
        try:
            yield writer
            writer.finish()
        finally:
            # On failure too: GDAL must let go of the file before it can be removed.
            writer.close()
    finally:
        gdal.SetThreadLocalConfigOption(_NO_SIDE_FILES, before)
    check_complete(path, target)
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


class GdalWriter:
    """An open GeoTIFF that takes blocks.

    Args:
        gdal: the module.
        path: the file.
        target: what the user knows it as.
        spec: what it is to be.

    Raises:
        InputError: creation options that make no raster.
        OutputError: it cannot be created.
    """

    def __init__(self, gdal: Any, path: Path, target: Path, spec: RasterSpec) -> None:
        self._gdal = gdal
        self._spec = spec
        self._handover = Handover(path, target, spec)
        with _heard(gdal) as said:
            self._dataset: Any = _open(gdal, path, spec)
            if self._dataset is not None and not said:
                _describe(gdal, self._dataset, spec)
        if self._dataset is None or said:
            self.close()
            raise _creation_error(said, target)

    def write(self, window: Window, bands: NDArray[Any]) -> None:
        """Write (bands, rows, cols) into a window.

        Raises:
            OutputError: there is no room for it, or the system refuses.
        """
        self._handover.check(bands.nbytes)
        # Half floats are written as floats of 16 bits, GDAL's NBITS=16.
        data = bands.astype(np.float32) if bands.dtype == np.float16 else bands
        with _heard(self._gdal) as said:
            self._dataset.WriteArray(np.ascontiguousarray(data), window.col, window.row)
        if said:
            raise self._handover.refused(said[0])
        self._handover.done(bands.nbytes)

    def finish(self) -> None:
        """Add the overviews, once all blocks are written.

        Raises:
            OutputError: the system refuses.
        """
        if not self._spec.overviews:
            return
        with _heard(self._gdal) as said:
            self._dataset.FlushCache()
            how = self._spec.overview_resampling.upper()
            self._dataset.BuildOverviews(how, list(self._spec.overviews))
        if said:
            raise self._handover.refused(said[0])

    def close(self) -> None:
        """Let go of the file; what is missing from it is found by `check_complete`."""
        with _heard(self._gdal):
            self._dataset = None


@contextmanager
def open_reader(path: Path) -> Iterator[GdalReader]:
    """A GeoTIFF of ours, open to be read block by block."""
    gdal = require("osgeo.gdal", purpose="reading a GeoTIFF")
    reader = GdalReader(gdal, path)
    try:
        yield reader
    finally:
        reader.close()


class GdalReader:
    """An open GeoTIFF that gives blocks back."""

    def __init__(self, gdal: Any, path: Path) -> None:
        self._gdal = gdal
        with _heard(gdal) as said:
            self._dataset: Any = gdal.Open(str(path))
        if self._dataset is None:
            raise OutputError(f"cannot read {path} back: {said[0] if said else 'it is damaged'}")

    def read(self, window: Window) -> NDArray[Any]:
        """(bands, rows, cols) of a window; half floats as float32."""
        with _heard(self._gdal) as said:
            bands: NDArray[Any] = self._dataset.ReadAsArray(
                window.col, window.row, window.width, window.height
            )
        if said:
            raise OutputError(f"cannot read the raster back: {said[0]}")
        return bands if bands.ndim == 3 else bands[None]

    def close(self) -> None:
        """Let go of the file."""
        self._dataset = None


def copy_to_cog(source: Path, path: Path, target: Path, options: Mapping[str, str]) -> None:
    """Copy a GeoTIFF, with the overviews that it has, to a cloud-optimised one.

    Raises:
        InputError: options that GDAL's COG driver does not know.
        OutputError: it cannot be written.
    """
    gdal = require("osgeo.gdal", purpose="writing a GeoTIFF")
    before = gdal.GetThreadLocalConfigOption(_NO_SIDE_FILES)
    gdal.SetThreadLocalConfigOption(_NO_SIDE_FILES, "NO")
    given = [f"{key}={value}" for key, value in options.items()]
    try:
        with _heard(gdal) as said:
            plain = gdal.Open(str(source))
            copied = gdal.GetDriverByName("COG").CreateCopy(str(path), plain, options=given)
            made = copied is not None
            copied = plain = None
    finally:
        gdal.SetThreadLocalConfigOption(_NO_SIDE_FILES, before)
    if said or not made:
        raise _creation_error(said, target)


def _check_crs(gdal: Any, spec: RasterSpec) -> None:
    """Refuse a CRS that does not come back from a GeoTIFF, by a small one in memory."""
    name = f"/vsimem/satclip-{secrets.token_urlsafe(6)}.tif"
    try:
        with _heard(gdal):
            dataset = gdal.GetDriverByName("GTiff").Create(name, 1, 1)
            _locate(dataset, spec)
            dataset = None
            dataset = gdal.Open(name)
        if dataset is None or dataset.GetSpatialRef() is None:
            raise crs_lost(spec.grid.crs)
    finally:
        dataset = None
        gdal.Unlink(name)


def _locate(dataset: Any, spec: RasterSpec) -> None:
    from osgeo import osr

    a, b, c, d, e, f = spec.grid.transform
    crs = osr.SpatialReference()
    crs.SetFromUserInput(spec.grid.crs)
    crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    dataset.SetSpatialRef(crs)
    dataset.SetGeoTransform((c, a, b, f, d, e))


def _open(gdal: Any, path: Path, spec: RasterSpec) -> Any:
    product = spec.product
    height, width = spec.grid.shape
    return gdal.GetDriverByName("GTiff").Create(
        str(path),
        width,
        height,
        len(product.bands),
        getattr(gdal, _TYPES[product.dtype]),
        [f"{key}={value}" for key, value in spec.options.items()],
    )


def _describe(gdal: Any, dataset: Any, spec: RasterSpec) -> None:
    product = spec.product
    _locate(dataset, spec)
    for index, name in enumerate(product.bands):
        band = dataset.GetRasterBand(index + 1)
        band.SetDescription(name)
        if product.units:
            band.SetUnitType(product.units[index])
        if spec.nodata is not None:
            band.SetNoDataValue(float(spec.nodata))
        if product.scale is not None:
            band.SetScale(product.scale)
            band.SetOffset(product.offset or 0.0)
        if product.colours:
            band.SetColorInterpretation(getattr(gdal, _COLOURS[product.colours[index]]))
    # GeoTIFF has room for colours in files of one band alone; the others have them in the tags.
    if product.legend is not None and len(product.bands) == 1:
        table = gdal.ColorTable()
        for code, colour in product.legend.colour_table.items():
            table.SetColorEntry(code, tuple(colour))
        dataset.GetRasterBand(1).SetColorTable(table)
    dataset.SetMetadata({**spec.tags, **product.tags})


@contextmanager
def _heard(gdal: Any) -> Iterator[list[str]]:
    """What GDAL complains about in this thread, whether it is set to raise or not.

    Warnings count where they are about creation options: one it does not know is only that.
    """
    said: list[str] = []

    def hear(level: int, _number: int, message: str) -> None:
        if level >= gdal.CE_Failure or "creation option" in message:
            said.append(message)

    gdal.PushErrorHandler(hear)
    try:
        yield said
    except RuntimeError as error:
        said.append(str(error))
    finally:
        gdal.PopErrorHandler()


def _creation_error(said: list[str], target: Path) -> Exception:
    reason = said[0] if said else "GDAL does not say why"
    if "creation option" in reason or "BLOCK" in reason or "COMPRESS" in reason:
        return InputError("creation options (", Argument("creation_options"), f"): {reason}")
    return OutputError(f"cannot create {target}: {reason}")
