"""Features computed once: several views of every point in a memory map that survives a stop.

A cache folder is named by a fingerprint of everything that shapes its numbers (points, files,
settings, seed), and holds the same request in `request.json`; another request gets another
folder, and a folder whose request differs is refused.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_core.errors import CancelledError, InputError, OutputError
from satclip_core.files import written_whole
from satclip_core.types import Bools, Cancelled, Float32, Floats, Progress

from ..settings.config import IMAGE_ENCODERS, TIMM, FeatureSettings, SourceSettings
from ..settings.run_files import Locations
from ..settings.schema import plain
from . import chips, patches
from .attention import PatchAttention, open_timm_attention
from .chips import ChipSource, RasterImagery, alternatives, open_source
from .features import FeatureExtractor, ImageEncoder, extractor_from, fit_extractor
from .imagery import Imagery
from .patches import PatchFolder, PatchFolders, PatchImagery
from .self_distillation import as_arrays, from_arrays, train_attention
from .smoothing import SmoothedImagery
from .timm_encoder import Weights, find_weights, open_timm

log = logging.getLogger("satclip_training")

VERSION = 1
"""Raised when chips or features are computed differently."""
DONE, FEATURES, EXTRACTOR, REQUEST = "done.txt", "features.f16", "extractor.npz", "request.json"
ATTENTION = "attention.npz"
HASHED_BYTES = 1 << 16
LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class CacheRequest:
    """What a source's cache holds: views of `lonlat` through the source's imagery.

    Attributes:
        name: of the source.
        settings: of the source.
        lonlat: (N, 2) degrees.
        files: alternatives of a source of rasters.
        seed: of everything random.
        patches: the folder of a source of patches; its first N are the points.
        weights: of a pretrained network.
        device: where a pretrained network runs.
        attention: weights of the network by whose attention images are smoothed.
    """

    name: str
    settings: SourceSettings
    lonlat: Floats
    files: Sequence[Sequence[Path]]
    seed: int
    patches: PatchFolder | None = None
    weights: Weights | None = None
    device: torch.device | None = None
    attention: Weights | None = None
    _decoded: dict[str, ChipSource] = field(default_factory=dict, compare=False, repr=False)

    def describe(self) -> dict[str, Any]:
        """Everything that shapes the numbers, as plain values; file names without their folders."""
        settings = plain(self.settings, digest=True)
        for unused in ("files", "weight"):
            settings.pop(unused)
        described = {
            "version": VERSION,
            "source": self.name,
            "settings": settings,
            "files": [[file_identity(path) for path in group] for group in self.files],
            "points": [len(self.lonlat), hashlib.sha256(self.lonlat.tobytes()).hexdigest()],
            "seed": self.seed,
        }
        # Only where there are any: sources without them keep the caches that they have.
        if self.patches is not None:
            settings.pop("patches")
            described["patches"] = self._patches(self.patches)
        if self.weights is not None:
            settings["features"].pop("weights", None)
            described["weights"] = self.weights.identity()
        if self.attention is not None:
            settings["smoothing"].pop("weights", None)
            described["attention"] = self.attention.identity()
        origin = IMAGE_ENCODERS.origin(self.settings.features.kind)
        if origin is not None:
            described["image_encoder"] = str(origin)
        return described

    def _patches(self, folder: PatchFolder) -> list[Any]:
        """Count and a hash of names and sizes."""
        count = len(self.lonlat)
        names = [[f.name, size] for f, size in zip(folder.files[:count], folder.sizes)]
        return [count, hashlib.sha256(json.dumps(names).encode()).hexdigest()]

    def chunk_count(self) -> int:
        """Number of pieces that all views are computed in: see the chunks of each imagery."""
        count = len(self.lonlat)
        if self.patches is not None:
            return -(-count // patches.CHUNK)
        return self.settings.views * -(-count // chips.CHUNK)

    def open_imagery(self, folder: Path, cancelled: Cancelled | None = None) -> Imagery:
        """The images that are encoded, smoothed where the source says so.

        Args:
            folder: the cache's; what is too large for memory goes there, and attention, which is
                trained where it is not there yet.
            cancelled: asked while attention is trained.
        """
        imagery, smoothing = self.open_images(folder), self.settings.smoothing
        if smoothing is None:
            return imagery
        return SmoothedImagery(imagery, open_attention(self, folder, imagery, cancelled), smoothing)

    def open_images(self, scratch: Path) -> Imagery:
        """The images as they are; what is too large for memory goes to `scratch`."""
        if self.patches is not None:
            files = self.patches.files[: len(self.lonlat)]
            return PatchImagery(files, self.settings, self.seed, f"sources.{self.name}")
        source = self.open_rasters(scratch)
        self._decoded.clear()  # the imagery alone holds it from here on
        return RasterImagery(source, self.lonlat, self.settings.views, self.seed)

    def open_rasters(self, scratch: Path) -> ChipSource:
        """The rasters, decoded once for this request and for those made of it by `at`."""
        if "rasters" not in self._decoded:
            self._decoded["rasters"] = open_source(self.files, self.settings, scratch)
        return self._decoded["rasters"]

    def at(self, kept: Bools) -> CacheRequest:
        """The request for some of its places, (N,) bool."""
        if kept.all():
            return self
        folder = None if self.patches is None else self.patches.at(kept)
        return replace(self, lonlat=self.lonlat[kept], patches=folder)

    def open_encoder(self, imagery: Imagery) -> ImageEncoder | None:
        """The pretrained network or a package's image encoder, where the source has one."""
        features = self.settings.features
        if features.kind not in IMAGE_ENCODERS.built_in:
            encoder: ImageEncoder = IMAGE_ENCODERS.find(features.kind).open(
                features.settings, imagery.channels, imagery.side, self.seed
            )
            return encoder
        if self.weights is None:
            return None
        return open_timm(
            self.settings.features,
            self.weights,
            channels=imagery.channels,
            side=imagery.side,
            seed=self.seed,
            where=f"sources.{self.name}.features",
            device=self.device,
        )


