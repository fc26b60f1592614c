"""S2-100K from the Hugging Face hub: fetched in shards, unpacked safely, resumed, checked.

The complete copy that SatCLIP's first author keeps: `index.csv` and a hundred plain tar files of a
thousand patches each (0.8 GB). Each shard is fetched, unpacked into `images/` and thrown away.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_core.errors import CancelledError, DownloadError, InputError, OutputError
from satclip_core.files import written_whole
from satclip_core.models.published import hub_file
from satclip_core.types import Cancelled, Progress

from .patches import IMAGES, INDEX, NODATA_BYTES, read_index, read_patch

if TYPE_CHECKING:
    from satclip_core.models.download import Policy

NAME = "s2-100k"
REPOSITORY = "datasets/kklmmr/s2-100k"
REVISION = "fbdbb78ba57d22d5b6be203913f1e6020c2b4e0a"  # pragma: allowlist secret
"""The one that torchgeo pins for its S2100k."""
INDEX_SHA256 = (
    "9fdcdec776b331fcc2d9ab5af18355ef"  # pragma: allowlist secret
    "c5bd0716df33ab78e1ff03f60cf343ad"  # pragma: allowlist secret
)
SHARD_PATCHES = 1000
WORK = ".s2-100k"
"""Folder of what is under way: the whole index, shards that are coming, a list of the done."""
CHECKERS = 4

_PATCH_NAME = re.compile(r"patch_(\d{1,9})\.tif")

FETCHING = 0.9
"""Share of a shard's work that is fetching it; the rest is unpacking."""


