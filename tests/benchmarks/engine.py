"""How fast the encoder is, as ratios to what this machine can do, all measured in one run.

    python tests/benchmarks/engine.py

The weights are seeded noise of the published size (L 40, hidden 512): speed does not depend
on their values. Each ratio is the median over rounds in which both sides are measured in turn,
so that a machine that is slowed down by its neighbours slows down both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np

from satclip_core.compute.threads import available_threads, for_each
from satclip_core.encoder import EncoderConfig, LocationEncoder
from satclip_core.encoder.encodings import EncodingSettings

DEGREE, HIDDEN, DIM = 40, 512, 256
# Multiplications and additions a pixel once the first layer is folded by row.
FLOP_PER_PIXEL = 2 * ((2 * DEGREE - 1) * HIDDEN + HIDDEN**2 + HIDDEN * DIM)


def published_size_encoder() -> LocationEncoder:
    """Siren(SH) with L 40 and hidden 512; seeded weights, for timing only."""
    rng = np.random.default_rng(0)

    def uniform(bound: float, *shape: int) -> np.ndarray:
        return rng.uniform(-bound, bound, shape)

    later = (6 / HIDDEN) ** 0.5
    weights = {
        "layers.0.weight": uniform(1 / DEGREE**2, HIDDEN, DEGREE**2),
        "layers.0.bias": uniform(1 / DEGREE**2, HIDDEN),
        "layers.1.weight": uniform(later, HIDDEN, HIDDEN),
        "layers.1.bias": uniform(later, HIDDEN),
        "last_layer.weight": uniform(later, DIM, HIDDEN),
        "last_layer.bias": uniform(later, DIM),
    }
    return LocationEncoder(EncoderConfig(settings=EncodingSettings(DEGREE)), weights)


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# BLAS' own threads spin for a while after a product, on the processors that are measured next.
REST_SECONDS = 0.5
# Products in a row, and blocks in a row: both sides run for about a second.
PRODUCTS = 16
BLOCKS = 8


def sgemm_rate() -> float:
    """FLOP/s of float32 matrix products: the better of BLAS' own threads and one each."""
    size = 1536
    a, b = np.random.default_rng(1).random((2, size, size), np.float32)
    out = [np.empty((size, size), np.float32) for _ in range(available_threads())]
    flop = 2 * size**3

    def repeat(result: np.ndarray) -> None:
        for _ in range(PRODUCTS):
            np.matmul(a, b, out=result)

    own = flop * PRODUCTS / seconds(lambda: repeat(out[0]))
    time.sleep(REST_SECONDS)
    return max(own, flop * PRODUCTS * len(out) / seconds(lambda: for_each(repeat, out)))


def measure(rounds: int) -> dict[str, float]:
    """Rates and ratios, medians over `rounds`."""
    encoder = published_size_encoder()
    # Blocks of the size that a raster is computed in: 64 MB of embeddings.
    lons, lats = np.linspace(-10, 30, 256), np.linspace(60, 35, 256)
    few = np.stack(np.meshgrid(lons[:64], lats[:64]), axis=-1).reshape(-1, 2)
    pixels = len(lons) * len(lats) * BLOCKS
    encoder.encode_grid(lons, lats)

    def blocks() -> None:
        for _ in range(BLOCKS):
            encoder.encode_grid(lons, lats)

    grid, bound, plain = [], [], []
    for _ in range(rounds):
        before = sgemm_rate()
        encoder.encode_grid(lons, lats)  # memory is at hand again, as in the midst of a raster
        grid.append(pixels / seconds(blocks))
        bound.append((before + sgemm_rate()) / 2 / FLOP_PER_PIXEL)
        plain.append(len(few) / seconds(lambda: encoder.encode(few)))
    return {
        "grid path, px/s": statistics.median(grid),
        "sgemm bound, px/s": statistics.median(bound),
        "float64 point by point, px/s": statistics.median(plain),
        "grid path / sgemm bound": statistics.median(g / b for g, b in zip(grid, bound)),
        "grid path / float64 points": statistics.median(g / p for g, p in zip(grid, plain)),
    }


def main() -> None:
    """Measure and print, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    result = measure(parser.parse_args().rounds)
    print(json.dumps({"threads": available_threads(), **result}, indent=1))


if __name__ == "__main__":
    main()
