"""What imagery shows at places, as numbers: means, deviations and differences at several scales.

Every eye is brought once to a plate carrée of so many rows; means within wider squares are computed
from running sums, their width corrected by 1/cos(latitude), at a resolution of their own. At a
place all of them are read bilinearly.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from satclip_core.types import Float32, Floats, Integers

from ..images.decoding import DecodeRequest, Raster, open_raster
from ..places.land_mask import LandMask
from ..settings.run_files import Locations
from .fine_settings import EyeSettings

log = logging.getLogger("satclip_training")

KM_PER_DEGREE = 111.195
GLOBE = (-180.0, -90.0, 180.0, 90.0)
"""Where plain images lie: they do not say."""
VARIETY_KM = 25.0
"""Within squares that wide an eye's variety says where a finer level is worth its cells."""
_STRIP = 128
# Pixels of a raster of means for each width of its squares.
_PIXELS_A_MEAN = 2.56
_LARGEST_DEVIATIONS = 6.0
# A mosaic is black where it ends, as at the antimeridian; its compression makes that a dark grey.
_BLACK = 12

Layers = NDArray[np.float16]


@dataclass(frozen=True)
class Pyramid:
    """An eye's rasters: what each shows, from (rows, 2 rows, bands) of the whole Earth.

    Attributes:
        scales: rasters read at the place itself, finest first.
        deviations: likewise.
        differences: raster and kilometres: read to the east, west, north and south.
        variety: deviation of grey within `VARIETY_KM`, (rows, cols, 1).
        residual: whether each scale is read less the next wider one.
    """

    scales: tuple[NDArray[np.float16], ...]
    deviations: tuple[NDArray[np.float16], ...]
    differences: tuple[tuple[NDArray[np.float16], float], ...]
    variety: NDArray[np.float16]
    residual: bool = False

    def at(self, lonlat: Floats) -> Float32:
        """Numbers of places, (N, 2) degrees -> (N, numbers)."""
        parts = [bilinear(raster, lonlat) for raster in self.scales]
        if self.residual:
            parts = [fine - wide for fine, wide in zip(parts, parts[1:])] + parts[-1:]
        parts += [bilinear(raster, lonlat) for raster in self.deviations]
        for raster, kilometres in self.differences:
            for direction in ((1.0, 0.0), (0.0, 1.0)):
                ahead, behind = (
                    bilinear(raster, _moved(lonlat, direction, sign * kilometres))
                    for sign in (1, -1)
                )
                parts.append(ahead - behind)
        return np.concatenate(parts, axis=1)


def open_eye(
    eye: EyeSettings, places: Locations, land: LandMask, scratch: Path, name: str, rows: int
) -> Pyramid:
    """Read the files of an eye and compute its means, deviations and differences.

    Args:
        eye: which files and scales.
        places: where the files are looked for.
        land: what is land, for eyes that are blind at sea.
        scratch: folder for rasters that are decoded into memory maps.
        name: of the eye, for messages.
        rows: of its finest raster, where its settings do not say.
    """
    rows = eye.rows or rows
    base, texture = _base(eye, places, land, scratch, name, rows)
    rasters = {scale: _means(base, scale) for scale in {*eye.scales, *eye.differences}}
    log.info("%s: %s bands at %s scales", name, base.shape[2], len(eye.scales))
    return Pyramid(
        tuple(rasters[scale] for scale in eye.scales),
        tuple(_deviations(base, texture, scale) for scale in eye.deviations),
        tuple((rasters[km], km) for km in eye.differences),
        _deviations(base, None, VARIETY_KM)[..., :1],
        eye.residual,
    )


def _base(
    eye: EyeSettings, places: Locations, land: LandMask, scratch: Path, name: str, rows: int
) -> tuple[Layers, Layers | None]:
    """All bands of an eye (rows, 2 rows, bands), and the deviation within a pixel where sampled."""
    behind = None
    if eye.behind is not None:
        path = places.find(eye.behind, f"eyes.{name}.behind")
        behind = open_raster(DecodeRequest(path, GLOBE), scratch)
    files = [path for file in eye.files for path in places.find_all(file, f"eyes.{name}.files")]
    layers: list[Layers] = []
    deviations: list[Float32] = []
    for path in files:
        if path.suffix == ".npz":
            return land_eye(land, rows), None
        raster = open_raster(DecodeRequest(path, GLOBE), scratch)
        # Colours lie behind a mosaic of colours, not behind the greenness beside it.
        alike = behind is not None and behind.array.shape[2] == raster.array.shape[2]
        found, deviation = _sampled(raster, behind if alike else None, eye.samples, rows)
        layers.append(found)
        deviations.append(deviation)
    base = np.concatenate(layers, axis=2)
    texture: Layers | None = None
    if eye.samples > 1:
        texture = np.mean(deviations, axis=0)[..., None].astype(np.float16)
    if eye.logarithm:
        np.log1p(base, out=base)
    if not eye.sea:
        _blind_at_sea(base, land)
    return base, texture


