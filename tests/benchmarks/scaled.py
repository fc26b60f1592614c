"""How fast UniGeoCLIP's encoder is on a grid, in numpy, beside what this machine's products allow.

    python tests/benchmarks/scaled.py

Weights are seeded noise: speed does not depend on their values. A pixel of width 192 and depth 4
costs 24 million multiplications and additions with four registers and an MLP four times as wide,
as published; the table says how that falls with fewer of both.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
from engine import REST_SECONDS, seconds, sgemm_rate

from satclip_core.compute.threads import available_threads
from satclip_core.encoder import EncoderConfig, LocationEncoder
from satclip_core.encoder.fourier import ScaledFourierSettings
from satclip_core.encoder.networks import NETWORKS
from satclip_core.encoder.transformer import TransformerSettings

DIM, TOKENS = 256, 4
# Width, depth, registers, width of the MLP in widths of a token.
SHAPES = (
    (192, 4, 4, 4.0), (192, 4, 1, 4.0), (192, 4, 1, 2.0), (192, 4, 0, 2.0), (192, 4, 0, 1.0),
    (192, 2, 1, 2.0), (96, 4, 1, 2.0), (96, 4, 0, 2.0),
)  # fmt: skip


def encoder(width: int, depth: int, registers: int, ratio: float) -> LocationEncoder:
    """Seeded weights of a shape; heads of 32 numbers."""
    fourier = ScaledFourierSettings(frequencies=width // 2)
    shape = TransformerSettings(TOKENS, registers, depth, width // 32, ratio)
    rng = np.random.default_rng(0)
    weights = {
        p.name: rng.uniform(-1, 1, p.shape) * (p.bound or 0.02) + p.constant
        for p in NETWORKS["transformer"].parameters(TOKENS * width, DIM, shape)
    }
    return LocationEncoder(EncoderConfig("scaledfourier", "transformer", fourier, shape), weights)


def flop(width: int, depth: int, registers: int, ratio: float) -> float:
    """Of the matrix products of a pixel, as `transformer` computes them."""
    total = 2.0 * width * DIM
    for block in range(depth):
        every = TOKENS + registers
        kept = TOKENS if block == depth - 1 else every
        projections = 2 * every + kept  # keys and values of all, queries of those kept
        total += 2 * width * width * (projections + kept + 2 * ratio * kept)
        total += 2 * 2 * kept * every * width
    return total


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=128)
    options = parser.parse_args()
    lons, lats = np.linspace(5, 17, options.side), np.linspace(48, 44, options.side)
    print(f"{available_threads()} threads, {options.side} x {options.side} pixels\n")
    print("| width | depth | registers | MLP | MFLOP/px | px/s | sgemm would allow | share |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for shape in SHAPES:
        made, cost = encoder(*shape), flop(*shape)
        made.encode_grid(lons[:8], lats[:8])
        rates, bounds = [], []
        for _ in range(options.rounds):
            bounds.append(sgemm_rate() / cost)
            time.sleep(REST_SECONDS)
            taken = seconds(lambda made=made: made.encode_grid(lons, lats))
            rates.append(options.side**2 / taken)
        rate, bound = statistics.median(rates), statistics.median(bounds)
        width, depth, registers, ratio = shape
        print(
            f"| {width} | {depth} | {registers} | {ratio:g} | {cost / 1e6:.1f} | {rate:,.0f} "
            f"| {bound:,.0f} | {rate / bound:.0%} |"
        )


if __name__ == "__main__":
    main()
