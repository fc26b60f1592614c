"""Regions: polygons that say both where a raster lies and which of its pixels are wanted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..grid.crs import LONLAT
from ..grid.crs_backend import Bounds
from ..types import Bools, Floats, Mask
from .countries import find_country
from .datasets import gdal_name, is_path
from .polygons import LAYER, VECTOR_SUFFIXES, Polygons, read_polygons


@dataclass(frozen=True)
class Region:
    """An area, as polygons.

    Attributes:
        name: the file, or the country's name.
        polygons: whether places lie in it, its bounds and their CRS.
    """

    name: str
    polygons: Polygons

    @property
    def bounds(self) -> Bounds:
        """(west, south, east, north) in units of `crs`; west > east across the antimeridian."""
        return self.polygons.bounds

    @property
    def crs(self) -> str:
        """Of the bounds."""
        return self.polygons.crs


def open_region(source: str | os.PathLike[str]) -> Region:
    """A region by the file of its polygons, or a country by its name or ISO code.

    Args:
        source: GeoJSON, or any format of pyogrio where that is installed; else a country of
            Natural Earth, in English. A file of a country's name is ./NAME; of a file with several
            layers one is FILE|layername=NAME.

    Raises:
        InputError: it cannot be read, holds no polygon, or is neither a file nor a country.
        MissingDependencyError: it needs pyogrio or GeoPandas, which is not installed.
    """
    text = os.fspath(source)
    if _is_file(source):
        polygons = read_polygons(gdal_name(text), "the region", instead="polygons or a country")
        return Region(text, polygons)
    country = find_country(text)
    return Region(country.name, Polygons(country.polygons, LONLAT))


def is_country(source: str) -> bool:
    """Whether a region is given by a name, which means the same anywhere."""
    return not _is_file(source)


def both(mask: Mask | None, region: Region | None) -> Mask | None:
    """What is wanted where both want it; either may be missing."""
    if mask is None or region is None:
        return mask if region is None else region.polygons

    inside, wanted = region.polygons, mask

    def masked(lons: Floats, lats: Floats) -> Bools:
        found: Bools = inside(lons, lats)
        at = np.flatnonzero(found)
        found[at] = wanted(lons[at], lats[at])
        return found

    return masked


def _is_file(source: str | os.PathLike[str]) -> bool:
    """Whether a source is meant as a file: it is there, or its name is none of a country."""
    text = os.fspath(source)
    if not isinstance(source, str) or not is_path(text) or "!" in text or LAYER in text:
        return True
    path = Path(text)
    return path.suffix.lower() in VECTOR_SUFFIXES | {".zip"} or path.name != text or path.is_file()
