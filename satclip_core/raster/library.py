"""Which GDAL writes: rasterio's, or the one of osgeo.gdal that QGIS brings."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import require

if TYPE_CHECKING:
    from .spec import RasterSpec, RasterWriter


def create(path: Path, target: Path, spec: RasterSpec) -> AbstractContextManager[RasterWriter]:
    """A new GeoTIFF at `path`, known to the user as `target`; checked once it is closed.

    Raises:
        MissingDependencyError: neither library is installed.
    """
    if library() == "osgeo":
        from .gdal_writer import create as by_gdal

        return by_gdal(path, target, spec)
    from .rio import create as by_rasterio

    return by_rasterio(path, target, spec)


def library() -> str:
    """`rasterio` or `osgeo`: the one in use already, else the first that is installed.

    Two copies of GDAL in a process may not get on.
    """
    names = {"rasterio": "rasterio", "osgeo": "osgeo.gdal"}
    loaded = [name for name, module in names.items() if module in sys.modules]
    installed = [name for name in names if find_spec(name) is not None]
    if not loaded and not installed:
        require("rasterio", purpose="writing a GeoTIFF")
    return (loaded or installed)[0]
