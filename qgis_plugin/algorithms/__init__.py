"""The algorithms of the provider."""

from __future__ import annotations

from .clusterraster import Clusters
from .embedpoints import EmbedPoints
from .mapfromsamples import MapFromSamples
from .mapfromsaved import MapFromSaved
from .predictpoints import PredictPoints
from .rasters import EmbeddingRaster, EmbeddingRgb, SimilarityRaster
from .similarplaces import SimilarPlaces

ALGORITHMS = (
    EmbedPoints,
    EmbeddingRaster,
    SimilarityRaster,
    EmbeddingRgb,
    Clusters,
    MapFromSamples,
    MapFromSaved,
    PredictPoints,
    SimilarPlaces,
)
