"""Coordinates as people type and paste them."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Signs that stand for others, as texts have them that are pasted.
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("′’‘´`", "'"),
        **dict.fromkeys("″”“„", '"'),
        **dict.fromkeys("º˚", "°"),
        **dict.fromkeys("−–", "-"),
        "\u00a0": " ",
        "\u202f": " ",
    }
)
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
# Links of maps, and geo URIs: latitude, then longitude.
_LINKS = re.compile(
    rf"(?:^geo:|[@?&;]|#map=\d+(?:\.\d+)?/|\b(?:q|ll|query|mlat)=)({_NUMBER})(?:,|/|&mlon=)({_NUMBER})"
)
_LETTERS = re.compile(r"[NSEW]")
_WORDS = re.compile(r"\b(?:lati?tude|lat|longitude|long|lon|lng)\b\.?\s*[:=]?", re.IGNORECASE)
_ALLOWED = re.compile(r"[\d\s.,;:/|()°'\"NSEW+-]+")
# A comma within a number, and not between two.
_DECIMAL_COMMAS = re.compile(r"\D*\d+,\d+(?:,\s+|[^\d,]+)[-+]?\d+,\d+\D*")


@dataclass(frozen=True)
class Coordinates:
    """What two typed numbers may mean.

    Attributes:
        places: (lon, lat) in degrees, the likelier first; none where they are no degrees.
        plain: both as they stand, first and second, where nothing says that they are degrees.
    """

    places: tuple[tuple[float, float], ...]
    plain: tuple[float, float] | None = None


def read_coordinates(text: str, *, east: str = "E", west: str = "W") -> Coordinates | None:
    """Coordinates in a text: decimal, or degrees, minutes and seconds; None where there are none.

    "47.37 8.54", "8.54 E 47.37 N", "47°22'12\\"N, 8°32'24\\"E", "N 47 22.2 E 8 32.4", "47,37;
    8,54", geo:47.37,8.54, and the links of OpenStreetMap and Google Maps. Where nothing says which
    number is which, latitude first is the likelier.

    Args:
        text: typed or pasted.
        east: letters that mean east besides E.
        west: letters that mean west besides W.
    """
    plain = text.translate(_SIGNS).strip()
    link = _LINKS.search(plain.replace("%2C", ","))
    if link:
        return _of_degrees(float(link[1]), float(link[2]), either=False)
    named = [found[0].lower()[:3] for found in _WORDS.finditer(plain)]
    plain = _WORDS.sub(" ", plain).upper().replace("''", '"')
    for local, one in ((east, "E"), (west, "W")):
        for letter in local:
            plain = plain.replace(letter.upper(), one)
    if not _ALLOWED.fullmatch(plain):
        return None
    if "°" in plain or _DECIMAL_COMMAS.fullmatch(plain):
        plain = re.sub(r"(\d),(\d)", r"\1.\2", plain)
    letters = _LETTERS.findall(plain)
    halves = _halves(plain, letters)
    values = [angle for angle in map(_angle, halves) if angle is not None]
    if len(halves) != 2 or len(values) != 2:
        return None
    first, second = values
    axes = [letter in "NS" for letter in letters] or [name == "lat" for name in named]
    if axes:
        if len(axes) != 2 or axes[0] == axes[1]:
            return None
        lat, lon = (first, second) if axes[0] else (second, first)
        return _of_degrees(lat, lon, either=False)
    found = _of_degrees(first, second)
    marked = "°" in plain or "'" in plain
    return Coordinates(found.places, None if marked else (first, second))


def _of_degrees(first: float, second: float, *, either: bool = True) -> Coordinates:
    """Of two numbers of which the first is likely the latitude, or is it for certain."""
    pairs = ((first, second), (second, first)) if either else ((first, second),)
    places = [
        (lon if abs(lon) <= 180 else (lon + 180) % 360 - 180, lat)
        for lat, lon in pairs
        if abs(lat) <= 90 and abs(lon) <= 360
    ]
    return Coordinates(tuple(dict.fromkeys(places)))


def _halves(text: str, letters: list[str]) -> list[str]:
    """The text of each of both numbers."""
    if len(letters) == 2:
        if text.strip(" (")[:1] in "NSEW":
            at = [found.start() for found in _LETTERS.finditer(text)][1]
        else:
            at = next(found.end() for found in _LETTERS.finditer(text))
        return [text[:at], text[at:]]
    if letters:
        return []
    if text.count("°") == 2:
        second = re.search(r"[-+]?[\d.]+\s*°[^°]*$", text)
        return [text[: second.start()], text[second.start() :]] if second else []
    for separator in (";", "|", "/", ","):
        parts = [part for part in text.split(separator) if part.strip(" ()")]
        if len(parts) == 2:
            return parts
        if len(parts) > 2:
            return []
    numbers = [found.start() for found in re.finditer(_NUMBER, text)]
    if len(numbers) not in (2, 4, 6):
        return []
    middle = numbers[len(numbers) // 2]
    return [text[:middle], text[middle:]]


def _angle(text: str) -> float | None:
    """Degrees of one number, or of degrees, minutes and seconds; None where it is none."""
    numbers = re.findall(_NUMBER, text)
    if not 1 <= len(numbers) <= 3 or any("." in number for number in numbers[:-1]):
        return None
    if any(number[0] in "+-" for number in numbers[1:]):
        return None
    parts = [abs(float(number)) for number in numbers]
    if any(part >= 60 for part in parts[1:]):
        return None
    size = sum(part / 60**power for power, part in enumerate(parts))
    southern = bool(set(text) & set("SW"))
    negative = numbers[0].startswith("-")
    if negative and set(text) & set("NSEW"):
        return None
    return -size if southern or negative else size
