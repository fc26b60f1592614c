"""A raster file that takes blocks and appears whole or not at all, by the GDAL that is there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from ..files import Target, written_whole
from ..products.legend import attribute_tables
from .cog import create_cog
from .formats import COG, PARQUET, raster_target
from .geotiff import create as create_geotiff
from .spec import RasterSpec, RasterWriter

# What GDAL keeps beside a raster, by its name and more: statistics, overviews, a mask.
_SIDE_FILES = (".aux.xml", ".ovr", ".msk", ".msk.ovr")


@contextmanager
def open_writer(
    path: str | os.PathLike[str], spec: RasterSpec, *, overwrite: bool = False
) -> Iterator[RasterWriter]:
    """A raster to write blocks into; it becomes `path` when the block ends well, and is checked.

    Args:
        path: the target, a single file; what `raster_target` gave is not looked at again.
        spec: what it is to be.
        overwrite: whether an existing target may be replaced.

    Raises:
        OutputError: the target cannot be written; while blocks are written, no room for them.
        InputError: creation options that make no raster.
    """
    target = raster_target(path, format=spec.format, overwrite=overwrite)
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
    if spec.product.legends and spec.format != PARQUET:
        beside = target.path.with_name(target.path.name + _SIDE_FILES[0])
        with written_whole(Target(beside, True)) as temporary:
            temporary.write_text(attribute_tables(spec.product.legends), "utf-8")


def create(path: Path, target: Path, spec: RasterSpec) -> AbstractContextManager[RasterWriter]:
    """A new raster file at `path`, known to the user as `target`; checked once it is closed.

    Raises:
        MissingDependencyError: what writes its format is not installed.
    """
    if spec.format == PARQUET:
        from .pixel_table import create_table

        return create_table(path, target, spec)
    return (
        create_cog(path, target, spec) if spec.format == COG else create_geotiff(path, target, spec)
    )