@dataclass(frozen=True)
class Report:
    """What is wrong with a folder of patches.

    Attributes:
        count: patches of the index.
        missing: names of patches that are not there.
        tiny: names of patches without data (they are skipped in training).
        damaged: what is said of patches that cannot be read, or are of another kind.
    """

    count: int
    missing: tuple[str, ...]
    tiny: tuple[str, ...]
    damaged: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether training can go through all of it."""
        return not (self.missing or self.damaged)


def fetch_s2100k(
    folder: Path,
    *,
    limit: int | None = None,
    revision: str = REVISION,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    policy: Policy | None = None,
) -> int:
    """Bring S2-100K, or its first patches, into a folder; goes on where an earlier try stopped.

    Args:
        folder: gets `index.csv` and `images/`.
        limit: number of patches, from the top of the index; all where None.
        revision: commit or branch of the dataset's repository.
        progress: called with (patches done, patches in all).
        cancelled: asked all along; what came is kept for the next try.
        policy: timeouts and retries.

    Returns:
        Number of patches in the index that was written.

    Raises:
        DownloadError: unreachable, not what was expected, no room, or not all patches came.
        OutputError: the folder cannot be written.
        CancelledError: `cancelled` said so.
    """
    work = folder / WORK
    try:
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
        work.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error
    get = _Getter(revision, policy, cancelled)
    whole = work / INDEX
    if not whole.is_file():
        get(INDEX, whole, sha256=INDEX_SHA256 if revision == REVISION else None)
    wanted = [name for _, _, name in read_index(work)][:limit]
    before = 0
    for shard, names in _by_shard(wanted):

        def tell(share: float, before: int = before, count: int = len(names)) -> None:
            if progress is not None:
                progress(before + round(share * count), len(wanted))

        if not all((folder / IMAGES / name).is_file() for name in names):
            _bring(shard, names, folder, get, tell)
        before += len(names)
    _check_complete(folder, wanted)
    _write_index(whole, folder / INDEX, len(wanted))
    if limit is None:
        shutil.rmtree(work)
    return len(wanted)


@dataclass(frozen=True)
class _Getter:
    """Fetches files of the dataset's repository."""

    revision: str
    policy: Policy | None
    cancelled: Cancelled | None

    def __call__(
        self,
        name: str,
        target: Path,
        *,
        sha256: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        from satclip_core.models.download import download

        download(
            hub_file(REPOSITORY, self.revision, name),
            target,
            sha256=sha256,
            policy=self.policy,
            by_hand=f"save it as {target}",
            progress=progress,
            cancelled=self.cancelled,
        )


def _bring(
    shard: int, names: list[str], folder: Path, get: _Getter, tell: Callable[[float], None]
) -> None:
    """Fetch one shard, unpack it, and throw it away."""
    archive = folder / WORK / f"shard-{shard:05d}.tar"
    if not archive.is_file():

        def fetched(done: int, total: int) -> None:
            tell(FETCHING * done / total if total else 0)

        try:
            get(f"data/{archive.name}", archive, progress=fetched)
        except DownloadError as error:
            if "404" in str(error):
                raise DownloadError(error, "; --revision main names the newest one") from None
            raise

    def unpacked(done: int, total: int) -> None:
        tell(FETCHING + (1 - FETCHING) * done / total)

    unpack(archive, folder / IMAGES, set(names), progress=unpacked, cancelled=get.cancelled)
    archive.unlink()


def _by_shard(names: list[str]) -> list[tuple[int, list[str]]]:
    shards: dict[int, list[str]] = {}
    for name in names:
        match = _PATCH_NAME.fullmatch(name)
        if match is None:
            raise DownloadError(f"the index that came names {name!r}, which is no patch_N.tif")
        shards.setdefault(int(match[1]) // SHARD_PATCHES, []).append(name)
    return sorted(shards.items())


def unpack(
    archive: Path,
    folder: Path,
    names: set[str],
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> None:
    """Unpack patches from a tar file into a folder, each of them whole or not at all.

    Only plain files called patch_N.tif are taken, into `folder` itself, whatever path stands
    before their name; patches that are there already with their size stay.

    Args:
        archive: plain tar.
        folder: where the patches go.
        names: which ones are wanted.
        progress: called with (patches done, patches wanted).
        cancelled: asked before every patch.

    Raises:
        DownloadError: no tar file, cut short, or with links or devices under a patch's name.
        CancelledError: `cancelled` said so.
    """
    done = 0
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name not in names or not _PATCH_NAME.fullmatch(name):
                    continue
                if not member.isreg():
                    raise DownloadError(f"{archive}: {member.name} is no plain file: not unpacked")
                if cancelled is not None and cancelled():
                    raise CancelledError("stopped; the same command goes on from here")
                _unpack_one(tar, member, folder / name)
                done += 1
                if progress is not None:
                    progress(done, len(names))
    except (tarfile.TarError, EOFError) as error:
        archive.unlink(missing_ok=True)
        raise DownloadError(
            f"{archive} is not a whole tar file ({error}): it was thrown away, start again"
        ) from None


def _unpack_one(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    if target.is_file() and target.stat().st_size == member.size:
        return
    source = tar.extractfile(member)
    if source is None:  # cannot be: it is a plain file
        return
    with source, written_whole(target, overwrite=True) as partial, partial.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
        if out.tell() != member.size:
            raise tarfile.ReadError(f"{member.name} ends early")


def _check_complete(folder: Path, names: list[str]) -> None:
    missing = [name for name in names if not (folder / IMAGES / name).is_file()]
    if missing:
        raise DownloadError(
            f"{len(missing):,} of {len(names):,} patches were not in the shards that came (the "
            f"first is {missing[0]}); what came lies in {folder / IMAGES}"
        )


def _write_index(whole: Path, target: Path, count: int) -> None:
    """The first rows of the index, as they are."""
    with (
        whole.open(newline="", encoding="utf-8") as file,
        written_whole(target, overwrite=True) as partial,
        partial.open("w", newline="", encoding="utf-8") as out,
    ):
        rows, writer = csv.reader(file), csv.writer(out, lineterminator="\n")
        for number, row in enumerate(rows):
            if number > count:
                break
            writer.writerow(row)


def check_folder(
    folder: Path,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Report:
    """Read every patch of a folder, and say which are missing, without data or damaged.

    Args:
        folder: with `index.csv` and `images/`.
        progress: called with (patches done, patches in all).
        cancelled: asked for every patch.

    Raises:
        InputError: no index, or a bad one.
        CancelledError: `cancelled` said so.
    """
    names = [name for _, _, name in read_index(folder)]
    missing, tiny, damaged = [], [], []
    shapes: dict[Any, int] = {}
    for done, (name, found) in enumerate(_looked_at(folder / IMAGES, names), 1):
        if cancelled is not None and cancelled():
            raise CancelledError("stopped before all patches were looked at")
        if found is None:
            missing.append(name)
        elif isinstance(found, InputError):
            damaged.append(str(found))
        elif found == ():
            tiny.append(name)
        else:
            shapes[found] = shapes.get(found, 0) + 1
            usual = max(shapes, key=lambda shape: shapes[shape])
            if found[0] != usual[0]:
                damaged.append(
                    f"patch {folder / IMAGES / name}: has {found[0]} bands, others {usual[0]}"
                )
        if progress is not None:
            progress(done, len(names))
    return Report(len(names), tuple(missing), tuple(tiny), tuple(damaged))


def _looked_at(images: Path, names: list[str]) -> Iterator[tuple[str, Any]]:
    """Each name with its patch's shape; () without data, None where missing, or the error."""

    def look(name: str) -> Any:
        path = images / name
        try:
            if path.stat().st_size < NODATA_BYTES:
                return ()
            return read_patch(path).shape
        except OSError:
            return None
        except InputError as error:
            return error

    with ThreadPoolExecutor(CHECKERS) as pool:
        yield from zip(names, pool.map(look, names))


def report_lines(report: Report, most: int = 20) -> list[str]:
    """A report for people, at most so many names of each kind."""
    lines = [f"{report.count:,} patches in the index"]
    for what, names in (
        ("without data (skipped in training)", report.tiny),
        ("missing", report.missing),
        ("damaged", report.damaged),
    ):
        lines.append(f"{len(names):,} {what}")
        lines += [f"  {name}" for name in names[:most]]
        if len(names) > most:
            lines.append(f"  ... and {len(names) - most:,} more (--json lists them)")
    return lines


def report_json(report: Report) -> str:
    """A report for programs."""
    kinds = {name: list(getattr(report, name)) for name in ("missing", "tiny", "damaged")}
    return json.dumps({"patches": report.count, **kinds}, indent=2)
