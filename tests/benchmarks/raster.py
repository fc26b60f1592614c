"""What a raster costs as a whole process, as ratios measured in one run.

    python tests/benchmarks/raster.py [--size 768] [--folder DIR]

- bytes/s of `satclip raster` (uncompressed size over wall-clock time) over a raw write of as
  many bytes to the same folder;
- peak memory at two sizes, one four times the other: the same, if memory does not grow;
- start-up: `satclip --help` and a 10 × 10 raster over a bare `python -c pass`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DIM = 256
BYTES_PER_PIXEL = 4 * DIM


def run(*command: str) -> tuple[float, float]:
    """Wall-clock seconds and peak memory (MB) of a process that must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} failed: {errors.decode()}")
    return elapsed, usage.ru_maxrss / 1024


def satclip(*words: str) -> tuple[float, float]:
    """The command line of this checkout."""
    return run(sys.executable, "-m", "satclip_cli", *words)


def raster(folder: Path, size: int, *words: str) -> tuple[float, float]:
    """A square raster of `size` pixels over Europe."""
    target = str(folder / "out.tif")
    extent = ["--bbox", "0", "35", "20", "55", "--res", repr(20 / size)]
    return satclip("raster", *extent, "-o", target, "--overwrite", *words)


def raw_write(folder: Path, count: int) -> float:
    """Seconds to write `count` random bytes and hand them to the disk."""
    chunk = os.urandom(2**24)
    start = time.perf_counter()
    with (folder / "raw.bin").open("wb") as file:
        for _ in range(count // len(chunk)):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - start


def measure(folder: Path, size: int, rounds: int) -> dict[str, float]:
    """All figures; medians over `rounds`."""
    count = size * size * BYTES_PER_PIXEL
    speeds, raws = [], []
    for _ in range(rounds):
        raws.append(count / raw_write(folder, count))
        seconds, memory = raster(folder, size)
        speeds.append(count / seconds)
    _, larger = raster(folder, 2 * size)
    bare = statistics.median(run(sys.executable, "-c", "pass")[0] for _ in range(9))
    shown = statistics.median(satclip("--help")[0] for _ in range(9))
    small = statistics.median(raster(folder, 10)[0] for _ in range(9))
    return {
        "raster, MB/s uncompressed": statistics.median(speeds) / 1e6,
        "raw write, MB/s": statistics.median(raws) / 1e6,
        "raster / raw write": statistics.median(s / r for s, r in zip(speeds, raws)),
        f"peak memory at {size} x {size}, MB": memory,
        f"peak memory at {2 * size} x {2 * size}, MB": larger,
        "bare python, s": bare,
        "satclip --help, s": shown,
        "10 x 10 raster, s": small,
        "satclip --help / bare python": shown / bare,
        "10 x 10 raster / bare python": small / bare,
    }


def main() -> None:
    """Measure and print, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=768, help="pixels along a side")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder if absent")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        print(json.dumps(measure(Path(folder), options.size, options.rounds), indent=1))


if __name__ == "__main__":
    main()
