"""Tasks on the workers of a Dask cluster, or of one on this machine (the extra `dask`).

A task may be done twice, or by another worker after the first was lost: what it does may not
depend on who does it, nor how often.
"""

from __future__ import annotations

import ctypes
import logging
import os
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError as FuturesLost
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import islice
from typing import Any, Callable, TypeVar

from ..errors import CancelledError, InputError, OutputError, require
from ..types import Cancelled
from ..version import __version__

S = TypeVar("S")
T = TypeVar("T")

LOCAL = "local"
_EXTRA, _PURPOSE = "dask", "a Dask scheduler"

# Tasks handed out for each thread of the cluster: enough that none waits, few enough to forget.
_AHEAD = 3
# Seconds until a scheduler has to answer, and between two questions whether to stop.
_ANSWER, _PATIENCE = 10, 0.5
# Attempts at a task after one that failed with an error, such as a file system's.
_RETRIES = 2
# What Dask sets, and glibc's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD as they become by themselves.
_TRIMMED_BY_DASK, _MEMORY_KEPT = "65536", {-3: 2**25, -1: 2**26}
# Of a task that nobody will end: its scheduler is lost.
_GONE = ("cancelled", "lost")
# A task may hold some thousand rows of a table, of which Dask would warn.
_SETTINGS = {"distributed.admin.large-graph-warning-threshold": "1GB"}


def check_dask() -> None:
    """See that there is Dask, before anything is computed for it.

    Raises:
        MissingDependencyError: it is not installed.
    """
    require("distributed", extra=_EXTRA, purpose=_PURPOSE)


def run_tasks(
    scheduler: str,
    task: Callable[..., T],
    shared: Any,
    arguments: Iterable[tuple[Any, ...]],
    *,
    name: str,
    threads: int,
    done: Callable[[T], None],
    cancelled: Cancelled | None = None,
) -> None:
    """Have tasks done by the workers of a cluster, some more at a time than it has threads.

    Args:
        scheduler: its address, or "local" for workers on this machine.
        task: a function of a module, called with `shared` and one of `arguments`.
        shared: what all of them need, pickled once.
        arguments: of each task; asked for as they are handed out.
        name: what is made, for whoever looks at the cluster.
        threads: workers where they are on this machine.
        done: called with the result of each task, in the order in which they end.
        cancelled: asked now and then.

    Raises:
        MissingDependencyError: Dask is not installed.
        InputError: no scheduler answers there.
        OutputError: a worker has another version of this package, none outlasts a task, or the
            scheduler is lost.
        CancelledError: `cancelled` said so.
    """
    distributed = require("distributed", extra=_EXTRA, purpose=_PURPOSE)
    settings = require("dask", extra=_EXTRA, purpose=_PURPOSE).config.set(_SETTINGS)
    # What it says of workers that come and go is no matter here, nor what it says at the end.
    for logger in ("distributed", "distributed.client"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    with settings, _client(distributed, scheduler, threads) as client:
        ahead = _AHEAD * (sum(client.nthreads().values()) or 1)
        # A task of its own: held by workers, sent by one to the other, made again if lost.
        # Under names of its own, or the scheduler would give what another client's tasks gave.
        key = f"satclip-{name}-{secrets.token_hex(8)}"
        sent = client.submit(_itself, shared, key=f"{key}-shared")
        todo = enumerate(arguments)

        def handed_out(count: int) -> set[Any]:
            return {
                client.submit(
                    _of_one_version, __version__, task, sent, *words,
                    key=f"{key}-{index}", retries=_RETRIES,
                )
                for index, words in islice(todo, count)
            }  # fmt: skip

        running = handed_out(ahead)
        while running:
            if cancelled is not None and cancelled():
                client.cancel(list(running))
                raise CancelledError("stopped on request: what is done is kept")
            finished = _finished(distributed, running)
            for future in finished:
                done(_result(distributed, future))
            running = (running - finished) | handed_out(len(finished))


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
    except FuturesLost as error:
        raise _lost() from error
    if any(future.status in _GONE for future in running):
        raise _lost()
    return set(done)


def _result(distributed: Any, future: Any) -> Any:
    """What a task gave."""
    try:
        return future.result()
    except distributed.KilledWorker as error:
        raise OutputError(
            "a part was lost with each worker that tried it: they may have too little memory "
            "(a part takes some 500 MB)"
        ) from error
    except (FuturesLost, distributed.comm.CommClosedError) as error:
        raise _lost() from error


def _lost() -> OutputError:
    return OutputError(
        "the connection to the Dask scheduler was lost: what is done is kept, ask again once it is "
        "there"
    )


def _itself(shared: S) -> S:
    return shared


@lru_cache(maxsize=1)
def _keep_memory() -> None:
    """Let a worker keep the memory that it will soon ask for again, as the system would by itself.

    Dask starts workers with a setting of glibc's by which freed memory goes back at once. Measured,
    a block of 256 × 256 embeddings then takes three times as long, for its pages are made anew.
    """
    if os.environ.get("MALLOC_TRIM_THRESHOLD_") != _TRIMMED_BY_DASK:
        return
    with suppress(AttributeError, OSError, TypeError):
        libc = ctypes.CDLL(None)
        for option, size in _MEMORY_KEPT.items():
            libc.mallopt(option, size)


def _of_one_version(version: str, task: Callable[..., T], shared: Any, *arguments: Any) -> T:
    """A task, done by a worker that has the client's version.

    Raises:
        OutputError: it has another.
    """
    if version != __version__:
        raise OutputError(
            f"a worker has satclip-embeddings {__version__}, the client {version}: install one "
            "version everywhere"
        )
    _keep_memory()
    return task(shared, *arguments)
