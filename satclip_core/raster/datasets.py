"""Rasters that are read: opened by rasterio wherever GDAL finds them, and the CRS they are in."""

from __future__ import annotations

import logging
import os
import re
import warnings
import zipfile
from collections.abc import Set
from contextlib import closing
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import InputError, require
from ..grid.crs import LONLAT, short_crs

log = logging.getLogger(__name__)

# What GDAL and rasterio take beside a path: virtual file systems, addresses, a driver's prefix
# (of two letters at least: a drive has one).
_NO_PATH = re.compile(r"/vsi|[a-z][a-z0-9+]*://|[a-z][a-z0-9_]+:", re.IGNORECASE)
_ZIP = "zip://"
# Names by which a raster in an archive is found.
_RASTERS = frozenset(
    {".asc", ".bil", ".dem", ".flt", ".grd", ".hdf", ".hgt", ".img", ".jp2", ".nc", ".png"}
    | {".tif", ".tiff", ".vrt"}
)
# Units of longitude and latitude in netCDF (CF conventions 1.11, section 4).
_EAST = re.compile(r"degrees?_?(east|E)$")
_NORTH = re.compile(r"degrees?_?(north|N)$")
# Subdatasets and members of archives that a message lists.
_LISTED = 20
_PROJ_VARIABLES = ("PROJ_DATA", "PROJ_LIB")


def is_path(source: str) -> bool:
    """Whether a source is the path of a file, and nothing that only GDAL understands."""
    return _NO_PATH.match(source) is None


def gdal_name(source: str | os.PathLike[str]) -> str:
    """A source as GDAL calls it: zip://a.zip!b.tif, or a.zip!b.tif, is /vsizip/{a.zip}/b.tif."""
    name = os.fspath(source)
    archive, inside, member = name.removeprefix(_ZIP).partition("!")
    if inside and (name.startswith(_ZIP) or zipfile.is_zipfile(archive)):
        return f"/vsizip/{{{archive}}}/{member.lstrip('/')}"
    return archive if name.startswith(_ZIP) else name


def is_archive(source: str) -> bool:
    """Whether a source is the path of a zip archive."""
    return is_path(source) and zipfile.is_zipfile(source)


def archive_members(source: str, suffixes: Set[str]) -> list[str]:
    """The members of a zip archive of some kinds, as GDAL calls them."""
    with zipfile.ZipFile(source) as archive:
        return [
            f"/vsizip/{{{source}}}/{member}"
            for member in archive.namelist()
            if Path(member).suffix.lower() in suffixes and not member.startswith("__MACOSX")
        ]


def in_archive(source: str, suffixes: Set[str], what: str) -> str:
    """The one member of a zip archive that is meant; the archive itself where none is known.

    Args:
        source: the archive.
        suffixes: of files of the kind that is looked for.
        what: its role, for messages.

    Raises:
        InputError: there are several, which the message then lists.
    """
    members = archive_members(source, suffixes)
    if len(members) > 1:
        raise InputError(
            f"{what} {source} holds {len(members)} files: give one of {_listing(members)}"
        )
    return members[0] if members else source


def use_rasterio(purpose: str) -> Any:
    """rasterio, reading the PROJ database that came with it.

    PROJ_LIB and PROJ_DATA are taken out of the environment where they name a database that it
    cannot use, as rasterio follows them each time it opens a file.

    Args:
        purpose: what it is needed for, as in `require`.

    Raises:
        MissingDependencyError: it is not installed.
    """
    own = _own_database()
    rasterio = require("rasterio", purpose=purpose)
    if own is not None:  # for a rasterio that was imported before
        require("rasterio._env", purpose=purpose).set_proj_data_search_path(own)
    return rasterio


def open_dataset(source: str | os.PathLike[str], what: str) -> Any:
    """A raster, open for reading.

    Args:
        source: a file, a zip archive with one raster in it, or whatever else GDAL opens: an
            address (https://…), a virtual file (/vsizip/…, /vsicurl/…), zip://…, a part of a file
            (NETCDF:file:variable).
        what: the raster's role, for messages: "the land mask".

    Raises:
        InputError: it does not exist, cannot be read, or holds several rasters, which the message
            then lists.
    """
    rasterio = use_rasterio("reading a raster")
    name = gdal_name(source)
    if is_path(name) and not Path(name).exists():
        raise InputError(f"{what} {name} does not exist: give an existing raster")
    if is_archive(name):
        name = in_archive(name, _RASTERS, what)
    dataset = _opened(rasterio, name, what)
    parts = list(dataset.subdatasets)
    if dataset.count or not parts:
        return dataset
    dataset.close()
    if len(parts) == 1:
        return _opened(rasterio, parts[0], what)
    raise InputError(f"{what} {name} holds {len(parts)} rasters: give one of {_listing(parts)}")


def dataset_crs(dataset: Any) -> str | None:
    """The CRS of an open raster as the core takes it: its code, else WKT; None where it has none.

    A netCDF grid in degrees east and north without a datum is in longitude and latitude.

    Raises:
        InputError: it is no map of the Earth's surface.
    """
    if dataset.crs is None:
        units = [value for key, value in dataset.tags().items() if key.endswith("#units")]
        degrees = any(map(_EAST.match, units)) and any(map(_NORTH.match, units))
        return LONLAT if degrees else None
    # In full: what its code means is then read from one database, pyproj's.
    return short_crs(dataset.crs.to_wkt(version="WKT2_2019"))


def _opened(rasterio: Any, name: str, what: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            return rasterio.open(name)
    except (rasterio.errors.RasterioError, OSError, ValueError) as error:
        raise InputError(f"cannot read {what} {name} as a raster: {error}") from error


def _listing(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


@lru_cache(maxsize=1)
def _own_database() -> str | None:
    """rasterio's own folder of PROJ, where PROJ_LIB or PROJ_DATA named one that it cannot use.

    PostGIS and other programs set these for all; a wheel of rasterio follows them, and then knows
    no code at all. Looked at once; said once.
    """
    variable = next((name for name in _PROJ_VARIABLES if os.environ.get(name)), None)
    spec = None if variable is None else find_spec("rasterio")
    if variable is None or spec is None or spec.origin is None:
        return None
    own = Path(spec.origin).parent / "proj_data"
    needed = _layout(own)
    folders = os.environ[variable].split(os.pathsep)
    known = next(filter(None, (_layout(Path(folder)) for folder in folders)), None)
    if needed is None or (known is not None and known[0] == needed[0] and known >= needed):
        return None
    for name in _PROJ_VARIABLES:
        value = os.environ.pop(name, None)
        if name == variable:
            log.warning(
                "%s=%s belongs to another PROJ than rasterio's: it is ignored here (unset it to "
                "be rid of this warning)",
                name,
                value,
            )
    return str(own)


def _layout(folder: Path) -> tuple[int, ...] | None:
    """Version of the layout of PROJ's database in a folder; None where there is none."""
    if not (folder / "proj.db").is_file():
        return None
    import sqlite3  # hardly ever needed

    try:
        address = (folder / "proj.db").resolve().as_uri() + "?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as database:
            found = dict(
                database.execute(
                    "SELECT key, value FROM metadata WHERE key LIKE 'DATABASE.LAYOUT.VERSION.%'"
                )
            )
    except sqlite3.Error:
        return None
    try:
        return tuple(int(found[f"DATABASE.LAYOUT.VERSION.{part}"]) for part in ("MAJOR", "MINOR"))
    except (KeyError, ValueError):
        return None
