"""What `python tests/benchmarks` measures: points, grids, writers, start-up, and more."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import raster as processes
from engine import FLOP_PER_PIXEL, published_size_encoder
from measuring import Figure, in_turn

import satclip_core as sc
from satclip_core.compute.threads import available_threads, for_each
from satclip_core.encoder import EncoderConfig, LocationEncoder
from satclip_core.encoder.encodings import ENCODINGS, EncodingSettings
from satclip_core.encoder.networks import forward
from satclip_core.grid import Grid
from satclip_core.products import Embedding, Rgb, RgbBasis
from satclip_core.products.embedding import EmbeddingOf
from satclip_core.products.product import Product, Wanted
from satclip_core.raster import RasterRequest, WriteOptions
from satclip_core.raster.formats import COG, GTIFF, ZARR
from satclip_core.raster.writer import open_writer

FOLDER = Path(__file__).parent
TOLERANCE = 1e-4
# SIREN's first layer starts with sines of a sixth of a radian; those of a published encoder of L 10
# run over 0.73, 0.48 of it from the upper third of the degrees. Five times as strong they have 0.8,
# 0.5 of it from there.
_AS_TRAINED = 5.0
_SMALL, _HIDDEN = 10, 512
# Points all over the Earth, as of a large table.
_ANYWHERE = 262_144


def smooth_encoder(degree: int) -> LocationEncoder:
    """Siren(SH), hidden 512, 256 dimensions: seeded noise, as rough as a trained one or more."""
    made = published_size_encoder()
    weights = dict(made.weights)
    rng = np.random.default_rng(degree)
    for name, shape in (("weight", (_HIDDEN, degree**2)), ("bias", (_HIDDEN,))):
        weights[f"layers.0.{name}"] = rng.uniform(-1, 1, shape) * _AS_TRAINED / degree**2
    weights["layers.0.weight"] *= degree / 40
    return LocationEncoder(EncoderConfig(settings=EncodingSettings(degree)), weights)


def encoders() -> dict[str, LocationEncoder]:
    """Those measured, by what the table calls them."""
    return {
        "L 10": smooth_encoder(_SMALL),
        "L 40": smooth_encoder(40),
        "bundled": sc.load_encoder(),
    }


def straightforward(encoder: LocationEncoder, lonlat: np.ndarray) -> np.ndarray:
    """Features and network in float64, as one would write them down."""
    config = encoder.config
    features = ENCODINGS[config.encoding].features(lonlat, config.settings, np)
    return forward(config.network, encoder.weights, features)


def points(rounds: int) -> list[Figure]:
    """Scattered points, over the straightforward evaluation of as many."""
    random = np.random.default_rng(0)
    lonlat = random.uniform((-180, -80), (180, 80), (2048, 2))
    many = random.uniform((5, 45), (15, 55), (16_384, 2))
    turn, height = random.uniform(-1, 1, (2, _ANYWHERE))
    anywhere = np.column_stack([180 * turn, np.rad2deg(np.arcsin(height))])
    reference = "float64, as written down"
    found = []
    for name, encoder in encoders().items():
        smooth = getattr(encoder, "smooth", encoder)
        taken = in_turn(
            {
                "plain": partial(straightforward, smooth, lonlat),
                "encode": partial(encoder.encode, lonlat),
                "float32": partial(encoder.encode, lonlat, single=True),
                "many": partial(encoder.encode_many, many),
                "anywhere": partial(encoder.encode_many, anywhere),
            },
            rounds,
        )
        each = dict.fromkeys(taken, len(lonlat)) | {"many": len(many), "anywhere": len(anywhere)}
        for key, said in (
            ("encode", "anywhere"),
            ("float32", "anywhere, float32"),
            ("many", "of a country, `encode_many`"),
            ("anywhere", f"anywhere, {_ANYWHERE:,} by `encode_many`, once cells are known"),
        ):
            rate = each[key] / taken[key].processors
            ratio = rate / (each["plain"] / taken["plain"].processors)
            said = f"{name}, points {said}"
            found.append(Figure("points", said, rate, "a core and second", ratio, reference))
    return found


def sgemm_seconds(flop: float) -> Callable[[], None]:
    """Products of square matrices of so many operations, a thread for each core."""
    size = 768
    a, b = np.random.default_rng(1).random((2, size, size), np.float32)
    count = max(1, round(flop / (2 * size**3)))
    return lambda: for_each(lambda _: np.matmul(a, b), range(count), available_threads())


def grids(rounds: int) -> list[Figure]:
    """A block at 0.01°: exact, and within the tolerance; several products."""
    grid = Grid.from_bounds((5, 45, 7.56, 47.56), 0.01)
    few = Grid.from_bounds((5, 47, 7.56, 47.56), 0.01)
    found = []
    for name, encoder in encoders().items():
        lons, lats = 5 + 0.01 * np.arange(256), 47 - 0.01 * np.arange(56)
        lonlat = np.stack(np.meshgrid(lons[:64], lats[:16]), -1).reshape(-1, 2)
        smooth = getattr(encoder, "smooth", encoder)
        sample = np.random.default_rng(0).uniform((5, 45), (7.5, 47.5), (500, 2))
        products: dict[str, Product] = {
            "similarity": sc.Similarity.to(encoder, [(9.2, 48.5)]),
            "RGB": Rgb(RgbBasis.fit(encoder, sample)),
            "256 dimensions": Embedding(encoder.dim),
        }
        runs: dict[str, Callable[[], object]] = {
            "plain": partial(straightforward, smooth, lonlat),
            "sgemm": sgemm_seconds(FLOP_PER_PIXEL * few.pixels),
        }
        for said, product in products.items():
            for tolerance in (0.0, TOLERANCE):
                if tolerance == 0 or encoder.band_limited:
                    runs[f"{said} {tolerance}"] = partial(
                        sc.raster_array,
                        grid if tolerance else few,
                        product,
                        encoder,
                        tolerance=tolerance,
                    )
        taken = in_turn(runs, rounds)
        rates = {
            said: (grid if said.endswith(str(TOLERANCE)) else few).pixels / one.processors
            for said, one in taken.items()
        }
        plain = len(lonlat) / taken["plain"].processors
        for said in products:
            exact = rates[f"{said} 0.0"]
            found.append(
                Figure(
                    "grids, 0.01°",
                    f"{name}, {said}",
                    exact,
                    "px a core and second",
                    exact / plain,
                    "float64, as written down",
                )
            )
            within = rates.get(f"{said} {TOLERANCE}")
            if within is not None:
                name_within = f"{name}, {said}, tolerance {TOLERANCE:g}"
                ratio = within / exact
                found.append(
                    Figure(
                        "grids, 0.01°", name_within, within, "px a core and second", ratio, "exact"
                    )
                )
        if name == "L 40":
            ratio = rates["256 dimensions 0.0"] / rates["sgemm"]
            found.append(
                Figure(
                    "grids, 0.01°",
                    "L 40, what its products alone would take",
                    rates["sgemm"],
                    "px a core and second",
                    ratio,
                    "grid path over it",
                )
            )
    return found


def raw(path: Path, data: bytes) -> None:
    """Write bytes and hand them to the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def writers(rounds: int) -> list[Figure]:
    """256 bands of the bundled model, written: over raw bytes, and as a Zarr store."""
    made = Written(sc.load_encoder(), Embedding(256))
    data = os.urandom(made.spec.bytes)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs: dict[str, Callable[[], object]] = {
            "raw": lambda: raw(folder / "raw.bin", data),
            GTIFF: lambda: made.write(folder),
            COG: lambda: made.write(folder, COG),
            "end to end": lambda: made.job.write(folder / "whole.tif"),
        }
        if sys.version_info >= (3, 11):
            runs[ZARR] = lambda: made.job.write(folder / "whole.zarr")
        taken = in_turn(runs, rounds)
    size, unit = made.spec.bytes / 1e6, "MB a core and second"
    lines = [
        (f"{name}, 256 bands", one.processors, one.wall / taken["raw"].wall, "a raw write")
        for name, one in (("GeoTIFF", taken[GTIFF]), ("COG", taken[COG]))
    ]
    if ZARR in taken:
        one = taken[ZARR].processors
        ratio = one / taken["end to end"].processors
        lines.append(("computing into Zarr", one, ratio, "into a GeoTIFF"))
    return [
        Figure("writers", name, size / seconds, unit, ratio, reference)
        for name, seconds, ratio, reference in lines
    ]