def _sampled(
    raster: Raster, behind: Raster | None, samples: int, height: int
) -> tuple[Layers, Float32]:
    """Means of samples² nearest pixels in each pixel of the base, and their deviation of grey."""
    parts = np.arange(samples * 2 * height) + 0.5
    lons = np.asarray(parts * (180 / height / samples) - 180, np.float64)
    mean = np.empty((height, 2 * height, raster.array.shape[2]), np.float16)
    deviation = np.zeros((height, 2 * height), np.float32)
    for top in range(0, height, _STRIP):
        rows = slice(top, min(top + _STRIP, height))
        total: Float32 = np.zeros((rows.stop - top, *mean.shape[1:]), np.float32)
        squares = np.zeros(total.shape[:2], np.float32)
        for part in range(samples):
            down = np.arange(top, rows.stop) + (part + 0.5) / samples
            lats = np.asarray(90 - down * (180 / height), np.float64)
            pixels = _nearest(raster, behind, lons, lats)
            split = pixels.reshape(len(lats), -1, samples, pixels.shape[2])
            total += split.sum(axis=2)
            if samples > 1:
                squares += (split.mean(axis=3) ** 2).sum(axis=2)
        total /= samples**2
        mean[rows] = total
        if samples > 1:
            spread = squares / samples**2 - total.mean(axis=2) ** 2
            deviation[rows] = np.sqrt(np.maximum(spread, 0))
    return mean, deviation


def _nearest(raster: Raster, behind: Raster | None, lons: Floats, lats: Floats) -> Float32:
    """Pixels of a lon/lat grid (rows, cols, bands); what is not there is 0 or what lies behind."""
    if not raster.separable:
        x, y = np.meshgrid(lons, lats)
        row, col = raster.place(x, y)
    else:
        row, col = raster.place(lons, lats)
        row, col = row[:, None], col[None]
    pixels, valid = raster.gather(row, col, bilinear=False)
    found: Float32 = pixels.astype(np.float32)
    empty = ~valid | (found.max(axis=-1) <= _BLACK) if behind is not None else ~valid
    if empty.any():
        found[empty] = 0 if behind is None else _nearest(behind, None, lons, lats)[empty]
    return found


def _blind_at_sea(base: Layers, land: LandMask) -> None:
    """Give the sea one value, zero: mosaics end there at the edges of their tiles."""
    lons = (np.arange(base.shape[1]) + 0.5) * (360 / base.shape[1]) - 180
    for row, lat in enumerate(90 - (np.arange(len(base)) + 0.5) * (180 / len(base))):
        at = np.stack([lons, np.full(len(lons), lat)], axis=1)
        base[row, ~land(at)] = 0


def land_eye(land: LandMask, rows: int) -> Layers:
    """The land mask as a base raster: share of land in 2 x 2 samples, (rows, 2 rows, 1)."""
    base = np.empty((rows, 2 * rows, 1), np.float16)
    lons = (np.arange(4 * rows) + 0.5) * (90 / rows) - 180
    for row in range(rows):
        share = np.zeros(2 * rows, np.float32)
        for part in (0.25, 0.75):
            lat = 90 - (row + part) * (180 / rows)
            found = land(np.stack([lons, np.full(len(lons), lat)], axis=1))
            share += found.reshape(-1, 2).mean(axis=1) / 2
        base[row, :, 0] = share
    return base


def _rows_for(kilometres: float, most: int) -> int:
    wanted = 180 * KM_PER_DEGREE * _PIXELS_A_MEAN / kilometres
    return int(min(most, 2 ** round(np.log2(wanted))))


def _means(base: Layers, kilometres: float) -> Layers:
    """Means within squares that many kilometres wide, at a resolution of their own."""
    pixel = 180 * KM_PER_DEGREE / len(base)
    if kilometres <= 1.5 * pixel:
        return base
    rows = _rows_for(kilometres, len(base))
    bands = [
        box_means(base[..., band].astype(np.float32), kilometres, rows)
        for band in range(base.shape[2])
    ]
    return np.stack(bands, axis=2).astype(np.float16)


def _deviations(base: Layers, texture: Layers | None, kilometres: float) -> Layers:
    """Deviation of grey within squares, and the mean of what lies below a pixel, if sampled."""
    grey = base.astype(np.float32).mean(axis=2)
    rows = _rows_for(kilometres, len(base))
    mean = box_means(grey, kilometres, rows)
    np.square(grey, out=grey)
    spread = box_means(grey, kilometres, rows) - mean**2
    bands = [np.sqrt(np.maximum(spread, 0))]
    if texture is not None:
        bands.append(box_means(texture[..., 0].astype(np.float32), kilometres, rows))
    return np.stack(bands, axis=2).astype(np.float16)


