"""Small maps for a page: pixels of a grid with graticule, scale bar, hatching and dots."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, pi, radians, sin, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..grid import Grid, Window
from ..grid.pixels import Locator
from ..grid.sphere import EARTH_KM, unit_vectors
from ..types import Bools, Floats
from .pictures import Ramp, indexed_png
from .svg import WIDTH, cloud, label, picture, said, tick_texts, ticks

# Pixels of a small map: what an error takes seconds for.
PIXELS = 40_000
# Of the picture: left of the map and right of it, above, and the largest height of the map.
_LEFT, _RIGHT, _TOP, _TALLEST = 58.0, 6.0, 8.0, 470.0
# Degrees between lines, of which that is taken that makes about so many.
_STEPS = (30.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
_LINES = 4
_POINTS = 241
# Part of the map within which a line counts as reaching its edge.
_EDGE = 0.05
_BAR = 0.3
# Part of the largest to the least size of a kilometre on the map above which the scale is said to
# be that of its middle.
_EVEN = 1.1


def coarse_grid(grid: Grid, pixels: int = PIXELS) -> Grid:
    """A grid of the same extent with no more than so many pixels; the same where it has fewer."""
    if grid.pixels <= pixels:
        return grid
    factor = sqrt(grid.pixels / pixels)
    height, width = grid.shape
    shape = max(1, int(height / factor)), max(1, min(int(width / factor), pixels))
    a, b, c, d, e, f = grid.transform
    across, down = width / shape[1], height / shape[0]
    return Grid(grid.crs, (a * across, b * down, c, d * across, e * down, f), shape)


@dataclass
class MapFrame:
    """A map to draw on, from back to front.

    Attributes:
        locator: of the pixels.
    """

    locator: Locator
    _parts: list[str] = field(default_factory=list)
    _defined: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        rows, cols = self.locator.grid.shape
        whole = self.locator.places(Window(0, 0, rows, cols))
        lons, lats = whole.lons, whole.lats
        if whole.separable:
            lons, lats = np.broadcast_arrays(lons, lats[:, None])
        self._lons, self._lats = lons, lats
        self._across_km, self._down_km, self._even = self._pixel_km()
        ratio = self._down_km * rows / (self._across_km * cols)
        self._width = min(WIDTH - _LEFT - _RIGHT, _TALLEST / ratio)
        self._tall = self._width * ratio

    def pixels(self, png: str, *, faint: bool = False) -> MapFrame:
        """All pixels as a picture, a data URI."""
        opacity = ' opacity="0.35"' if faint else ""
        self._parts.append(
            f'<image x="{_LEFT:g}" y="{_TOP:g}" width="{self._width:.1f}" '
            f'height="{self._tall:.1f}" preserveAspectRatio="none"{opacity} href="{png}"/>'
        )
        return self

    def hatched(self, where: Bools, name: str) -> MapFrame:
        """Lines over some of the pixels (rows, cols); `name` once on a page."""
        if not where.any():
            return self
        png = indexed_png((~where).astype(np.uint8), [(255, 255, 255)])
        box = f'x="{_LEFT:g}" y="{_TOP:g}" width="{self._width:.1f}" height="{self._tall:.1f}"'
        self._defined.append(
            f'<mask id="{name}-outside" maskUnits="userSpaceOnUse" {box}><image {box} '
            f'preserveAspectRatio="none" style="image-rendering:pixelated" href="{png}"/></mask>'
            f"{hatch_pattern(f'{name}-hatch')}"
        )
        self._parts.append(f'<rect {box} fill="url(#{name}-hatch)" mask="url(#{name}-outside)"/>')
        return self

    def dots(self, lonlat: Floats, series: int, *, size: float = 4.5) -> MapFrame:
        """Places (N, 2) degrees, where they lie on the map, with a rim to be seen on anything."""
        across, up = self._at(lonlat)
        rim = cloud(across, up, series, size=size + 2, opacity=1).replace(
            f"s{series}", f"s{series} rim"
        )
        self._parts += [rim, cloud(across, up, series, size=size, opacity=1)]
        return self

    def shapes(self, lonlat: Floats, series: int, *, size: float = 4.0) -> MapFrame:
        """Places (N, 2) degrees in a colour and shape of their own, 0 to 4 as `shape` has them."""
        across, up = self._at(lonlat)
        made = "".join(shape(x, y, series, size) for x, y in zip(across, up))
        self._parts.append(f'<path class="mark f s{series}" d="{made}"/>')
        return self

    def numbered(self, lonlat: Floats) -> MapFrame:
        """Places (N, 2) degrees as discs, numbered from 1, the first in front."""
        places = np.asarray(lonlat, np.float64).reshape(-1, 2)
        for number in range(len(places), 0, -1):
            for x, y in zip(*self._at(places[number - 1 : number])):
                self._parts.append(
                    f'<g class="ring"><circle cx="{x:.1f}" cy="{y:.1f}" r="9"/>'
                    f"{label(float(x), float(y) + 4.5, str(number), anchor='middle')}</g>"
                )
        return self

    def render(self, name: str, alt: str) -> str:
        """The picture; see `svg.Plot.render`."""
        defined = f"<defs>{''.join(self._defined)}</defs>" if self._defined else ""
        below, height = self._scale_bar(_TOP + self._tall + 24)
        frame = (
            f'<rect class="frame" x="{_LEFT:g}" y="{_TOP:g}" width="{self._width:.1f}" '
            f'height="{self._tall:.1f}"/>'
        )
        lines, names = self._graticule()
        parts = [defined, self._parts[0] if self._parts else "", *lines, *self._parts[1:]]
        return picture(name, alt, [*parts, frame, *names, *below], height)

    def _at(self, lonlat: Floats) -> tuple[Floats, Floats]:
        """Coordinates in the picture, of the places that lie on the map."""
        cells = self.locator.cells(lonlat)
        cells = cells[np.isfinite(cells[:, 0])]
        return self._drawn(cells)

    def _drawn(self, cells: Floats) -> tuple[Floats, Floats]:
        rows, cols = self.locator.grid.shape
        return _LEFT + cells[:, 0] * self._width / cols, _TOP + cells[:, 1] * self._tall / rows

    def _pixel_km(self) -> tuple[float, float, bool]:
        """Kilometres from the middle pixel to the next in its row and column; if that is so all
        over the map."""
        rows, cols = self.locator.grid.shape
        a, b, _, d, e, _ = self.locator.grid.transform
        across, down = self._steps_km(0, 1), self._steps_km(1, 0)
        middle = rows // 2, cols // 2
        found = [steps[min(middle[0], steps.shape[0] - 1), min(middle[1], steps.shape[1] - 1)]
                 if steps.size else np.nan for steps in (across, down)]  # fmt: skip
        known = across[np.isfinite(across) & (across > 0)]
        even = len(known) == 0 or bool(known.max() < _EVEN * known.min())
        shape = float(np.hypot(b, e) / np.hypot(a, d))
        one = found[0] if np.isfinite(found[0]) and found[0] > 0 else np.nan
        other = found[1] if np.isfinite(found[1]) and found[1] > 0 else one * shape
        if not np.isfinite(one):
            one = other / shape
        if not np.isfinite(one):
            return 1.0, shape, False
        return float(one), float(other), even

    def _steps_km(self, down: int, across: int) -> Floats:
        with np.errstate(invalid="ignore"):  # off the Earth
            xyz = unit_vectors(self._lons, self._lats)
        rows, cols = self._lons.shape
        apart = xyz[:, down:, across:] - xyz[:, : rows - down, : cols - across]
        chords = np.sqrt((apart**2).sum(axis=0))
        return np.asarray(2 * EARTH_KM * np.arcsin(np.minimum(chords / 2, 1)))

    def _scale_bar(self, top: float) -> tuple[list[str], float]:
        """A bar of a round length, and the height of the picture with it."""
        rate = self._across_km * self.locator.grid.shape[1] / self._width
        most = _BAR * self._width * rate
        power = 10.0 ** np.floor(np.log10(most))
        km = max(part * power for part in (1, 2, 5) if part * power <= most * (1 + 1e-9))
        text = f"{said(km)} km" if km >= 1 else f"{said(1000 * km)} m"
        text += "" if self._even else " in the middle of the map"
        length, y = km / rate, top + 8
        bar = f'<path class="bar-line" d="M{_LEFT:g} {y - 5:.1f}v5h{length:.1f}v-5"/>'
        return [bar, label(_LEFT + length + 8, y, text, soft=True)], y + 12

    def _graticule(self) -> tuple[list[str], list[str]]:
        """Meridians and parallels, and what is written at the edges."""
        known = np.isfinite(self._lons) & np.isfinite(self._lats)
        if not known.any():
            return [], []
        lons, lats = self._lons[known], self._lats[known]
        lon, x = float(lons[len(lons) // 2]), np.deg2rad(lons)
        away = np.rad2deg(np.arctan2(np.sin(x - radians(lon)), np.cos(x - radians(lon))))
        if self.locator.separable:  # runs on past half a turn
            away = lons - lon
        west, east = lon + float(away.min()), lon + float(away.max())
        south, north = float(lats.min()), float(lats.max())
        rows, cols = self.locator.grid.shape
        room = max((east - west) / cols, (north - south) / rows)
        west, east = west - room, min(east + room, west - room + 360)
        south, north = max(south - room, -90.0), min(north + room, 90.0)
        lines, names = [], []
        step = _step(east - west)
        along = np.linspace(south, north, _POINTS)
        for value in np.arange(np.ceil(west / step), np.floor(east / step) + 1) * step:
            drawn = self._line(np.full(_POINTS, value), along)
            lines.append(drawn[0])
            names.append((0, drawn[1], _degrees(value, step, "E", "W")))
        step = _step(north - south)
        along = np.linspace(west, east, _POINTS)
        for value in np.arange(np.ceil(south / step), np.floor(north / step) + 1) * step:
            if abs(value) < 90:
                drawn = self._line(along, np.full(_POINTS, value))
                lines.append(drawn[0])
                names.append((1, drawn[1], _degrees(value, step, "N", "S")))
        return lines, self._edge_names(names)

    def _line(self, lons: Floats, lats: Floats) -> tuple[str, Floats]:
        """A line as drawn, and its points (N, 2) in the picture."""
        cells = self.locator.cells(np.stack([lons, lats], axis=1))
        across, up = self._drawn(cells)
        points = np.stack([across, up], axis=1)
        made, pen, last = [], "M", None
        for x, y in points:
            if not np.isfinite(x):
                pen, last = "M", None
                continue
            if last is not None and np.hypot(x - last[0], y - last[1]) > self._width / 4:
                pen = "M"
            made.append(f"{pen}{x:.1f} {y:.1f}")
            pen, last = "L", (x, y)
        return f'<path class="graticule" d="{"".join(made)}"/>', points

    def _edge_names(self, names: list[tuple[int, Floats, str]]) -> list[str]:
        """Meridians are named below the map, parallels at its left, where there is room."""
        made: list[str] = []
        taken: tuple[list[float], list[float]] = ([], [])
        for side, points, text in names:
            known = points[np.isfinite(points[:, 0])]
            if len(known) == 0:
                continue
            if side == 0:
                x, y = known[known[:, 1].argmax()]
                at, free = float(x), len(text) * 9.0
                if y < _TOP + self._tall * (1 - _EDGE):
                    continue
            else:
                x, y = known[known[:, 0].argmin()]
                at, free = float(y), 16.0
                if x > _LEFT + self._width * _EDGE:
                    continue
            if any(abs(at - other) < free for other in taken[side]):
                continue
            taken[side].append(at)
            if side == 0:
                at = min(max(at, _LEFT + free / 3), _LEFT + self._width - free / 3)
                made.append(label(at, _TOP + self._tall + 16, text, anchor="middle", soft=True))
            else:
                made.append(label(_LEFT - 5, at + 5, text, anchor="end", soft=True))
        return made


STYLE = """
svg.plot .graticule { fill: none; stroke: #ffffff; stroke-opacity: 0.45; stroke-width: 0.8; }
svg.plot .bar-line { fill: none; stroke: var(--ink); stroke-width: 1.5; }
svg.plot .rim { stroke: #ffffff; stroke-opacity: 0.9; }
svg.plot .mark { stroke: var(--paper); stroke-width: 0.8; }
svg.plot .ring circle { fill: #ffffff; stroke: #000000; stroke-width: 1.5; }
svg.plot .ring text { font-size: 12px; font-weight: 700; fill: #000000; }
"""


def hatch_pattern(name: str) -> str:
    """Slanting lines, dark beside light, to be seen on any colour."""
    return (
        f'<pattern id="{name}" width="9" height="9" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="1.4" height="9" fill="#ffffff"/>'
        '<rect x="1.4" width="1.2" height="9" fill="#000000"/></pattern>'
    )


def shape(x: float, y: float, kind: int, size: float) -> str:
    """A small filled shape as a path: circle, square, triangle, diamond, cross."""
    if kind == 0:
        return (
            f"M{x - size:.1f} {y:.1f}a{size:g} {size:g} 0 1 0 {2 * size:g} 0"
            f"a{size:g} {size:g} 0 1 0 {-2 * size:g} 0z"
        )
    if kind == 4:
        thin, long = 0.42 * size, 1.15 * size
        corners = [(thin, thin), (thin, long), (-thin, long), (-thin, thin), (-long, thin),
                   (-long, -thin), (-thin, -thin), (-thin, -long), (thin, -long), (thin, -thin),
                   (long, -thin), (long, thin)]  # fmt: skip
    else:
        count, turn, wide = {1: (4, 0.5, 1.2), 2: (3, 0.0, 1.3), 3: (4, 0.0, 1.25)}[kind]
        corners = [
            (wide * size * sin(2 * pi * (part + turn) / count),
             -wide * size * cos(2 * pi * (part + turn) / count))
            for part in range(count)
        ]  # fmt: skip
    made = "L".join(f"{x + right:.1f} {y + down:.1f}" for right, down in corners)
    return f"M{made}z"


def ramp_legend(ramp: Ramp, title: str, name: str) -> str:
    """A colour ramp with its numbers, as SVG to stand below a map; `name` once on a page."""
    left, width, top = _LEFT, WIDTH - _LEFT - 70.0, 20.0
    stops = "".join(
        f'<stop offset="{index / (len(ramp.stops) - 1):.3f}" stop-color="{colour}"/>'
        for index, colour in enumerate(ramp.stops)
    )
    values = ticks(ramp.low, ramp.high, 5)
    share = (values - ramp.low) / (ramp.high - ramp.low)
    marks = [
        f'<path class="frame" d="M{left + width * part:.1f} {top + 14:g}v4"/>'
        + label(left + width * part, top + 33, text, anchor="middle", soft=True)
        for part, text in zip(share.tolist(), tick_texts(values))
    ]
    parts = [
        f'<defs><linearGradient id="{name}-ramp">{stops}</linearGradient></defs>',
        label(left, 13, title),
        f'<rect class="frame" x="{left:g}" y="{top:g}" width="{width:g}" height="14" '
        f'style="fill:url(#{name}-ramp)"/>',
        *marks,
    ]
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH:.0f} 60" aria-hidden="true">{"".join(parts)}</svg>'
    )


def hatch_legend(text: str, name: str) -> str:
    """A swatch of the hatching with what it means."""
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH:.0f} 26" aria-hidden="true"><defs>'
        f'{hatch_pattern(f"{name}-swatch")}</defs><rect class="frame" x="{_LEFT:g}" y="3" '
        f'width="34" height="18" style="fill:url(#{name}-swatch)"/>'
        f"{label(_LEFT + 42, 17, text)}</svg>"
    )


def classes_png(
    codes: NDArray[Any], legend: tuple[int, ...], colours: tuple[tuple[int, int, int], ...]
) -> str:
    """Codes (rows, cols) in their colours; what is no code is transparent.

    Args:
        codes: of pixels.
        legend: the codes, ascending.
        colours: red, green, blue of each; 255 at most.
    """
    known = np.asarray(legend)
    index = np.clip(np.searchsorted(known, codes), 0, len(known) - 1)
    index = np.where(known[index] == codes, index, 255)
    return indexed_png(index.astype(np.uint8), colours)


def _step(span: float) -> float:
    return next((step for step in _STEPS if span / step >= _LINES - 0.5), _STEPS[-1])


def _degrees(value: float, step: float, positive: str, negative: str) -> str:
    """A longitude or latitude as at the edge of a map; longitudes are wrapped."""
    if positive == "E":
        value = (value + 180) % 360 - 180
    decimals = max(0, int(np.ceil(-np.log10(step) - 1e-9)))
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0 or (positive == "E" and float(text) == 180):
        return f"{text}°"
    return f"{text}° {positive if value > 0 else negative}"
