"""The places of the dock, and every step that led to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..text import place_text

# Changes that can be taken back.
_STEPS_BACK = 100
_DECIMALS = 3


@dataclass(frozen=True)
class Place:
    """A reference place.

    Attributes:
        lon: degrees, -180..180.
        lat: degrees.
        unlike: whether it is a counter-example.
        name: what the user calls it; "" for none.
    """

    lon: float
    lat: float
    unlike: bool = False
    name: str = ""

    @property
    def lonlat(self) -> tuple[float, float]:
        """Degrees."""
        return self.lon, self.lat

    @property
    def title(self) -> str:
        """Its name; the coordinates of one without."""
        return self.name or place_text(self.lon, self.lat, _DECIMALS)


def title_of(places: Sequence[Place]) -> str:
    """What several places are called together; their names, as far as they are few."""
    if len(places) <= 2:
        return ", ".join(place.title for place in places)
    return f"{places[0].title} + {len(places) - 1}"


class Places:
    """Places in order, with undo and redo."""

    def __init__(self) -> None:
        self._states: list[tuple[Place, ...]] = [()]
        self._at = 0

    @property
    def now(self) -> list[Place]:
        """The places."""
        return list(self._states[self._at])

    def change(self, places: Iterable[Place]) -> bool:
        """Have others; what was undone before is forgotten. Says whether anything changed."""
        new = tuple(places)
        if new == self._states[self._at]:
            return False
        del self._states[self._at + 1 :]
        self._states.append(new)
        del self._states[: -_STEPS_BACK - 1]
        self._at = len(self._states) - 1
        return True

    def begin(self, places: Iterable[Place] = ()) -> None:
        """Have others, with nothing to take back."""
        self._states, self._at = [tuple(places)], 0

    @property
    def undoable(self) -> bool:
        """Whether there is a step to take back."""
        return self._at > 0

    @property
    def redoable(self) -> bool:
        """Whether there is one that was taken back."""
        return self._at < len(self._states) - 1

    def step(self, forth: bool) -> bool:
        """Take a step back, or one that was taken back again; says whether there was one."""
        if not (self.redoable if forth else self.undoable):
            return False
        self._at += 1 if forth else -1
        return True