def box_means(raster: Float32, kilometres: float, rows: int) -> Float32:
    """Means of a plate carrée of the globe within squares of a width on the ground.

    Args:
        raster: (height, width), from 90° N and 180° W.
        kilometres: side of the squares; to the east it is kilometres / cos(latitude).
        rows: of the result, which is (rows, 2 rows).
    """
    height, width = raster.shape
    half = max(kilometres / (180 * KM_PER_DEGREE / height) / 2, 0.5)
    middle = (np.arange(rows) + 0.5) * (height / rows)
    top = np.round(middle - half).astype(np.int64).clip(0, height - 1)
    bottom = np.maximum(np.round(middle + half).astype(np.int64), top + 1).clip(max=height)
    sums = np.zeros((height + 1, width))
    np.cumsum(raster, axis=0, out=sums[1:])
    lines = (sums[bottom] - sums[top]) / (bottom - top)[:, None]
    out = np.empty((rows, 2 * rows), np.float32)
    across = (np.arange(2 * rows) + 0.5) * (width / (2 * rows))
    cosines = np.cos(np.deg2rad(90 - (np.arange(rows) + 0.5) * (180 / rows)))
    for target, line, cosine in zip(out, lines, cosines):
        reach = float(np.clip(half / max(cosine, 1e-3), 0.5, width / 2 - 1))
        turn = np.concatenate([[0.0], np.cumsum(line)])
        left = np.round(across - reach).astype(np.int64)
        right = np.maximum(np.round(across + reach).astype(np.int64), left + 1)
        ends = [turn[at % width] + at // width * turn[-1] for at in (left, right)]
        target[:] = (ends[1] - ends[0]) / (right - left)
    return out


def bilinear(raster: NDArray[np.float16], lonlat: Floats) -> Float32:
    """Read a plate carrée of the globe (rows, cols, bands) at places (N, 2): (N, bands)."""
    rows, cols, bands = raster.shape
    x = (lonlat[:, 0] + 180) * (cols / 360) - 0.5
    y = (90 - lonlat[:, 1]) * (rows / 180) - 0.5
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    right = (x - left).astype(np.float32)[:, None]
    down = (y - top).astype(np.float32)[:, None]
    flat = raster.reshape(rows * cols, bands)

    def pixels(row: Integers, col: Integers) -> Float32:
        found: Float32 = flat[row.clip(0, rows - 1) * cols + col % cols].astype(np.float32)
        return found

    upper = pixels(top, left) * (1 - right) + pixels(top, left + 1) * right
    lower = pixels(top + 1, left) * (1 - right) + pixels(top + 1, left + 1) * right
    read: Float32 = upper * (1 - down) + lower * down
    return read


def _moved(lonlat: Floats, direction: tuple[float, float], kilometres: float) -> Floats:
    """Places moved east or north; over a pole, down the meridian behind it."""
    east, north = (part * kilometres / KM_PER_DEGREE for part in direction)
    lats = lonlat[:, 1] + north
    lons = lonlat[:, 0] + east / np.maximum(np.cos(np.deg2rad(lonlat[:, 1])), 0.02)
    beyond = np.abs(lats) > 90
    lats = np.where(beyond, np.copysign(180.0, lats) - lats, lats)
    lons = np.where(beyond, lons + 180, lons)
    return np.stack([np.remainder(lons + 180, 360) - 180, lats], axis=1)


@dataclass(frozen=True)
class Targets:
    """From an eye's numbers to what is predicted: standardised, rotated, softly whitened.

    Components are divided by the fourth root of their variance, so that the many small ones count,
    but less than the few large ones; together they have variance `weight`.
    """

    mean: Float32
    deviation: Float32
    axes: Float32

    @classmethod
    def of(cls, numbers: Float32, components: int, weight: float) -> Targets:
        """The targets for numbers (N, numbers) of places like those to come."""
        mean = numbers.mean(axis=0, dtype=np.float64)
        deviation = numbers.std(axis=0, dtype=np.float64) + 1e-6
        scaled = ((numbers - mean) / deviation).clip(-_LARGEST_DEVIATIONS, _LARGEST_DEVIATIONS)
        variances, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
        count = min(components, len(variances))
        kept, axes = variances[::-1][:count], axes[:, ::-1][:, :count]
        soft = np.maximum(kept, 1e-9) ** -0.25
        soft *= np.sqrt(weight / (kept * soft**2).sum())
        shapes = mean, deviation, axes * soft
        return cls(*(part.astype(np.float32) for part in shapes))

    def __call__(self, numbers: Float32) -> Float32:
        """(N, numbers) -> (N, components)."""
        scaled = (numbers - self.mean) / self.deviation
        seen: Float32 = scaled.clip(-_LARGEST_DEVIATIONS, _LARGEST_DEVIATIONS) @ self.axes
        return seen


Look = Callable[[Floats], Float32]


def look_through(pyramids: Mapping[str, Pyramid], targets: Mapping[str, Targets]) -> Look:
    """All eyes at once: (N, 2) degrees -> (N, predictions)."""

    def look(lonlat: Floats) -> Float32:
        return np.concatenate(
            [targets[name](pyramid.at(lonlat)) for name, pyramid in pyramids.items()], axis=1
        )

    return look
