"""Globes of an embedding's leading components as colours (SatCLIP's figure 6a)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satclip_core.grid.land import land_mask
from satclip_core.grid.sphere import EARTH_KM, unit_vectors
from satclip_core.report.svg import WIDTH, label, picture, said
from satclip_core.types import Bools, Floats

from .suite_figures import component_colours, rgba_png

VIEWS = {
    "Americas": (-90.0, 12.0),
    "Europe, Africa": (18.0, 12.0),
    "Asia, Australia": (118.0, 8.0),
}
"""Middles of the views, lon and lat."""
PIXELS = 140
"""Across a globe."""
_GAP, _TOP = 12.0, 2.0
_LINES, _ALONG = 30.0, 3.0
_BAR_KM = 3000.0


@dataclass(frozen=True)
class Globes:
    """The Earth seen from far away, from several sides, and the land to be seen.

    Attributes:
        land: (views, rows, cols) pixels that are land.
        lonlat: (N, 2) degrees of these, view by view.
    """

    land: Bools
    lonlat: Floats

    @classmethod
    def of(cls, pixels: int = PIXELS) -> Globes:
        """So many pixels across each."""
        known, places = [], []
        mask = land_mask()
        across = (2 * np.arange(pixels) + 1) / pixels - 1
        x, y = np.meshgrid(across, -across)
        for lon, lat in VIEWS.values():
            seen = places_seen(x, y, lon, lat)
            on = np.zeros(x.shape, bool)
            disc = np.isfinite(seen[..., 0])
            on[disc] = mask(*seen[disc].T)
            known.append(on)
            places.append(seen[on])
        return cls(np.array(known), np.concatenate(places))

    def render(self, name: str, embeddings: NDArray[np.floating], alt: str) -> str:
        """The views side by side, three components as red, green and blue, seas left blank.

        Args:
            name: of the figure, once on a page.
            embeddings: (N, dim) at `lonlat`.
            alt: what is to be seen.
        """
        rgba = np.zeros((*self.land.shape, 4), np.uint8)
        rgba[self.land] = component_colours(embeddings)
        wide = (WIDTH - _GAP * (len(VIEWS) - 1)) / len(VIEWS)
        radius, parts = wide / 2, []
        for number, (view, (lon, lat)) in enumerate(VIEWS.items()):
            left = number * (wide + _GAP)
            middle = left + radius, _TOP + radius
            disc = f'cx="{middle[0]:.1f}" cy="{middle[1]:.1f}" r="{radius:.1f}"'
            parts += [
                f'<circle class="sea" {disc}/>',
                f'<image x="{left:.1f}" y="{_TOP:g}" width="{wide:.1f}" height="{wide:.1f}" '
                f'href="{rgba_png(rgba[number])}"/>',
                f'<path class="graticule" d="{_graticule(lon, lat, middle, radius)}"/>',
                f'<circle class="frame" {disc}/>',
                label(middle[0], _TOP + wide + 17, view, anchor="middle", soft=True),
            ]
        length, y = radius * _BAR_KM / EARTH_KM, _TOP + wide + 36
        parts.append(f'<path class="bar-line" d="M1 {y - 5:.1f}v5h{length:.1f}v-5"/>')
        parts.append(label(length + 9, y, f"{said(_BAR_KM)} km in the middle", soft=True))
        return picture(name, alt, parts, y + 6)


def places_seen(x: Floats, y: Floats, lon: float, lat: float) -> Floats:
    """Orthographic coordinates to places (Snyder 1987, section 20).

    Args:
        x: to the right, in radii of the globe.
        y: upwards, of the same shape.
        lon: of the middle, degrees.
        lat: of it.

    Returns:
        (..., 2) lon, lat in degrees; NaN beside the globe.
    """
    towards, east, north = _frame(lon, lat)
    with np.errstate(invalid="ignore"):
        near = np.sqrt(1 - x**2 - y**2)[..., None]
    points = x[..., None] * east + y[..., None] * north + near * towards
    lats = np.rad2deg(np.arcsin(np.clip(points[..., 2], -1, 1)))
    return np.stack([np.rad2deg(np.arctan2(points[..., 1], points[..., 0])), lats], axis=-1)


def _frame(lon: float, lat: float) -> tuple[Floats, Floats, Floats]:
    """Unit vectors to the viewer, to the right and upwards."""
    towards = np.asarray(unit_vectors(lon, lat))
    turned = np.deg2rad(lon)
    east = np.array([-np.sin(turned), np.cos(turned), 0.0])
    return towards, east, np.cross(towards, east)


def _graticule(lon: float, lat: float, middle: tuple[float, float], radius: float) -> str:
    """Meridians and parallels on the side that is seen, as a path."""
    frame = np.array(_frame(lon, lat))
    along = np.arange(-90, 90 + _ALONG, _ALONG)
    around = np.arange(-180, 180 + _ALONG, _ALONG)
    lines = [np.stack([np.full_like(along, at), along]) for at in np.arange(-180, 180, _LINES)]
    lines += [np.stack([around, np.full_like(around, at)]) for at in np.arange(-60, 61, _LINES)]
    made = []
    for line in lines:
        near, right, up = frame @ np.asarray(unit_vectors(*line))
        pen = "M"
        for seen, x, y in zip(near > 0, middle[0] + radius * right, middle[1] - radius * up):
            if seen:
                made.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L" if seen else "M"
    return "".join(made)


STYLE = """
svg.plot .sea { fill: var(--grid); stroke: none; }
"""
