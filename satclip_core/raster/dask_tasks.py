"""Rasters made by a Dask cluster: each part is a task, and the request of the house what travels.

Workers need this package, the model and the folder of the target: one file system for all. A
part's bytes depend on the request alone, so a worker that is lost, or a part that is written
twice, is no matter; what is done stands in the folder (`parts`), not in the scheduler's memory.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Callable

from ..compute.threads import available_threads
from ..errors import Argument, CancelledError, InputError, OutputError, require
from ..files import read_json
from ..version import __version__
from .formats import COGS, FORMATS, ZARR, RasterTarget
from .parts import Work, begun_work, finish_work, open_work, work_folder, write_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..grid import Window
    from ..types import Cancelled, Progress
    from .request import RasterJob, RasterRequest

LOCAL = "local"
EXTRA, PURPOSE = "dask", "a Dask scheduler"

# Tasks handed out for each thread of the cluster: enough that none waits, few enough to forget.
_AHEAD = 3
# Seconds until a scheduler has to answer, and between two questions whether to stop.
_ANSWER, _PATIENCE = 10, 0.5
# Attempts at a part after one that failed with an error, such as a file system's.
_RETRIES = 2

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
    return work.begun, [window for index in before for window in work.windows(index)]


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
    require("distributed", extra=EXTRA, purpose=PURPOSE)


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
    distributed = require("distributed", extra=EXTRA, purpose=PURPOSE)
    options = job.request.options
    # One thread each: the cluster has one task for each of its threads.
    request = replace(job.request, options=replace(options, threads=1))
    path = target.path.absolute()
    total, pending = job.request.grid.pixels, work.pending
    with _client(distributed, scheduler, options.threads or available_threads()) as client:
        threads = sum(client.nthreads().values()) or 1
        # A task of its own: held by workers, sent by one to the other, made again if lost.
        # Under names of its own, or the scheduler would give what another client's tasks gave.
        name = f"satclip-{path.name}-{secrets.token_hex(8)}"
        sent = client.submit(_itself, request, key=f"{name}-request")
        todo, running = iter(pending), set()

        def hand_out(count: int) -> None:
            for index in islice(todo, count):
                arguments = (sent, str(path), target.format, index, __version__)
                key = f"{name}-{index}"
                running.add(client.submit(_write_part, *arguments, key=key, retries=_RETRIES))

        hand_out(_AHEAD * threads)
        left = set(pending)
        while running:
            if cancelled is not None and cancelled():
                client.cancel(list(running))
                raise CancelledError("stopped on request: what is done is kept")
            finished = _finished(distributed, running)
            for future in finished:
                left.discard(_result(distributed, future))
            running -= finished
            hand_out(len(finished))
            if finished and progress is not None:
                progress(total - work.pixels(left), total)


@contextmanager
def _client(distributed: Any, scheduler: str, threads: int) -> Iterator[Any]:
    """A client of the cluster; one of this machine's own goes with it."""
    if scheduler != LOCAL:
        try:
            client = distributed.Client(scheduler, timeout=_ANSWER)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"no Dask scheduler answers at {scheduler!r}: give its address, such as "
                "tcp://10.0.0.1:8786, or local"
            ) from error
        with client:
            yield client
        return
    # What the cluster says of workers that come and go is no matter here.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with (
        distributed.LocalCluster(
            n_workers=threads,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def _finished(distributed: Any, running: set[Any]) -> set[Any]:
    """Those of the tasks that are done, after some patience."""
    try:
        done = distributed.wait(running, timeout=_PATIENCE, return_when="FIRST_COMPLETED").done
    except (TimeoutError, distributed.TimeoutError):
        return set()
    return set(done)


def _result(distributed: Any, future: Any) -> int:
    """The number of the part that a task wrote."""
    try:
        index: int = future.result()
    except distributed.KilledWorker as error:
        raise OutputError(
            "a part was lost with each worker that tried it: they may have too little memory "
            "(a part takes some 500 MB)"
        ) from error
    return index


def _itself(request: RasterRequest[Any]) -> RasterRequest[Any]:
    return request


def _write_part(
    request: RasterRequest[Any], path: str, format: str, index: int, version: str
) -> int:
    """The task: write a part, if nobody else has; gives its number.

    Raises:
        OutputError: the worker has another version of this package, or sees another file system.
    """
    if version != __version__:
        raise OutputError(
            f"a worker has satclip-embeddings {__version__}, the client {version}: install one "
            "version everywhere"
        )
    folder = work_folder(Path(path))
    plan = folder / "plan.json"
    if not plan.is_file():
        raise OutputError(f"a worker does not see {folder}: the cluster needs one file system")
    job = _opened(read_json(plan)["fingerprint"], request)
    work = open_work(job, Path(path), format)
    if index in work.pending:
        with closing(job.blocks(windows=list(work.windows(index)))) as blocks:
            work.write(index, blocks)
    return index


def _opened(fingerprint: str, request: RasterRequest[Any]) -> RasterJob[Any]:
    """The job of a request, opened once in each worker."""
    with _opening:
        if fingerprint not in _jobs:
            _jobs.clear()  # one raster at a time: models are large
            _jobs[fingerprint] = request.prepare()
        return _jobs[fingerprint]
