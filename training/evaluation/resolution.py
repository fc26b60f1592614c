"""What an encoder resolves, measured: how much of what differs between near places it explains.

For places a distance apart, the difference of what images show there is compared with the
difference of what a ridge regression reads from the embeddings, fitted at other places. Where half
of the squared difference is explained, the encoder resolves that distance. And how much of what
varies within boxes of some size it explains: of images, and of the classes of a land cover.

    python -m satclip_training.evaluation.resolution --model MODEL --images 'GLOB' --land-mask FILE
        [--classes FILE]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from satclip_core.analysis.linear import Ridge
from satclip_core.errors import SatclipError
from satclip_core.grid.sphere import EARTH_KM
from satclip_core.types import Bools, Floats, Integers

from ..images.decoding import DecodeRequest, open_raster
from ..places.land_mask import read_land_mask
from ..places.sampling import sample_points
from ..settings.run_files import locations

GLOBE = (-180.0, -90.0, 180.0, 90.0)
KM_PER_DEGREE = np.pi / 180 * EARTH_KM

DISTANCES = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 300.0)
"""Kilometres."""
_FITTED, _COMPARED = 30_000, 4_000
_PENALTY = 1e-4
_LATITUDES = (-56.0, 72.0)
_HALF = 0.5

BOXES = (3.0, 1.0, 0.3, 0.1)
"""Degrees of latitude; to the east as many kilometres."""
_BOXES_OF_A_SIZE, _PLACES_IN_A_BOX = 400, 25

Embed = Callable[[Floats], ArrayLike]
Show = Callable[[Floats], Floats]
"""What is there at places: (N, 2) degrees -> (N, numbers)."""


def shown_by_images(images: Sequence[Path], scratch: Path) -> Show:
    """What images show, all their bands; rasters of the globe, decoded below `scratch`."""
    rasters = [open_raster(DecodeRequest(path, GLOBE), scratch) for path in images]

    def show(lonlat: Floats) -> Floats:
        parts = []
        for raster in rasters:
            row, col = (np.asarray(x)[:, None, None] for x in raster.place(*lonlat.T))
            parts.append(raster.gather(row, col, bilinear=True)[0][:, 0, 0])
        return np.concatenate(parts, axis=1).astype(np.float64)

    return show


def shown_by_classes(classes: Path, scratch: Path) -> Show:
    """Which class of a raster a place is: a column for each class, 1 where it is that one."""
    raster = open_raster(DecodeRequest(classes, GLOBE), scratch)
    known = np.unique(raster.array[::7, ::7])

    def show(lonlat: Floats) -> Floats:
        row, col = (np.asarray(x)[:, None, None] for x in raster.place(*lonlat.T))
        found = raster.gather(row, col, bilinear=False)[0][:, 0, 0, 0]
        columns: Floats = (found[:, None] == known).astype(np.float64)
        return columns

    return show


class Reading:
    """What a ridge regression reads from embeddings of what is there, fitted at places of its own.

    Args:
        embed: (N, 2) degrees -> (N, dim).
        show: what is there; every number counts alike, by its deviation over land.
        land: which places are on land.
        seed: of the places.
        fitted: how many places it is fitted at.
        compared: how many pairs of places are compared at each distance.
    """

    def __init__(
        self,
        embed: Embed,
        show: Show,
        land: Callable[[Floats], Bools],
        seed: int = 20,
        *,
        fitted: int = _FITTED,
        compared: int = _COMPARED,
    ):
        self._embed, self._show, self._land, self._seed = embed, show, land, seed
        self._pairs = compared
        places = sample_points(fitted, seed=seed, is_land=land, latitude=_LATITUDES)
        numbers = show(places)
        self._deviation = numbers.std(axis=0) + 1e-9
        self._model = Ridge(np.asarray(embed(places)), numbers / self._deviation).solve(_PENALTY)

    def at(self, lonlat: Floats) -> tuple[Floats, Floats]:
        """What is at places (N, 2), and what is read there: (N, numbers) each."""
        read: Floats = self._model(np.asarray(self._embed(lonlat), np.float64))
        return self._show(lonlat) / self._deviation, read

    def explained_by_distance(self, distances: Sequence[float] = DISTANCES) -> dict[float, float]:
        """Share of squared differences that are explained, by distance in kilometres."""
        first = self._compared(self._pairs)
        angles = np.random.default_rng(self._seed).uniform(0, 2 * np.pi, len(first))
        here, read_here = self.at(first)
        shares = {}
        for kilometres in distances:
            there, read = self.at(_moved(first, angles, kilometres))
            change = there - here
            missed = change - (read - read_here)
            shares[kilometres] = float(1 - np.square(missed).sum() / np.square(change).sum())
        return shares

    def explained_in_boxes(self, sizes: Sequence[float] = BOXES) -> dict[float, float]:
        """Share of the variance within boxes that is explained, by their size in degrees.

        Boxes are drawn on land, and of the places in them those on land count.
        """
        middles = self._compared(_BOXES_OF_A_SIZE)
        random = np.random.default_rng(self._seed)
        within = random.uniform(-0.5, 0.5, (len(middles), _PLACES_IN_A_BOX, 2))
        shares = {}
        for size in sizes:
            away = within * size
            away[..., 0] /= np.cos(np.deg2rad(middles[:, 1]))[:, None]
            places = (middles[:, None] + away).reshape(-1, 2)
            places[:, 0] = np.remainder(places[:, 0] + 180, 360) - 180
            box = np.repeat(np.arange(len(middles)), _PLACES_IN_A_BOX)
            on_land = self._land(places)
            there, read = self.at(places[on_land])
            variance = np.square(_within(there, box[on_land])).sum()
            missed = np.square(_within(there - read, box[on_land])).sum()
            shares[size] = float(1 - missed / variance)
        return shares

    def _compared(self, count: int) -> Floats:
        """Places that are none of those fitted to."""
        return sample_points(count, seed=self._seed + 1, is_land=self._land, latitude=_LATITUDES)


def _within(numbers: Floats, box: Integers) -> Floats:
    """Numbers (N, numbers) less the mean of those in the same box (N,)."""
    count = np.maximum(np.bincount(box), 1)
    sums = np.stack([np.bincount(box, weights=column) for column in numbers.T], axis=1)
    centred: Floats = numbers - (sums / count[:, None])[box]
    return centred


def _moved(lonlat: Floats, angles: Floats, kilometres: float) -> Floats:
    degrees = kilometres / KM_PER_DEGREE
    lats = lonlat[:, 1] + degrees * np.sin(angles)
    lons = lonlat[:, 0] + degrees * np.cos(angles) / np.cos(np.deg2rad(lonlat[:, 1]))
    return np.stack([np.remainder(lons + 180, 360) - 180, lats], axis=1)


def resolved(explained: Mapping[float, float]) -> float | None:
    """The distance at which half is explained, interpolated in its logarithm; None if nowhere."""
    points = sorted(explained.items())
    if points[0][1] >= _HALF:
        return points[0][0]
    for (near, less), (far, more) in zip(points, points[1:]):
        if more >= _HALF:
            part = (_HALF - less) / (more - less)
            return round(float(near * (far / near) ** part), 2)
    return None


def told(shares: Mapping[float, float], unit: str) -> str:
    """Shares in one line."""
    return ", ".join(f"{size:g}{unit} {share:.2f}" for size, share in shares.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure models: prints, for each, the share explained by distance and what it resolves."""
    parser = argparse.ArgumentParser(prog="python -m satclip_training.evaluation.resolution",
                                     description=__doc__)  # fmt: skip
    parser.add_argument("--model", action="append", required=True, metavar="NAME|PATH")
    parser.add_argument("--images", required=True, metavar="GLOB", help="rasters of the globe")
    parser.add_argument("--land-mask", required=True, metavar="FILE")
    parser.add_argument("--classes", metavar="FILE", help="a raster of land-cover classes")
    parser.add_argument("--data-root", help="folder of these files (or SATCLIP_DATA)")
    options = parser.parse_args(arguments)
    from satclip_core.models.registry import load_encoder

    try:
        places = locations(Path("resolution"), options.data_root)
        land = read_land_mask(places.find(options.land_mask, "--land-mask"))
        shown = shown_by_images(places.find_all(options.images, "--images"), Path("."))
        classes = None
        if options.classes:
            classes = shown_by_classes(places.find(options.classes, "--classes"), Path("."))
        for name in options.model:
            embed = load_encoder(name).encode
            reading = Reading(embed, shown, land)
            shares = reading.explained_by_distance()
            print(f"{name}: resolves {resolved(shares)} km; {told(shares, ' km')}")
            print(f"  images within boxes: {told(reading.explained_in_boxes(), '°')}")
            if classes:
                cover = Reading(embed, classes, land).explained_in_boxes()
                print(f"  land cover within boxes: {told(cover, '°')}")
    except SatclipError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
