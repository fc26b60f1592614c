"""The formats of rasters: their names, what files of them are called, and where they may be put."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..errors import Argument, InputError, OutputError
from ..files import Target, check_apart

GTIFF, COG, COGS, ZARR, PARQUET = "gtiff", "cog", "cogs", "zarr", "parquet"


@dataclass(frozen=True)
class Format:
    """A format of rasters.

    Attributes:
        title: as messages say it.
        suffixes: of its files, in lower case; () where any name will do.
        mark: a file by which a folder of this format is known; None where it is a single file.
        extra: what has to be installed to write it; None where the plain package does.
    """

    title: str
    suffixes: tuple[str, ...]
    mark: str | None = None
    extra: str | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of files."""
        return self.mark is not None


FORMATS = {
    GTIFF: Format("GeoTIFF", (".tif", ".tiff", ".gtiff")),
    COG: Format("cloud-optimised GeoTIFF", (".tif", ".tiff", ".gtiff")),
    COGS: Format("folder of cloud-optimised GeoTIFFs", (), "collection.json"),
    ZARR: Format("Zarr store", (".zarr",), "zarr.json", "zarr"),
    PARQUET: Format("GeoParquet table", (".parquet", ".geoparquet"), None, "points"),
}


@dataclass(frozen=True)
class RasterTarget(Target):
    """A raster to write that was looked at, and its format.

    Attributes:
        format: one of `FORMATS`.

    Raises:
        OutputError: it cannot be written there.
    """

    format: str = GTIFF

    def __post_init__(self) -> None:
        mark = FORMATS[self.format].mark
        if mark is None:
            super().__post_init__()
        else:
            files.check_folder(self.path, mark, overwrite=self.overwrite)


def raster_target(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    overwrite: bool = False,
    apart: Iterable[str | os.PathLike[str] | None] = (),
) -> RasterTarget:
    """A raster to write, looked at before anything is computed for it.

    Args:
        path: the file or folder; a `RasterTarget` is not looked at again.
        format: one of `FORMATS`; where None the extension says it, .tif a plain GeoTIFF.
        overwrite: whether an existing one may be replaced.
        apart: files that the same request reads; None where there is none.

    Raises:
        InputError: an unknown format.
        OutputError: it exists, has another extension, is given twice, or its folder is missing or
            read-only.
    """
    check_apart(Path(path), apart)
    if isinstance(path, RasterTarget):
        return path
    if isinstance(path, Target):
        overwrite = path.overwrite
    found = Path(path)
    return RasterTarget(found, overwrite, format_of(found, format))


def format_of(path: Path, name: str | None) -> str:
    """The format asked for, or that of the extension.

    Raises:
        InputError: an unknown format.
        OutputError: the extension is another's, or none that is known.
    """
    if name is not None and name not in FORMATS:
        raise InputError(f"unknown format {name!r}: it is none of {', '.join(FORMATS)}")
    suffix = path.suffix.lower()
    if name is None:
        by_suffix = {
            known: key for key in (PARQUET, ZARR, GTIFF) for known in FORMATS[key].suffixes
        }
        if suffix not in by_suffix:
            kind = "a folder" if path.is_dir() else "no GeoTIFF by its name"
            raise OutputError(
                f"{path} is {kind}: let it end in .tif (or .zarr or .parquet, "
                "which are written too), or give ",
                Argument("format"),
            )
        return by_suffix[suffix]
    suffixes = FORMATS[name].suffixes
    if suffixes and suffix not in suffixes:
        raise OutputError(
            f"{path} is no {FORMATS[name].title} by its name: let it end in {suffixes[0]}, or "
            "give another ",
            Argument("format"),
        )
    return name


def put_folder(made: Path, target: RasterTarget) -> None:
    """Give a finished folder its name; see `files.put_folder`.

    Raises:
        OSError: the system refuses.
    """
    mark = FORMATS[target.format].mark or ""
    files.put_folder(made, target.path, mark, overwrite=target.overwrite)
