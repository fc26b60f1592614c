"""Where a table lies: on disk, in an archive, on the web.

GDAL opens all of them by itself (`/vsizip/`, `/vsicurl/`, `zip://`, `https://` and whatever else
it knows). What this package reads itself, CSV and Parquet, is brought to disk first.
"""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import Argument, InputError
from ..models.download import download
from .columns import listing
from .request import CSV, OGR, STANDARD_STREAM, PointsRequest, format_of

# A letter alone is a drive of Windows; NETCDF:, PG:, GPKG: are GDAL's.
_CONNECTION = re.compile(r"[A-Za-z][A-Za-z0-9_+]+:")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_IN_ZIP = re.compile(r"(?P<container>.+?\.zip)([/!]+(?P<member>.+)|!?)", re.IGNORECASE)
# Of members that GDAL reads as layers.
_LAYERS = frozenset({".shp", ".gpkg", ".geojson", ".json", ".fgb", ".kml", ".gml", ".tab", ".gdb"})


@dataclass(frozen=True)
class Place:
    """Where the bytes of a table are.

    Attributes:
        container: path, or address on the web, of the file that holds them.
        member: of a zip archive; None for a file by itself, or where the archive names none.
    """

    container: str
    member: str | None = None

    @classmethod
    def of(cls, source: str) -> Place:
        """Out of the ways in which GDAL and fiona write it."""
        rest, zipped = re.subn(r"^(/vsizip/|(zip|zip\+https?)://)", "", source)
        rest = re.sub(r"^/?(vsigzip|vsicurl)/", "", rest)
        found = _IN_ZIP.fullmatch(rest)
        if found and (zipped or "!" in rest):
            return cls(found["container"], found["member"])
        return cls(rest)

    @property
    def on_web(self) -> bool:
        """Whether it has to be fetched."""
        return bool(_WEB.match(self.container))

    @property
    def is_zip(self) -> bool:
        """Whether the container is a zip archive, by its name."""
        return self.container.lower().endswith(".zip")


def is_path(source: str) -> bool:
    """Whether a source is a path on disk, and no name that only GDAL understands."""
    others = source.startswith("/vsi") or ".zip!" in source.lower() or _CONNECTION.match(source)
    return not others or Path(source).is_file()


@contextmanager
def brought(request: PointsRequest) -> Iterator[PointsRequest]:
    """The request with its table on disk, where this package reads it and it lies elsewhere.

    Raises:
        InputError: an archive that cannot be read, or has several tables, or none of that name.
        DownloadError: the address does not answer.
    """
    place = Place.of(request.source)
    unnamed = place.is_zip and place.member is None and not place.on_web
    ours = request.source_format != OGR or unnamed
    # Another spelling than the source's own, an archive or an address: not a file as it stands.
    elsewhere = place.on_web or place.is_zip or _is_gzip(place) or place.container != request.source
    if request.source == STANDARD_STREAM or not (ours and elsewhere):
        yield request
        return
    with tempfile.TemporaryDirectory() as folder:
        file = _fetched(place, Path(folder))
        if not file.is_file():  # said where it is opened
            yield request
        elif place.is_zip:
            yield _unzipped(request, file, place.member, Path(folder, "member"))
        elif _is_gzip(place):
            yield _gunzipped(request, file, Path(folder, "unpacked"))
        else:
            yield replace(request, local=str(file))


def _fetched(place: Place, folder: Path) -> Path:
    if not place.on_web:
        return Path(place.container)
    file = folder / (Path(urlsplit(place.container).path).name or "table")
    download(place.container, file, by_hand="fetch it otherwise and give the file's path")
    return file


def _unzipped(
    request: PointsRequest, file: Path, member: str | None, target: Path
) -> PointsRequest:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            name = _only_table(names, request) if member is None else member
            if name is None:
                return request
            if name not in names:
                raise InputError(f"{file} has no {name!r}: there are {listing(names)}")
            with archive.open(name) as packed, open(target, "wb") as plain:
                shutil.copyfileobj(packed, plain)
    except (zipfile.BadZipFile, OSError, RuntimeError, zlib.error) as error:
        raise InputError(f"cannot read {request.source}: {error}") from error
    layer = request.layer if member is not None else None
    return replace(request, local=str(target), local_format=format_of(name), layer=layer)


def _gunzipped(request: PointsRequest, file: Path, target: Path) -> PointsRequest:
    try:
        with gzip.open(file, "rb") as packed, open(target, "wb") as plain:
            shutil.copyfileobj(packed, plain)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {request.source}: {error}") from error
    return replace(request, local=str(target))


def _is_gzip(place: Place) -> bool:
    return place.container.lower().endswith(".gz") and format_of(place.container) == CSV


def _only_table(names: Sequence[str], request: PointsRequest) -> str | None:
    """The table that an archive holds for this package to read; None where it holds layers."""
    inside = [name for name in names if not name.startswith("__MACOSX/")]
    if any(_LAYERS & {suffix.lower() for suffix in Path(name).suffixes} for name in inside):
        return None
    tables = [name for name in inside if format_of(name) != OGR]
    # Text beside a table tells about it.
    tables = [name for name in tables if not name.lower().endswith(".txt")] or tables
    if request.layer is not None:
        if request.layer not in tables:
            raise InputError(f"{request.source} has no table {request.layer!r}: {listing(tables)}")
        return request.layer
    if len(tables) > 1:
        raise InputError(
            f"{request.source} has {len(tables)} tables: choose one by ",
            Argument("layer"),
            f": {listing(tables)}",
        )
    return tables[0] if tables else None
