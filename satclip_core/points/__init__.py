"""Tables of points in and out: CSV, GeoJSON, GeoPackage, GeoParquet, whatever GDAL reads."""

from __future__ import annotations

from .embed import embed_points
from .request import PointsRequest, PointsResult

__all__ = ["PointsRequest", "PointsResult", "embed_points"]
