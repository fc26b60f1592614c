"""The product by Fortran's names against numpy's, for every way an array may lie in memory."""

from __future__ import annotations

import ctypes
import ctypes.util

import numpy as np
import pytest

from satclip_core.compute import blas

ORDERS = ("rows", "columns", "part", "strided")


def laid_out(values: np.ndarray, order: str) -> np.ndarray:
    if order == "columns":
        return np.asfortranarray(values)
    if order == "part":
        wide = np.zeros((values.shape[0] + 2, values.shape[1] + 3), values.dtype)
        wide[1:-1, 1:-2] = values
        return wide[1:-1, 1:-2]
    if order == "strided":
        wide = np.zeros((2 * values.shape[0], 2 * values.shape[1]), values.dtype)
        wide[::2, ::2] = values
        return wide[::2, ::2]
    return values


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    name = ctypes.util.find_library("blas")
    if name is None:
        pytest.skip("this system has no BLAS of its own")
    return ctypes.CDLL(name)


@pytest.fixture
def by_fortran(library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        blas, "_gemm", lambda kind: blas.fortran_gemm(library, kind) if kind in "fd" else None
    )


@pytest.mark.usefixtures("by_fortran")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("first", ORDERS)
@pytest.mark.parametrize("second", ORDERS)
def test_the_product_is_numpys(dtype: str, first: str, second: str) -> None:
    random = np.random.default_rng(0)
    for m, k, n in ((5, 7, 3), (1, 4, 1), (64, 1, 9), (1, 6, 8)):
        a, b = random.normal(size=(m, k)).astype(dtype), random.normal(size=(k, n)).astype(dtype)
        expected = a @ b
        assert np.allclose(blas.product(laid_out(a, first), laid_out(b, second)), expected, 1e-5)
        for order in ORDERS:
            out = laid_out(np.zeros((m, n), dtype), order)
            assert blas.product(a, b, out) is out
            assert np.allclose(out, expected, 1e-5)


@pytest.mark.usefixtures("by_fortran")
def test_what_blas_cannot_do_is_left_to_numpy() -> None:
    a = np.arange(6).reshape(2, 3)
    assert (blas.product(a, a.T) == a @ a.T).all()
    assert blas.product(np.zeros((0, 3)), np.zeros((3, 2))).shape == (0, 2)
    with pytest.raises(ValueError, match="mismatch"):
        blas.product(np.zeros((2, 3)), np.zeros((2, 3)))
