"""Outlines of countries that come with the package, by name or ISO code.

`scripts/countries.py` derives them from Natural Earth's 1:50 million countries (public domain):
borders are simplified by up to about 0.1 degrees, small countries and islands stay.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..types import Floats

FILE = Path(__file__).with_name("countries.npz")
PER_DEGREE = 200
"""Steps of the coordinates in the file."""

# Names that a message offers for one that is not known.
_OFFERED = 3
_LIKE = 0.6
# Degrees from the rest of a country, along a meridian and along a parallel, from which on a part of
# it is far away: French Guiana is, Corsica is not.
_FAR = 10.0


@dataclass(frozen=True)
class Country:
    """A country.

    Attributes:
        name: in English.
        polygons: each a list of rings (N, 2) lon, lat, the first its outline, the others its holes.
    """

    name: str
    polygons: list[list[Floats]]

    @property
    def main_part(self) -> list[list[Floats]]:
        """The polygons around the largest one, without those that lie far from all others."""
        boxes = np.array([[*one[0].min(axis=0), *one[0].max(axis=0)] for one in self.polygons])
        west, south, east, north = boxes.T
        middle, half = (west + east) / 2, (east - west) / 2
        around = np.remainder(middle[:, None] - middle + 180, 360) - 180
        across = np.abs(around) - half[:, None] - half
        along = np.maximum(south[:, None] - north, south - north[:, None])
        near = (across <= _FAR) & (along <= _FAR)
        # Boxes weigh by their area on the sphere; who is near to one of the part is part of it.
        sizes = half * (np.sin(np.deg2rad(north)) - np.sin(np.deg2rad(south)))
        part = np.arange(len(sizes)) == sizes.argmax()
        while (near[part].any(axis=0) & ~part).any():
            part = near[part].any(axis=0)
        return [one for one, wanted in zip(self.polygons, part) if wanted]


def find_country(name: str) -> Country:
    """A country by its name in English, or its ISO 3166-1 code, of two letters or three.

    Args:
        name: upper and lower case, accents, signs and "the" are all the same.

    Raises:
        InputError: there is none; names the nearest.
    """
    names, polygons = _countries()
    plain = _plain(name)
    known = {_plain(said): index for index, alias in enumerate(names) for said in alias}
    if not plain or plain not in known:
        raise InputError(
            f"no file and no country is called {name!r}: did you mean {_nearest(plain, names)}? "
            "Give a name in English, an ISO code, or the path of polygons"
        )
    index = known[plain]
    return Country(names[index][0], polygons[index])


def country_names() -> list[str]:
    """All of them, by what they are called first."""
    return sorted(alias[0] for alias in _countries()[0])


@lru_cache(maxsize=1)
def _countries() -> tuple[list[list[str]], list[list[list[Floats]]]]:
    """Names and polygons of all countries."""
    with np.load(FILE) as file:
        names = json.loads(file["names"].tobytes().decode())
        heads, packed = file["rings"], file["steps"]
    folded = np.ascontiguousarray(packed.swapaxes(1, 2)).view("<u4")[..., 0].astype(np.int64)
    steps = np.where(folded % 2, -(folded + 1) // 2, folded // 2)
    positions = np.cumsum(steps, axis=1).T / PER_DEGREE
    polygons: list[list[list[Floats]]] = [[] for _ in names]
    ends = np.cumsum(heads[:, 2])
    for (country, outline, count), end in zip(heads.tolist(), ends.tolist()):
        if outline:
            polygons[country].append([])
        polygons[country][-1].append(positions[end - count : end])
    return names, polygons


def _nearest(plain: str, names: list[list[str]]) -> str:
    """The names that are most like what was given, as a list to choose from."""
    scores = []
    for alias in names:
        # Codes of two or three letters are like anything.
        words = [_plain(said) for said in alias if len(said) > 3]
        likeness = max(SequenceMatcher(None, plain, word).ratio() for word in words)
        begins = any(word.startswith(plain) for word in words) and len(plain) > 2
        scores.append((max(likeness, _LIKE if begins else 0.0), alias[0]))
    best = sorted(scores, key=lambda pair: (-pair[0], pair[1]))[:_OFFERED]
    offered = [name for score, name in best if score >= _LIKE] or [best[0][1]]
    return " or ".join([", ".join(offered[:-1]), offered[-1]] if len(offered) > 1 else offered)


def _plain(name: str) -> str:
    """A name without what people write in different ways."""
    letters = [one for one in unicodedata.normalize("NFKD", name).casefold() if ord(one) < 128]
    words = "".join(one if one.isalnum() or one == "'" else " " for one in letters).split()
    return "".join(word.replace("'", "") for word in words if word not in ("the", "of", "and"))
