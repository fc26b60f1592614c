"""Heads: linear models that read named properties of places from one model's embeddings.

They are fitted to public maps (temperature, land cover, …) at places all over the land, and kept
in a small file beside the model's, NAME.properties.npz: `properties.json` with what each property
is, where its labels come from and how far off it was at places left out, the mean and deviation
of the embedding (float32), and the weights of each head (float16). What they give is predicted,
never measured.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..analysis.linear import Linear, softmax
from ..errors import Argument, InputError, call
from ..files import npy_array, npy_bytes, opened_file, opened_zip, write_zip, written_whole
from ..types import Bools, Floats
from .legend import Legend

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

FORMAT, VERSION = "satclip-properties", 1
SUFFIX = ".properties.npz"
ALL = "all"
TRANSFORMS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "none": (np.asarray, np.asarray),
    "log1p": (np.log1p, np.expm1),
}
"""What numbers are fitted as: there and back."""
LAND_COVER, WATER = "land_cover", "water"
"""The property, and the class of it, where nothing else is known: heads are fitted on land."""

_HEADER = "properties.json"
_LARGEST_FILE, _LARGEST_CONTENT = 2**24, 2**26
_DTYPES = ("float16", "float32", "float64")
_LARGEST_HALF = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class PropertyFacts:
    """What is known of a property, whatever the place.

    Attributes:
        name: what users ask for: "rain".
        title: in words: "yearly rain".
        unit: of numbers; "" where they have none.
        source: of the labels, with whom to credit.
        licence: of the labels.
        places: number of places that the scores were measured at, in whole blocks left out.
        block_degrees: side of these blocks.
        scores: "r2" (of log1p of the values where they are fitted so), "rmse" and "mae" in units
            for numbers, "accuracy" and "kappa" for classes.
        transform: of `TRANSFORMS`, for numbers.
        least: smallest value of the labels, which no prediction goes below, for numbers.
        most: largest value.
        spread: standard deviation over the land of what is fitted.
        interval: what was predicted is off by, as fitted: 8 of 10 labels lie between.
        decimals: that numbers are told with; -2 for whole hundreds.
        legend: the classes; None for numbers.
    """

    name: str
    title: str
    unit: str
    source: str
    licence: str
    places: int
    block_degrees: float
    scores: Mapping[str, float]
    transform: str = "none"
    least: float = -np.inf
    most: float = np.inf
    spread: float = 1.0
    interval: tuple[float, float] = (0.0, 0.0)
    decimals: int = 0
    legend: Legend | None = None

    @property
    def error(self) -> str:
        """How far off it is at places left out, in a few words."""
        if self.legend is not None:
            return f"right at {100 * self.scores['accuracy']:.0f} % of places"
        of = " of its logarithm" if self.transform == "log1p" else ""
        rmse = self.scores["rmse"]
        size = f"{rmse:.2g}" if rmse < 10 else f"{rmse:,.0f}"
        return f"R² {self.scores['r2']:.2f}{of}, RMSE {size} {self.unit}".rstrip()


@dataclass(frozen=True)
class PropertyHead:
    """A property and the weights that read it.

    Attributes:
        facts: what it is.
        weights: (dim, outputs) of the standardised embedding; one output for numbers, one score
            for each class.
        offsets: (outputs,).
    """

    facts: PropertyFacts
    weights: NDArray[Any]
    offsets: Floats


@dataclass(frozen=True)
class NumberRead:
    """A property that is a number, read at places.

    Attributes:
        values: (...,) in the property's unit, within the range of its labels; NaN where nothing
            is known.
        fitted: the same as it is fitted, to compare places by.
        low: 8 of 10 labels lie from here …
        high: … to here.
    """

    values: NDArray[Any]
    fitted: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]


@dataclass(frozen=True)
class ClassRead:
    """A property that is a class, read at places.

    Attributes:
        values: (...,) codes of the most probable class; NaN where nothing is known.
        probabilities: (..., classes).
    """

    values: NDArray[Any]
    probabilities: NDArray[Any]

    @property
    def likeliest(self) -> NDArray[Any]:
        """(...,) probability of the most probable class."""
        most: NDArray[Any] = self.probabilities.max(axis=-1)
        return most


@dataclass(frozen=True)
class PropertyHeads:
    """The heads of one model.

    Attributes:
        heads: all of them by name, in the order they are told in.
        mean: (dim,) of the embedding over the land.
        deviation: (dim,) its standard deviation.
        model: name of the model.
        sha256: of the model file; read by another model they would mean nothing.
        names: of those that are asked for; all where None.
    """

    heads: Mapping[str, PropertyHead]
    mean: NDArray[Any]
    deviation: NDArray[Any]
    model: str
    sha256: str
    names: tuple[str, ...] | None = None

    @classmethod
    def of(cls, encoder: LocationEncoder) -> PropertyHeads:
        """The heads that lie beside a model's file.

        Raises:
            InputError: there are none, or they were fitted for another model.
        """
        if encoder.file is None:
            raise InputError(
                f"the model {encoder.name} was not read from a file, so no properties lie beside it"
            )
        path = heads_file(encoder.file)
        if not path.is_file():
            raise InputError(
                f"the model {encoder.name} has no properties ({path} is missing): ",
                call("fit_properties", str(encoder.file)),
                " fits them",
            )
        heads = cls.load(path)
        if heads.sha256 != encoder.sha256:
            raise InputError(
                f"the properties {path} were fitted for another model file ({heads.model}, "
                f"{heads.sha256[:12]}…) than {encoder.name} ({encoder.sha256[:12]}…): ",
                call("fit_properties", str(encoder.file), overwrite=True),
                " fits them anew",
            )
        return heads

    def check(self, encoder: LocationEncoder) -> None:
        """Refuse an encoder other than the one they were fitted for.

        Raises:
            InputError: it is another model.
        """
        if self.sha256 != encoder.sha256:
            raise InputError(
                f"the properties were fitted for the model {self.model} ({self.sha256[:12]}…), not "
                f"for {encoder.name} ({encoder.sha256[:12]}…): use that model, or ask anew"
            )

    def chosen(self, names: Iterable[str]) -> PropertyHeads:
        """The same, asked for some names, in that order; for all of them by "all".

        Raises:
            InputError: a name that is none of them; no name.
        """
        wanted = tuple(dict.fromkeys(names))
        if wanted == (ALL,):
            return replace(self, names=None)
        for name in wanted:
            if name not in self.heads:
                raise InputError(
                    f"unknown property {name!r} of the model {self.model}: give ",
                    Argument("properties"),
                    f" of {', '.join(self.heads)}, or {ALL}",
                )
        if not wanted:
            raise InputError(
                "no property is named: give ",
                Argument("properties"),
                f" of {', '.join(self.heads)}, or {ALL}",
            )
        return replace(self, names=wanted)

    @property
    def facts(self) -> tuple[PropertyFacts, ...]:
        """What is known of each property that is asked for."""
        return tuple(self.heads[name].facts for name in self._asked)

    def read(self, embeddings: NDArray[Any]) -> dict[str, NumberRead | ClassRead]:
        """Read the properties that are asked for at places.

        Where the land cover is most likely water nothing else is known.

        Args:
            embeddings: (..., dim) floats, raw, as the encoder gives them; NaN where there is none.
        """
        scores = self._linear(embeddings)
        found: dict[str, NumberRead | ClassRead] = {}
        start = 0
        for name in self._needed:
            head = self.heads[name]
            part = scores[..., start : start + len(head.offsets)]
            start += len(head.offsets)
            if name == LAND_COVER:
                scores[_is_water(head.facts, part), start:] = np.nan
            found[name] = (
                _numbers(head.facts, part[..., 0])
                if head.facts.legend is None
                else _classes(head.facts.legend, part)
            )
        return {name: found[name] for name in self._asked}

    @property
    def _asked(self) -> tuple[str, ...]:
        return tuple(self.heads) if self.names is None else self.names

    @property
    def _needed(self) -> tuple[str, ...]:
        """The land cover first: it says where nothing else is known."""
        water = (LAND_COVER,) if LAND_COVER in self.heads else ()
        return tuple(dict.fromkeys((*water, *self._asked)))

    @cached_property
    def _linear(self) -> Linear:
        """All heads as one: a single product reads them."""
        heads = [self.heads[name] for name in self._needed]
        return Linear(
            np.asarray(self.mean, np.float64),
            np.asarray(self.deviation, np.float64),
            np.hstack([np.asarray(head.weights, np.float64) for head in heads]),
            np.concatenate([head.offsets for head in heads]),
        )

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write them as a file; equal bytes for equal content.

        Raises:
            OutputError: it exists or cannot be written.
            InputError: weights that are too large for float16.
        """
        header = {
            "format": FORMAT,
            "version": VERSION,
            "model": self.model,
            "weights_sha256": self.sha256,
            "predicted": "read from the embedding, not measured",
            "properties": [_to_json(head) for head in self.heads.values()],
        }
        members = {
            _HEADER: json.dumps(header, indent=1, ensure_ascii=False).encode(),
            "mean.npy": _npy(self.mean, np.float32),
            "deviation.npy": _npy(self.deviation, np.float32),
        }
        for name, head in self.heads.items():
            if not np.abs(head.weights).max() < _LARGEST_HALF:
                raise InputError(f"the weights of {name} are too large: give it another unit")
            members[f"weights/{name}.npy"] = _npy(head.weights, np.float16)
        with written_whole(path, overwrite=overwrite) as temporary:
            write_zip(temporary, members)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PropertyHeads:
        """Read a file that `save` wrote; nothing in it is executed.

        Raises:
            InputError: missing, unreadable, of another kind or version, damaged.
        """
        file = Path(path)
        try:
            if file.stat().st_size > _LARGEST_FILE:
                raise ValueError("it is too large")
            with opened_file(file) as stream, opened_zip(stream, _LARGEST_CONTENT) as archive:
                return _from_archive(archive)
        except OSError as error:
            raise InputError(f"cannot read the properties {file}: {error.strerror}") from error
        except (
            ValueError, KeyError, TypeError, AttributeError, ArithmeticError,
            RecursionError,
        ) as error:  # fmt: skip
            raise InputError(
                f"{file} holds no properties of places, or is damaged ({error}): ",
                call("fit_properties"),
                " writes such a file",
            ) from error


