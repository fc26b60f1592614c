"""Features computed once: several views of every point in a memory map that survives a stop.

A cache folder is named by a fingerprint of everything that shapes its numbers (points, files,
settings, seed), and holds the same request in `request.json`; another request gets another
folder, and a folder whose request differs is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_core.errors import CancelledError, InputError

from .chips import ChipSource, alternatives, open_source
from .config import Locations, SourceSettings
from .features import FeatureExtractor, extractor_from, fit_extractor
from .schema import plain

CHUNK = 4096
VERSION = 1
"""Raised when chips or features are computed differently."""
HASHED_BYTES = 1 << 16

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CacheRequest:
    """What a source's cache holds: views of `lonlat` through the source's imagery."""

    name: str
    settings: SourceSettings
    lonlat: Floats
    files: Sequence[Sequence[Path]]
    seed: int

    def describe(self) -> dict[str, Any]:
        """Everything that shapes the numbers, as plain values; file names without their folders."""
        settings = plain(self.settings, digest=True)
        for unused in ("files", "weight"):
            settings.pop(unused)
        return {
            "version": VERSION,
            "source": self.name,
            "settings": settings,
            "files": [[_identity(path) for path in group] for group in self.files],
            "points": [len(self.lonlat), hashlib.sha256(self.lonlat.tobytes()).hexdigest()],
            "seed": self.seed,
        }


def make_request(
    name: str, settings: SourceSettings, lonlat: Floats, places: Locations, seed: int
) -> CacheRequest:
    """Find a source's files and put its request together; InputError names a missing file."""
    return CacheRequest(
        name, settings, lonlat, alternatives(settings, places, f"sources.{name}.files"), seed
    )


def _identity(path: Path) -> list[Any]:
    """Name, size and a hash of both ends of a file: enough to notice another one."""
    size = path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(HASHED_BYTES))
        file.seek(max(0, size - HASHED_BYTES))
        digest.update(file.read())
    return [path.name, size, digest.hexdigest()]


def cached_views(
    request: CacheRequest,
    root: Path,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> NDArray[np.float16]:
    """Features of all views, computed where they are not in the cache yet.

    Args:
        request: the source, its points and its seed.
        root: folder of caches; this one goes to `root/<source>-<fingerprint>`.
        progress: called with (chunks done, chunks in all).
        cancelled: asked before every chunk.

    Returns:
        (views, N, dim) float16, a read-only memory map.

    Raises:
        InputError: the folder holds another request; a file cannot be read.
        CancelledError: stopped; the next call goes on where this one was.
    """
    described = request.describe()
    text = json.dumps(described, sort_keys=True, indent=1)
    folder = root / f"{request.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    _claim(folder, text)
    shape = (request.settings.views, len(request.lonlat), request.settings.features.dim)
    chunks = shape[0] * -(-shape[1] // CHUNK)
    done = _read_done(folder)
    if len(done) < chunks:
        _compute(request, folder, shape, done, progress, cancelled)
    return np.memmap(folder / "features.f16", np.float16, "r", shape=shape)


def _claim(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "request.json"
    if not file.exists():
        file.write_text(text, encoding="utf-8")
    elif file.read_text(encoding="utf-8") != text:
        raise InputError(f"cache {folder}: was made by another request; remove it or move it away")


def _read_done(folder: Path) -> set[int]:
    file = folder / "done.txt"
    return {int(line) for line in file.read_text().split()} if file.exists() else set()


def _compute(
    request: CacheRequest,
    folder: Path,
    shape: tuple[int, int, int],
    done: set[int],
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
) -> None:
    """Compute the chunks that are missing, one in each thread, and note each when it is written."""
    views, count, _ = shape
    source = open_source(request.files, request.settings, folder)
    extract = _extractor(request, folder, source)
    file = folder / "features.f16"
    out = np.memmap(file, np.float16, "r+" if file.exists() else "w+", shape=shape)
    per_view = -(-count // CHUNK)
    total = views * per_view

    def work(chunk: int) -> int:
        view, start = chunk // per_view, chunk % per_view * CHUNK
        # A generator of its own for every chunk: a resumed cache is the same as a whole one.
        rng = np.random.default_rng([request.seed, 1, chunk])
        chips, valid = source.cut(request.lonlat[start : start + CHUNK], rng)
        out[view, start : start + CHUNK] = extract(chips, valid, request.settings.least_valid)
        return chunk

    missing = [chunk for chunk in range(total) if chunk not in done]
    with (folder / "done.txt").open("a") as journal:
        for chunk in _in_threads(work, missing, cancelled, folder.name):
            out.flush()
            done.add(chunk)
            journal.write(f"{chunk}\n")
            journal.flush()
            if progress is not None:
                progress(len(done), total)


def _in_threads(
    work: Callable[[int], int],
    chunks: Sequence[int],
    cancelled: Callable[[], bool] | None,
    name: str,
) -> Iterator[int]:
    """Results in order, a few chunks ahead; one torch thread in each of as many threads.

    Raises:
        CancelledError: what was begun is finished, then `cancelled` said stop.
    """
    threads = torch.get_num_threads()
    limit = lambda: torch.set_num_threads(1)  # noqa: E731
    limit()
    waiting: deque[Future[int]] = deque()
    try:
        with ThreadPoolExecutor(threads, initializer=limit) as pool:
            for chunk in chunks:
                if cancelled is not None and cancelled():
                    yield from (future.result() for future in waiting)
                    raise CancelledError(f"stopped; {name} goes on from here next time")
                waiting.append(pool.submit(work, chunk))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            yield from (future.result() for future in waiting)
    finally:
        torch.set_num_threads(threads)


def _extractor(request: CacheRequest, folder: Path, source: ChipSource) -> FeatureExtractor:
    """Fit the image encoder, or read the one that an earlier, stopped run fitted."""
    file = folder / "extractor.npz"
    if file.exists():
        with np.load(file, allow_pickle=False) as arrays:
            return extractor_from({key: arrays[key] for key in arrays.files})
    rng = np.random.default_rng([request.seed, 0])
    size = min(request.settings.features.samples, len(request.lonlat))
    sample = request.lonlat[np.sort(rng.choice(len(request.lonlat), size, replace=False))]
    chips, valid = source.cut(sample, rng)
    chips = chips[valid >= request.settings.least_valid]
    if len(chips) < 2:
        raise InputError(f"sources.{request.name}: its imagery covers hardly any of the points")
    extractor = fit_extractor(chips, request.settings.features, request.seed)
    partial = folder / "extractor.partial.npz"
    np.savez(partial, **extractor.arrays())
    partial.replace(file)
    return extractor
