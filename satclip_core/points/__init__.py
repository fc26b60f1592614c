"""Tables of points in and out: CSV, GeoJSON, GeoPackage, GeoParquet, whatever GDAL reads."""

from __future__ import annotations

from .embed import embed_points
from .read_samples import SamplesRequest, read_samples
from .request import PointsRequest, PointsResult

__all__ = ["PointsRequest", "PointsResult", "SamplesRequest", "embed_points", "read_samples"]
