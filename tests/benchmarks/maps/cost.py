"""What maps from samples cost as whole processes: time of the wall and of processors, memory.

    python tests/benchmarks/maps/cost.py

`satclip map` by `auto` with `--uncertainty`: from 1,000 samples to 1,000 × 1,000 pixels, and from
100,000 samples to 100 × 100. Samples are made up: waves of the place, with noise. docs/maps.md has
the table. It takes some minutes.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from page import replace_part

# What is promised: minutes of the wall on two cores, and bytes.
MINUTE, GIGABYTES = 60.0, 2.0
# West, south, east, north.
EXTENT = (0.0, 35.0, 20.0, 55.0)


@dataclass(frozen=True)
class Cost:
    """Of one process: seconds of the wall and of processors, and peak resident memory in GB."""

    samples: int
    side: int
    wall: float
    processors: float
    memory: float


def write_samples(path: Path, count: int) -> None:
    """Waves of some five degrees, which no model knows, and noise of a tenth of their spread."""
    random = np.random.default_rng(count)
    lonlat = random.uniform(EXTENT[:2], EXTENT[2:], (count, 2))
    waves, phases = random.normal(size=(40, 2)) * 1.2, random.uniform(0, 2 * np.pi, 40)
    values = np.cos(lonlat @ waves.T + phases).sum(axis=1) / np.sqrt(20)
    values += random.normal(0, 0.1, count)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["lon", "lat", "value"])
        rows.writerows(np.column_stack([lonlat, values]).tolist())


def measured(samples: int, side: int, folder: Path) -> Cost:
    """A map as the command line makes it, threads as they come."""
    table = folder / f"{samples}.csv"
    write_samples(table, samples)
    resolution = (EXTENT[2] - EXTENT[0]) / side
    command = [sys.executable, "-m", "satclip_cli", "map", str(table), "--column", "value"]
    command += ["--uncertainty", "--bbox", *map(str, EXTENT), "--res", str(resolution), "-q"]
    start = time.perf_counter()
    process = subprocess.Popen([*command, "-o", str(folder / f"{samples}.tif")])
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    # Kilobytes on Linux.
    return Cost(samples, side, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6)


def table(costs: list[Cost]) -> str:
    """All numbers, for people."""
    lines = [
        "| samples | pixels | seconds | processor seconds | peak memory |",
        "|---|---|---|---|---|",
    ]
    for cost in costs:
        lines.append(
            f"| {cost.samples:,} | {cost.side:,} × {cost.side:,} | {cost.wall:.0f} "
            f"| {cost.processors:.0f} | {cost.memory:.2f} GB |"
        )
    return "\n".join(lines)


def main() -> None:
    """Both maps; an exit status of 1 where one takes more than is promised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        costs = [measured(1_000, 1_000, Path(folder)), measured(100_000, 100, Path(folder))]
    print(table(costs))
    replace_part(options.docs / "maps.md", "cost", table(costs))
    # On a busy machine the wall says what others do: of two cores, two minutes of processors.
    quick = min(costs[0].wall, costs[0].processors / 2) <= MINUTE
    raise SystemExit(0 if quick and costs[1].memory <= GIGABYTES else 1)


if __name__ == "__main__":
    main()
