"""The algorithms of the provider."""

from __future__ import annotations

from .clusterraster import Clusters
from .embedpoints import EmbedPoints
from .imageorigin import ImageOrigin
from .mapfromsamples import MapFromSamples
from .mapfromsaved import MapFromSaved
from .placeproperties import PlaceProperties
from .predictpoints import PredictPoints
from .rasters import EmbeddingRaster, EmbeddingRgb, SimilarityRaster
from .similarareas import SimilarAreas
from .similarplaces import SimilarPlaces
from .wordsearch import WordSearch

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
    PlaceProperties,
    SimilarAreas,
    WordSearch,
    ImageOrigin,
)
