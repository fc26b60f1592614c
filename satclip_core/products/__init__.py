"""What is made of embeddings, and what fits that to samples."""

from __future__ import annotations

from .clusters import ClusterModel, Clusters, ClustersOf
from .embedding import DTYPES, Embedding, EmbeddingOf
from .maps import MapModel, MapOf, MapOptions, MappedClasses, MappedValue, fit_map
from .product import Fitting, Product, Wanted
from .properties import Properties, PropertiesOf
from .property_heads import PropertyHeads
from .rgb import Rgb, RgbBasis, RgbOf
from .samples import Samples
from .similarity import (
    CLASSIFIER,
    JOINS,
    REDUCTIONS,
    AnySimilarity,
    Likeness,
    Similarity,
    SimilarityTo,
)

__all__ = [
    "CLASSIFIER",
    "DTYPES",
    "JOINS",
    "REDUCTIONS",
    "AnySimilarity",
    "ClusterModel",
    "Clusters",
    "ClustersOf",
    "Embedding",
    "EmbeddingOf",
    "Fitting",
    "Likeness",
    "MapModel",
    "MapOf",
    "MapOptions",
    "MappedClasses",
    "MappedValue",
    "Product",
    "Properties",
    "PropertiesOf",
    "PropertyHeads",
    "Rgb",
    "RgbBasis",
    "RgbOf",
    "Samples",
    "Similarity",
    "SimilarityTo",
    "Wanted",
    "fit_map",
]
