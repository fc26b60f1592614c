"""Threads: all items are worked off, errors come through, BLAS is held back while they run."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from satclip_core.compute import threads


@pytest.mark.parametrize("count", [1, 3, None])
def test_every_item_is_worked_off(count: int | None) -> None:
    done = np.zeros(50, int)

    def work(index: int) -> None:
        done[index] += 1

    threads.for_each(work, range(50), count)
    assert (done == 1).all()


def test_an_error_of_a_thread_is_raised() -> None:
    def work(index: int) -> None:
        if index == 7:
            raise ZeroDivisionError("seven")

    with pytest.raises(ZeroDivisionError, match="seven"):
        threads.for_each(work, range(20), 4)


def test_blas_has_one_thread_inside() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    np.ones((2, 2)) @ np.ones((2, 2))
    # Those that were there when BLAS was first held back, numpy's among them: others may have come
    # since, with scipy or torch, which do not work here.
    known = {pool["filepath"] for pool in threads._controller().info()}

    def counts() -> set[int]:
        pools = threadpoolctl.threadpool_info()
        return {
            pool["num_threads"]
            for pool in pools
            if pool["user_api"] == "blas" and pool["filepath"] in known
        }

    # Two outside, whatever the environment says.
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        assert counts() == {2}
        with threads.one_blas_thread() as limited:
            assert limited
            assert counts() == {1}
        assert counts() == {2}


def test_openblas_is_held_back_without_threadpoolctl() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    np.ones((2, 2)) @ np.ones((2, 2))
    openblas = threads.OpenBlas.loaded()
    if openblas is None:
        pytest.skip("this numpy has another BLAS than OpenBLAS")

    def counts() -> set[int]:
        pools = threadpoolctl.threadpool_info()
        return {pool["num_threads"] for pool in pools if pool["internal_api"] == "openblas"}

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        with openblas.limit(limits=1, user_api="blas"):
            assert counts() == {1}
            with openblas.limit(limits=1, user_api="blas"):
                pass
            assert counts() == {1}  # whoever else is inside goes on with one
        assert counts() == {2}


def test_without_a_way_to_hold_blas_items_run_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "_controller", lambda: None)
    seen = []
    threads.for_each(lambda item: seen.append((item, threading.get_ident())), range(5), 4)
    assert seen == [(item, threading.get_ident()) for item in range(5)]


def test_no_more_threads_are_taken_than_is_allowed() -> None:
    there = threads.available_threads()
    try:
        threads.limit_threads(1)
        assert threads.available_threads() == 1
        threads.limit_threads(there + 5)
        assert threads.available_threads() == there
        with pytest.raises(ValueError, match="at least 1"):
            threads.limit_threads(0)
    finally:
        threads.limit_threads(None)
    assert threads.available_threads() == there
