"""Files of fitted maps: an `.npz` of arrays and JSON, without pickle, used again elsewhere.

A zip with `map.json` (version, model that embeds, report, what was learnt as a tree of numbers) and
one `arrays/N.npy` for each array in it. Only the kinds of objects listed here are made of a file,
from numbers alone; a hash of the content tells a damaged one.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import Linear
from ..analysis.applicability import Applicability
from ..analysis.gaussian import Gaussian, Kernel, Sites
from ..analysis.indicators import Indicators
from ..analysis.neighbours import Corrected, LocalKernel, Neighbours
from ..analysis.nystrom import KernelVectors
from ..analysis.stacking import Stack
from ..errors import InputError, SatclipError, call
from ..files import (
    ArchiveError,
    npy_array,
    npy_bytes,
    opened_file,
    opened_zip,
    write_zip,
    written_whole,
)
from .classarea import ClassArea
from .classification import ClassModel, ClassStack
from .legend import Legend
from .maps import MapModel
from .regression import LinearPredictor, NumberModel

FORMAT, VERSION = "satclip-map", 1
# What a file may be made of: plain data, each with arrays and numbers only.
_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Applicability,
        ClassArea,
        ClassModel,
        ClassStack,
        Corrected,
        Gaussian,
        Indicators,
        Kernel,
        KernelVectors,
        Legend,
        Linear,
        LinearPredictor,
        LocalKernel,
        MapModel,
        Neighbours,
        NumberModel,
        Sites,
        Stack,
    )
}
_HEADER = "map.json"
_DTYPES = ("float64", "float32", "int64")
_LARGEST_HEADER, _LARGEST_CONTENT = 2**24, 2**31
# Floats are hardly smaller at a higher level.
_LEVEL = 1
_WRITER = call("save_map")
# What Python says where numbers, shapes or kinds are not those that were expected.
_UNFIT = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def save_map(model: MapModel, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a fitted map, to be drawn elsewhere or read at points.

    Args:
        model: the map. The file holds the places of the samples, for distances to them, but not
            what it was tested on, sample by sample.
        path: usually ending in `.npz`.
        overwrite: whether an existing file may be replaced.

    Raises:
        OutputError: the file exists or cannot be written.
    """
    arrays: list[NDArray[Any]] = []
    tree = _packed(replace(model, evidence=None), arrays)
    members = {f"arrays/{index}.npy": npy_bytes(array) for index, array in enumerate(arrays)}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "model": model.model,
        "weights_sha256": model.sha256,
        "content_sha256": _hash(tree, members),
        "map": tree,
    }
    text = json.dumps(header, indent=1, ensure_ascii=False)
    with written_whole(path, overwrite=overwrite) as temporary:
        write_zip(temporary, {_HEADER: text.encode(), **members}, _LEVEL)


def load_map(path: str | os.PathLike[str]) -> MapModel:
    """Read a map that `save_map` wrote.

    Raises:
        InputError: missing, unreadable, of another kind or version, or damaged.
    """
    file = Path(path)
    try:
        with opened_file(file) as stream, opened_zip(stream, _LARGEST_CONTENT) as archive:
            header = _header(archive, file)
            members = {name: archive.read(name) for name in archive.namelist() if name != _HEADER}
    except FileNotFoundError:
        raise InputError(f"the map file {file} does not exist: ", _WRITER, " writes it") from None
    except OSError as error:
        raise InputError(f"cannot read the map file {file}: {error.strerror}") from error
    except ArchiveError as error:
        raise _wrong(file) from error
    try:
        if header["content_sha256"] != _hash(header["map"], members):
            raise _damaged(file)
        model = _unpacked(header["map"], members)
    except _UNFIT as error:
        raise _damaged(file) from error
    if not isinstance(model, MapModel):
        raise _damaged(file)
    return model


@contextmanager
def fitting_together(model: MapModel) -> Iterator[None]:
    """See that what a file says is one map, by using it: its hash was made by whoever wrote it.

    Raises:
        InputError: numbers, shapes or kinds within the block that do not go together.
    """
    try:
        with np.errstate(all="ignore"):
            yield
    except SatclipError:
        raise
    except _UNFIT as error:
        raise InputError(
            f"the parts of the saved map of {model.name!r} do not go together ({error}): ",
            _WRITER,
            " writes it again",
        ) from error


def _header(archive: zipfile.ZipFile, file: Path) -> dict[str, Any]:
    """What a file says of itself."""
    if _HEADER not in archive.namelist():
        raise _wrong(file)
    if archive.getinfo(_HEADER).file_size > _LARGEST_HEADER:
        raise _damaged(file)
    try:
        header = json.loads(archive.read(_HEADER))
    except (ValueError, RecursionError) as error:
        raise _damaged(file) from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise _wrong(file)
    if header.get("version") != VERSION:
        raise InputError(
            f"the map file {file} has version {header.get('version')!r}, this software reads "
            f"{VERSION}: it was written by another release"
        )
    return header


def _packed(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """Plain data as JSON has it; arrays are put aside."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, np.generic):
        return value.item()
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value) if field.init]
        content = {name: _packed(getattr(value, name), arrays) for name in names}
        return {"kind": _KINDS[type(value).__name__].__name__, "fields": content}
    if isinstance(value, tuple):
        return {"tuple": [_packed(item, arrays) for item in value]}
    if isinstance(value, list):
        return [_packed(item, arrays) for item in value]
    if isinstance(value, Mapping):
        return {"dict": {str(key): _packed(item, arrays) for key, item in value.items()}}
    return value


def _unpacked(tree: Any, members: Mapping[str, bytes]) -> Any:
    """What `_packed` was given.

    Raises:
        KeyError, TypeError, ValueError: the tree is of no kind that is known.
    """
    if isinstance(tree, list):
        return [_unpacked(item, members) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return npy_array(members[f"arrays/{int(tree['array'])}.npy"], _DTYPES)
    if "tuple" in tree:
        return tuple(_unpacked(item, members) for item in tree["tuple"])
    if "dict" in tree:
        return {key: _unpacked(item, members) for key, item in tree["dict"].items()}
    content = {name: _unpacked(item, members) for name, item in tree["fields"].items()}
    return _KINDS[tree["kind"]](**content)


def _hash(tree: Any, members: Mapping[str, bytes]) -> str:
    return hashlib.sha256(b"".join(_pieces(tree, members))).hexdigest()


def _pieces(tree: Any, members: Mapping[str, bytes]) -> Iterator[bytes]:
    """The content in one order, whatever that of a file is."""
    yield json.dumps(tree, sort_keys=True).encode()
    for name in sorted(members):
        yield f"\n{name} {len(members[name])}\n".encode()
        yield members[name]


def _wrong(file: Path) -> InputError:
    return InputError(f"{file} holds no fitted map: give a file that ", _WRITER, " wrote")


def _damaged(file: Path) -> InputError:
    return InputError(f"the map file {file} is damaged: ", _WRITER, " writes it again")
