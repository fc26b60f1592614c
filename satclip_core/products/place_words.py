"""What a place is like, in words: what heads read there, told shortly; two places compared.

Words are made of phrases, each a text in English that clients may have in other languages, with a
place for one number. Nothing here is measured: heads predict, and each is told with its error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, cast

import numpy as np
from numpy.typing import ArrayLike

from ..analysis import cosine_similarity
from ..grid.sphere import check_lonlat
from ..types import Float32
from .property_heads import (
    ALL,
    LAND_COVER,
    WATER,
    ClassRead,
    NumberRead,
    PropertyFacts,
    PropertyHeads,
)

if TYPE_CHECKING:
    from ..encoder import LocationEncoder
    from .legend import Legend

# The properties of the bundled model that a short description is made of.
CLIMATE, ELEVATION, PEOPLE = "koppen", "elevation", "population"
# From here on a property sets two places apart; in its spreads over the land (0.3 are 4 °C over the
# year, half as much rain again, 260 m), or parts of the probability of classes.
_APART = 0.3
# Elevation (m) under which heads cannot tell a height from the sea's: their error.
_LOW = 150.0
# People per km², below which … .
_PEOPLE = ((1.0, "hardly any people"), (10.0, "few people"), (100.0, "settled"))
_MANY = "many people"
_ON_WATER = "water; what else there is to know, the model knows on land only"
_HEIGHT, _LOWLAND = "about {number} m above the sea", "low-lying"
# The land cover, the climates without rain for it, and what it is there, in names of groups.
CROPLAND, IRRIGATED = "cropland", "irrigated cropland"
_DESERTS = ("hot desert climate", "cold desert climate")
# What sets groups of one name apart: a property, and what its largest and least are called; from so
# many of its spreads on.
_COMPARED = (
    ("temperature", "warmer", "colder"),
    ("rain", "wetter", "drier"),
    (ELEVATION, "higher", "lower"),
    ("greenness", "greener", "barer"),
)
_TOLD_APART = 0.05
_NUMBERED = "cluster {number}"
TEXTS = (
    *(_ON_WATER, _HEIGHT, _LOWLAND, _MANY, IRRIGATED, _NUMBERED),
    *(text for _, text in _PEOPLE),
    *(text for _, *both in _COMPARED for text in both),
)
"""All phrases there are, beside the names of classes."""

Say = Callable[[str], str]
"""A text in English to the same in a client's language."""
Tell = Callable[[float, int], str]
"""A number and its decimals to text; -2 decimals for whole hundreds."""


def told(value: float, decimals: int) -> str:
    """A number as English has it: 1,240 or -3.5."""
    return f"{round(value, decimals) + 0.0:,.{max(decimals, 0)}f}"


@dataclass(frozen=True)
class Phrase:
    """A part of a description.

    Attributes:
        text: in English, with {number} where there is one.
        number: that is told in it.
        decimals: of the number.
    """

    text: str
    number: float | None = None
    decimals: int = 0

    def said(self, say: Say = str, tell: Tell = told) -> str:
        """The phrase in a client's language."""
        text = say(self.text)
        if self.number is None:
            return text
        return text.format(number=tell(self.number, self.decimals))


@dataclass(frozen=True)
class Reading:
    """One property at one place.

    Attributes:
        facts: what the property is, and its error.
        value: a number in its unit, or the code of a class; None where it is not known.
        low: 8 of 10 labels lie from here …
        high: … to here; None for classes.
        class_name: of the most probable class; None for numbers.
        probability: of that class, 0..1.
        fitted: what places are compared by: the number as it was fitted, (1,), or the
            probabilities of all classes.
    """

    facts: PropertyFacts
    value: float | None
    low: float | None
    high: float | None
    class_name: str | None
    probability: float | None
    fitted: Any

    def said(self, say: Say = str, tell: Tell = told) -> str:
        """The value with its unit, or the class."""
        if self.value is None:
            return "–"
        if self.class_name is not None:
            return say(self.class_name)
        return _with_unit(tell(self.value, self.facts.decimals), self.facts.unit)

    def margin(self, say: Say = str, tell: Tell = told) -> str:
        """How sure that is: the range of 8 of 10 labels, or the probability of the class."""
        if self.value is None:
            return ""
        if self.probability is not None:
            return f"{100 * self.probability:.0f} %"
        edges = [tell(edge or 0.0, self.facts.decimals) for edge in (self.low, self.high)]
        return say("{low} to {high}").format(low=edges[0], high=edges[1])


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}" if unit else text


@dataclass(frozen=True)
class PlaceDescription:
    """What a place is like, predicted.

    Attributes:
        lon: degrees.
        lat: degrees.
        readings: of the properties asked for.
        phrases: the same in short, most telling first.
        on_water: whether the land cover is most likely water: nothing else is known there.
        embedding: (dim,) of the place.
    """

    lon: float
    lat: float
    readings: tuple[Reading, ...]
    phrases: tuple[Phrase, ...]
    on_water: bool
    embedding: Float32

    def said(self, say: Say = str, tell: Tell = told) -> str:
        """The phrases in a row."""
        return ", ".join(phrase.said(say, tell) for phrase in self.phrases)


