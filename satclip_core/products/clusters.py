"""Clusters: places of a raster in groups of similar embeddings."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..analysis import kmeans, nearest, unit
from ..errors import InputError, call
from ..types import Float32, Floats, Integers
from .fitted import FittedFile
from .legend import Legend
from .place_words import Phrase, Say, Tell, distinct_names, group_phrases, told
from .product import Fitting, Ready
from .properties import PREDICTED
from .property_heads import PropertyHeads

if TYPE_CHECKING:
    from ..encoder import LocationEncoder


CLUSTER_FILE = FittedFile(
    "satclip-clusters", "clusters", "were found", "holds no clusters", call("ClusterModel.save")
)
# Pixels that clusters are found on.
SAMPLE = 16384
_NAMED = f"what most places of a cluster are, {PREDICTED}"
# Codes 1..254, and the one that is none.
MOST_CLUSTERS = 254
NODATA = 255


def _check_count(k: int, places: int | None = None) -> None:
    if not 2 <= k <= MOST_CLUSTERS:
        raise InputError(f"{k} clusters: give a number from 2 to {MOST_CLUSTERS}")
    if places is not None and places < k:
        raise InputError(f"{k} clusters of {places} places: give at most {places}")


@dataclass(frozen=True)
class ClusterModel:
    """Centres of clusters of embeddings, found by k-means among directions.

    Embeddings are scaled to norm 1 first, so that clusters are those of cosine similarity.

    Attributes:
        centres: (k, dim); the cluster with most places first.
        shares: (k,) share of the places it was fitted on.
        model: name of the model.
        sha256: of the model file; clusters of another model would mean nothing.
        places: number of places it was fitted on; None where it comes from a file.
        names: what most places of each cluster are predicted to be, () where nobody knows; None
            without heads of the model's properties, or from a file of an earlier release.
    """

    centres: Floats
    shares: Floats
    model: str
    sha256: str
    places: int | None = None
    names: tuple[tuple[Phrase, ...], ...] | None = None

    @classmethod
    def fit(
        cls,
        encoder: LocationEncoder,
        lonlat: ArrayLike,
        k: int,
        *,
        seed: int = 0,
        threads: int | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> ClusterModel:
        """The clusters of some places, e.g. a sample of the pixels of a raster.

        Args:
            encoder: what embeds.
            lonlat: (N, 2) degrees.
            k: number of clusters, 2 to 254.
            seed: of the random starts; equal places, k and seed give equal clusters.
            threads: number of threads; all available processors where None.
            cancelled: asked now and then.

        Raises:
            InputError: k is out of range, or more than there are different places.
            CancelledError: `cancelled` said so.
        """
        places = np.asarray(lonlat, np.float64)
        _check_count(k, len(places))
        embeddings = encoder.encode(places, threads=threads, single=True)
        return cls.of(encoder, embeddings, k, seed=seed, cancelled=cancelled)

    @classmethod
    def of(
        cls,
        encoder: LocationEncoder,
        embeddings: NDArray[Any],
        k: int,
        *,
        seed: int = 0,
        cancelled: Callable[[], bool] | None = None,
    ) -> ClusterModel:
        """The clusters of what is embedded already, (N, dim) and finite; else as `fit`."""
        _check_count(k, len(embeddings))
        data = unit(embeddings)
        found = kmeans(data, k, seed=seed, cancelled=cancelled)
        shares = np.bincount(found.labels, minlength=k) / len(data)
        names = _names(encoder, embeddings, found.labels, k)
        return cls(found.centres, shares, encoder.name, encoder.sha256, len(data), names)

    def said(self, say: Say = str, tell: Tell = told) -> list[str]:
        """Names of the clusters, each its own, in a client's language; numbers for nameless ones.

        Args:
            say: a text in English in that language.
            tell: a number in it.
        """
        return distinct_names(self.names or ((),) * len(self.centres), say, tell)

    @property
    def legend(self) -> Legend:
        """Codes 1..k with a name and a colour each."""
        return Legend.of(self.said())

    def labels(self, embeddings: NDArray[Any]) -> NDArray[np.uint8]:
        """(..., dim) -> (...) the number of the nearest cluster, 1..k; 255 where there is none."""
        directions = unit(embeddings)
        labels = nearest(directions, self.centres.astype(embeddings.dtype)) + 1
        labels[~np.isfinite(directions).all(axis=-1)] = NODATA
        return labels.astype(np.uint8)

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder other than the one the clusters were found for.

        Raises:
            InputError: it is another model.
        """
        CLUSTER_FILE.check(self.model, self.sha256, encoder)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the clusters as JSON.

        Raises:
            OutputError: the file cannot be written, or exists and may not be replaced.
        """
        content: dict[str, Any] = {"shares": self.shares.tolist()}
        if self.names is not None:
            content["names"] = [[asdict(phrase) for phrase in name] for name in self.names]
        content["centres"] = self.centres.tolist()
        CLUSTER_FILE.save(path, content, model=self.model, sha256=self.sha256, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ClusterModel:
        """Read clusters that `save` wrote.

        Raises:
            InputError: missing, unreadable, of another kind, or damaged.
        """
        return cls._from(CLUSTER_FILE.load(path), Path(path))

    @classmethod
    def _from(cls, content: dict[str, Any], file: Path) -> ClusterModel:
        try:
            centres = np.array(content["centres"], np.float64)
            shares = np.array(content["shares"], np.float64)
            whole = centres.ndim == 2 and 2 <= len(centres) <= MOST_CLUSTERS
            whole = whole and centres.shape[1] > 0 and shares.shape == (len(centres),)
            if whole and np.isfinite(centres).all() and np.isfinite(shares).all():
                model, sha256 = str(content["model"]), str(content["weights_sha256"])
                names = _read_names(content.get("names"), len(centres))
                return cls(centres, shares, model, sha256, names=names)
        except (ArithmeticError, KeyError, TypeError, ValueError):
            pass
        raise CLUSTER_FILE.damaged(file)


def _names(
    encoder: LocationEncoder, embeddings: NDArray[Any], labels: Integers, k: int
) -> tuple[tuple[Phrase, ...], ...] | None:
    """What most places of each cluster are predicted to be; None without the model's heads."""
    try:
        heads = PropertyHeads.of(encoder)
    except InputError:
        return None
    return tuple(group_phrases(heads, embeddings, labels, k))


