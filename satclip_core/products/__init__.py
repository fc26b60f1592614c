"""What is made of embeddings, and what fits that to samples."""

from __future__ import annotations

from .clusters import ClusterModel, Clusters, ClustersOf
from .covariates import Covariates
from .embedding import DTYPES, Embedding, EmbeddingOf
from .mapfile import load_map, save_map
from .maps import MapModel, MapOf, MapOptions, MappedClasses, MappedValue, fit_map
from .product import Fitting, Product, Wanted
from .properties import Properties, PropertiesOf
from .property_heads import PropertyHeads
from .queries import Origin, OriginOf, SimilarityToWords, known_words
from .rgb import Rgb, RgbBasis, RgbOf
from .samples import Samples
from .savedmap import SavedMap
from .similarity import (
    CLASSIFIER,
    JOINS,
    REDUCTIONS,
    AnySimilarity,
    Likeness,
    Similarity,
    SimilarityTo,
    compared_land,
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
    "Covariates",
    "Embedding",
    "EmbeddingOf",
    "Fitting",
    "Likeness",
    "MapModel",
    "MapOf",
    "MapOptions",
    "MappedClasses",
    "MappedValue",
    "Origin",
    "OriginOf",
    "Product",
    "Properties",
    "PropertiesOf",
    "PropertyHeads",
    "Rgb",
    "RgbBasis",
    "RgbOf",
    "Samples",
    "SavedMap",
    "Similarity",
    "SimilarityTo",
    "SimilarityToWords",
    "Wanted",
    "compared_land",
    "fit_map",
    "known_words",
    "load_map",
    "save_map",
]
