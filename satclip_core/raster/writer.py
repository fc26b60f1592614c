"""A raster file that takes blocks and appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import OutputError
from ..files import check_target, written_whole
from ..products.legend import attribute_table
from .library import create
from .space import check_room
from .spec import RasterSpec, RasterWriter

SUFFIXES = (".tif", ".tiff", ".gtiff")
# What GDAL keeps beside a raster, by its name and more: statistics, overviews, a mask.
_SIDE_FILES = (".aux.xml", ".ovr", ".msk", ".msk.ovr")


@contextmanager
def open_writer(
    path: str | os.PathLike[str], spec: RasterSpec, *, overwrite: bool = False
) -> Iterator[RasterWriter]:
    """A raster to write blocks into; it becomes `path` when the block ends well, and is checked.

    Args:
        path: the target, a GeoTIFF.
        spec: what it is to be.
        overwrite: whether an existing target may be replaced.

    Raises:
        OutputError: the target cannot be written, or there is no room for it.
        InputError: creation options that make no raster.
    """
    target = check_output(path, spec, overwrite=overwrite)
    replaced = target.exists()
    with (
        written_whole(target, overwrite=overwrite) as temporary,
        create(temporary, target, spec) as writer,
    ):
        yield writer
    if replaced:  # or QGIS shows the old raster wherever it is zoomed out
        for suffix in _SIDE_FILES:
            with suppress(OSError):
                target.with_name(target.name + suffix).unlink()
    if spec.product.legend is not None:
        table = attribute_table(spec.product.legend)
        beside = target.with_name(target.name + _SIDE_FILES[0])
        with written_whole(beside, overwrite=True) as temporary:
            temporary.write_text(table, "utf-8")


def check_output(
    path: str | os.PathLike[str], spec: RasterSpec, *, overwrite: bool = False
) -> Path:
    """Refuse a target that cannot be written, before anything is computed for it.

    Raises:
        OutputError: it exists, is no GeoTIFF by its name, its folder is missing or read-only,
            or the disk has no room for it.
    """
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise OutputError(f"{target} is no GeoTIFF by its name: let it end in .tif")
    check_target(target, overwrite=overwrite)
    check_room(target, spec.bytes, spec.product.dtype)
    return target
