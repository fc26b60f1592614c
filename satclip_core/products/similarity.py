"""Similarity to some places as a product: a cosine, or what a classifier learns from examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Union
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike

from ..analysis import Background, Chance, cosine_similarity, logistic, unit
from ..errors import Argument, InputError
from ..grid import Grid
from ..grid.crs_backend import brief
from ..grid.land import land_places, land_within
from ..grid.sphere import check_lonlat
from ..types import Float32, Floats
from .product import Fitting, Ready, check_dim

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

REDUCTIONS: dict[str, Callable[..., Any]] = {"mean": np.mean, "max": np.max}
CLASSIFIER = "classifier"
JOINS = (*REDUCTIONS, CLASSIFIER)
"""How several places are joined to one similarity."""
# Places that land within a grid is known by at least: of fewer, all land says more.
_LEAST_PLACES = 64

Places = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class SimilarityTo:
    """Similarity to some places, wanted of a model that is not open yet.

    For one place it is the cosine. For several, and where there are places that it is not to be
    like, it is the chance of a classifier that tells them from random land (`Likeness`).

    Which land that is decides what shows. Places of one continent are alike against all land, and
    against land of that continent they are not: there the classifier ranks better and its chances
    are right (scripts/examples.py). Against all land a place has the same chance on every map.

    Attributes:
        places: lon, lat in degrees of each; of any shape (k, 2) to begin with.
        reduce: what several places give: "classifier", or the "mean" or "max" of the cosines.
        unlike: lon, lat in degrees of counter-examples; of any shape (m, 2) to begin with.
        within: the grid whose land they are told from, and held against; all land where None, and
            where the grid has hardly any.

    Raises:
        InputError: no place, a place that is none, one that is an example and a counter-example,
            an unknown `reduce`, or one of cosines with counter-examples.
    """

    places: Places
    reduce: str = CLASSIFIER
    unlike: Places = ()
    within: Grid | None = None

    def __post_init__(self) -> None:
        if self.reduce not in JOINS:
            raise InputError(f"unknown reduce {self.reduce!r}: it is none of {', '.join(JOINS)}")
        places = check_lonlat(self.places)
        if len(places) == 0:
            raise InputError("similarity needs at least one place: give lon and lat")
        unlike = check_lonlat(self.unlike) if len(self.unlike) else np.empty((0, 2))
        # As plain numbers, so that requests for the same places are equal.
        for name, lonlat in (("places", places), ("unlike", unlike)):
            object.__setattr__(self, name, tuple((lon, lat) for lon, lat in lonlat.tolist()))
        if len(unlike) and self.reduce != CLASSIFIER:
            raise InputError(
                f"the {self.reduce} of cosines knows no counter-examples: leave them out, or give ",
                Argument("reduce", CLASSIFIER),
            )
        both = sorted(set(self.places) & set(self.unlike))
        if both:
            lon, lat = both[0]
            raise InputError(
                f"lon {lon:g}, lat {lat:g} is given as a place to be like and as one to be unlike: "
                "leave one of them out"
            )

    @classmethod
    def of(
        cls,
        lonlat: ArrayLike,
        *,
        reduce: str = CLASSIFIER,
        unlike: ArrayLike = (),
        within: Grid | None = None,
    ) -> SimilarityTo:
        """The same for places as arrays, (k, 2) and (m, 2) lon, lat in degrees."""
        # __post_init__ makes tuples of them
        return cls(lonlat, reduce, unlike, within)  # type: ignore[arg-type]

    @property
    def learns(self) -> bool:
        """Whether it takes a classifier."""
        return self.reduce == CLASSIFIER and len(self.places) + len(self.unlike) > 1

    def fit(self, fitting: Fitting) -> Similarity | Likeness:
        """The product: the places are embedded, and told from random land where that is wanted."""
        return self.by(fitting.encoder)

    def by(self, encoder: LocationEncoder) -> Similarity | Likeness:
        """The product of an encoder."""
        lonlat = np.array([*self.places, *self.unlike], np.float64)
        embeddings = encoder.encode(lonlat)
        land = background(encoder, self.within) if self.learns else None
        return self.made(embeddings, land)

    def made(self, embeddings: Float32, land: Background | None) -> Similarity | Likeness:
        """The product, where all is embedded already.

        Args:
            embeddings: (k + m, dim) of the places, then of those to be unlike.
            land: of `background`; not needed for what does not learn.
        """
        count = len(self.places)
        places = np.array(self.places, np.float64)
        if not self.learns or land is None:
            reduce = self.reduce if self.reduce in REDUCTIONS else "mean"
            return Similarity(embeddings[:count], places, reduce, within=self.within)
        directions = unit(embeddings)
        chance = land.chance(directions[:count], directions[count:])
        unlike = np.array(self.unlike, np.float64).reshape(-1, 2)
        return Likeness(embeddings[:count], places, chance, unlike, self.within)


_BACKGROUNDS: WeakKeyDictionary[LocationEncoder, Background] = WeakKeyDictionary()


def compared_land(within: Grid | None = None) -> Floats:
    """Places drawn evenly over the land that similarities are held against.

    Args:
        within: a grid; all land where None, and where the grid has hardly any.

    Returns:
        (N, 2) lon, lat in degrees.
    """
    places = None if within is None else land_within(within)
    return land_places() if places is None or len(places) < _LEAST_PLACES else places


def background(encoder: LocationEncoder, within: Grid | None = None) -> Background:
    """Random land of a grid, or all land: that is embedded once for each encoder that is open."""
    if within is not None:
        return Background(unit(encoder.encode(compared_land(within), single=True)))
    found = _BACKGROUNDS.get(encoder)
    if found is None:
        found = Background(unit(encoder.encode(compared_land(), single=True)))
        _BACKGROUNDS[encoder] = found
    return found


@dataclass(frozen=True)
class _OneBand(Ready):
    """What both kinds of similarity say of their band.

    Attributes:
        references: (k, dim) embeddings of the places.
        places: (k, 2) lon, lat in degrees, for the record.
    """

    references: Float32
    places: Floats

    dtype: str = field(default="float32", init=False)
    nodata: float = field(default=float("nan"), init=False)
    scale: None = field(default=None, init=False)
    colours: tuple[str, ...] = field(default=(), init=False)
    legend: None = field(default=None, init=False)
    bands: tuple[str, ...] = field(default=("similarity",), init=False)

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder with another number of dimensions.

        Raises:
            InputError: it has another.
        """
        check_dim(self.references.shape[1], encoder)


