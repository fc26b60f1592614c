"""Threads over rows and points, with BLAS held to one thread in each where that can be done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")


def available_threads() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def _controller() -> Any | None:
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[bool]:
    """Hold BLAS to one thread inside the block; yields whether that was possible.

    Without threadpoolctl nothing is changed: BLAS then spreads each product itself.
    """
    controller = _controller()
    if controller is None:
        yield False
        return
    with controller.limit(limits=1, user_api="blas"):
        yield True


def for_each(work: Callable[[T], None], items: Iterable[T], threads: int | None = None) -> None:
    """Call `work` on every item, on `threads` threads, each with one BLAS thread.

    Where BLAS cannot be held to one thread the items are worked off one by one, so that the
    machine is not oversubscribed.

    Args:
        work: called once for each item; its exceptions are raised here.
        items: what to work on.
        threads: number of threads; all available processors where None.
    """
    items = list(items)
    count = min(threads or available_threads(), len(items))
    with one_blas_thread() as limited:
        if count <= 1 or not limited:
            for item in items:
                work(item)
            return
        with ThreadPoolExecutor(count) as pool:
            for future in [pool.submit(work, item) for item in items]:
                future.result()
