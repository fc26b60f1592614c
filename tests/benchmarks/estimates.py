"""How right `--dry-run` is: what it says of a raster, over what making the raster takes.

    python tests/benchmarks/estimates.py [--rounds 2] [--page docs]

Rasters of a few seconds, of each format and kind, are made by this process and by the workers of a
Dask cluster of this machine, one for each core. Estimates and runs take turns, and the median of
their ratios counts: who else is on the machine slows down both. Workers have the model open, as
they have in a run of any length. With `--page` the table goes into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maps.page import replace_part
from measuring import machine, rounded

from satclip_core.compute.threads import available_threads
from satclip_core.grid import Grid
from satclip_core.products import EmbeddingOf, SimilarityTo
from satclip_core.raster import RasterRequest, WriteOptions

_SUFFIXES = {"zarr": ".zarr", "gtiff": ".tif", "cogs": ""}


@dataclass(frozen=True)
class Case:
    """A raster.

    Attributes:
        name: in the table.
        bounds: west, south, east, north.
        res: degrees.
        product: what it shows.
        format: that it is written in.
        mask: of its places.
    """

    name: str
    bounds: tuple[float, float, float, float]
    res: float
    product: Any
    format: str
    mask: str | None = None

    def request(self) -> RasterRequest[Any]:
        """As the command line would ask for it."""
        grid = Grid.from_bounds(self.bounds, self.res)
        options = WriteOptions(format=self.format, overwrite=True)
        return RasterRequest(grid, self.product, mask=self.mask, options=options)


_PLACE = SimilarityTo(((9.0, 48.0),))
CASES = (
    Case("float32, 16 dimensions, COGs", (0, 47, 20, 53), 0.01, EmbeddingOf(dims=16), "cogs"),
    Case("similarity, COGs, land", (-20, 35, 61.92, 45), 0.01, _PLACE, "cogs", "land"),
    Case("uint8, Zarr, land", (-10, 35, 30, 60), 0.04, EmbeddingOf("uint8"), "zarr", "land"),
    Case("uint8, Zarr", (5, 43, 15.24, 48.12), 0.01, EmbeddingOf("uint8"), "zarr"),
    Case("float32, 64 dimensions, GeoTIFF", (5, 43, 13, 50), 0.01, EmbeddingOf(dims=64), "gtiff"),
)


@dataclass(frozen=True)
class Found:
    """Of one case, medians over all rounds.

    Attributes:
        seconds: that it was estimated to take.
        here: estimated over measured, by this process.
        there: the same by workers; None for what one process writes.
        bytes: estimated over written.
    """

    seconds: float
    here: float
    there: float | None
    bytes: float


def size_of(path: Path) -> int:
    """Bytes of a file, or of what a folder holds."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def measured(case: Case, rounds: int, folder: Path, scheduler: str | None) -> Found:
    """Estimate and make a raster, in turns."""
    job = case.request().prepare()
    target = folder / f"raster{_SUFFIXES[case.format]}"
    on_cluster = scheduler if case.format != "gtiff" else None

    def seconds_of(**options: Any) -> float:
        start = time.perf_counter()
        job.write(target, **options)
        return time.perf_counter() - start

    seconds_of()  # what only the first run pays for, here and in the workers
    if on_cluster is not None:
        seconds_of(scheduler=on_cluster)
    said, here, there, sizes = [], [], [], []
    for _ in range(rounds):
        guess = job.estimate(case.format)
        said.append(guess.seconds)
        here.append(guess.seconds / seconds_of())
        sizes.append(guess.bytes / size_of(target))
        if on_cluster is not None:
            there.append(job.estimate(case.format).seconds / seconds_of(scheduler=on_cluster))
    return Found(
        statistics.median(said),
        statistics.median(here),
        statistics.median(there) if there else None,
        statistics.median(sizes),
    )


def table(found: dict[str, Found], about: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        f"{about['processor']}, {about['cores']} cores, load {about['load before']} when it began.",
        "",
        "| raster | estimated | over measured | over measured, on workers | bytes |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, one in found.items():
        there = "" if one.there is None else rounded(one.there)
        lines.append(
            f"| {name} | {rounded(one.seconds)} s | {rounded(one.here)} | {there} | "
            f"{rounded(one.bytes)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES])
    parser.add_argument("--page", type=Path, metavar="DOCS", help="folder of benchmarks.md")
    options = parser.parse_args()
    from distributed import LocalCluster

    about, found = machine(), {}
    workers = {"n_workers": available_threads(), "threads_per_worker": 1, "silence_logs": 50}
    with (
        LocalCluster(dashboard_address=None, **workers) as cluster,
        tempfile.TemporaryDirectory() as folder,
    ):
        for case in CASES:
            if options.only is None or case.name in options.only:
                address = cluster.scheduler_address
                found[case.name] = measured(case, options.rounds, Path(folder), address)
                print(case.name, found[case.name], flush=True)
                if options.page is not None:
                    page = options.page / "benchmarks.md"
                    replace_part(page, "estimates", table(found, about))
    print(table(found, about))


if __name__ == "__main__":
    main()