@dataclass(frozen=True)
class Similarity(_OneBand):
    """Cosine similarity to one place or several, or to words: one band, within [-1, 1].

    Attributes:
        reduce: "mean" or "max" of the similarities to several places.
        words: that the reference stands for, in place of places; "" where it is of places.
        within: the grid whose land it is held against, in percentiles and colours; all land where
            None. The cosine is the same.
    """

    reduce: str = "mean"
    words: str = ""
    within: Grid | None = None

    @classmethod
    def to(cls, encoder: LocationEncoder, lonlat: ArrayLike, *, reduce: str = "mean") -> Similarity:
        """The product for places (k, 2), lon, lat in degrees.

        Raises:
            InputError: no place, a place that is none, an unknown `reduce`.
        """
        if reduce not in REDUCTIONS:
            raise InputError(f"unknown reduce {reduce!r}: it is none of {', '.join(REDUCTIONS)}")
        wanted = SimilarityTo.of(lonlat, reduce=reduce)
        return cls(encoder.encode(wanted.places), np.array(wanted.places, np.float64), reduce)

    @property
    def tags(self) -> dict[str, str]:
        """The places or words compared with."""
        if self.words:
            return {
                "product": "similarity",
                "values": "cosine similarity of places and words, -1..1",
                "words": self.words,
            }
        return {
            "product": "similarity",
            "values": "cosine similarity, -1..1",
            "references": _said(self.places),
            "reduce": self.reduce,
        }

    def __call__(self, embeddings: Float32) -> Float32:
        """(rows, cols, dim) -> (1, rows, cols)."""
        cosines = cosine_similarity(embeddings, self.references)
        reduced: Float32 = REDUCTIONS[self.reduce](cosines, axis=-1)
        return reduced[None]

    def smooth(self, embeddings: Float32) -> Float32:
        """(N, dim) -> (N, 1) the mean of the cosines; (N, k) all, of which the largest is none."""
        cosines: Float32 = cosine_similarity(embeddings, self.references)
        mean: Float32 = cosines.mean(axis=-1, keepdims=True)
        return cosines if self.reduce == "max" else mean

    def of_smooth(self, values: Float32) -> Float32:
        """(rows, cols, values of `smooth`) -> (1, rows, cols)."""
        similarity: Float32 = np.clip(values.max(axis=-1), -1, 1)
        return similarity[None]


@dataclass(frozen=True)
class Likeness(_OneBand):
    """Chance that a place is one like the examples and not random land: one band, within [0, 1].

    Attributes:
        chance: what tells them apart.
        unlike: (m, 2) lon, lat in degrees of the counter-examples, for the record.
        within: the grid whose land they are told from, for the record; all land where None.
    """

    chance: Chance
    unlike: Floats
    within: Grid | None = None

    @property
    def tags(self) -> dict[str, str]:
        """The places compared with, and what the numbers are."""
        tags = {
            "product": "similarity",
            "values": "chance of being like the references, not like random land, 0..1",
            "references": _said(self.places),
            "reduce": CLASSIFIER,
            "against": _said_land(self.within),
        }
        return {**tags, "unlike": _said(self.unlike)} if len(self.unlike) else tags

    def __call__(self, embeddings: Float32) -> Float32:
        """(rows, cols, dim) -> (1, rows, cols)."""
        chances: Float32 = self.chance(unit(embeddings))
        return chances[None]

    def smooth(self, embeddings: Float32) -> Float32:
        """(N, dim) -> (N, 1), the logarithm of the odds."""
        scores: Float32 = self.chance.score(unit(embeddings))
        return scores[:, None]

    def of_smooth(self, values: Float32) -> Float32:
        """(rows, cols, 1) -> (1, rows, cols)."""
        chances: Float32 = logistic(values[..., 0])
        return chances[None]


AnySimilarity = Union[Similarity, Likeness]


def _said_land(within: Grid | None) -> str:
    if within is None:
        return "all land"
    edges = " ".join(f"{edge:.10g}" for edge in within.bounds)
    return f"land within {edges} ({brief(within.crs)})"


def _said(places: Floats) -> str:
    return "; ".join(f"{lon:.10g} {lat:.10g}" for lon, lat in places)
