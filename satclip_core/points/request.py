"""What is asked of a table of points, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

STANDARD_STREAM = "-"
DTYPES = ("float32", "float16")
CSV, GEOJSON, GPKG, PARQUET, OGR = "CSV", "GeoJSON", "GPKG", "Parquet", "OGR"
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


@dataclass(frozen=True)
class PointsRequest:
    """A table of points to embed.

    Attributes:
        source: path, or "-" for CSV on standard input.
        target: path (CSV, GeoJSON, GeoPackage, GeoParquet by extension), or "-" for CSV.
        lon_column: column of longitudes (x); found by its name where None.
        lat_column: column of latitudes (y); found by its name where None.
        crs: of the coordinates where the table does not say; lon/lat where None.
        layer: of a file with several.
        array: name of one array column instead of a column for each dimension.
        prefix: of the columns' names: `e000`, `e001`, … by default.
        normalize: scale every embedding to unit length.
        dtype: "float32" or "float16".
        strict: fail on a row without usable coordinates instead of leaving it empty.
        centroid: embed the centroids of lines and polygons instead of refusing them.
        overwrite: replace an existing target.
        encoding: of CSV text.
        threads: to embed with; all available processors where None.
    """

    source: str
    target: str
    lon_column: str | None = None
    lat_column: str | None = None
    crs: str | None = None
    layer: str | None = None
    array: str | None = None
    prefix: str = "e"
    normalize: bool = False
    dtype: str = "float32"
    strict: bool = False
    centroid: bool = False
    overwrite: bool = False
    encoding: str = "utf-8"
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise InputError(f"dtype {self.dtype!r} is none of {', '.join(DTYPES)}")
        try:
            "a".encode(self.encoding)  # codecs.lookup also finds what is no text, such as base64
        except LookupError as error:
            raise InputError(f"unknown encoding {self.encoding!r}: try utf-8 or cp1252") from error

    @property
    def source_format(self) -> str:
        """CSV or Parquet by extension; anything else is for GDAL to recognise."""
        if self.source == STANDARD_STREAM:
            return CSV
        kind = _SUFFIXES.get(Path(self.source).suffix.lower(), OGR)
        return kind if kind in (CSV, PARQUET) else OGR

    @property
    def target_format(self) -> str:
        """CSV, GeoJSON, GPKG or Parquet by extension.

        Raises:
            InputError: the extension is none of theirs.
        """
        if self.target == STANDARD_STREAM:
            return CSV
        kind = _SUFFIXES.get(Path(self.target).suffix.lower())
        if kind is None:
            raise InputError(
                f"{self.target}: the extension says the format, and it is none of "
                f"{', '.join(_SUFFIXES)}"
            )
        return kind


@dataclass(frozen=True)
class PointsResult:
    """What came of a request.

    Attributes:
        rows: written.
        empty: rows among them without usable coordinates, whose embedding is empty.
        warning: one line about those, or about a table without rows; None where all is well.
    """

    rows: int
    empty: int
    warning: str | None