def make_request(
    name: str,
    settings: SourceSettings,
    lonlat: Floats,
    places: Locations,
    seed: int,
    device: torch.device | None = None,
    *,
    folders: PatchFolders | None = None,
    weights: bool = True,
) -> CacheRequest:
    """Find a source's files and put its request together.

    Args:
        name: of the source.
        settings: of the source.
        lonlat: (N, 2) degrees.
        places: where its files are looked for.
        seed: of everything random.
        device: where a pretrained network runs.
        folders: the run's folders of patches, where some have been read.
        weights: whether those of a pretrained network are found, and fetched.

    Raises:
        InputError: a missing file; patches that are not the points.
        DownloadError: weights that are to be fetched and cannot be.
    """
    where = f"sources.{name}"
    files = alternatives(settings, places, f"{where}.files")
    folder = None
    if settings.patches is not None:
        folder = (folders or PatchFolders())(places.find(settings.patches, f"{where}.patches"))
        if not np.array_equal(folder.lonlat[: len(lonlat)], lonlat):
            raise InputError(
                f"{where}.patches: {settings.patches!r} has changed since its points were read; "
                "start again"
            )
    found = None
    if weights and settings.features.kind == TIMM:
        found = find_weights(settings.features, places, f"{where}.features")
    attention, smoothing = None, settings.smoothing
    if weights and smoothing is not None and smoothing.kind == TIMM:
        wanted = FeatureSettings(kind=TIMM, model=smoothing.model, weights=smoothing.weights)
        attention = find_weights(wanted, places, f"{where}.smoothing")
    return CacheRequest(name, settings, lonlat, files, seed, folder, found, device, attention)


