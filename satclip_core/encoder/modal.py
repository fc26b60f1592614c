"""Encoders of other modalities in the space of a location encoder: chips, numbers, words.

A model that was trained with the objective `unigeoclip` brings them along with its location
encoder: `encoder.modalities["relief"].encode(chips)` and `encoder.encode(lonlat)`, both scaled to
norm 1, are near where both are of the same place. All of it needs numpy alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ModelError
from ..types import Bools, Float32
from .towers import TOWERS, InputShape, run_tower

COORDINATES = "coordinates"
"""The location encoder's own name among the modalities."""
# fmt: off
STOP_WORDS = frozenset((
    "a", "an", "and", "are", "as", "at", "beside", "between", "by", "d", "de", "for", "from",
    "in", "into", "is", "it", "its", "la", "le", "near", "next", "of", "on", "or", "over", "s",
    "that", "the", "there", "this", "to", "under", "very", "where", "which", "with",
))
# fmt: on
"""Words of a text that say nothing of a place."""

_ROWS = 512
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class ModalEncoder:
    """An encoder of one modality.

    Attributes:
        name: what the configuration calls it.
        tower: a key of `towers.TOWERS`.
        weights: arrays of the tower, learned and measured.
        width: numbers in a row of features.
        source: a line for people, what it was trained on.

    Raises:
        ModelError: the weights do not fit the tower, or are not finite.
    """

    kind: ClassVar[str] = "features"

    name: str
    tower: str
    weights: Mapping[str, NDArray[Any]] = field(repr=False)
    width: int
    source: str = ""

    def __post_init__(self) -> None:
        if self.tower not in TOWERS:
            known = ", ".join(TOWERS)
            raise ModelError(f"unknown tower {self.tower!r} of {self.name!r}: none of {known}")
        single = {key: np.asarray(value, np.float32) for key, value in self.weights.items()}
        object.__setattr__(self, "weights", MappingProxyType(single))
        for key, value in single.items():
            if not np.isfinite(value).all():
                raise ModelError(
                    f"{self.name}: the weights {key!r} hold values that are no numbers"
                )
        try:
            made = self._through(np.zeros((1, self.width), np.float32))
        except (KeyError, ValueError, IndexError) as error:
            raise ModelError(
                f"the weights of the modality {self.name!r} do not fit its tower {self.tower!r} "
                f"with {self.width} numbers ({error})"
            ) from error
        object.__setattr__(self, "_dim", int(made.shape[1]))

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (type(self), {f.name: self._plain(f.name) for f in fields(self)})

    def _plain(self, name: str) -> Any:
        value = getattr(self, name)
        return dict(value) if name == "weights" else value

    @property
    def dim(self) -> int:
        """Dimensions of the shared space."""
        dim: int = self._dim  # type: ignore[attr-defined]
        return dim

    @property
    def shape(self) -> InputShape:
        """What a row of features is."""
        return InputShape(self.width, getattr(self, "pixels", 0))

    def facts(self) -> dict[str, Any]:
        """All but name and weights, as a model file's header has it."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        for apart in ("name", "weights"):
            values.pop(apart)
        return {"kind": self.kind, **values}

    def embed(self, features: ArrayLike) -> Float32:
        """Embed rows of numbers as a run's cache has them.

        Args:
            features: (N, width); rows that hold a NaN are missing.

        Returns:
            (N, dim) float32 of norm 1; NaN where the row is missing.

        Raises:
            InputError: another width.
        """
        rows = np.asarray(features, np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.width:
            raise InputError(
                f"features of {self.name!r} have shape {rows.shape}: give (N, {self.width})"
            )
        out = np.full((len(rows), self.dim), np.nan, np.float32)
        there = np.flatnonzero(np.isfinite(rows).all(1))
        for start in range(0, len(there), _ROWS):
            part = there[start : start + _ROWS]
            made = self._through(rows[part])
            with np.errstate(invalid="ignore", divide="ignore"):
                out[part] = made / np.linalg.norm(made, axis=1, keepdims=True)
        return out

    def _through(self, rows: Float32) -> NDArray[Any]:
        logarithm = getattr(self, "scaling", "linear") == "log"
        made: NDArray[Any] = run_tower(
            self.tower, rows, self.weights, self.shape, np, log=logarithm
        )
        return made


@dataclass(frozen=True)
class FeatureEncoder(ModalEncoder):
    """Features of a frozen image encoder, which is not part of the model file."""

    kind: ClassVar[str] = "features"

    def encode(self, features: ArrayLike) -> Float32:
        """(N, width) features -> (N, dim) of norm 1: see `embed`."""
        return self.embed(features)


@dataclass(frozen=True)
class ValueEncoder(ModalEncoder):
    """Numbers of a place: a climate's months, say.

    Attributes:
        names: of the numbers, (width,).
        scaling: `linear`, or `log` where it takes logarithms first.
    """

    kind: ClassVar[str] = "values"

    names: tuple[str, ...] = ()
    scaling: str = "linear"

    def encode(self, values: ArrayLike) -> Float32:
        """(N, len(names)) numbers in the units of the data -> (N, dim) of norm 1: see `embed`."""
        return self.embed(values)


@dataclass(frozen=True)
class ChipEncoder(ModalEncoder):
    """Squares of ground cut from rasters: imagery, relief, lights, greenness.

    Attributes:
        bands: names of them.
        pixels: rows and columns of a chip.
        kilometres: side of a chip on the ground.
        scaling: `linear`, or `log` where it takes logarithms first.
        least_valid: share of pixels that must be there.
        least_value: chips without any value as high are missing (dark ones of night lights).
        nodata: the value of the rasters that means "nothing here".
    """

    kind: ClassVar[str] = "chips"

    bands: tuple[str, ...] = ()
    pixels: int = 1
    kilometres: float = 1.0
    scaling: str = "linear"
    least_valid: float = 0.5
    least_value: float | None = None
    nodata: float | None = None

    @property
    def kilometres_per_pixel(self) -> float:
        """Side of a pixel on the ground."""
        return self.kilometres / self.pixels

    def encode(self, chips: ArrayLike) -> Float32:
        """Embed chips.

        Args:
            chips: (N, pixels, pixels, bands) in the units of the data, north up, NaN where nothing
                is known.

        Returns:
            (N, dim) float32 of norm 1; NaN rows for chips that are missing: fewer valid pixels than
            `least_valid`, or darker than `least_value`.

        Raises:
            InputError: another shape.
        """
        images = np.asarray(chips, np.float32)
        wanted = (self.pixels, self.pixels, len(self.bands))
        if images.ndim != 4 or images.shape[1:] != wanted:
            raise InputError(
                f"chips of {self.name!r} have shape {images.shape}: give (N, {self.pixels}, "
                f"{self.pixels}, {len(self.bands)}), {self.kilometres_per_pixel:g} km a pixel, "
                f"bands {', '.join(self.bands)}"
            )
        known = np.asarray(np.isfinite(images).all(-1))
        filled = filled_chips(images, known)
        filled[missing_chips(filled, known.mean((1, 2)), self.least_valid, self.least_value)] = (
            np.nan
        )
        return self.embed(filled.reshape(len(filled), -1))


def filled_chips(chips: Float32, known: Bools) -> Float32:
    """Chips (N, h, w, bands) whose unknown pixels (N, h, w) have the mean of the known ones."""
    there = known[..., None]
    count = np.maximum(there.sum((1, 2), keepdims=True), 1)
    mean = np.where(there, chips, 0).sum((1, 2), keepdims=True) / count
    filled: Float32 = np.where(there, chips, mean).astype(np.float32)
    return filled


def missing_chips(
    chips: Float32, valid: NDArray[Any], least_valid: float, least_value: float | None
) -> Bools:
    """Which chips (N, …) count as missing: (N,) bool.

    Args:
        chips: numbers in the units of the data.
        valid: (N,) share of pixels that are there.
        least_valid: share that must be.
        least_value: highest value that a chip must reach; None asks for none.
    """
    missing: Bools = (valid < least_valid) | (valid == 0)
    if least_value is not None:
        missing |= ~(chips.reshape(len(chips), -1).max(1, initial=-np.inf) >= least_value)
    return missing


@dataclass(frozen=True)
class PictureEncoder(ModalEncoder):
    """Photographs, red, green, blue from 0 to 255: street-level images.

    Attributes:
        pixels: rows and columns that they are brought to.
    """

    kind: ClassVar[str] = "pictures"

    pixels: int = 1

    def encode(self, pictures: ArrayLike) -> Float32:
        """(N, pixels, pixels, 3) -> (N, dim) of norm 1; InputError for another shape."""
        images = np.asarray(pictures, np.float32)
        if images.ndim != 4 or images.shape[1:] != (self.pixels, self.pixels, 3):
            raise InputError(
                f"pictures of {self.name!r} have shape {images.shape}: give (N, {self.pixels}, "
                f"{self.pixels}, 3), red, green, blue"
            )
        return self.embed(images.reshape(len(images), -1))


@dataclass(frozen=True)
class TextEncoder(ModalEncoder):
    """Texts as bags of words, each with a learned vector.

    Attributes:
        vocabulary: the words that it knows, as `words_of` writes them; (width,).
    """

    kind: ClassVar[str] = "text"

    vocabulary: tuple[str, ...] = ()

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.vocabulary)}

    def encode(self, texts: Sequence[str]) -> Float32:
        """Embed texts by the words of them that are known.

        Args:
            texts: N of them; order and repetition within one do not count but by number.

        Returns:
            (N, dim) float32 of norm 1.

        Raises:
            InputError: a text without any known word.
        """
        if isinstance(texts, str):
            texts = [texts]
        rows = np.zeros((len(texts), self.width), np.float32)
        for row, text in zip(rows, texts):
            numbers = [n for n in map(self._number, words_of(text)) if n is not None]
            if not numbers:
                some = ", ".join(self.vocabulary[:8])
                raise InputError(
                    f"no word of {text!r} is known to the model, which has "
                    f"{len(self.vocabulary)}, such as {some}"
                )
            np.add.at(row, numbers, 1)
        return self.embed(rows)

    def unknown(self, text: str) -> tuple[str, ...]:
        """The words of a text that are not known, in their order, without stop words."""
        return tuple(word for word in words_of(text) if self._number(word) is None)

    def _number(self, word: str) -> int | None:
        """Of a word, or of its singular or plural."""
        tried = [word, f"{word}s"]
        if word.endswith("s"):
            tried.append(word[:-1])
        if word.endswith("es"):
            tried.append(word[:-2])
        return next((self._numbers[one] for one in tried if one in self._numbers), None)


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in order: lower case, without accents and stop words."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return tuple(word for word in _WORD.findall(plain) if word not in STOP_WORDS)


KINDS: dict[str, type[ModalEncoder]] = {
    cls.kind: cls
    for cls in (FeatureEncoder, ValueEncoder, ChipEncoder, PictureEncoder, TextEncoder)
}
"""Classes of encoders by what a model file calls them."""


class Modalities(Mapping[str, ModalEncoder]):
    """The encoders that belong to a location encoder, by name, and the scales of their pairs.

    Args:
        encoders: of the modalities other than the coordinates.
        scales: learned factor on the cosine similarities (1 / temperature) of each pair of names
            that was contrasted, `COORDINATES` among them; either order.

    Raises:
        ModelError: encoders of different spaces.
    """

    def __init__(
        self,
        encoders: Sequence[ModalEncoder] = (),
        scales: Mapping[tuple[str, str], float] | None = None,
    ) -> None:
        self._encoders = {encoder.name: encoder for encoder in encoders}
        self.scales = {_pair(*pair): float(value) for pair, value in (scales or {}).items()}
        dims = {encoder.dim for encoder in encoders}
        if len(dims) > 1:
            raise ModelError(f"its modalities have different dimensions: {sorted(dims)}")

    def __getitem__(self, name: str) -> ModalEncoder:
        return self._encoders[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._encoders)

    def __len__(self) -> int:
        return len(self._encoders)

    def scale(self, first: str, second: str) -> float:
        """The learned factor on the similarities of two modalities; order does not count.

        Raises:
            InputError: the pair was not contrasted.
        """
        found = self.scales.get(_pair(first, second))
        if found is None:
            known = "; ".join(f"{a} and {b}" for a, b in self.scales) or "none"
            raise InputError(f"{first!r} and {second!r} were not contrasted; these were: {known}")
        return found


def _pair(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first <= second else (second, first)


def modal_encoder(
    name: str, facts: Mapping[str, Any], weights: Mapping[str, NDArray[Any]]
) -> ModalEncoder:
    """An encoder again from `ModalEncoder.facts` and its weights.

    Raises:
        ModelError: facts that say nothing of use, or weights that do not fit.
    """
    kind = facts.get("kind")
    cls = KINDS.get(str(kind))
    if cls is None:
        raise ModelError(f"its modality {name!r} is of the kind {kind!r}, which is not known here")
    known = {f.name for f in fields(cls)} - {"name", "weights"}
    given: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in facts.items()
        if key in known
    }
    try:
        return cls(name=name, weights=weights, **given)
    except TypeError as error:
        raise ModelError(f"its modality {name!r} is not described fully ({error})") from error


def _made(cls: type[ModalEncoder], values: Mapping[str, Any]) -> ModalEncoder:
    return cls(**values)
