"""What an encoder resolves, measured: how much of what differs between near places it explains.

For places a distance apart, the difference of what images show there is compared with the
difference of what a ridge regression reads from the embeddings, fitted at other places. Where half
of the squared difference is explained, the encoder resolves that distance.

    python -m satclip_training.fine.resolution --model MODEL --images 'GLOB' --land-mask FILE
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
from satclip_core.types import Bools, Floats

from ..images.decoding import DecodeRequest, open_raster
from ..places.land_mask import read_land_mask
from ..places.sampling import sample_points
from ..settings.run_files import locations
from .eyes import GLOBE, KM_PER_DEGREE

DISTANCES = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 300.0)
"""Kilometres."""
_FITTED, _COMPARED = 30_000, 4_000
_PENALTY = 1e-4
_LATITUDES = (-56.0, 72.0)
_HALF = 0.5

Embed = Callable[[Floats], ArrayLike]


def explained_by_distance(
    embed: Embed,
    images: Sequence[Path],
    land: Callable[[Floats], Bools],
    scratch: Path,
    *,
    distances: Sequence[float] = DISTANCES,
    seed: int = 20,
) -> dict[float, float]:
    """Share of images' squared differences that embeddings explain, by distance in kilometres.

    Args:
        embed: (N, 2) degrees -> (N, dim).
        images: rasters of the globe; every band counts alike.
        land: which places are on land.
        scratch: folder for decoded rasters.
        distances: in kilometres.
        seed: of the places; those that are compared are none of those fitted to.
    """
    rasters = [open_raster(DecodeRequest(path, GLOBE), scratch) for path in images]

    def shown(lonlat: Floats) -> Floats:
        parts = []
        for raster in rasters:
            row, col = (np.asarray(x)[:, None, None] for x in raster.place(*lonlat.T))
            parts.append(raster.gather(row, col, bilinear=True)[0][:, 0, 0])
        return np.concatenate(parts, axis=1).astype(np.float64)

    fitted = sample_points(_FITTED, seed=seed, is_land=land, latitude=_LATITUDES)
    numbers = shown(fitted)
    deviation = numbers.std(axis=0) + 1e-9
    model = Ridge(np.asarray(embed(fitted)), numbers / deviation).solve(_PENALTY)
    first = sample_points(_COMPARED, seed=seed + 1, is_land=land, latitude=_LATITUDES)
    random = np.random.default_rng(seed)
    angles = random.uniform(0, 2 * np.pi, len(first))
    there = [first, *(_moved(first, angles, kilometres) for kilometres in distances)]
    seen = [shown(places) / deviation for places in there]
    read = [model(np.asarray(embed(places), np.float64)) for places in there]
    shares = {}
    for kilometres, truth, guess in zip(distances, seen[1:], read[1:]):
        change = truth - seen[0]
        missed = change - (guess - read[0])
        shares[kilometres] = float(1 - np.square(missed).sum() / np.square(change).sum())
    return shares


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure models: prints, for each, the share explained by distance and what it resolves."""
    parser = argparse.ArgumentParser(prog="python -m satclip_training.fine.resolution",
                                     description=__doc__)  # fmt: skip
    parser.add_argument("--model", action="append", required=True, metavar="NAME|PATH")
    parser.add_argument("--images", required=True, metavar="GLOB", help="rasters of the globe")
    parser.add_argument("--land-mask", required=True, metavar="FILE")
    parser.add_argument("--data-root", help="folder of these files (or SATCLIP_DATA)")
    options = parser.parse_args(arguments)
    from satclip_core.models.registry import load_encoder

    try:
        places = locations(Path("resolution"), options.data_root)
        land = read_land_mask(places.find(options.land_mask, "--land-mask"))
        images = places.find_all(options.images, "--images")
        for name in options.model:
            shares = explained_by_distance(load_encoder(name).encode, images, land, Path("."))
            line = "  ".join(f"{km:g} km {share:.2f}" for km, share in shares.items())
            print(f"{name}: resolves {resolved(shares)} km; {line}")
    except SatclipError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
