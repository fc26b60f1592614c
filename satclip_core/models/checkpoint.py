"""Read a torch checkpoint without torch and without executing anything in it.

A checkpoint is a zip with a pickle (`data.pkl`) and one raw file for each tensor storage.
`pickletools.genops` only splits the pickle into opcodes; the small machine below follows the
ones that plain data and a state dict need, and refuses everything else by name. No object of
the file's choosing is ever imported, called or built.
"""

from __future__ import annotations

import math
import pickletools  # nosec B403: it lists opcodes, and executes none
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

# A state dict with an optimizer's takes a few hundred kilobytes and some 30 steps for each tensor.
_LARGEST_PICKLE, _MOST_STEPS = 2**24, 2**21
_LARGEST_STORAGE = 2**31
_MOST_AXES = 32
_MARK = object()

_STORAGE_DTYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}
_CALLABLE = (
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
)
# numpy's numbers, as settings beside weights hold them: known by name, never made.
_UNREAD = (
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "_codecs.encode",
)


@dataclass(frozen=True)
class Global:
    """A name from the pickle; only ever compared, never imported."""

    name: str


@dataclass(frozen=True)
class Unread:
    """A value of numpy's that is not made: nothing that is needed."""

    name: str


@dataclass(frozen=True)
class Storage:
    """Where a tensor's numbers lie: a file of the zip, its dtype and count."""

    key: str
    kind: str
    count: int


@dataclass(frozen=True)
class LazyTensor:
    """A tensor of the checkpoint, read when asked for."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Checkpoint:
    """An open checkpoint: its pickled tree, and tensors on demand.

    Args:
        archive: the opened zip.

    Raises:
        ModelError: not a torch checkpoint, or it holds something that is no plain data.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise ModelError(
                "it has neither model.json nor data.pkl: it is no model of this project, and no "
                "torch checkpoint"
            )
        self._prefix = names[0][: -len("data.pkl")]
        if archive.getinfo(names[0]).file_size > _LARGEST_PICKLE:
            raise ModelError("its data.pkl is larger than 16 MB, which no checkpoint needs")
        if self._read_optional("byteorder") == b"big":
            raise ModelError("it was saved on a big-endian machine: save it again on another")
        self.tree = PickleReader(archive.read(names[0])).read()

    def tensor(self, lazy: LazyTensor) -> NDArray[Any]:
        """The numbers of a tensor; bfloat16 comes as float32.

        Raises:
            ModelError: its storage is missing, has another size, or the view leaves it.
        """
        storage = lazy.storage
        dtype = np.dtype(_STORAGE_DTYPES[storage.kind])
        flat: NDArray[Any] = np.frombuffer(self._storage_bytes(storage, dtype.itemsize), dtype)
        if storage.kind == "BFloat16Storage":
            flat = (flat.astype(np.uint32) << 16).view(np.float32)
        reach = lazy.offset + sum((n - 1) * s for n, s in zip(lazy.shape, lazy.strides))
        numbers = (lazy.offset, *lazy.shape, *lazy.strides)
        count = element_count(lazy.shape)
        if min(numbers) < 0 or (count and reach >= len(flat)):
            raise ModelError(f"a tensor of shape {lazy.shape} reaches beyond its storage")
        if count > len(flat):
            raise ModelError(f"a tensor of shape {lazy.shape} repeats its storage")
        strides = [stride * flat.itemsize for stride in lazy.strides]
        view = np.lib.stride_tricks.as_strided(flat[lazy.offset :], lazy.shape, strides)
        return np.array(view)

    def _storage_bytes(self, storage: Storage, itemsize: int) -> bytes:
        try:
            member = self._archive.getinfo(f"{self._prefix}data/{storage.key}")
        except KeyError:
            raise ModelError(f"its tensor storage {storage.key!r} is missing") from None
        if member.file_size != storage.count * itemsize or member.file_size > _LARGEST_STORAGE:
            raise ModelError(
                f"its tensor storage {storage.key!r} has {member.file_size} bytes where "
                f"{storage.count} numbers of {itemsize} bytes were announced"
            )
        return self._archive.read(member)

    def _read_optional(self, name: str) -> bytes:
        try:
            member = self._archive.getinfo(self._prefix + name)
        except KeyError:
            return b""
        return self._archive.read(member) if member.file_size < 64 else b""


def element_count(shape: tuple[int, ...]) -> int:
    """Number of elements of an array of `shape`."""
    return int(math.prod(list(shape)))


