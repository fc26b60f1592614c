"""What is asked in other modalities than places: words, and images of unknown origin.

A model of several modalities (UniGeoCLIP, EarthVision 2026) has them in one space with the places:
the similarity of a place to words, or to an image, is the cosine of their embeddings, and their
product with the learned scale is what training made a softmax of.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ..analysis import unit
from ..encoder.modal import COORDINATES, words_of
from ..errors import Argument, InputError, call
from ..types import Float32, Floats
from .product import Fitting, Ready, check_dim
from .similarity import Similarity

if TYPE_CHECKING:
    from ..encoder import LocationEncoder
    from ..encoder.modal import ModalEncoder, TextEncoder

log = logging.getLogger(__name__)

TEXT, CHIPS = "text", "chips"
UNIT_KM2 = 1e6
"""Probability is told for each million square kilometres, so that numbers are of one digit."""
# Known words that a message names for an unknown one, and how alike they must be (difflib).
_NEAREST, _ALIKE = 3, 0.6
# Places that the highest logit is guessed from.
_SAMPLE = 1000


@dataclass(frozen=True)
class SimilarityToWords:
    """Similarity to words, wanted of a model that is not open yet.

    Attributes:
        words: in the model's language; "desert near a coast".

    Raises:
        InputError: there is no word.
    """

    words: str

    def __post_init__(self) -> None:
        if not self.words.strip():
            raise InputError("there is no word to look for: give some")
        object.__setattr__(self, "words", " ".join(self.words.split()))

    def fit(self, fitting: Fitting) -> Similarity:
        """The product: the words are embedded."""
        return self.by(fitting.encoder)

    def by(self, encoder: LocationEncoder) -> Similarity:
        """The product of an encoder.

        Raises:
            InputError: it knows no words, or none of these.
        """
        words = understood(encoder, self.words)
        vector = words_encoder(encoder).encode([words])[0]
        return Similarity(vector[None], np.empty((0, 2)), words=words)


def words_encoder(encoder: LocationEncoder) -> TextEncoder:
    """The encoder of words that belongs to a model.

    Raises:
        InputError: it has none.
    """
    return cast("TextEncoder", next(iter(of_kind(encoder, TEXT).values())))


def of_kind(encoder: LocationEncoder, kind: str) -> dict[str, ModalEncoder]:
    """The modalities of a model that are of a kind, by name.

    Args:
        encoder: the model.
        kind: `TEXT` or `CHIPS`.

    Raises:
        InputError: it has none.
    """
    there = {name: modal for name, modal in encoder.modalities.items() if modal.kind == kind}
    if not there:
        what = {TEXT: "words", CHIPS: "images"}[kind]
        raise InputError(
            f"the model {encoder.name} has learnt no {what} that places could be compared with: "
            "give one that has as ",
            Argument("model"),
            "; training with the objective unigeoclip makes one (docs/unigeoclip.md)",
        )
    return there


def understood(encoder: LocationEncoder, words: str) -> str:
    """Those words that the model knows; what is left out is a warning in the log.

    A map of some of the words looks as plausible as one of all.

    Raises:
        InputError: it knows none of them; the nearest that it knows, by their letters, are named.
    """
    text = words_encoder(encoder)
    unknown = tuple(dict.fromkeys(text.unknown(words)))
    if not unknown:
        return words
    said = f"the model {encoder.name} knows {len(text.vocabulary):,} words, but not " + ", ".join(
        _with_nearest(word, text.vocabulary) for word in unknown
    )
    rest = " ".join(word for word in words_of(words) if word not in unknown)
    if not rest:
        raise InputError(f"{said}: replace what it does not know; ", call("known_words"),
                         " lists what it does")  # fmt: skip
    log.warning("%s: looking for %r", said, rest)
    return rest


def embedded_words(encoder: LocationEncoder, words: str) -> Float32:
    """The embedding (dim,) of words, of norm 1, by those that the model knows.

    Raises:
        InputError: it knows none of them.
    """
    vector: Float32 = words_encoder(encoder).encode([understood(encoder, words)])[0]
    return vector


def _with_nearest(word: str, vocabulary: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, vocabulary, _NEAREST, _ALIKE)
    return f"{word!r}" + (f" (nearest: {', '.join(near)})" if near else "")


def known_words(encoder: LocationEncoder) -> tuple[str, ...]:
    """The words that a model knows, in the order of the alphabet.

    Raises:
        InputError: it knows none.
    """
    return tuple(sorted(words_encoder(encoder).vocabulary))


@dataclass(frozen=True)
class OriginOf:
    """The probability map of where something comes from, wanted of a raster.

    Attributes:
        reference: (dim,) numbers; with the unit embedding of a place they make the logit: the
            embedding of what is asked for times the learned scale, or a mean of several such.
        of: what is asked for, for the record: "image=chip.tif".

    Raises:
        InputError: a number that is not finite.
    """

    reference: tuple[float, ...]
    of: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not np.isfinite(self.reference).all() or not np.any(self.reference):
            raise InputError("what is to be located has no embedding: its image is empty")

    @classmethod
    def joined(
        cls, encoder: LocationEncoder, vectors: Mapping[str, Floats | Float32], of: Sequence[str]
    ) -> OriginOf:
        """Of embeddings in several modalities: logits are the mean of theirs, each by its scale.

        Args:
            encoder: the model.
            vectors: (dim,) unit embeddings by modality, at least one.
            of: what they are, for the record.
        """
        scaled = [
            encoder.modalities.scale(name, COORDINATES) * np.asarray(vector, np.float64)
            for name, vector in vectors.items()
        ]
        return cls(tuple(np.mean(scaled, axis=0).tolist()), tuple(of))

    def fit(self, fitting: Fitting) -> Origin:
        """The product, normalised over the raster.

        Raises:
            InputError: another number of dimensions, or there is no raster, or no valid pixel.
        """
        raw = Origin(np.array(self.reference), self.of)
        raw.check(fitting.encoder)
        if fitting.integral is None:
            raise InputError("where something comes from is a map: ask for a raster")
        # About the highest logit, so that the values have the digits of their type.
        sample = fitting.encoder.encode(fitting.sample(_SAMPLE), threads=fitting.threads)
        highest = float((unit(sample).astype(np.float64) @ raw.reference).max())
        total = fitting.integral(replace(raw, log_total=highest)) / UNIT_KM2
        return replace(raw, log_total=highest + float(np.log(total)))


@dataclass(frozen=True)
class Origin(Ready):
    """Probability density of where something comes from: softmax over the area of a raster.

    p(x) = exp(r·e(x)) / ∫ exp(r·e(y)) dA(y), e the unit embedding of a place, r the scaled one of
    what is asked for: InfoNCE's posterior with the raster's places, evenly over the ground, as
    candidates. Each pixel by its area, its values sum to 1.

    Attributes:
        reference: (dim,) r.
        of: what is asked for, for the record.
        log_total: logarithm of the integral, in million km².
    """

    reference: Floats
    of: tuple[str, ...] = ()
    log_total: float = 0.0

    bands: tuple[str, ...] = field(default=("probability",), init=False)
    dtype: str = field(default="float32", init=False)
    nodata: float = field(default=float("nan"), init=False)
    scale: None = field(default=None, init=False)
    colours: tuple[str, ...] = field(default=(), init=False)
    legend: None = field(default=None, init=False)

    @property
    def units(self) -> tuple[str, ...]:
        """Of the band."""
        return ("1/(1e6 km2)",)

    @property
    def tags(self) -> dict[str, str]:
        """What the numbers are."""
        return {
            "product": "origin",
            "values": "probability density of where it comes from, per million square kilometres; "
            "over the area of this raster it sums to 1",
            "origin_of": "; ".join(self.of),
        }

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder with another number of dimensions.

        Raises:
            InputError: it has another.
        """
        check_dim(len(self.reference), encoder)

    def __call__(self, embeddings: Float32) -> NDArray[Any]:
        """(rows, cols, dim), NaN where there is no data -> (1, rows, cols)."""
        logits = unit(embeddings).astype(np.float64) @ self.reference
        density: NDArray[Any] = np.exp(logits - self.log_total)
        return density.astype(np.float32)[None]
