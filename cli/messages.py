"""What goes to standard error: messages and warnings, one line each. Results go to stdout."""

from __future__ import annotations

import logging
import sys
from typing import Any

_PACKAGES = ("satclip_core", "satclip_cli", "satclip_training")
# Chatty libraries, whose errors we turn into our own: heard with -vv only.
_LIBRARIES = ("rasterio", "pyproj", "pyogrio", "fiona", "shapely")
_LEVELS = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO, 2: logging.DEBUG}

_state: dict[str, Any] = {"verbosity": 0, "console": None}


class _Handler(logging.Handler):
    """Log records as lines; a warning says that it is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        text = record.getMessage()
        if record.exc_info:
            text = "\n".join([text, logging.Formatter().formatException(record.exc_info)]).strip()
        tell(f"Warning: {text}" if record.levelno == logging.WARNING else text)


def configure(verbosity: int) -> None:
    """Set how much is said: -1 errors, 0 warnings, 1 what is done, 2 everything."""
    _state["verbosity"] = max(-1, min(verbosity, 2))
    handler = _Handler()
    for name in _PACKAGES:
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(_LEVELS[_state["verbosity"]])
    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler if tracebacks() else logging.NullHandler()]
        logger.propagate = False


def tracebacks() -> bool:
    """Whether -vv was given."""
    return bool(_state["verbosity"] >= 2)


def quiet() -> bool:
    """Whether -q was given."""
    return bool(_state["verbosity"] < 0)


def printable(text: str) -> str:
    """Text without what would steer a terminal: names and values come from files of others."""
    if text.isprintable():
        return text
    kept = "\n\t\xa0"
    return "".join(one if one.isprintable() or one in kept else repr(one)[1:-1] for one in text)


def tell(text: str) -> None:
    """One line on standard error, above a progress bar where there is one."""
    text = printable(text)
    if _state["console"] is not None:
        _state["console"].print(text, highlight=False, markup=False, soft_wrap=True)
    elif sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


def attach(console: Any) -> None:
    """Let a progress bar's console write the lines from now on; None ends that."""
    _state["console"] = console
