"""What is asked of a table of points, and what came of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .dialect import QUOTINGS

STANDARD_STREAM = "-"
DTYPES = ("float32", "float16")
PREFIX = "e"
"""Of the dimensions' columns where none is given."""
CSV, GEOJSON, GPKG, PARQUET, OGR = "CSV", "GeoJSON", "GPKG", "Parquet", "OGR"
FOLDER_MARK = "_about.json"
"""By which a folder of tables is known; what reads Parquet passes it over."""
_SUFFIXES = {
    ".csv": CSV,
    ".tsv": CSV,
    ".txt": CSV,
    ".geojson": GEOJSON,
    ".json": GEOJSON,
    ".gpkg": GPKG,
    ".parquet": PARQUET,
    ".geoparquet": PARQUET,
    ".pq": PARQUET,
}


# The ways to files that need not be GDAL's own.
_REACHED = re.compile(r"(/vsi(zip|gzip|curl)/|(https?|zip|zip\+https?)://)", re.IGNORECASE)
_GDAL_ONLY = re.compile(r"(/vsi|[A-Za-z][A-Za-z0-9_+]+:)")


def format_of(source: str) -> str:
    """CSV or Parquet by the extension of a path, an address or an archive's member, else OGR."""
    if parquet_files(source):
        return PARQUET
    if _GDAL_ONLY.match(source) and not _REACHED.match(source) and not Path(source).is_file():
        return OGR
    path = source.partition("?")[0] if "://" in source else source
    if path.lower().endswith(".gz"):
        return CSV if _SUFFIXES.get(Path(path[:-3]).suffix.lower()) == CSV else OGR
    kind = _SUFFIXES.get(Path(path).suffix.lower(), OGR)
    return kind if kind in (CSV, PARQUET) else OGR


def parquet_files(source: str) -> list[Path]:
    """The Parquet files of a folder, by their names; none where it is no folder of such."""
    # Not by Path, which raises where a name is too long to be one.
    return sorted(Path(source).glob("[!_.]*.parquet")) if os.path.isdir(source) else []


def format_to_write(target: str) -> str:
    """CSV, GeoJSON, GPKG or Parquet by the extension of a path.

    Raises:
        InputError: the extension is none of theirs.
    """
    kind = _SUFFIXES.get(Path(target).suffix.lower())
    if kind is None:
        raise InputError(
            f"{target}: the extension says the format, and it is none of {', '.join(_SUFFIXES)}; a "
            "name that ends in / is a folder of GeoParquet"
        )
    return kind


@dataclass(frozen=True)
class PointsRequest:
    """A table of points to embed.

    Attributes:
        source: path, "-" for CSV on standard input, or whatever else GDAL opens: an address, a
            member of an archive (`/vsizip/…`, `zip://…!…`), a connection.
        target: path (CSV, GeoJSON, GeoPackage, GeoParquet by extension), or "-" for CSV; with a
            slash at its end a folder of GeoParquet tables.
        lon_column: column of longitudes (x); found by its name where None.
        lat_column: column of latitudes (y); found by its name where None.
        crs: of the coordinates where the table does not say; lon/lat where None.
        layer: of a file with several.
        array: name of one array column instead of a column for each dimension.
        prefix: of the columns' names: `e000`, `e001`, … by default.
        dims: number of dimensions, the first ones; all where None.
        properties: names of properties to add in place of the embedding, ("all",) for all; a
            number each, empty where it is not known; of a class its code and its probability.
        normalize: scale every embedding to unit length.
        dtype: "float32" or "float16".
        exact: evaluate every place by itself, see `LocationEncoder.encode_many`.
        strict: fail on a row without usable coordinates instead of leaving it empty.
        centroid: embed the centroids of lines and polygons instead of refusing them.
        overwrite: replace an existing target.
        encoding: of CSV text.
        quoting: of CSV text: "double" where quotes hold delimiters and line breaks in a field,
            "none" where they are part of its text; "auto" decides by whether rows fit the header.
        threads: to embed with; all available processors where None.
        resume: keep what is done when interrupted, and go on from it; a folder always does.
        local: path of the copy of `source` that is read, made where it lies in an archive or on
            the web.
        local_format: of that copy, where the source's own name does not say it.
    """

    source: str
    target: str
    lon_column: str | None = None
    lat_column: str | None = None
    crs: str | None = None
    layer: str | None = None
    array: str | None = None
    prefix: str = PREFIX
    dims: int | None = None
    properties: tuple[str, ...] | None = None
    normalize: bool = False
    dtype: str = "float32"
    exact: bool = False
    strict: bool = False
    centroid: bool = False
    overwrite: bool = False
    encoding: str = "utf-8"
    quoting: str = "auto"
    threads: int | None = None
    resume: bool = False
    local: str | None = None
    local_format: str | None = None

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise InputError(f"dtype {self.dtype!r} is none of {', '.join(DTYPES)}")
        of_embeddings = self.array, self.dims, self.normalize or None
        if self.properties is not None and (
            self.dtype != "float32" or any(one is not None for one in of_embeddings)
        ):
            raise InputError(
                "properties are numbers of their own: they are no array, have no dimensions, no "
                "norm and no other dtype than float32"
            )
        if self.quoting not in QUOTINGS:
            raise InputError(f"quoting {self.quoting!r} is none of {', '.join(QUOTINGS)}")
        try:
            "a".encode(self.encoding)  # codecs.lookup also finds what is no text, such as base64
        except LookupError as error:
            raise InputError(f"unknown encoding {self.encoding!r}: try utf-8 or cp1252") from error

    @property
    def path(self) -> str:
        """What to open: the source, or the copy of it on disk."""
        return self.local or self.source

    @property
    def source_format(self) -> str:
        """CSV or Parquet by extension; anything else is for GDAL to recognise."""
        if self.source == STANDARD_STREAM:
            return CSV
        return self.local_format or format_of(self.source)

    @property
    def is_folder(self) -> bool:
        """Whether the target is a folder of GeoParquet tables."""
        return self.target.endswith(("/", os.sep))

    @property
    def target_format(self) -> str:
        """CSV, GeoJSON, GPKG or Parquet by extension.

        Raises:
            InputError: the extension is none of theirs.
        """
        if self.is_folder:
            return PARQUET
        return CSV if self.target == STANDARD_STREAM else format_to_write(self.target)


@dataclass(frozen=True)
class PointsResult:
    """What came of a request.

    Attributes:
        rows: written.
        empty: rows among them without usable coordinates, whose embedding is empty.
        warning: one line about those, or about a table without rows; None where all is well.
        notes: what the target's format does not have as the table did, one line each.
    """

    rows: int
    empty: int
    warning: str | None
    notes: tuple[str, ...] = ()