@dataclass(frozen=True)
class Difference:
    """One property of two places.

    Attributes:
        first: of the first place.
        second: of the second one.
        distance: in spreads of the property over all land; of classes the part of the probability
            that is not shared.
    """

    first: Reading
    second: Reading
    distance: float


@dataclass(frozen=True)
class Comparison:
    """Two places side by side.

    Attributes:
        cosine: similarity of their embeddings, -1..1.
        shared: properties in which they are alike, most alike first.
        apart: properties that set them apart, most different first.
    """

    cosine: float
    shared: tuple[Difference, ...]
    apart: tuple[Difference, ...]


def describe(
    encoder: LocationEncoder,
    lonlat: ArrayLike,
    names: Iterable[str] = (ALL,),
    *,
    heads: PropertyHeads | None = None,
) -> list[PlaceDescription]:
    """Say what places are like, by the heads that lie beside a model.

    Args:
        encoder: what embeds.
        lonlat: (N, 2) degrees.
        names: of the properties that are told.
        heads: the model's, where they are read already.

    Raises:
        InputError: no place, a model without heads, heads of another model, a name that is none.
    """
    places = check_lonlat(lonlat)
    heads = PropertyHeads.of(encoder) if heads is None else heads
    heads.check(encoder)
    wanted = [facts.name for facts in heads.chosen(names).facts]
    heads = heads.chosen((ALL,))
    embeddings = encoder.encode(places)
    found = heads.read(embeddings)
    described = []
    for index, (lon, lat) in enumerate(places.tolist()):
        readings = {
            name: _reading(head.facts, found[name], index) for name, head in heads.heads.items()
        }
        wet = readings[LAND_COVER].class_name == WATER if LAND_COVER in readings else False
        told_ones = tuple(readings[name] for name in wanted)
        phrases = (Phrase(_ON_WATER),) if wet else tuple(_phrases(readings))
        described.append(PlaceDescription(lon, lat, told_ones, phrases, wet, embeddings[index]))
    return described


def compare(one: PlaceDescription, other: PlaceDescription) -> Comparison:
    """What two places share, and what sets them apart.

    Places described with the same properties; one that is not known at either place is left out.
    """
    cosine = cosine_similarity(one.embedding[None], other.embedding[None])
    differences = [
        Difference(first, second, _distance(first, second))
        for first, second in zip(one.readings, other.readings)
        if first.value is not None and second.value is not None
    ]
    differences.sort(key=lambda difference: difference.distance)
    shared = tuple(one for one in differences if one.distance < _APART)
    apart = tuple(one for one in reversed(differences) if one.distance >= _APART)
    return Comparison(float(cosine[0, 0]), shared, apart)


def _distance(first: Reading, second: Reading) -> float:
    off = float(np.abs(first.fitted - second.fitted).sum())
    if first.facts.legend is not None:
        return off / 2  # what probability is not shared: total variation
    return off / first.facts.spread if first.facts.spread > 0 else 0.0


def _reading(facts: PropertyFacts, found: NumberRead | ClassRead, index: int) -> Reading:
    value = float(found.values[index])
    if np.isnan(value):
        return Reading(facts, None, None, None, None, None, None)
    if isinstance(found, NumberRead):
        low, high = float(found.low[index]), float(found.high[index])
        return Reading(facts, value, low, high, None, None, found.fitted[index : index + 1])
    legend = cast("Legend", facts.legend)  # what is read as a class has one
    name = legend.names[legend.codes.index(int(value))]
    chance = float(found.likeliest[index])
    return Reading(facts, value, None, None, name, chance, found.probabilities[index])


def _phrases(readings: dict[str, Reading]) -> Iterable[Phrase]:
    for name in (CLIMATE, LAND_COVER):
        if name in readings and readings[name].class_name is not None:
            yield Phrase(str(readings[name].class_name))
    values = (readings[name].value if name in readings else None for name in (ELEVATION, PEOPLE))
    yield from _height_and_people(*values)


def _height_and_people(height: float | None, people: float | None) -> Iterable[Phrase]:
    if height is not None and height < _LOW:
        yield Phrase(_LOWLAND)
    elif height is not None:
        yield Phrase(_HEIGHT, height, 1 - int(np.floor(np.log10(height))))
    if people is not None:
        yield Phrase(next((text for most, text in _PEOPLE if people < most), _MANY))


