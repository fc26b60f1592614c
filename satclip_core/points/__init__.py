"""Tables of points in and out: CSV, GeoJSON, GeoPackage, GeoParquet, whatever GDAL reads."""

from __future__ import annotations

from .embed import embed_points
from .predict import PredictRequest, PredictResult, predict_points, predictions_of
from .read_samples import SamplesRequest, read_samples
from .request import PointsRequest, PointsResult
from .zone_tables import ZonesRequest, embed_zones
from .zones import ZoneEmbedder, ZoneEmbeddings

__all__ = [
    "PointsRequest",
    "PointsResult",
    "PredictRequest",
    "PredictResult",
    "SamplesRequest",
    "ZoneEmbedder",
    "ZoneEmbeddings",
    "ZonesRequest",
    "embed_points",
    "embed_zones",
    "predict_points",
    "predictions_of",
    "read_samples",
]
