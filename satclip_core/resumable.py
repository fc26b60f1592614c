"""Work that is kept while it is done: interrupted, it goes on from the parts that are there.

Until it is whole, it is a folder beside its target, NAME.part, which nothing takes for the result:

    NAME.part/plan.json     what was asked for (a fingerprint and what it is of), and when
    NAME.part/done/00017    a part that is written, and on the disk
    NAME.part/raster/       the parts themselves, or table/

A part's bytes depend on the request and the part alone, so whoever writes it, and how often, is no
matter. The target appears once all are there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable

from .errors import KeptInterrupt, OutputError, SatclipError
from .files import read_json, written_whole

log = logging.getLogger(__name__)

_PLAN, _DONE = "plan.json", "done"


@dataclass(frozen=True)
class Kept:
    """What is kept of some work.

    Attributes:
        folder: NAME.part.
        kind: what is made: "raster" or "table".
        begun: seconds since 1970, of the first attempt.
        mark: the fingerprint of what was asked for.
        parts: how many there are to be; None where that shows in the end.
    """

    folder: Path
    kind: str
    begun: float
    mark: str
    parts: int | None = None

    @property
    def content(self) -> Path:
        """The folder of the parts."""
        return self.folder / self.kind

    @property
    def done(self) -> set[int]:
        """The parts that are written."""
        return {int(path.name) for path in (self.folder / _DONE).iterdir()}

    def put_down(self, index: int) -> None:
        """Put a part down as written, which is on the disk."""
        with open(self.folder / _DONE / f"{index:05d}", "wb") as file:
            os.fsync(file.fileno())

    def clear(self) -> None:
        """Remove it all: the target has its name, or is not to have it."""
        (self.folder / _PLAN).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def work_folder(target: Path) -> Path:
    """Where something is made in parts."""
    return target.with_name(f"{target.name}.part")


def kept_mark(target: Path) -> str:
    """The fingerprint of what is made beside a target.

    Raises:
        OutputError: there is nothing to be seen of it here.
    """
    mark: str = _plan(target)["fingerprint"]
    return mark


def open_kept(target: Path, kind: str, parts: int | None = None) -> Kept:
    """What is kept beside a target, as it is: what a task on a cluster opens.

    Args:
        target: what is made.
        kind: "raster" or "table".
        parts: how many it would have here, where that is known.

    Raises:
        OutputError: there is nothing to be seen of it here, or it is divided otherwise.
    """
    folder, plan = work_folder(target), _plan(target)
    if plan["parts"] != parts:
        raise OutputError(
            f"{folder} has {plan['parts']} parts, here it would have {parts}: it was begun by "
            "another version, remove it or use that one"
        )
    return Kept(folder, kind, plan["begun"], plan["fingerprint"], plan["parts"])


@contextmanager
def kept_work(
    target: Path,
    kind: str,
    facts: Mapping[str, str],
    *,
    begin: Callable[[], None] | None = None,
    parts: int | None = None,
    lasting: bool = True,
) -> Iterator[Kept]:
    """Work that is begun or taken up again, and held against others.

    What is done stays there where the block ends badly, and is said once.

    Args:
        target: what is made.
        kind: "raster" or "table".
        facts: what decides its bytes, each thing as a short text or a hash.
        begin: makes what the parts have in common, in the folder of the parts, which it makes.
        parts: how many there are to be, where that is known.
        lasting: whether the facts mean the same in another process; else nothing stays.

    Raises:
        OutputError: another request was begun there, another process is at it, or the system says
            no, in the block too.
    """
    folder = work_folder(target)
    with _held(folder, target):
        if (folder / _PLAN).exists() and not _is_finished(folder, kind):
            _check_same(folder, kind, facts)
            kept = open_kept(target, kind, parts)
            log.info("%s: %s there already", folder, _count(kept))
        else:
            kept = _begin(folder, kind, facts, begin, parts)
        try:
            yield kept
        except BaseException as error:
            # Interrupted while it was cleared away there is nothing to go on from, nor to count.
            unfinished = (folder / _PLAN).exists() and not _is_finished(folder, kind)
            stays = unfinished and lasting and bool(kept.done)
            if stays:
                said = "%s kept in %s: the same request goes on from there"
                log.warning(said, _count(kept), folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, KeyboardInterrupt) and stays:
                raise KeptInterrupt from None
            if isinstance(error, OSError) and not isinstance(error, SatclipError):
                reason = error.strerror or error
                raise OutputError(f"cannot write {target}: {reason}") from error
            raise


def fingerprint(facts: Mapping[str, str]) -> str:
    """One hash of all facts."""
    return hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode()).hexdigest()


def source_fact(source: str | os.PathLike[str] | None) -> str:
    """A file by its name, size and time, as another content gives other bytes; others as text."""
    if source is None:
        return ""
    path = Path(source)
    if not path.is_file():
        return str(source)
    status = path.stat()
    return f"{os.path.abspath(source)} {status.st_size} {status.st_mtime_ns}"


def _plan(target: Path) -> Any:
    plan = work_folder(target) / _PLAN
    if not plan.is_file():
        raise OutputError(f"a worker does not see {plan.parent}: the cluster needs one file system")
    return read_json(plan)


def _count(kept: Kept) -> str:
    """How many parts are there, in words."""
    done = len(kept.done)
    if kept.parts is not None:
        return f"{done} of {kept.parts} parts are"
    return "1 part is" if done == 1 else f"{done} parts are"


def _is_finished(folder: Path, kind: str) -> bool:
    """Whether the parts have gone to the target, and only the clearing away was interrupted."""
    return (folder / _DONE).is_dir() and not (folder / kind).is_dir()


def _begin(
    folder: Path,
    kind: str,
    facts: Mapping[str, str],
    begin: Callable[[], None] | None,
    parts: int | None,
) -> Kept:
    """Make the folder; the plan is written last, so that it stands for all the rest."""
    (folder / _PLAN).unlink(missing_ok=True)
    for name in (kind, _DONE):  # of an attempt that did not come this far
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / _DONE).mkdir()
    kept = Kept(folder, kind, float(int(time.time())), fingerprint(facts), parts)
    try:
        if begin is None:
            kept.content.mkdir()
        else:
            begin()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    plan: dict[str, Any] = {
        "fingerprint": kept.mark,
        "of": dict(facts),
        "parts": parts,
        "begun": kept.begun,
    }
    with written_whole(folder / _PLAN) as temporary:
        temporary.write_text(json.dumps(plan, indent=1), "utf-8")
    return kept


def _check_same(folder: Path, kind: str, facts: Mapping[str, str]) -> None:
    """Refuse to go on with something else than was begun.

    Raises:
        OutputError: it is something else.
    """
    try:
        plan = read_json(folder / _PLAN)
        begun = dict(plan["of"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{folder} is damaged ({error}): remove it") from error
    if plan.get("fingerprint") == fingerprint(facts):
        return
    other = [name for name in facts if begun.get(name) != facts[name]] or ["version"]
    raise OutputError(
        f"{folder} was begun for another {kind} (another {', '.join(other)}): ask for that one to "
        "go on with it, or remove the folder"
    )


@contextmanager
def _held(folder: Path, target: Path) -> Iterator[None]:
    """Make a folder if it is not there, and keep other processes off it as long as this one lives.

    Raises:
        OutputError: another is at it, or it cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
        file = open(folder / "lock", "a+b")  # noqa: SIM115
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    with file:
        try:
            _lock(file)
        except OSError as error:
            raise OutputError(
                f"another process is writing {folder}: wait for it, or write elsewhere"
            ) from error
        try:
            yield
        except BaseException:
            # Interrupted before there was a plan, or while all was cleared away.
            if not (folder / _PLAN).exists():
                shutil.rmtree(folder, ignore_errors=True)
            raise


def _lock(file: IO[bytes]) -> None:
    """Lock a file; the system lets go of it with the process. Nothing where that is not known."""
    with suppress(ImportError):
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
