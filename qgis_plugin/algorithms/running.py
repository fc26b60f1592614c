"""Algorithms at work, so that none of them outlives the provider: QGIS would crash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, get_ident
from typing import Any

from ..satclip_core.errors import CancelledError

# Seconds for which QGIS is held up by what does not stop; blocks and batches take far less.
_PATIENCE = 20.0

_changed = Condition()
_running: list[tuple[int, Any]] = []
_unloads = 0


def unloads() -> int:
    """How often the provider has gone so far: what was prepared before then must not begin."""
    return _unloads


@contextmanager
def at_work(feedback: Any, prepared: int) -> Iterator[None]:
    """For as long as an algorithm works.

    Args:
        feedback: by which it is stopped.
        prepared: `unloads()` when it was prepared.

    Raises:
        CancelledError: its provider is gone.
    """
    mine = get_ident(), feedback
    with _changed:
        if prepared != _unloads:
            raise CancelledError("the plugin was unloaded")
        _running.append(mine)
    try:
        yield
    finally:
        with _changed:
            _running.remove(mine)
            _changed.notify_all()


def stop_all() -> None:
    """Stop all algorithms and wait for those of other threads; to be called before unloading."""
    global _unloads
    with _changed:
        _unloads += 1
        for _, feedback in _running:
            feedback.cancel()
        here = get_ident()
        _changed.wait_for(lambda: all(thread == here for thread, _ in _running), _PATIENCE)
