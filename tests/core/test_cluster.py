"""Tasks on a Dask cluster of this machine."""

from __future__ import annotations

import operator
import os
import subprocess
import sys

import numpy as np
import pytest

from satclip_core.compute.cluster import run_tasks
from satclip_core.errors import CancelledError, OutputError

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def address():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as made:
        yield made.scheduler_address


def add(shared, number):
    return shared + number


def end(shared, number):
    os._exit(1)


def pages_made(shared, number):
    """Pages that the system has to make for arrays which come and go."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        np.ones(2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def results(address, task, count, **options):
    found = []
    numbers = ((number,) for number in range(count))
    run_tasks(address, task, 100, numbers, name="test", threads=1, done=found.append, **options)
    return found


def test_each_task_is_done_once(address):
    assert sorted(results(address, add, 40)) == list(range(100, 140))


def test_tasks_are_asked_for_as_they_are_handed_out(address):
    """A table larger than memory is never in the scheduler's as a whole."""
    most, asked, done = 0, 0, []

    def numbers():
        nonlocal asked, most
        for number in range(60):
            asked += 1
            most = max(most, asked - len(done))
            yield (number,)

    run_tasks(address, add, 0, numbers(), name="test", threads=1, done=done.append)
    assert len(done) == 60
    assert most <= 2 * 3 + 1


def test_a_task_that_no_worker_outlasts_is_one_line(address):
    with pytest.raises(OutputError, match="a part was lost with each worker that tried it"):
        results(address, end, 1)


def test_cancelled_in_the_middle(address):
    with pytest.raises(CancelledError, match="what is done is kept"):
        results(address, add, 1000, cancelled=lambda: True)


SCHEDULER = """
import time
from distributed import LocalCluster
if __name__ == "__main__":
    made = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50)
    print(made.scheduler_address, flush=True)
    time.sleep(300)
"""


def test_a_scheduler_that_is_lost_is_one_line(tmp_path, capfd):
    (tmp_path / "scheduler.py").write_text(SCHEDULER)
    command = [sys.executable, str(tmp_path / "scheduler.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        options = {"name": "test", "threads": 1, "done": lambda _: process.kill()}
        try:
            with pytest.raises(OutputError, match="the connection to the Dask scheduler was lost"):
                # Of the standard library: those workers do not know this module.
                run_tasks(address, operator.add, 0, ((n,) for n in range(100)), **options)
        finally:
            process.kill()
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's own")
def test_workers_keep_the_memory_that_they_ask_for_again(address):
    """Fifty arrays of 8 MB are 102,400 pages, if each is made of new ones."""
    assert results(address, pages_made, 1)[0] < 20_000
