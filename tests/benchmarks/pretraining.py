"""How long an epoch of contrastive pretraining takes, and how much memory, at the published size.

    python tests/benchmarks/pretraining.py [--loss siglip] [--precision bf16-mixed]

100,000 places with 256 cached features in four views (seeded noise: speed does not depend on
their values), batches of 8,192 that are all negatives of each other, L 40, hidden 512. Seconds
are of whole epochs of `satclip train`'s own loop without validation and probes; the harmonics of
all places are computed once before and reported apart. Peak memory is the process' own, with the
pages of the cache that lie in memory.

On a machine that others use too, wall-clock seconds say little: processor seconds come beside
them, and the share is of processor seconds, too: those that the matrix products of an epoch would
take at the rate of large float32 products, measured between the epochs, of those it took.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch

from satclip_training.images.views import CachedViews
from satclip_training.places.batches import Pairs
from satclip_training.run.loop import Pretraining
from satclip_training.settings.config import (
    ModelSettings,
    SourceSettings,
    TrainConfig,
    TrainingSettings,
)

POINTS, FEATURES, VIEWS, BATCH = 100_000, 256, 4, 8192
DEGREE, HIDDEN, DIM = 40, 512, 256
LIMIT_SECONDS, LIMIT_GB = 30.0, 6.0
PRODUCTS = 5


def multiplications(config: TrainConfig, steps: int) -> float:
    """Floating-point operations of the matrix products in an epoch."""
    first, later = DEGREE**2 * HIDDEN, HIDDEN**2 + HIDDEN * DIM
    # Forwards, weights' gradients; inputs' gradients behind the first layer.
    pair = 2 * (2 * first + 3 * later + 2 * FEATURES * DIM)
    # Similarities twice for CLIP, once for SigLIP; gradients of both sides.
    products = 3 if config.training.loss == "siglip" else 4
    return steps * (BATCH * pair + products * 2 * BATCH**2 * DIM)


def sgemm_rate() -> float:
    """FLOP of float32 matrix products in a processor second."""
    a, b = torch.randn(2, 2048, 2048).unbind()
    out = torch.empty_like(a)
    torch.mm(a, b, out=out)
    start = time.process_time()
    for _ in range(PRODUCTS):
        torch.mm(a, b, out=out)
    return PRODUCTS * 2 * 2048**3 / (time.process_time() - start)


class Clock(lightning.Callback):
    """Seconds of every epoch, and the rate of matrix products before it."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.seconds: list[float] = []
        self.processor: list[float] = []
        self.before, self.processor_before = time.perf_counter(), time.process_time()
        self.harmonics = 0.0

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """The harmonics are there."""
        self.harmonics = time.perf_counter() - self.before

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        """Measure the machine, then start the clock."""
        self.rates.append(sgemm_rate())
        self.before, self.processor_before = time.perf_counter(), time.process_time()

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """Stop the clock."""
        self.seconds.append(time.perf_counter() - self.before)
        self.processor.append(time.process_time() - self.processor_before)


def cached_pairs(config: TrainConfig, folder: Path) -> Pairs:
    """Noise in a memory map, as a run's cache is."""
    rng = np.random.default_rng(0)
    file = folder / "features.f16"
    values = np.memmap(file, np.float16, "w+", shape=(VIEWS, POINTS, FEATURES))
    for view in values:
        view[:] = rng.standard_normal((POINTS, FEATURES), np.float32)
    values.flush()
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, POINTS)))
    lonlat = np.column_stack([rng.uniform(-180, 180, POINTS), lat])
    cache = np.memmap(file, np.float16, "r", shape=values.shape)
    return Pairs(lonlat, {"noise": CachedViews(cache)}, {"noise": 1.0}, config.training, 1)


def measure(config: TrainConfig) -> dict[str, Any]:
    """Seconds an epoch (the first is for warming up), peak memory, share of the sgemm rate."""
    with tempfile.TemporaryDirectory() as folder:
        pairs = cached_pairs(config, Path(folder))
        clock = Clock()
        trainer = lightning.Trainer(
            max_epochs=config.training.epochs, accelerator="cpu", devices=1, callbacks=[clock],
            precision=config.training.precision, logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0,
            default_root_dir=folder,
        )  # fmt: skip
        trainer.fit(Pretraining(config, pairs))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1e9 if sys.platform == "darwin" else 1e6 / 1.024
    )
    needed = multiplications(config, pairs.steps)
    shares = [needed / (s * rate) for s, rate in zip(clock.processor, clock.rates)][1:]
    processor = statistics.median(clock.processor[1:])
    return {
        "threads": torch.get_num_threads(),
        "load of the machine before": round(LOAD, 2),
        "steps an epoch": pairs.steps,
        "harmonics, s": round(clock.harmonics, 1),
        "epochs, s": [round(value, 1) for value in clock.seconds[1:]],
        "epoch, s": round(statistics.median(clock.seconds[1:]), 1),
        "epoch, processor s": round(processor, 1),
        "epoch, processor s / threads": round(processor / torch.get_num_threads(), 1),
        "sgemm, GFLOP a processor s": round(statistics.median(clock.rates[1:]) / 1e9, 1),
        "share of sgemm": round(statistics.median(shares), 2),
        "peak, GB": round(peak, 2),
    }


LOAD = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def main() -> int:
    """Measure and print, as JSON; the exit code says whether time and memory are in bounds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--loss", choices=("clip", "siglip"), default="clip")
    parser.add_argument("--precision", default="32-true")
    parser.add_argument("--rows", type=int, default=TrainingSettings.loss_rows)
    parser.add_argument("--epochs", type=int, default=4, help="the first is not counted")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    training = TrainingSettings(
        epochs=given.epochs, batch_size=BATCH, validation_fraction=0.0, loss=given.loss,
        loss_rows=given.rows, precision=given.precision,
    )  # fmt: skip
    model = ModelSettings(legendre_polys=DEGREE, capacity=HIDDEN, embed_dim=DIM)
    result = measure(TrainConfig("x", {"noise": SourceSettings()}, model=model, training=training))
    print(json.dumps(vars(given) | result, indent=1))
    return int(result["epoch, s"] > LIMIT_SECONDS or result["peak, GB"] > LIMIT_GB)


if __name__ == "__main__":
    sys.exit(main())