def plain_values(tree: Any, most: int = 100_000, depth: int = 20) -> Any:
    """A copy of nested dicts, lists and tuples, of which no more is there than is said.

    A list that holds one list twice, which holds another twice, and so on, is small in a pickle and
    endless as soon as it is written down.

    Raises:
        ModelError: there is more, or it is nested deeper.
    """
    left = most

    def copied(value: Any, deep: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or deep < 0:
            raise ModelError("its values are nested without end")
        if isinstance(value, dict):
            return {key: copied(item, deep - 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(copied(item, deep - 1) for item in value)
        return value

    return copied(tree, depth)


class PickleReader:
    """Follows the opcodes of a pickle that holds plain data and tensors.

    Args:
        data: the pickle.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._steps = 0

    def read(self) -> Any:
        """The pickled value: dicts, lists, tuples, numbers, strings, `LazyTensor`, `Unread`.

        Raises:
            ModelError: damaged, or a construct that plain data does not need, named.
        """
        try:
            for opcode, argument, _ in pickletools.genops(self._data):
                if opcode.name == "STOP":
                    return self._stack.pop()
                self._step(opcode.name, argument)
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise ModelError(f"its pickle is damaged ({type(error).__name__}: {error})") from error
        raise ModelError("its pickle ends before it is complete")

    def _spend(self, steps: int) -> None:
        """Count what is done, so that a small file cannot ask for work without end."""
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise ModelError("its pickle takes more steps than any checkpoint needs")

    def _step(self, name: str, argument: Any) -> None:
        self._spend(1)
        if name in _LITERALS:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name]())
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._memo[int(argument)] = self._stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = self._stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            self._stack.append(self._memo[int(argument)])
        elif name == "GLOBAL":
            self._push_global(argument.replace(" ", "."))
        elif name in _ACTIONS:
            _ACTIONS[name](self)
        elif name not in ("PROTO", "FRAME"):
            raise ModelError(f"it holds the pickle construct {name}, which weights do not need")

    def _push_global(self, name: str) -> None:
        kind = name.rpartition(".")[2]
        if name not in (*_CALLABLE, *_UNREAD) and not (
            name == f"torch.{kind}" and kind in _STORAGE_DTYPES
        ):
            raise ModelError(f"it refers to {name!r}, which weights do not need; it was not run")
        self._stack.append(Global(name))

    def _stack_global(self) -> None:
        attribute, module = self._stack.pop(), self._stack.pop()
        if not isinstance(attribute, str) or not isinstance(module, str):
            raise ValueError("a name that is no text")
        self._push_global(f"{module}.{attribute}")

    def _pop_to_mark(self) -> list[Any]:
        start = len(self._stack) - 1
        while self._stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise ValueError("no mark")
        items = self._stack[start + 1 :]
        del self._stack[start:]
        return items

    def _tuple_of(self, count: int) -> None:
        if len(self._stack) < count:
            raise IndexError("stack is too short")
        items = tuple(self._stack[len(self._stack) - count :])
        del self._stack[len(self._stack) - count :]
        self._stack.append(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict):
            raise ValueError("items for something that is no dict")
        target.update(_dict_of(items))

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise ValueError("values for something that is no list")
        target.extend(items)

    def _set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set_items([key, value])

    def _build(self) -> None:
        # State of an OrderedDict (torch hangs `_metadata` there): nothing of it is needed.
        self._stack.pop()
        if not isinstance(self._stack[-1], (dict, Unread)):
            raise ModelError("it sets the state of an object, which weights do not need")

    def _persistent(self) -> None:
        identity = self._stack.pop()
        tag, kind, key, _, count = identity
        known = isinstance(kind, Global) and isinstance(key, str) and isinstance(count, int)
        if tag != "storage" or not known:
            raise ValueError("unknown persistent id")
        self._stack.append(Storage(key, kind.name.rpartition(".")[2], count))

    def _ordered(self, pairs: Any = ()) -> dict[Any, Any]:
        """An OrderedDict's arguments: none, or a list of pairs, which is copied."""
        self._spend(len(pairs))
        return _dict_of([item for key, value in pairs for item in (key, value)])

    def _reduce(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, Global):
            raise ModelError("it calls something that is no name, which weights do not need")
        if function.name == "collections.OrderedDict":
            self._stack.append(self._ordered(*arguments))
        elif function.name == "torch._utils._rebuild_parameter":
            self._stack.append(arguments[0])
        elif function.name == "torch._utils._rebuild_tensor_v2":
            self._stack.append(_lazy_tensor(*arguments[:4]))
        elif function.name in _UNREAD:
            self._stack.append(Unread(function.name))
        else:
            raise ModelError(f"it calls {function.name!r}, which weights do not need")


def _dict_of(items: list[Any]) -> dict[Any, Any]:
    keys = items[::2]
    # Python goes down without an end where it hashes a tuple of tuples.
    if not all(key is None or isinstance(key, (str, int, float)) for key in keys):
        raise ModelError("it has a key that is neither text nor a number")
    return dict(zip(keys, items[1::2]))


def _lazy_tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> LazyTensor:
    sizes = (offset, *shape, *strides)
    if not isinstance(storage, Storage) or not all(type(size) is int for size in sizes):
        raise ValueError("a tensor with arguments of the wrong kind")
    if len(shape) != len(strides) or len(shape) > _MOST_AXES:
        raise ValueError("a tensor with more sizes than strides, or than any has")
    return LazyTensor(storage, offset, tuple(shape), tuple(strides))


_LITERALS = (
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "BINBYTES", "SHORT_BINBYTES"),
    *("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "BINFLOAT", "FLOAT"),
)
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "MARK": lambda: _MARK,
}
_ACTIONS: dict[str, Callable[[PickleReader], None]] = {
    "STACK_GLOBAL": PickleReader._stack_global,
    "TUPLE": lambda reader: reader._stack.append(tuple(reader._pop_to_mark())),
    "TUPLE1": lambda reader: reader._tuple_of(1),
    "TUPLE2": lambda reader: reader._tuple_of(2),
    "TUPLE3": lambda reader: reader._tuple_of(3),
    "DICT": lambda reader: reader._stack.append(_dict_of(reader._pop_to_mark())),
    "LIST": lambda reader: reader._stack.append(reader._pop_to_mark()),
    "SETITEM": PickleReader._set_item,
    "SETITEMS": lambda reader: reader._set_items(reader._pop_to_mark()),
    "APPEND": lambda reader: reader._append([reader._stack.pop()]),
    "APPENDS": lambda reader: reader._append(reader._pop_to_mark()),
    "ADDITEMS": lambda reader: reader._append(reader._pop_to_mark()),
    "BUILD": PickleReader._build,
    "BINPERSID": PickleReader._persistent,
    "REDUCE": PickleReader._reduce,
}