def heads_file(model: Path) -> Path:
    """Where the heads of a model file lie: NAME.properties.npz for NAME.npz or NAME.ckpt."""
    return model.with_name(model.stem + SUFFIX)


def _is_water(facts: PropertyFacts, scores: NDArray[Any]) -> Bools:
    """(...,) whether water is the most probable class of land cover."""
    if facts.legend is None or WATER not in facts.legend.names:
        return np.zeros(scores.shape[:-1], bool)
    found: Bools = scores.argmax(axis=-1) == facts.legend.names.index(WATER)
    # NaN, where there is no embedding, is the largest of all to argmax: no matter.
    return found


def _numbers(facts: PropertyFacts, scores: NDArray[Any]) -> NumberRead:
    back = TRANSFORMS[facts.transform][1]

    def real(fitted: NDArray[Any]) -> NDArray[Any]:
        # Far from all labels an exponential may overflow: it is cut all the same.
        with np.errstate(over="ignore"):
            values: NDArray[Any] = np.clip(back(fitted), facts.least, facts.most)
        return values.astype(scores.dtype)

    there = TRANSFORMS[facts.transform][0]
    fitted = np.clip(scores, *(there(edge) for edge in (facts.least, facts.most)))
    low, high = (real(scores + scores.dtype.type(off)) for off in facts.interval)
    return NumberRead(real(scores), fitted.astype(scores.dtype), low, high)


