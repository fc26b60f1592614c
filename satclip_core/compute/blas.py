"""Matrix products at full speed where numpy's BLAS is hidden behind a slower one.

numpy of a Linux distribution calls the `cblas_*` functions of the system. QGIS loads GSL, whose
reference implementation of the same names comes first in the search order: a product then takes
fifteen times as long (Debian 12, measured). The Fortran names of the real BLAS are not hidden;
there they are called directly. Everywhere else this is `numpy.matmul`.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

_LIBRARY = "libblas.so.3"
_HIDING = "libgslcblas"
_NAMES = {"f": ("sgemm_", ctypes.c_float), "d": ("dgemm_", ctypes.c_double)}

Gemm = Callable[..., None]


def product(a: NDArray[Any], b: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Matrix product, as `numpy.matmul`.

    Args:
        a: (m, k).
        b: (k, n).
        out: (m, n), written into where given.
    """
    gemm = _gemm(a.dtype.char) if a.dtype == b.dtype and a.ndim == b.ndim == 2 else None
    if gemm is None or not (a.size and b.size) or a.shape[1] != b.shape[0]:
        return np.matmul(a, b, out=out)
    target = out
    if target is None or target.dtype != a.dtype or target.strides[1] != target.itemsize:
        target = np.empty((a.shape[0], b.shape[1]), a.dtype)
    gemm(a, b, target)
    if out is None or target is out:
        return target
    out[...] = target
    return out


def products(a: NDArray[Any], b: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
    """Matrix products one by one, as `numpy.matmul` of stacks.

    Args:
        a: (s, m, k), or (m, k) for all.
        b: (s, k, n).
        out: (s, m, n), written into.
    """
    if _gemm(out.dtype.char) is None:
        return np.matmul(a, b, out=out)
    for number, (second, target) in enumerate(zip(b, out)):
        product(a if a.ndim == 2 else a[number], second, target)
    return out


@cache
def _gemm(kind: str) -> Gemm | None:
    """The Fortran product for a type, where it is needed and can be had."""
    if kind not in _NAMES or not _is_hidden():
        return None
    try:
        return fortran_gemm(ctypes.CDLL(_LIBRARY), kind)
    except (OSError, AttributeError):
        return None


def fortran_gemm(library: ctypes.CDLL, kind: str) -> Gemm:
    """C = A B by `sgemm` or `dgemm` of a BLAS (Dongarra et al. 1990, level 3).

    Fortran counts by columns: it is asked for the transpose, Bᵀ Aᵀ, of arrays kept by rows.

    Raises:
        AttributeError: the library has none.
    """
    name, number = _NAMES[kind]
    call = getattr(library, name)
    call.restype = None

    def gemm(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any]) -> None:
        (a, turn_a, step_a), (b, turn_b, step_b) = _operand(a), _operand(b)
        step_c = max(c.strides[0] // c.itemsize, c.shape[1])
        sizes = [ctypes.c_int(size) for size in (c.shape[1], c.shape[0], a.shape[1])]
        call(
            *(ctypes.c_char_p(turn) for turn in (turn_b, turn_a)),
            *(ctypes.byref(size) for size in sizes),
            ctypes.byref(number(1)),
            ctypes.c_void_p(b.ctypes.data),
            ctypes.byref(ctypes.c_int(step_b)),
            ctypes.c_void_p(a.ctypes.data),
            ctypes.byref(ctypes.c_int(step_a)),
            ctypes.byref(number(0)),
            ctypes.c_void_p(c.ctypes.data),
            ctypes.byref(ctypes.c_int(step_c)),
            ctypes.c_size_t(1),
            ctypes.c_size_t(1),
        )

    return gemm


def _operand(x: NDArray[Any]) -> tuple[NDArray[Any], bytes, int]:
    """An array that BLAS can read, whether it is kept by columns, and from one row to the next."""
    rows, cols = x.shape
    item = x.itemsize
    if x.strides[1] == item and x.strides[0] >= cols * item:
        return x, b"N", x.strides[0] // item
    if x.strides[0] == item and x.strides[1] >= rows * item:
        return x, b"T", x.strides[1] // item
    return np.ascontiguousarray(x), b"N", cols


@cache
def _is_hidden() -> bool:
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            return _HIDING in maps.read()
    except OSError:  # not Linux
        return False