class Written:
    """A raster of several blocks, of which one is computed while the one before is written.

    Args:
        encoder: what embeds.
        wanted: what of it.
        pixels: of 0.02 degrees, along a side.
    """

    def __init__(
        self, encoder: LocationEncoder, wanted: Wanted[Product], pixels: int = 512
    ) -> None:
        side = pixels * 0.02
        grid = Grid.from_bounds((5, 45, 5 + side, 45 + side), 0.02)
        options = WriteOptions(overwrite=True)
        self.job = RasterRequest(grid, wanted, options=options).prepare(encoder=encoder)
        self.spec = self.job.spec
        with closing(self.job.blocks(size=self.spec.block)) as made:
            self._blocks = list(made)

    def compute(self) -> None:
        """All blocks, which go nowhere."""
        with closing(self.job.blocks(size=self.spec.block)) as made:
            for _ in made:
                pass

    def write(self, folder: Path, format: str = GTIFF, **options: str) -> Path:
        """The blocks that are there already, into a file; gives it back."""
        path = folder / f"{format}.tif"
        spec = replace(self.spec, format=format, creation_options=options)
        with open_writer(path, spec, overwrite=True) as writer:
            for window, bands in self._blocks:
                writer.write(window, bands)
        return path


def end_to_end(rounds: int) -> list[Figure]:
    """Computing into a GeoTIFF: over the slower of both, of the wall, and over both apart."""
    bundled, large = sc.load_encoder(), smooth_encoder(40)
    similar = sc.Similarity.to(bundled, [(9.2, 48.5)])
    found = []
    for name, encoder, wanted in (
        ("bundled, 256 dimensions", bundled, EmbeddingOf()),
        ("bundled, 256 dimensions, int16", bundled, EmbeddingOf("int16")),
        ("bundled, similarity", bundled, similar),
        ("L 40, 256 dimensions", large, EmbeddingOf()),
        ("L 40, 256 dimensions, int16", large, EmbeddingOf("int16")),
    ):
        made = Written(encoder, wanted)
        with tempfile.TemporaryDirectory() as folder:
            taken = in_turn(
                {
                    "compute": made.compute,
                    "write": partial(made.write, Path(folder)),
                    "both": partial(made.job.write, Path(folder) / "whole.tif"),
                },
                rounds,
            )
        compute, write, both = taken["compute"], taken["write"], taken["both"]
        size = made.spec.bytes / 1e6
        apart = compute.processors + write.processors
        slower = max(compute.processors, write.processors)
        for said, value, unit, ratio, to in (
            ("", size / both.processors, "MB a core and second", both.processors / apart,
             "processor seconds of both apart"),
            (", of the wall", size / both.wall, "MB a second",
             both.wall / max(compute.wall, write.wall), "seconds of the slower of both"),
            (", if no processor ever waits", size / apart, "MB a core and second", apart / slower,
             "the slower of both"),
        ):  # fmt: skip
            found.append(Figure("end to end", f"GeoTIFF of {name}{said}", value, unit, ratio, to))
    return found