def open_attention(
    request: CacheRequest, folder: Path, imagery: Imagery, cancelled: Cancelled | None = None
) -> PatchAttention:
    """The attention that a source's images are smoothed by.

    Args:
        request: the source, which has smoothing.
        folder: its cache's; attention that has to be trained is kept there.
        imagery: the images as they are.
        cancelled: asked while attention is trained.

    Raises:
        InputError: the network does not fit the images.
        CancelledError: stopped.
    """
    smoothing = request.settings.smoothing
    assert smoothing is not None
    channels, side, where = imagery.channels, imagery.side, f"sources.{request.name}.smoothing"
    if smoothing.kind == TIMM:
        assert request.attention is not None
        return open_timm_attention(
            smoothing, request.attention, channels=channels, side=side, seed=request.seed,
            where=where, device=request.device,
        )  # fmt: skip
    student, file = smoothing.student, folder / ATTENTION
    if file.exists():
        network = from_arrays(_read_arrays(folder, ATTENTION), student, channels, side)
    else:
        least = request.settings.least_valid
        drawn = [images[valid >= least] for images, valid in imagery.sample(student.samples)]
        log.info("attention of %s is trained", request.name)
        network = train_attention(
            torch.from_numpy(np.concatenate(drawn)), student, request.seed, cancelled
        )
        with _writing(folder), written_whole(file) as partial:
            arrays: dict[str, Any] = as_arrays(network)
            np.savez(partial, **arrays)
    return PatchAttention(network.attend, smoothing.attention, side // student.patch)


def file_identity(path: Path) -> list[Any]:
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
    cancelled: Cancelled | None = None,
) -> NDArray[np.float16]:
    """Features of all views, computed where they are not in the cache yet.

    Args:
        request: the source, its points and its seed.
        root: folder of caches; this one goes to `root/<source>-<fingerprint>`.
        progress: called with (chunks done, chunks in all).
        cancelled: asked before every chunk.

    Returns:
        (views, N, width) float16, a read-only memory map.

    Raises:
        InputError: the folder holds another request, or is damaged; a file cannot be read.
        OutputError: the cache cannot be written, or has no room.
        CancelledError: stopped; the next call goes on where this one was.
    """
    folder = claim_folder(request, root)
    done = _read_done(request, folder)
    if len(done) < request.chunk_count():
        with _writing(folder):
            _compute(request, folder, done, progress, cancelled)
    shape = _shape(request, _width(request, folder))
    return np.memmap(folder / FEATURES, np.float16, "r", shape=shape)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"cache {folder}: cannot be written ({error.strerror})") from error


def claim_folder(request: CacheRequest, root: Path) -> Path:
    """The folder of a request, made where it is not there; InputError where it is another's."""
    text = json.dumps(request.describe(), sort_keys=True, indent=1)
    folder = root / f"{request.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    with _writing(folder):
        _claim(folder, text)
    return folder


def _shape(request: CacheRequest, width: int) -> tuple[int, int, int]:
    return request.settings.views, len(request.lonlat), width


def _width(request: CacheRequest, folder: Path) -> int:
    if request.settings.features.dim:
        return request.settings.features.dim
    return int(_read_arrays(folder, EXTRACTOR)["width"])


