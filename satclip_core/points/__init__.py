"""Tables of points in and out: CSV, GeoJSON, GeoPackage, GeoParquet, whatever GDAL reads."""

from __future__ import annotations

from .embed import embed_points
from .request import PointsRequest, PointsResult
from .samples import SamplesRequest, read_samples

__all__ = ["PointsRequest", "PointsResult", "SamplesRequest", "embed_points", "read_samples"]
