"""The errors a user can cause: each message names the bad value and what to do about it.

Everything raised on purpose is a `SatclipError`; the command line turns one into a single
line on standard error, QGIS into a message of its own.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


class SatclipError(Exception):
    """Base of every failure that a user can mend."""


class InputError(SatclipError, ValueError):
    """A value that was handed in cannot be used: a bbox, a resolution, coordinates, a column."""


class ModelError(SatclipError):
    """A model file or checkpoint cannot be read, or a model name is not known."""


class DownloadError(SatclipError):
    """A file could not be fetched, or what came is not what was expected."""


class OutputError(SatclipError):
    """A result cannot be written: it exists, the disk is full, the folder is read-only."""


class CancelledError(SatclipError):
    """The caller asked to stop; nothing was left behind."""


class MissingDependencyError(SatclipError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""


def require(module: str, *, extra: str | None = None, purpose: str) -> ModuleType:
    """Import `module`, or say which extra installs it.

    Args:
        module: dotted module name.
        extra: the extra of this project that installs it; None where the plain install does.
        purpose: what it is needed for, to complete the sentence "… needs <module>".

    Raises:
        MissingDependencyError: the module is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        target = f"satclip-embeddings[{extra}]" if extra else module.partition(".")[0]
        raise MissingDependencyError(
            f"{purpose} needs {module}, which is not installed: pip install '{target}'"
        ) from error