def _read_arrays(folder: Path, name: str) -> dict[str, NDArray[Any]]:
    try:
        with np.load(folder / name, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except Exception:  # zip's and numpy's many errors
        raise InputError(
            f"cache {folder}: {name} is damaged; remove the folder, it is computed anew"
        ) from None


def _claim(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / REQUEST
    if not file.exists():
        with written_whole(file) as partial:
            partial.write_text(text, encoding="utf-8")
    elif file.read_text(encoding="utf-8") != text:
        raise InputError(f"cache {folder}: was made by another request; remove it or move it away")


def _read_done(request: CacheRequest, folder: Path) -> set[int]:
    """The chunks that the cache holds: none where its features are not there, or not all."""
    journal, features = folder / DONE, folder / FEATURES
    if not (journal.exists() and features.exists() and (folder / EXTRACTOR).exists()):
        return set()
    if features.stat().st_size != 2 * math.prod(_shape(request, _width(request, folder))):
        return set()
    # The last line may be cut off, where the disk was full: its number would be another's.
    lines = journal.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    numbers = {int(line) for line in lines if line.isascii() and line.isdigit()}
    return numbers & set(range(request.chunk_count()))


def _compute(
    request: CacheRequest,
    folder: Path,
    done: set[int],
    progress: Progress | None,
    cancelled: Cancelled | None,
) -> None:
    """Compute the chunks that are missing, one in each thread, and note each when it is written."""
    imagery = request.open_imagery(folder, cancelled)
    extract = open_extractor(request, folder, imagery)
    shape = _shape(request, extract.width)
    if not done:  # of features that are gone
        (folder / DONE).unlink(missing_ok=True)
    _allocate(folder / FEATURES, 2 * math.prod(shape), anew=not done)
    out = np.memmap(folder / FEATURES, np.float16, "r+", shape=shape)
    total = request.chunk_count()

    def work(chunk: int) -> int:
        for view, part, images, valid in imagery.chunk(chunk):
            values = extract(images, valid, request.settings.least_valid)
            if not np.abs(values).max(initial=0) <= LARGEST:
                raise InputError(
                    f"sources.{request.name}: features beyond {LARGEST:,.0f} do not fit the cache: "
                    "set features.dim, or training.cache: false"
                )
            out[view, part] = values
        return chunk

    missing = [chunk for chunk in range(total) if chunk not in done]
    with (folder / DONE).open("w", encoding="utf-8") as journal:
        journal.writelines(f"{chunk}\n" for chunk in sorted(done))
        for chunk in _in_threads(work, missing, cancelled, folder.name):
            out.flush()
            done.add(chunk)
            journal.write(f"{chunk}\n")
            journal.flush()
            if progress is not None:
                progress(len(done), total)


def _allocate(file: Path, size: int, *, anew: bool) -> None:
    """A file of `size` bytes with its room on the disk: a map that runs out of it kills."""
    with file.open("wb" if anew else "r+b") as opened:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(opened.fileno(), 0, size)
        opened.truncate(size)


def _in_threads(
    work: Callable[[int], int], chunks: Sequence[int], cancelled: Cancelled | None, name: str
) -> Iterator[int]:
    """Results of `work` in the order of the chunks, computed by as many threads as torch has.

    No more than one chunk for each thread and one besides is begun and not yet handed out: what is
    finished is written soon, and a stop loses little.

    Raises:
        CancelledError: `cancelled` said stop; what was begun has been finished and handed out.
    """
    begun: deque[Future[int]] = deque()
    stopped = False
    with _workers() as (pool, count):
        for chunk in chunks:
            stopped = cancelled is not None and cancelled()
            if stopped:
                break
            begun.append(pool.submit(work, chunk))
            if len(begun) > count:
                yield begun.popleft().result()
        for future in begun:
            yield future.result()
    if stopped:
        raise CancelledError(f"stopped; {name} goes on from here next time")


@contextmanager
def _workers() -> Iterator[tuple[ThreadPoolExecutor, int]]:
    """A pool of as many threads as torch has, and their number; in each of them torch has one.

    Torch's number of threads is one of the process for those that it starts later, and one of each
    thread that has called it: it is set here and in every worker, and here set back.
    """
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool, count
    finally:
        torch.set_num_threads(count)


def open_extractor(request: CacheRequest, folder: Path, imagery: Imagery) -> FeatureExtractor:
    """Fit the image encoder, or read the one that an earlier, stopped run fitted."""
    file = folder / EXTRACTOR
    encoder = request.open_encoder(imagery)
    if file.exists():
        return extractor_from(_read_arrays(folder, EXTRACTOR), encoder)
    features = request.settings.features
    extractor = fit_extractor(_samples(request, imagery), features, request.seed, encoder)
    with written_whole(file) as partial:
        arrays: dict[str, Any] = extractor.arrays()
        np.savez(partial, **arrays)
    return extractor


def _samples(request: CacheRequest, imagery: Imagery) -> Float32 | Iterator[Float32]:
    """Images to fit features on: chips all at once, patches in batches."""
    least = request.settings.least_valid
    batches = (
        images[valid >= least]
        for images, valid in imagery.sample(request.settings.features.samples)
    )
    if request.patches is not None:
        return batches
    images = next(batches)
    if len(images) < 2:
        raise InputError(f"sources.{request.name}: its imagery covers hardly any of the points")
    return images
