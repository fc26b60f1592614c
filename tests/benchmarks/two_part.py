"""An encoder of two parts against a smooth one, in one run: pixels a second, and ratios.

    python tests/benchmarks/two_part.py [MODEL [SMOOTH_MODEL]]

SMOOTH_MODEL is bundled-l30, the model that was bundled before; without it the smooth part stands
for it, which is that model but for its last layer: 144 of 256 dimensions. What a core does at that
time in products of matrices is told beside, at the beginning and at the end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

import satclip_core as sc
from satclip_core.compute.blas import product
from satclip_core.compute.threads import available_threads, one_blas_thread
from satclip_core.encoder import TwoPartEncoder
from satclip_core.products import Embedding, Rgb, RgbBasis

REPEATS = 3


def seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """The fastest of a few runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def multiply_adds() -> float:
    """Multiply-adds a second of one core, in products that stay in its cache."""
    a, b = np.ones((256, 256), np.float32), np.ones((256, 128), np.float32)
    with one_blas_thread():
        taken = seconds(lambda: [product(a, b) for _ in range(50)], 5)
    return 50 * 256 * 256 * 128 / taken


def grids(encoder: TwoPartEncoder, smooth: sc.LocationEncoder) -> None:
    """All dimensions of 512 × 512 pixels, at three resolutions; tiles of the lattice known."""
    for step in (0.1, 0.05, 0.02):
        lons, lats = 5 + np.arange(512) * step, 10 + np.arange(512) * step
        few = lats[:64]
        fine = seconds(partial(encoder.encode_grid, lons, lats))
        before = seconds(partial(smooth.encode_grid, lons, few)) * 8
        print(
            f"{step}°, all dimensions: {512**2 / fine:,.0f} px/s; {before / fine:.1f} times the "
            f"smooth model ({512**2 / before:,.0f} px/s)"
        )


def products(encoder: TwoPartEncoder, smooth: sc.LocationEncoder) -> None:
    """Rasters of Africa at 0.05° from nothing: similarity and RGB; tiles and all."""
    africa = sc.Grid.from_bounds((-20, -35, 52, 38), 0.05)
    rows = sc.Grid.from_bounds((-20, 0, 52, 3.2), 0.05)
    before = sc.Similarity.to(smooth, [(9.2, 12.1)])
    slow = seconds(lambda: sc.raster_array(rows, before, smooth), 1) * africa.pixels / rows.pixels
    places = np.random.default_rng(0).uniform((-20, -35), (52, 38), (2000, 2))
    for name, made in (
        ("similarity", sc.Similarity.to(encoder, [(9.2, 12.1)])),
        ("RGB", Rgb(RgbBasis.fit(encoder, places))),
        ("16 dimensions", Embedding(16, total=encoder.dim)),
    ):
        taken = seconds(lambda made=made: sc.raster_array(africa, made, encoder), 1)
        print(
            f"Africa at 0.05°, {name}: {africa.pixels / taken:,.0f} px/s, {slow / taken:.1f} "
            f"times a similarity by the smooth model ({africa.pixels / slow:,.0f} px/s)"
        )


def points(encoder: TwoPartEncoder) -> None:
    """Scattered places: of a country, and of the whole Earth."""
    random = np.random.default_rng(0)
    for name, low, high in (
        ("a country", (5, 45), (15, 55)),
        ("the Earth", (-180, -80), (180, 80)),
    ):
        places = random.uniform(low, high, (32_768, 2))
        fast = seconds(partial(encoder.encode_many, places), 2)
        exact = seconds(partial(encoder.encode, places[:2048]), 2) * 16
        print(
            f"places of {name}: {len(places) / fast:,.0f} a second, {exact / fast:.1f} times as "
            "each by itself"
        )


def main() -> None:
    """Measure everything."""
    encoder = sc.load_encoder(*sys.argv[1:2])
    assert isinstance(encoder, TwoPartEncoder)
    smooth = sc.load_encoder(sys.argv[2]) if len(sys.argv) > 2 else encoder.smooth
    bound = multiply_adds()
    print(f"{available_threads()} cores, each {bound / 1e9:.0f} billion multiply-adds a second")
    grids(encoder, smooth)
    products(encoder, smooth)
    points(encoder)
    print(f"at the end {multiply_adds() / 1e9:.0f} billion multiply-adds a second")


if __name__ == "__main__":
    main()