def start_up(rounds: int) -> list[Figure]:
    """Whole processes over a bare Python."""
    with tempfile.TemporaryDirectory() as name:
        runs: dict[str, Callable[[], object]] = {
            "bare": lambda: processes.run(sys.executable, "-c", "pass"),
            "satclip --help": lambda: processes.satclip("--help"),
            "a raster of 10 × 10 pixels": lambda: processes.raster(Path(name), 10),
        }
        least = {said: min(of_children(work) for _ in range(rounds)) for said, work in runs.items()}
    bare = least.pop("bare")
    return [
        Figure("start-up", said, seconds, "processor s", seconds / bare, "bare python")
        for said, seconds in least.items()
    ]


def of_children(work: Callable[[], object]) -> float:
    """Seconds of processors that the processes begun by some work took."""
    before = os.times()
    work()
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def training(rounds: int) -> list[Figure]:
    """An epoch of `pretraining.py`, of which the first warms up; minutes."""
    made = subprocess.run(
        [sys.executable, str(FOLDER / "pretraining.py"), "--epochs", str(rounds + 1)],
        check=False,  # its exit status says whether time and memory are in bounds
        capture_output=True,
        text=True,
    )
    if not made.stdout:
        raise SystemExit(made.stderr)
    said = json.loads(made.stdout)
    name = "an epoch of 100,000 places, L 40, batches of 8,192"
    share = 1 / said["share of sgemm"]
    return [
        Figure(
            "training", name, said["epoch, processor s"], "processor s", share, "its products alone"
        )
    ]


