"""The writer behind `open_writer`, by rasterio."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Argument, InputError, OutputError, require
from ..grid import Window
from ..grid.crs import is_lonlat, to_wkt
from ..grid.crs_backend import brief
from .datasets import use_rasterio
from .space import Handover
from .spec import RasterSpec
from .tiff import check_complete, crs_lost

# GDAL's cache of blocks; whole tiles hardly need one. Its default is 5 % of the memory.
CACHE_BYTES = 2**25


@contextmanager
def create(path: Path, target: Path, spec: RasterSpec) -> Iterator[RasterioWriter]:
    """A new GeoTIFF at `path`, known to the user as `target`; checked once it is closed."""
    rasterio = use_rasterio("writing a GeoTIFF")
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES, GDAL_PAM_ENABLED="NO"):
        _check_crs(rasterio, spec)
        try:
            dataset = _open(rasterio, path, spec)
        except (rasterio.errors.RasterioError, ValueError) as error:
            raise _creation_error(error, target) from error
        writer = RasterioWriter(dataset, path, target, spec)
        try:
            _describe(rasterio, dataset, spec)
            yield writer
            writer.finish()
        finally:
            # On failure too: GDAL must let go of the file before it can be removed.
            dataset.close()
    check_complete(path, target)
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


class RasterioWriter:
    """An open GeoTIFF that takes blocks."""

    def __init__(self, dataset: Any, path: Path, target: Path, spec: RasterSpec) -> None:
        self._dataset = dataset
        self._spec = spec
        self._handover = Handover(path, target, spec)

    def write(self, window: Window, bands: NDArray[Any]) -> None:
        """Write (bands, rows, cols) into a window.

        Raises:
            OutputError: there is no room for it, or the system refuses.
        """
        self._handover.check(bands.nbytes)
        # Half floats are written as floats of 16 bits, GDAL's NBITS=16.
        data = bands.astype(np.float32) if bands.dtype == np.float16 else bands
        try:
            self._dataset.write(data, window=_rasterio_window(window))
        except OSError as error:  # rasterio's RasterioIOError is one
            raise self._handover.refused(_reason(error)) from error
        self._handover.done(bands.nbytes)

    def finish(self) -> None:
        """Add the overviews, once all blocks are written.

        Raises:
            OutputError: the system refuses.
        """
        from rasterio._err import CPLE_BaseError  # of which GDAL's errors come unwrapped here
        from rasterio.enums import Resampling

        if self._spec.overviews:
            how = Resampling[self._spec.overview_resampling]
            try:
                self._dataset.build_overviews(list(self._spec.overviews), how)
            except (OSError, CPLE_BaseError) as error:
                raise self._handover.refused(_reason(error)) from error


@contextmanager
def open_reader(path: Path) -> Iterator[RasterioReader]:
    """A GeoTIFF of ours, open to be read block by block."""
    rasterio = use_rasterio("reading a GeoTIFF")
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES), rasterio.open(path) as dataset:
        yield RasterioReader(dataset)


class RasterioReader:
    """An open GeoTIFF that gives blocks back."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def read(self, window: Window) -> NDArray[Any]:
        """(bands, rows, cols) of a window; half floats as float32."""
        bands: NDArray[Any] = self._dataset.read(window=_rasterio_window(window))
        return bands


def copy_to_cog(source: Path, path: Path, target: Path, options: Mapping[str, str]) -> None:
    """Copy a GeoTIFF, with the overviews that it has, to a cloud-optimised one.

    Raises:
        InputError: options that GDAL's COG driver does not know.
        OutputError: it cannot be written.
    """
    rasterio = use_rasterio("writing a GeoTIFF")
    copy = require("rasterio.shutil", purpose="writing a GeoTIFF").copy
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES, GDAL_PAM_ENABLED="NO"):
        try:
            with _warnings_heard() as heard:
                copy(str(source), str(path), driver="COG", **options)
        except (rasterio.errors.RasterioError, OSError, ValueError) as error:
            raise _creation_error(error, target) from error
    if heard:
        raise InputError("creation options (", Argument("creation_options"), f"): {heard[0]}")


def _check_crs(rasterio: Any, spec: RasterSpec) -> None:
    """Refuse a CRS that does not come back from a GeoTIFF, by a small one in memory."""
    crs = _rasterio_crs(rasterio, spec.grid.crs)
    transform = rasterio.Affine(*spec.grid.transform)
    with rasterio.MemoryFile() as memory:
        profile = {"driver": "GTiff", "width": 1, "height": 1, "count": 1, "dtype": "uint8"}
        memory.open(**profile, crs=crs, transform=transform).close()
        with memory.open() as dataset:
            if dataset.crs is None:
                raise crs_lost(spec.grid.crs)


def _rasterio_crs(rasterio: Any, crs: str) -> Any:
    """A CRS for rasterio, in full: its PROJ need not know the codes that pyproj's does."""
    try:
        if is_lonlat(crs):
            return rasterio.crs.CRS.from_epsg(4326)
        return rasterio.crs.CRS.from_wkt(to_wkt(crs))
    except rasterio.errors.CRSError as error:
        raise InputError(
            f"rasterio's GDAL does not know the CRS {brief(crs)!r} ({error}): give it as WKT, or "
            "another one"
        ) from error


def _open(rasterio: Any, path: Path, spec: RasterSpec) -> Any:
    grid, product = spec.grid, spec.product
    with _warnings_heard() as heard:
        dataset = rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=grid.shape[1],
            height=grid.shape[0],
            count=len(product.bands),
            dtype="float32" if product.dtype == "float16" else product.dtype,
            crs=_rasterio_crs(rasterio, grid.crs),
            transform=rasterio.Affine(*grid.transform),
            nodata=spec.nodata,
            **spec.options,
        )
    if heard:
        dataset.close()
        raise ValueError(heard[0])
    return dataset


def _describe(rasterio: Any, dataset: Any, spec: RasterSpec) -> None:
    product = spec.product
    dataset.descriptions = product.bands
    if product.units:
        dataset.units = product.units
    if product.scale is not None:
        dataset.scales = [product.scale] * len(product.bands)
        dataset.offsets = [product.offset or 0.0] * len(product.bands)
    if product.colours:
        dataset.colorinterp = [
            getattr(rasterio.enums.ColorInterp, colour) for colour in product.colours
        ]
    # GeoTIFF has room for colours in files of one band alone; the others have them in the tags.
    if product.legend is not None and len(product.bands) == 1:
        dataset.write_colormap(1, product.legend.colour_table)
    dataset.update_tags(**{**spec.tags, **product.tags})


def _creation_error(error: Exception, target: Path) -> Exception:
    reason = _reason(error)
    if "creation option" in reason or "BLOCK" in reason or "COMPRESS" in reason:
        return InputError("creation options (", Argument("creation_options"), f"): {reason}")
    return OutputError(f"cannot create {target}: {reason}")


def _reason(error: BaseException) -> str:
    """What GDAL said: rasterio's own message only refers to it."""
    cause = error.__cause__
    return str(getattr(cause, "errmsg", None) or cause or error)


def _rasterio_window(window: Window) -> Any:
    from rasterio.windows import Window as RasterioWindow

    return RasterioWindow(window.col, window.row, window.width, window.height)


@contextmanager
def _warnings_heard() -> Iterator[list[str]]:
    """GDAL's warnings while a file is created: an option it does not know is only a warning."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            if "creation option" in message:
                heard.append(message)

    logger = logging.getLogger("rasterio._env")
    ear = Ear(logging.WARNING)
    logger.addHandler(ear)
    try:
        yield heard
    finally:
        logger.removeHandler(ear)
