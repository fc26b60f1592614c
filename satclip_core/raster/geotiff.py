"""GeoTIFFs by the GDAL that is there: written, read back, and copied to cloud-optimised ones."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ..errors import require
from ..grid import Window
from .spec import RasterSpec, RasterWriter


class RasterReader(Protocol):
    """An open raster that gives blocks back."""

    def read(self, window: Window) -> NDArray[Any]:
        """(bands, rows, cols) of a window; half floats as float32."""


def create(path: Path, target: Path, spec: RasterSpec) -> AbstractContextManager[RasterWriter]:
    """A new GeoTIFF at `path`, known to the user as `target`; checked once it is closed.

    Raises:
        MissingDependencyError: neither rasterio nor osgeo.gdal is installed.
    """
    if library() == "osgeo":
        from .gdal_writer import create as by_gdal

        return by_gdal(path, target, spec)
    from .rio import create as by_rasterio

    return by_rasterio(path, target, spec)


def open_geotiff(path: Path) -> AbstractContextManager[RasterReader]:
    """A GeoTIFF of ours, open to be read block by block."""
    if library() == "osgeo":
        from .gdal_writer import open_reader as by_gdal

        return by_gdal(path)
    from .rio import open_reader as by_rasterio

    return by_rasterio(path)


def copy_to_cog(source: Path, path: Path, target: Path, options: Mapping[str, str]) -> None:
    """Copy a GeoTIFF, with the overviews that it has, to a cloud-optimised one.

    Args:
        source: the GeoTIFF.
        path: the copy.
        target: what the user knows it as.
        options: creation options of GDAL's COG driver.

    Raises:
        InputError: options that it does not know.
        OutputError: it cannot be written.
    """
    if library() == "osgeo":
        from .gdal_writer import copy_to_cog as by_gdal

        by_gdal(source, path, target, options)
        return
    from .rio import copy_to_cog as by_rasterio

    by_rasterio(source, path, target, options)


def gdal_version() -> tuple[int, int]:
    """Of the GDAL that writes: (3, 6)."""
    if library() == "osgeo":
        version = require("osgeo.gdal", purpose="writing a GeoTIFF").__version__
    else:
        version = require("rasterio", purpose="writing a GeoTIFF").__gdal_version__
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def library() -> str:
    """`rasterio` or `osgeo`, which QGIS brings: the one in use, else the first that is installed.

    Two copies of GDAL in a process may not get on.
    """
    names = {"rasterio": "rasterio", "osgeo": "osgeo.gdal"}
    loaded = [name for name, module in names.items() if module in sys.modules]
    installed = [name for name in names if find_spec(name) is not None]
    if not loaded and not installed:
        require("rasterio", purpose="writing a GeoTIFF")
    return (loaded or installed)[0]