def maps(rounds: int) -> list[Figure]:
    """The two maps of `maps/cost.py`, over a similarity of as many pixels; minutes."""
    sys.path.append(str(FOLDER / "maps"))
    from cost import EXTENT, measured

    found = []
    for samples, side in ((1_000, 1_000), (100_000, 100)):
        with tempfile.TemporaryDirectory() as folder:
            cost = measured(samples, side, Path(folder))
            extent = ["--bbox", *map(str, EXTENT), "--res", str(20 / side)]
            words = ["similarity", "--to", "9", "48", *extent, "-o", str(Path(folder) / "out.tif")]
            plain = of_children(partial(processes.satclip, *words))
        name = f"`satclip map --uncertainty`, {samples:,} samples, {side} × {side} pixels"
        ratio = cost.processors / plain
        found.append(
            Figure("maps", name, cost.processors, "processor s", ratio, "similarity, same pixels")
        )
    return found


def faults(_rounds: int) -> list[Figure]:
    """Rasters that are killed while they are written, by tests/faults; minutes."""
    said = tested("faults", "-k", "kill", SATCLIP_FAULTS=20)
    found = np.array(re.findall(r"(\d+) kills, (\d+) too late", said), int)
    kills, late = found.sum(axis=0)
    return [
        Figure("faults", "rasters whole or not there, after all", float(kills), "kills"),
        Figure("faults", "of them before the raster was done", float(kills - late), "kills"),
    ]


def fuzz(_rounds: int) -> list[Figure]:
    """Inputs that make no sense, by tests/fuzz; minutes."""
    (tried,) = re.findall(
        r"(\d+) distinct inputs", tested("fuzz/test_fuzz_commands.py", SATCLIP_FUZZ=60)
    )
    name = "inputs of twelve kinds, done or one line, within 1 GB and 60 s"
    return [Figure("fuzz", name, int(tried), "distinct inputs")]


def tested(tests: str, *words: str, **environment: int) -> str:
    """What some tests print, with as much tried as the environment says; all must pass."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", str(FOLDER.parent / tests), *words]
    given = os.environ | {name: str(value) for name, value in environment.items()}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=given)
    if done.returncode:
        raise SystemExit(done.stdout)
    return done.stdout


QUICK = {
    "points": points,
    "grids": grids,
    "writers": writers,
    "end to end": end_to_end,
    "start-up": start_up,
}
LONG = {"training": training, "maps": maps, "faults": faults, "fuzz": fuzz}
"""What is measured, by name: a function of rounds. The long ones take minutes."""
