"""Rasters made by a Dask cluster: each part is a task, and the request of the house what travels.

Workers need this package, the model and the folder of the target: one file system for all. A
part's bytes depend on the request alone, so a worker that is lost, or a part that is written
twice, is no matter; what is done stands in the folder (`parts`), not in the scheduler's memory.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Callable

from ..compute.cluster import check_dask, run_tasks
from ..compute.threads import available_threads
from ..errors import Argument, InputError
from ..resumable import kept_mark
from .formats import COGS, FORMATS, ZARR, RasterTarget
from .parts import Work, begun_work, finish_work, open_work, write_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..grid import Window
    from ..types import Cancelled, Progress
    from .request import RasterJob, RasterRequest

_jobs: dict[str, RasterJob[Any]] = {}
_opening = Lock()


def make_in_parts(
    job: RasterJob[Any],
    target: RasterTarget,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    seen: Callable[[Window, NDArray[Any]], None] | None = None,
    scheduler: str | None = None,
) -> tuple[float, list[Window]]:
    """Make a raster part by part, or go on with one that was begun.

    Args:
        job: the raster.
        target: the file or folder.
        progress: called with (pixels done, pixels in all).
        cancelled: asked before each block, or now and then.
        seen: called with each block that is made here.
        scheduler: of Dask, as in `RasterJob.write`; in this process where None.

    Returns:
        When it was begun, seconds since 1970, and the blocks that `seen` was not called with.

    Raises:
        OutputError: another raster was begun there, another process is at it, or it cannot be
            written.
        InputError: a scheduler for a format that one process writes.
    """
    if scheduler is not None:
        check_cluster(target.format)
    with begun_work(job, target) as work:
        made_here = set() if scheduler is not None else set(work.pending)
        before = [index for index in range(len(work.parts.windows)) if index not in made_here]
        if scheduler is not None:
            write_on_cluster(work, job, target, scheduler, progress=progress, cancelled=cancelled)
        else:
            write_parts(work, job, progress=progress, cancelled=cancelled, seen=seen)
        finish_work(work, target)
    return work.kept.begun, [window for index in before for window in work.windows(index)]


def check_cluster(format: str) -> None:
    """Refuse what no cluster can do, before anything is computed for it.

    Raises:
        InputError: a format that one process writes.
        MissingDependencyError: Dask is not installed.
    """
    if not FORMATS[format].is_folder:
        raise InputError(
            f"a {FORMATS[format].title} is written by one process: for a scheduler give ",
            Argument("format", ZARR),
            " or ",
            Argument("format", COGS),
        )
    check_dask()


def write_on_cluster(
    work: Work,
    job: RasterJob[Any],
    target: RasterTarget,
    scheduler: str,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> None:
    """Write the parts that are not there yet, on the workers of a cluster.

    Args:
        work: the parts.
        job: the raster.
        target: the folder.
        scheduler: address of a scheduler, or "local": as many workers on this machine as the
            request has threads.
        progress: called with (pixels done, pixels in all).
        cancelled: asked now and then.

    Raises:
        MissingDependencyError: Dask is not installed.
        InputError: no scheduler answers there.
        OutputError: a part cannot be written.
        CancelledError: `cancelled` said so.
    """
    options = job.request.options
    path = target.path.absolute()
    pending = work.pending
    left, total = set(pending), job.request.grid.pixels

    def done(index: int) -> None:
        left.discard(index)
        if progress is not None:
            progress(total - work.pixels(left), total)

    run_tasks(
        scheduler,
        _write_part,
        # One thread each: the cluster has one task for each of its threads.
        replace(job.request, options=replace(options, threads=1)),
        ((str(path), target.format, index) for index in pending),
        name=path.name,
        threads=options.threads or available_threads(),
        done=done,
        cancelled=cancelled,
    )


def _write_part(request: RasterRequest[Any], path: str, format: str, index: int) -> int:
    """The task: write a part, if nobody else has; gives its number.

    Raises:
        OutputError: the worker sees another file system, or divides otherwise.
    """
    job = _opened(kept_mark(Path(path)), request)
    work = open_work(job, Path(path), format)
    if index in work.pending:
        with closing(job.blocks(windows=list(work.windows(index)))) as blocks:
            work.write(index, blocks)
    return index


def _opened(mark: str, request: RasterRequest[Any]) -> RasterJob[Any]:
    """The job of a request, opened once in each worker."""
    with _opening:
        if mark not in _jobs:
            _jobs.clear()  # one raster at a time: models are large
            _jobs[mark] = request.prepare()
        return _jobs[mark]
