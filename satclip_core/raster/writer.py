"""A raster file that takes blocks and appears whole or not at all, by the GDAL that is there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from ..errors import OutputError, require
from ..files import Target, check_apart, written_whole
from ..products.legend import attribute_tables
from .spec import RasterSpec, RasterWriter

SUFFIXES = (".tif", ".tiff", ".gtiff")
# What GDAL keeps beside a raster, by its name and more: statistics, overviews, a mask.
_SIDE_FILES = (".aux.xml", ".ovr", ".msk", ".msk.ovr")


def raster_target(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    apart: Iterable[str | os.PathLike[str] | None] = (),
) -> Target:
    """A GeoTIFF to write, looked at before anything is computed for it.

    Args:
        path: the file; a `Target` is not looked at again.
        overwrite: whether an existing file may be replaced.
        apart: files that the same request reads; None where there is none.

    Raises:
        OutputError: it exists, is no GeoTIFF by its name, is given twice, or its folder is missing
            or read-only.
    """
    check_apart(Path(path), apart)
    target = Target.of(path, overwrite=overwrite)
    if target.path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"{target.path} is no GeoTIFF by its name: let it end in .tif")
    return target


@contextmanager
def open_writer(
    path: str | os.PathLike[str], spec: RasterSpec, *, overwrite: bool = False
) -> Iterator[RasterWriter]:
    """A raster to write blocks into; it becomes `path` when the block ends well, and is checked.

    Args:
        path: the target, a GeoTIFF; what `raster_target` gave is not looked at again.
        spec: what it is to be.
        overwrite: whether an existing target may be replaced.

    Raises:
        OutputError: the target cannot be written; while blocks are written, no room for them.
        InputError: creation options that make no raster.
    """
    target = raster_target(path, overwrite=overwrite)
    replaced = target.path.exists()
    with (
        written_whole(target) as temporary,
        create(temporary, target.path, spec) as writer,
    ):
        yield writer
    if replaced:  # or QGIS shows the old raster wherever it is zoomed out
        for suffix in _SIDE_FILES:
            with suppress(OSError):
                target.path.with_name(target.path.name + suffix).unlink()
    if spec.product.legends:
        beside = target.path.with_name(target.path.name + _SIDE_FILES[0])
        with written_whole(Target(beside, True)) as temporary:
            temporary.write_text(attribute_tables(spec.product.legends), "utf-8")


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
