"""Threads over rows and points, with BLAS held to one thread in each where that can be done."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


_most: int | None = None


def limit_threads(most: int | None) -> None:
    """Take no more than so many threads from now on where none are asked for; None: no limit.

    Raises:
        ValueError: fewer than one.
    """
    global _most
    if most is not None and most < 1:
        raise ValueError(f"{most} threads: give at least 1")
    _most = most


def available_threads() -> int:
    """Processors that this process may use, and no more than `limit_threads` allows."""
    there = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        there = len(os.sched_getaffinity(0))
    return there if _most is None else min(there, _most)


@lru_cache(maxsize=1)
def _controller() -> Any | None:
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return OpenBlas.loaded()
    return ThreadpoolController()


class OpenBlas:
    """The number of threads of OpenBLAS, where threadpoolctl is missing, as in most QGIS.

    Args:
        libraries: those loaded, by their paths.
    """

    def __init__(self, libraries: Iterable[str]) -> None:
        self._calls = [calls for path in libraries if (calls := _thread_calls(path)) is not None]
        self._lock, self._inside = Lock(), 0
        self._before: list[int] = []

    @classmethod
    def loaded(cls) -> OpenBlas | None:
        """Of this process; None where there is none."""
        found = cls(_loaded_openblas())
        return found if found._calls else None

    @contextmanager
    def limit(self, *, limits: int, user_api: str) -> Iterator[None]:
        """Hold OpenBLAS to so many threads inside the block; `user_api` is always "blas"."""
        with self._lock:
            if self._inside == 0:
                self._before = [count() for count, _ in self._calls]
            self._inside += 1
            for _, hold in self._calls:
                hold(limits)
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0:
                    for (_, hold), threads in zip(self._calls, self._before):
                        hold(threads)


def _loaded_openblas() -> list[str]:
    """Files of OpenBLAS in this process: as Linux tells, or those that a wheel of numpy brings."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            files = {line.split(maxsplit=5)[-1].strip() for line in maps if "openblas" in line}
    except OSError:
        folder = Path(np.__file__).parent
        beside = (folder.parent / "numpy.libs", folder / ".dylibs")
        files = {str(file) for place in beside for file in place.glob("*openblas*")}
    return sorted(files)


def _thread_calls(path: str) -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """What asks for the number of threads of a library and sets it, if it has that."""
    try:
        library = ctypes.CDLL(path)
    except OSError:
        return None
    for prefix in ("", "scipy_"):
        for suffix in ("", "64_"):
            with suppress(AttributeError):
                count = getattr(library, f"{prefix}openblas_get_num_threads{suffix}")
                hold = getattr(library, f"{prefix}openblas_set_num_threads{suffix}")
                hold.restype = None
                return count, hold
    return None


@contextmanager
def one_blas_thread() -> Iterator[bool]:
    """Hold BLAS to one thread inside the block; yields whether that was possible.

    Without threadpoolctl that is so with OpenBLAS alone; any other one spreads each product itself.
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
