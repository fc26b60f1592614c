"""Geometries out of well-known bytes, as arrays of coordinates: ISO 13249-3, and PostGIS' own."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..types import Floats

_POINT, _LINE, _POLYGON = 1, 2, 3
# Many of the kinds above, and what is made of polygons: surfaces, and TINs of triangles.
_COLLECTIONS = (4, 5, 6, 7, 15, 16)
_TRIANGLE = 17
# PostGIS says Z, M and a number of a CRS by bits; ISO by thousands.
_Z, _M, _SRID = 0x80000000, 0x40000000, 0x20000000

Rings = tuple[Floats, ...]


@dataclass(frozen=True)
class Shape:
    """A geometry by what it is made of; Z and M are left out.

    Attributes:
        polygons: each its rings (N, 2), the outer one first.
        lines: each (N, 2).
        points: (N, 2).
    """

    polygons: tuple[Rings, ...]
    lines: tuple[Floats, ...]
    points: Floats

    @classmethod
    def of(cls, wkb: bytes) -> Shape:
        """Read well-known bytes; an empty geometry has nothing.

        Raises:
            InputError: they are damaged, or of a kind with arcs.
        """
        reader = _Reader(bytes(wkb))
        try:
            parts = list(reader.geometry())
        except (struct.error, ValueError, IndexError) as error:
            raise InputError(
                f"a geometry cannot be read: its bytes are damaged ({error})"
            ) from error
        return cls.joined(parts)

    @classmethod
    def joined(cls, parts: list[Shape]) -> Shape:
        """One of several."""
        points = [part.points for part in parts if len(part.points)]
        return cls(
            tuple(polygon for part in parts for polygon in part.polygons),
            tuple(line for part in parts for line in part.lines),
            np.concatenate(points) if points else np.empty((0, 2)),
        )

    @property
    def coordinates(self) -> Floats:
        """All of them, (N, 2)."""
        rings = [ring for polygon in self.polygons for ring in polygon]
        return np.concatenate([np.empty((0, 2)), *rings, *self.lines, self.points])


class _Reader:
    """Goes through bytes once.

    Args:
        data: of one geometry.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def geometry(self) -> Iterator[Shape]:
        """The simple geometries in what comes next."""
        order = "<" if self._data[self._at] == 1 else ">"
        (code,) = struct.unpack_from(f"{order}I", self._data, self._at + 1)
        self._at += 9 if code & _SRID else 5
        flat = code & 0x0FFFFFFF
        kind, thousands = flat % 1000, flat // 1000
        size = (
            2 + (bool(code & _Z) or thousands in (1, 3)) + (bool(code & _M) or thousands in (2, 3))
        )
        if kind in _COLLECTIONS:
            for _ in range(self._count(order)):
                yield from self.geometry()
        elif kind == _POINT:
            place = self._positions(order, size, 1)
            yield Shape((), (), place[np.isfinite(place).all(axis=1)])  # empty ones are NaN
        elif kind == _LINE:
            line = self._positions(order, size, self._count(order))
            yield Shape((), (line,) if len(line) else (), np.empty((0, 2)))
        elif kind in (_POLYGON, _TRIANGLE):
            counts = range(self._count(order))
            rings = tuple(self._positions(order, size, self._count(order)) for _ in counts)
            rings = tuple(ring for ring in rings if len(ring))
            yield Shape((rings,) if rings else (), (), np.empty((0, 2)))
        else:
            raise InputError(
                f"a geometry of kind {kind} (with arcs) cannot be used: make lines of its arcs"
            )

    def _count(self, order: str) -> int:
        (count,) = struct.unpack_from(f"{order}I", self._data, self._at)
        self._at += 4
        return int(count)

    def _positions(self, order: str, size: int, count: int) -> Floats:
        values = np.frombuffer(self._data, f"{order}f8", count * size, self._at)
        self._at += 8 * count * size
        positions: Floats = values.reshape(count, size)[:, :2].astype(np.float64)
        return positions