def group_phrases(
    heads: PropertyHeads, embeddings: ArrayLike, labels: ArrayLike, k: int
) -> list[tuple[Phrase, ...]]:
    """A name for each group of places, of what most of its places are predicted to be.

    Land cover, and the climate zone. Where two groups have the same, also in what they differ most
    (one is "higher"); where more have, height and people, and what is largest and least then.
    Cropland in a desert's climate is irrigated: it has no rain to live on.

    Args:
        heads: that read it; a group is nameless, (), where they know neither.
        embeddings: (N, dim), raw.
        labels: (N,) the group of each, 0..k-1.
        k: number of groups; an empty one is nameless.
    """
    vectors, of_group = np.asarray(embeddings), np.asarray(labels)
    found = heads.chosen((ALL,)).read(vectors)
    names: list[list[Phrase]] = [[] for _ in range(k)]
    further: list[list[Phrase]] = [[] for _ in range(k)]
    for group in range(k):
        members = of_group == group
        if members.any():
            cover, climate = (
                _likeliest(found, heads, name, members) for name in (LAND_COVER, CLIMATE)
            )
            names[group] = _group_name(cover, climate)
            if cover != WATER:
                further[group] = list(_height_and_people(*_medians(found, members)))
    compared = _Compared(found, heads, of_group, k)
    for alike in _alike(names):
        if len(alike) == 2:
            compared.tell_apart(names, alike)
    for more in range(2):
        for group in {group for alike in _alike(names) for group in alike}:
            if len(further[group]) > more:
                names[group].append(further[group][more])
    for alike in _alike(names):
        compared.tell_apart(names, alike)
    return [tuple(name) for name in names]


def _alike(names: list[list[Phrase]]) -> list[list[int]]:
    """The groups that share a name, each such set."""
    said: dict[str, list[int]] = {}
    for group, name in enumerate(names):
        if name:
            said.setdefault(", ".join(phrase.said() for phrase in name), []).append(group)
    return [groups for groups in said.values() if len(groups) > 1]


class _Compared:
    """Medians of groups, in spreads of each property over the land.

    Args:
        found: what heads read at N places.
        heads: these.
        labels: (N,) the group of each.
        k: number of groups.
    """

    def __init__(
        self, found: dict[str, NumberRead | ClassRead], heads: PropertyHeads, labels: Any, k: int
    ) -> None:
        self._medians: dict[tuple[str, str], Any] = {}
        for name, most, least in _COMPARED:
            read = found.get(name)
            if isinstance(read, NumberRead):
                medians = np.full(k, np.nan)
                for group in range(k):
                    values = read.fitted[labels == group]
                    values = values[np.isfinite(values)]
                    if len(values):
                        medians[group] = np.median(values)
                self._medians[most, least] = medians / heads.heads[name].facts.spread

    def tell_apart(self, names: list[list[Phrase]], alike: list[int]) -> None:
        """Add to the names of groups what is largest and least of that in which they differ most.

        Groups of which too little is known, or that do not differ, stay as they are.
        """
        apart = {words: float(np.ptp(medians[alike])) for words, medians in self._medians.items()}
        apart = {words: by for words, by in apart.items() if by >= _TOLD_APART}  # NaN is not
        if not apart:
            return
        words = max(apart, key=lambda one: apart[one])
        medians = self._medians[words][alike]
        for word, at in zip(words, (int(medians.argmax()), int(medians.argmin()))):
            names[alike[at]].append(Phrase(word))


def distinct_names(
    names: Sequence[tuple[Phrase, ...]],
    say: Say = str,
    tell: Tell = told,
    numbered: str = _NUMBERED,
) -> list[str]:
    """Names of groups in a client's language, each its own.

    Args:
        names: of `group_phrases`.
        say: in the language.
        tell: numbers.
        numbered: what a nameless group is called, in English, with a place for its {number}.
    """
    said: list[str] = []
    times: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        text = ", ".join(phrase.said(say, tell) for phrase in name)
        text = text or say(numbered).format(number=number)
        times[text] = times.get(text, 0) + 1
        said.append(text if times[text] == 1 else f"{text} ({times[text]})")
    return said


def _group_name(cover: str | None, climate: str | None) -> list[Phrase]:
    if cover == WATER:
        return [Phrase(WATER)]
    if cover == CROPLAND and climate in _DESERTS:
        cover = IRRIGATED
    return [Phrase(name) for name in (cover, climate) if name is not None]


def _likeliest(
    found: dict[str, NumberRead | ClassRead], heads: PropertyHeads, name: str, members: Any
) -> str | None:
    """The class with the largest mean probability among places; None where that is not known."""
    read = found.get(name)
    if not isinstance(read, ClassRead):
        return None
    chances = read.probabilities[members]
    chances = chances[np.isfinite(chances).all(axis=1)]
    if not len(chances):
        return None
    legend = cast("Legend", heads.heads[name].facts.legend)
    return legend.names[int(chances.mean(axis=0).argmax())]


def _medians(found: dict[str, NumberRead | ClassRead], members: Any) -> tuple[float | None, ...]:
    """Of elevation and people among places; None where they are not known."""
    medians: list[float | None] = []
    for name in (ELEVATION, PEOPLE):
        values = found[name].values[members] if name in found else np.empty(0)
        values = values[np.isfinite(values)]
        medians.append(float(np.median(values)) if len(values) else None)
    return tuple(medians)
