"""Figures of an evaluation: bars by continent, maps, learning curves, the smoothness spectrum."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_core.analysis.vectors import cosine_similarity, principal_components
from satclip_core.grid import Grid
from satclip_core.grid.land import land_mask
from satclip_core.grid.pixels import Locator
from satclip_core.report.cartography import MapFrame, ramp_legend
from satclip_core.report.pictures import VIRIDIS, Ramp
from satclip_core.report.svg import SERIES, WIDTH, Axis, Plot, label, picture
from satclip_core.types import Bools, Floats

STEP = 2.0
"""Degrees between the places of a world map."""
WEST, SOUTH, EAST, NORTH = -180.0, -60.0, 180.0, 84.0
CONGO, EAST_COAST = (23.6, -2.9), (-77.0, 38.9)
"""Places that SatCLIP's figure 6b compares the world with: the Congo Basin, the US East Coast."""
_BAR, _GAP, _LEFT = 15.0, 16.0, 128.0
# Shares of a component that are drawn at the ends of its colour.
_STRETCH = (2.0, 98.0)


def chosen(names: Sequence[str]) -> list[str]:
    """As many encoders as colours tell apart: the first ones, and the last."""
    if len(names) <= SERIES:
        return list(names)
    return [*names[: SERIES - 1], names[-1]]


def bars_by_continent(
    name: str,
    scores: Mapping[str, Mapping[str, tuple[float, float]]],
    unit: str,
    *,
    share: bool,
    alt: str,
) -> str:
    """Bars of encoders below each other for each continent, with the spread over the runs.

    Args:
        name: of the figure, once on a page.
        scores: by continent and encoder: mean and standard deviation.
        unit: of the numbers.
        share: whether they are shares, so that the axis ends at 1.
        alt: what is to be seen.
    """
    most = max((mean + sd for row in scores.values() for mean, sd in row.values()), default=1.0)
    scale = 1.0 if share else max(most, 1e-9)
    width = WIDTH - _LEFT - 58
    parts, y = [label(_LEFT, 14, unit, soft=True)], 26.0
    for continent, row in scores.items():
        parts.append(f'<text x="0" y="{y + 12:.1f}" font-weight="600">{escape(continent)}</text>')
        y += 18
        for index, (encoder, (mean, sd)) in enumerate(row.items()):
            long = width * min(max(mean / scale, 0.0), 1.0)
            style = f"bar f s{index % SERIES}"
            parts.append(label(_LEFT - 6, y + 11.5, encoder, anchor="end", soft=True))
            parts.append(
                f'<rect class="{style}" x="{_LEFT}" y="{y:.1f}" width="{long:.1f}" '
                f'height="{_BAR - 3}"/>'
            )
            ends = [width * min(max((mean + s) / scale, 0.0), 1.0) + _LEFT for s in (-sd, sd)]
            parts.append(
                f'<path class="whisker s ink" d="M{ends[0]:.1f} {y + 6:.1f}H{ends[1]:.1f}"/>'
            )
            parts.append(label(max(_LEFT + long, ends[1]) + 5, y + 11.5, f"{mean:.2f}"))
            y += _BAR
        y += _GAP
    return picture(name, alt, parts, y)


def learning_curve(
    name: str, curves: Mapping[str, Mapping[str, Any]], measure: str, alt: str
) -> str:
    """Scores by the number of labels, of as many encoders as there are colours.

    Args:
        name: of the figure, once on a page.
        curves: by encoder: scores of each run by the number of labels.
        measure: in words.
        alt: what is to be seen.
    """
    lines = {
        encoder: {int(count): np.mean(scores) for count, scores in record["labels"].items()}
        for encoder, record in curves.items()
    }
    counts = sorted({count for line in lines.values() for count in line})
    values = np.array([value for line in lines.values() for value in line.values()])
    # What lies far below zero is worse than the mean; where exactly, says nothing.
    axis = Axis.over(measure, np.clip(values, 0, 1), zero=True)
    plot = Plot(Axis.over("labels", counts, log=True), axis)
    for series, (encoder, line) in enumerate(lines.items()):
        x = np.array(sorted(line))
        y = np.clip([line[count] for count in x], axis.low, None)
        plot.line(x, y, series, encoder)
        plot.dots(x, y, series)
    return plot.render(name, alt)


def spectrum(name: str, looked: Mapping[str, Mapping[str, Any]], alt: str) -> str:
    """Half the squared difference by distance, as a share of the variance."""
    km = np.array(next(iter(looked.values()))["kilometres"], float)
    plot = Plot(Axis.over("kilometres apart", km, log=True), Axis("share of variance", 0.0, 1.25))
    for series, (encoder, found) in enumerate(looked.items()):
        values = np.clip(np.array(found["semivariance"], float), 0, 1.25)
        plot.line(km, values, series, encoder)
    return plot.render(name, alt)


