"""An encoder of two parts against its smooth part alone, in one run: pixels a second, and ratios.

    python tests/benchmarks/two_part.py [MODEL]

The smooth part is the model that was bundled before, but for its last layer: 144 of 256 dimensions.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

import satclip_core as sc
from satclip_core.encoder import TwoPartEncoder

REPEATS = 3


def seconds(work: Callable[[], object]) -> float:
    """The fastest of a few runs."""
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Measure grids of 512 × 512 pixels."""
    encoder = sc.load_encoder(*sys.argv[1:2])
    assert isinstance(encoder, TwoPartEncoder)
    for step in (0.1, 0.05, 0.02):
        lons, lats = 5 + np.arange(512) * step, 10 + np.arange(512) * step
        few = lats[:128]
        encoder.encode_grid(lons, lats)
        fine = seconds(partial(encoder.encode_grid, lons, lats))
        smooth = seconds(partial(encoder.smooth.encode_grid, lons, few)) * 4
        exact = seconds(partial(encoder.encode_grid, lons, few, exact=True)) * 4
        print(
            f"{step}°: {512**2 / fine:,.0f} px/s; {smooth / fine:.1f} times the smooth part alone "
            f"({512**2 / smooth:,.0f} px/s); exact {512**2 / exact:,.0f} px/s"
        )
    grid = sc.Grid.from_bounds((5, 10, 30.6, 35.6), 0.05)
    product = sc.Similarity.to(encoder, [(9.2, 12.1)])
    taken = seconds(lambda: sc.raster_array(grid, product, encoder))
    before = sc.Similarity.to(encoder.smooth, [(9.2, 12.1)])
    rows = sc.Grid.from_bounds((5, 10, 30.6, 16.4), 0.05)
    slow = seconds(lambda: sc.raster_array(rows, before, encoder.smooth)) * 4
    print(
        f"similarity at 0.05°: {grid.pixels / taken:,.0f} px/s, {slow / taken:.1f} times "
        "the smooth part alone"
    )


if __name__ == "__main__":
    main()