def _classes(legend: Legend, scores: NDArray[Any]) -> ClassRead:
    missing = ~np.isfinite(scores).all(axis=-1)
    scores = np.where(missing[..., None], 0, scores)
    codes = np.array(legend.codes, scores.dtype)[scores.argmax(axis=-1)]
    probabilities = softmax(scores)
    codes[missing], probabilities[missing] = np.nan, np.nan
    return ClassRead(codes, probabilities)


def _to_json(head: PropertyHead) -> dict[str, Any]:
    facts = head.facts
    content: dict[str, Any] = {
        "name": facts.name, "title": facts.title, "unit": facts.unit, "source": facts.source,
        "licence": facts.licence, "places": facts.places, "block_degrees": facts.block_degrees,
        "scores": {key: _rounded(value) for key, value in facts.scores.items()},
        "offsets": [_rounded(value, 8) for value in head.offsets],
    }  # fmt: skip
    if facts.legend is not None:
        return {**content, "classes": json.loads(facts.legend.to_json())}
    return {
        **content, "transform": facts.transform, "least": _rounded(facts.least),
        "most": _rounded(facts.most), "spread": _rounded(facts.spread),
        "interval": [_rounded(value) for value in facts.interval], "decimals": facts.decimals,
    }  # fmt: skip


def _rounded(value: float, digits: int = 5) -> float:
    return float(f"{value:.{digits}g}")


