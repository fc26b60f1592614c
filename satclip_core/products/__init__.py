"""What is made of embeddings, and what fits that to samples."""

from __future__ import annotations

from .clusters import ClusterModel, Clusters
from .embedding import DTYPES, Embedding
from .maps import MapModel, fit_map
from .product import Product
from .rgb import Rgb, RgbBasis
from .samples import Samples
from .similarity import REDUCTIONS, Similarity

__all__ = [
    "DTYPES",
    "REDUCTIONS",
    "ClusterModel",
    "Clusters",
    "Embedding",
    "MapModel",
    "Product",
    "Rgb",
    "RgbBasis",
    "Samples",
    "Similarity",
    "fit_map",
]