@dataclass(frozen=True)
class World:
    """A grid of the land, whose places encoders have embedded.

    Attributes:
        grid: of it, longitude and latitude.
        land: (rows, cols).
        lonlat: (N, 2) places on land.
    """

    grid: Grid
    land: Bools
    lonlat: Floats

    @classmethod
    def of(cls, step: float = STEP) -> World:
        """The land at so many degrees, Antarctica left out."""
        grid = Grid.from_bounds((WEST, SOUTH, EAST, NORTH), step)
        rows, cols = grid.shape
        lons = WEST + step * (np.arange(cols) + 0.5)
        lats = NORTH - step * (np.arange(rows) + 0.5)
        x, y = np.meshgrid(lons, lats)
        land = land_mask()(x.ravel(), y.ravel()).reshape(x.shape)
        return cls(grid, land, np.column_stack([x[land], y[land]]))

    def pixels(self, values: NDArray[Any], empty: float = np.nan) -> NDArray[Any]:
        """Values (N, …) of the places as pixels (rows, cols, …)."""
        made = np.full((*self.land.shape, *values.shape[1:]), empty, values.dtype)
        made[self.land] = values
        return made

    def frame(self) -> MapFrame:
        """A map to draw on."""
        return MapFrame(Locator(self.grid))


def component_colours(embeddings: NDArray[Any]) -> NDArray[np.uint8]:
    """The first three principal components as red, green and blue, of (N, dim): (N, 4)."""
    values = np.asarray(embeddings, np.float64)
    scaled = values - values.mean(0)
    count = min(3, scaled.shape[1])
    mean, axes, _ = principal_components(scaled.astype(np.float32), count)
    scores = (scaled - mean) @ axes.T
    low, high = np.percentile(scores, _STRETCH, axis=0)
    colours = np.zeros((len(values), 4))
    colours[:, :count] = np.clip((scores - low) / np.maximum(high - low, 1e-12), 0, 1)
    colours[:, 3] = 1
    return np.rint(255 * colours).astype(np.uint8)


def similarity_map(
    name: str,
    world: World,
    embeddings: NDArray[Any],
    reference: NDArray[Any],
    at: tuple[float, float],
    alt: str,
) -> tuple[str, str]:
    """Cosine similarity of the land to one place (figure 6b): the map, and its legend."""
    values = np.asarray(embeddings, np.float32)
    middle = values.mean(0)
    similar = cosine_similarity(values - middle, (reference - middle).reshape(1, -1))
    grid = world.pixels(np.asarray(similar, np.float64).reshape(-1))
    ramp = Ramp.over(VIRIDIS, grid)
    frame = world.frame().pixels(ramp.png(grid)).dots(np.array([at]), 1, size=6)
    return frame.render(name, alt), ramp_legend(ramp, "cosine similarity, centred", name)


def value_maps(
    name: str, lonlat: Floats, columns: Mapping[str, Floats], title: str
) -> list[tuple[str, str]]:
    """Maps of numbers at places, in cells of 3°, all in one ramp: (heading, picture with legend).

    Args:
        name: of the figures, once on a page.
        lonlat: (N, 2) degrees.
        columns: by heading (N,) numbers.
        title: of the legend.
    """
    step = 3.0
    grid = Grid.from_bounds((WEST, SOUTH, EAST, NORTH), step)
    rows = np.clip(((NORTH - lonlat[:, 1]) / step).astype(int), 0, grid.shape[0] - 1)
    cols = np.clip(((lonlat[:, 0] - WEST) / step).astype(int), 0, grid.shape[1] - 1)
    seen = (lonlat[:, 1] > SOUTH) & (lonlat[:, 1] < NORTH)
    cells = (rows * grid.shape[1] + cols)[seen]
    first = next(iter(columns.values()))
    ramp = Ramp.over(VIRIDIS, first)
    made = []
    for number, (heading, values) in enumerate(columns.items()):
        size = grid.shape[0] * grid.shape[1]
        total = np.bincount(cells, values[seen], size)
        count = np.bincount(cells, minlength=size)
        with np.errstate(invalid="ignore"):
            mean = (total / count).reshape(grid.shape)
        frame = MapFrame(Locator(grid)).pixels(ramp.png(mean))
        own = f"{name}-{number}"
        alt = f"World map of {heading}"
        made.append((heading, frame.render(own, alt) + ramp_legend(ramp, title, own)))
    return made


def rgba_png(pixels: NDArray[np.uint8]) -> str:
    """Pixels (rows, cols, 4) as a PNG, a data URI."""
    height, width = pixels.shape[:2]
    # Rows as differences to the pixel at the left (filter 1), which squeeze better.
    rows = pixels.reshape(height, width, 4).astype(np.int16)
    rows[:, 1:] -= pixels[:, :-1]
    lines = (rows % 256).astype(np.uint8).reshape(height, -1)
    data = np.hstack([np.ones((height, 1), np.uint8), lines]).tobytes()
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(data, 9)),
        (b"IEND", b""),
    )
    made = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return "data:image/png;base64," + base64.b64encode(made).decode("ascii")