def _read_names(content: Any, k: int) -> tuple[tuple[Phrase, ...], ...] | None:
    """Names as a file has them; None where it has none.

    Raises:
        KeyError, TypeError, ValueError: they are something else.
    """
    if content is None:
        return None
    names = tuple(
        tuple(
            Phrase(
                str(one["text"]),
                None if one["number"] is None else float(one["number"]),
                int(one["decimals"]),
            )
            for one in name
        )
        for name in content
    )
    texts = [phrase.text.replace("{number}", "") for name in names for phrase in name]
    if len(names) != k or any("{" in text or "}" in text for text in texts):
        raise ValueError("names that are none")
    return names


@dataclass(frozen=True)
class ClustersOf:
    """Clusters, wanted of the pixels of a raster.

    Attributes:
        k: number of clusters, 2 to 254.
        seed: of the random starts.

    Raises:
        InputError: k is out of range.
    """

    k: int
    seed: int = 0

    def __post_init__(self) -> None:
        _check_count(self.k)

    def fit(self, fitting: Fitting) -> Clusters:
        """The product: its clusters are found on a sample of the pixels."""
        model = ClusterModel.fit(
            fitting.encoder,
            fitting.sample(SAMPLE),
            self.k,
            seed=self.seed,
            threads=fitting.threads,
            cancelled=fitting.cancelled,
        )
        return Clusters(model)


@dataclass(frozen=True)
class Clusters(Ready):
    """The number of the cluster that a pixel belongs to: one band, 1..k.

    Attributes:
        model: the clusters.
    """

    model: ClusterModel

    bands: tuple[str, ...] = field(default=("cluster",), init=False)
    dtype: str = field(default="uint8", init=False)
    nodata: float = field(default=NODATA, init=False)
    scale: None = field(default=None, init=False)
    colours: tuple[str, ...] = field(default=(), init=False)

    @property
    def legend(self) -> Legend:
        """Codes 1..k with a name and a colour each."""
        return self.model.legend

    @property
    def tags(self) -> dict[str, str]:
        """The clusters, and the share of the fitted places in each."""
        return {
            "product": "clusters",
            "values": f"cluster 1..{len(self.model.centres)}, by k-means of unit embeddings",
            "classes": self.legend.to_json(),
            "cluster_shares": " ".join(f"{share:.4f}" for share in self.model.shares),
            **({} if self.model.names is None else {"names": _NAMED}),
        }

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder other than the one the clusters were found for.

        Raises:
            InputError: it is another model.
        """
        self.model.check(encoder)

    def __call__(self, embeddings: Float32) -> NDArray[np.uint8]:
        """(rows, cols, dim) -> (1, rows, cols)."""
        return self.model.labels(embeddings)[None]
