"""The algorithms of the provider."""

from __future__ import annotations

from .clusterraster import Clusters
from .embedpoints import EmbedPoints
from .embedzones import EmbedZones
from .fillvalues import FillValues
from .groupfeatures import GroupFeatures
from .imageorigin import ImageOrigin
from .lookalikes import LookAlikes
from .mapfromsamples import MapFromSamples
from .mapfromsaved import MapFromSaved
from .placeproperties import PlaceProperties
from .predictpoints import PredictPoints
from .rasters import EmbeddingRaster, EmbeddingRgb, SimilarityRaster
from .similarareas import SimilarAreas
from .similarfeatures import SimilarFeatures
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
    EmbedZones,
    SimilarFeatures,
    GroupFeatures,
    LookAlikes,
    FillValues,
)