def _from_archive(archive: zipfile.ZipFile) -> PropertyHeads:
    header = json.loads(archive.read(_HEADER))
    if header["format"] != FORMAT or header["version"] != VERSION:
        raise ValueError(f"format {header['format']} {header['version']} is not known here")
    mean, deviation = (_array(archive, f"{name}.npy", (None,)) for name in ("mean", "deviation"))
    dim = len(mean)
    if deviation.shape != (dim,) or not (deviation > 0).all():
        raise ValueError("deviations do not fit the mean")
    heads = {}
    for content in header["properties"]:
        facts = _facts(content)
        offsets = np.array(content["offsets"], np.float64)
        outputs = 1 if facts.legend is None else len(facts.legend.codes)
        if offsets.shape != (outputs,):
            raise ValueError(f"{facts.name} has {offsets.size} offsets, not {outputs}")
        weights = _array(archive, f"weights/{facts.name}.npy", (dim, outputs))
        heads[facts.name] = PropertyHead(facts, weights, offsets)
    if not heads:
        raise ValueError("it holds no property")
    return PropertyHeads(
        heads, mean, deviation, str(header["model"]), str(header["weights_sha256"])
    )


def _facts(content: Mapping[str, Any]) -> PropertyFacts:
    common: dict[str, Any] = {
        "scores": {str(key): float(value) for key, value in content["scores"].items()},
        "places": int(content["places"]),
        "block_degrees": float(content["block_degrees"]),
    }
    for key in ("name", "title", "unit", "source", "licence"):
        common[key] = str(content[key])
    if "classes" in content:
        return PropertyFacts(**common, legend=Legend.from_json(content["classes"]))
    if content["transform"] not in TRANSFORMS:
        raise ValueError(f"transform {content['transform']!r}")
    low, high = (float(value) for value in content["interval"])
    for key in ("least", "most", "spread"):
        common[key] = float(content[key])
    return PropertyFacts(
        **common,
        transform=content["transform"],
        interval=(low, high),
        decimals=int(content["decimals"]),
    )


def _array(archive: zipfile.ZipFile, name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    array = npy_array(archive.read(name), _DTYPES)
    fits = array.ndim == len(shape) and all(b in (None, a) for a, b in zip(array.shape, shape))
    if not fits or not np.isfinite(array).all():
        raise ValueError(f"{name} is {array.dtype} {array.shape}")
    return array


def _npy(array: ArrayLike, dtype: type) -> bytes:
    return npy_bytes(np.asarray(array, dtype))
