"""Files that appear whole or not at all, and arrays in them without pickle."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import re
import secrets
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import Argument, OutputError, SatclipError

# Of the members of a zip, so that equal content gives equal bytes.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
# Numbers that mean something pack to a fraction; zeros, of which a bomb is made, to a thousandth.
_UNPACKED_BYTES, _UNPACKED_TIMES = 2**26, 50


@dataclass(frozen=True)
class Target:
    """A file to write that was looked at: whoever is handed one need not look again.

    Attributes:
        path: of the file.
        overwrite: whether an existing file may be replaced.

    Raises:
        OutputError: the file cannot be written (see `check_target`).
    """

    path: Path
    overwrite: bool = False

    def __post_init__(self) -> None:
        check_target(self.path, overwrite=self.overwrite)

    @classmethod
    def of(cls, path: str | os.PathLike[str], *, overwrite: bool = False) -> Target:
        """The target at a path; a target as it is, with what it says of overwriting.

        Raises:
            OutputError: the file cannot be written (see `check_target`).
        """
        return path if isinstance(path, Target) else cls(Path(path), overwrite)

    def __fspath__(self) -> str:
        return str(self.path)


def check_target(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a target that cannot be written, before any work is done for it.

    Raises:
        OutputError: it exists and may not be replaced, it is a folder or a device, its folder is
            missing or read-only.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder: give a file name")
    if path.exists() and not path.is_file():  # /dev/null would be replaced, given the right to
        raise OutputError(f"{path} is no regular file: give a file name")
    if path.exists() and not overwrite:
        raise OutputError(
            f"{path} exists: give another name, or ",
            Argument("overwrite", True),
            " to replace it",
        )
    _check_place(path.parent)


def check_folder(path: Path, mark: str, *, overwrite: bool = False) -> None:
    """Refuse a folder that cannot be written, or whose place is taken by something else.

    Args:
        path: the folder.
        mark: a file by which a folder of this kind is known.
        overwrite: whether an existing one may be replaced.

    Raises:
        OutputError: it exists and may not be replaced, or is none of this kind; its own folder is
            missing or read-only.
    """
    if path.exists() and not overwrite:
        raise OutputError(
            f"{path} exists: give another name, or ",
            Argument("overwrite", True),
            " to replace it",
        )
    empty = path.is_dir() and not any(path.iterdir())
    if path.exists() and not empty and not (path / mark).is_file():
        raise OutputError(
            f"{path} is not replaced: nothing of this format was written there (it has no {mark}); "
            "give another name, or remove it yourself"
        )
    _check_place(path.absolute().parent)


def put_folder(made: Path, path: Path, mark: str, *, overwrite: bool = False) -> None:
    """Give a finished folder its name; what had it before goes away after that.

    Args:
        made: the folder, on the same disk.
        path: its name.
        mark: as in `check_folder`.
        overwrite: whether an existing one may be replaced.

    Raises:
        OSError: the system refuses.
        OutputError: something else has come there meanwhile.
    """
    old = None
    if path.is_dir():
        check_folder(path, mark, overwrite=overwrite)
        old = path.with_name(f".{path.name}-{os.getpid()}")
        os.rename(path, old)
    os.replace(made, path)
    sync_folder(path.absolute().parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _check_place(folder: Path) -> None:
    if not folder.is_dir():
        raise OutputError(f"the folder {folder} does not exist: create it, or write elsewhere")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"no permission to write in {folder}: write elsewhere")


def check_apart(target: Path, others: Iterable[str | os.PathLike[str] | None]) -> None:
    """Refuse a target that the same request reads or writes under another name.

    Args:
        target: file to write.
        others: the other files; None where one was not given.

    Raises:
        OutputError: one of them is the same file.
    """
    for other in others:
        if other is not None and is_same(target, Path(other)):
            raise OutputError(f"{target} is given twice, as {other} too: write to another file")


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths mean one file, through links too; neither need exist."""
    if one.exists() and other.exists():
        return os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)


