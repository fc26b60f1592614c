"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import OutputError


def check_target(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a target that cannot be written, before any work is done for it.

    Raises:
        OutputError: it exists and may not be replaced, its folder is missing or read-only.
    """
    folder = path.parent
    if path.is_dir():
        raise OutputError(f"{path} is a folder: give a file name")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists: give another name, or --overwrite to replace it")
    if not folder.is_dir():
        raise OutputError(f"the folder {folder} does not exist: create it, or write elsewhere")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"no permission to write in {folder}: write elsewhere")


@contextmanager
def written_whole(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary file beside `path` that becomes `path` when the block ends well.

    Args:
        path: the target.
        overwrite: whether an existing target may be replaced.

    Yields:
        The temporary path, with the target's suffix; the file is not there yet.

    Raises:
        OutputError: the target cannot be written (see `check_target`), or the system says no.
    """
    target = Path(path)
    check_target(target, overwrite=overwrite)
    try:
        # A folder of its own, so that side files a driver may write go with it.
        with tempfile.TemporaryDirectory(prefix=f".{target.stem}-", dir=target.parent) as folder:
            temporary = Path(folder) / target.name
            yield temporary
            os.replace(temporary, target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