@contextmanager
def written_whole(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary file beside `path` that becomes `path` when the block ends well.

    Args:
        path: the target; a `Target` is not looked at again.
        overwrite: whether an existing target may be replaced.

    Yields:
        The temporary path, with the target's suffix; the file is not there yet.

    Raises:
        OutputError: the target cannot be written (see `check_target`), a file has come there
            meanwhile that may not be replaced, or the system says no.
    """
    checked = Target.of(path, overwrite=overwrite)
    target = checked.path
    # A folder of its own, so that side files a driver may write go with it.
    folder = target.with_name(f".{target.stem}-{secrets.token_urlsafe(6)}")
    try:
        folder.mkdir(0o700)
        temporary = folder / target.name
        yield temporary
        _move(temporary, checked)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        _clear(folder)


def _move(temporary: Path, target: Target) -> None:
    """Give a finished file its name, which another may have taken meanwhile."""
    if not target.overwrite:
        try:
            os.link(temporary, target.path)  # unlike a rename it replaces nothing
            return
        except OSError:  # the name is taken, or the file system has no links
            check_target(target.path)
    os.replace(temporary, target.path)


def _clear(folder: Path) -> None:
    """Remove a folder and what is in it, also where Ctrl-C comes in the middle of that."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        # Stopped just after it closed a folder, rmtree closes it again: that error hides Ctrl-C.
        hidden = error.__context__
        if isinstance(error, OSError) and isinstance(hidden, (KeyboardInterrupt, SystemExit)):
            raise hidden from None
        raise


def write_zip(path: Path, members: Mapping[str, bytes], level: int = 9) -> None:
    """A zip of some members: equal bytes for equal content.

    Args:
        path: the file.
        members: name -> content.
        level: of compression, 1 to 9.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, _ZIP_DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content, compresslevel=level)


class ArchiveError(ValueError):
    """A zip that is damaged, cut off, or that nobody writes who means well; says why."""


@contextmanager
def opened_file(path: Path) -> Iterator[IO[bytes]]:
    """A regular file, open for reading: neither a folder nor a device or pipe, which may not end.

    Raises:
        OSError: it cannot be opened, or is of another kind.
    """
    with open(path, "rb", opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        yield file


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for somebody at the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def hash_stream(file: IO[bytes]) -> str:
    """SHA-256 of the rest of a file, hexadecimal; in memory that does not grow with it."""
    digest = hashlib.sha256()
    for chunk in iter(lambda: file.read(1 << 20), b""):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def opened_zip(file: IO[bytes], most: int) -> Iterator[zipfile.ZipFile]:
    """A zip archive, open for reading, of which no member can fill the memory.

    Args:
        file: open for reading.
        most: bytes of all members together; less where the archive is small, as what deserves to
            be kept packs to no less than a fiftieth.

    Raises:
        ArchiveError: it is damaged, announces more, or is packed in a way that this package does
            not use; what goes wrong while a member is read within the block, too.
    """
    try:
        most = min(most, max(_UNPACKED_BYTES, _UNPACKED_TIMES * file.seek(0, os.SEEK_END)))
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            announced = sum(member.file_size for member in members)
            if announced > most:
                raise ArchiveError(f"it announces {announced:,} bytes, more than {most:,}")
            for member in members:
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ArchiveError(f"its member {member.filename!r} is packed in another way")
            yield archive
    except (ArchiveError, SatclipError):
        raise
    except (
        OSError, EOFError, NotImplementedError, RuntimeError, struct.error, ValueError,
        zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise ArchiveError(f"it is damaged or incomplete ({error})") from error


def npy_bytes(array: NDArray[Any]) -> bytes:
    """An array in numpy's format, as an .npz holds it; never a pickle."""
    stream = io.BytesIO()
    np.lib.format.write_array(
        stream, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False
    )
    return stream.getvalue()


# What numpy begins an array with, and the header that it writes (numpy.lib.format, version 1.0).
# numpy reads that by Python's parser, which must not run in several threads at once in Python 3.11
# and 3.12.0 (SystemError: AST constructor recursion depth mismatch), as where they open a model.
_NPY_MAGIC = b"\x93NUMPY\x01\x00"
_NPY_HEADER = re.compile(
    r"\{'descr': '(?P<type>[<>|=][a-zA-Z]\d{0,4})', 'fortran_order': (?P<fortran>True|False), "
    r"'shape': \((?P<shape>(?:\d{1,19}, ?)*(?:\d{1,19})?)\), \} *\n"
)


def npy_array(data: bytes, dtypes: Collection[str]) -> NDArray[Any]:
    """The array that `npy_bytes` wrote; what it announces is checked before memory is taken.

    Args:
        data: the bytes.
        dtypes: names of the types that it may have.

    Raises:
        ValueError: it is none, of another type, or cut short; says what the bytes are.
    """
    start = len(_NPY_MAGIC) + 2
    body = start + int.from_bytes(data[start - 2 : start], "little")
    header = _NPY_HEADER.fullmatch(data[start:body].decode("latin-1"))
    if not data.startswith(_NPY_MAGIC) or header is None:
        raise ValueError("is no numpy array of format 1.0")
    try:
        dtype = np.dtype(header["type"])
    except TypeError as error:
        raise ValueError(f"is no numpy array ({error})") from error
    shape = tuple(map(int, re.findall(r"\d+", header["shape"])))
    if dtype.name not in dtypes:
        raise ValueError(f"holds {dtype}, not one of {', '.join(dtypes)}")
    if len(data) - body != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"has {len(data) - body} bytes, its shape {shape} needs others")
    order: Literal["F", "C"] = "F" if header["fortran"] == "True" else "C"
    return np.frombuffer(data, dtype, offset=body).reshape(shape, order=order)


def sync_folder(folder: Path) -> None:
    """See that the names in a folder outlast a power cut, where the system can do that."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is none.
    """
    return json.loads(path.read_text("utf-8"))
