"""How the processes of a run find each other: started here, by torchrun or by srun."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import torch
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from torch import distributed

from satclip_core.errors import InputError, SatclipError

from ..distributed import ALONE, Group, Place
from ..settings.config import TrainingSettings

Process = subprocess.Popen[bytes]
READY = b"ready\n"
PATIENCE = timedelta(days=14)
"""How long processes wait for one that computes features or probes."""
WORKER = "satclip_training.run.worker"
GONE_SECONDS = 20.0
"""How long the others have to end by themselves once all is done."""
HEARD_SECONDS = 3.0
"""How long after a broken connection it takes to see whose end it was."""


def given_place(environment: Mapping[str, str]) -> Place | None:
    """The place that torchrun or srun gave this process; None where neither started it.

    srun is known by the variables of a step: a batch script has those of its job, but is none of
    the processes.
    """
    if {"RANK", "LOCAL_RANK", "MASTER_ADDR"} <= set(environment):
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        rank, size, local = (int(environment[name]) for name in names)
        node = int(environment.get("GROUP_RANK", 0))
        return Place(rank, size, local, node, "env://") if size > 1 else None
    if int(environment.get("SLURM_STEP_NUM_TASKS", 1)) > 1 and "SLURM_PROCID" in environment:
        slurm = SLURMEnvironment(auto_requeue=False)
        return Place(
            int(environment["SLURM_PROCID"]),
            int(environment["SLURM_STEP_NUM_TASKS"]),
            int(environment["SLURM_LOCALID"]),
            int(environment["SLURM_NODEID"]),
            f"tcp://{slurm.main_address}:{slurm.main_port}",
        )
    return None


@contextmanager
def joined(
    settings: TrainingSettings, job: Mapping[str, Any], given: Place | None = None
) -> Iterator[Group]:
    """Be one of the run's processes; the others of this machine are started where none are.

    Args:
        settings: devices, nodes, accelerator.
        job: what `worker` needs to know of the run, as JSON's types.
        given: place of a process that was started here.

    Raises:
        InputError: as many processes as `settings` say cannot be.
        SatclipError: one of the others failed.
    """
    size = settings.devices * settings.nodes
    place = given or given_place(os.environ)
    if place is None and size == 1:
        yield ALONE
        return
    _check(settings, place)
    others: list[Process] = []
    meeting = None  # held until the end: it is where the processes started here meet
    if place is not None:
        _say_ready(here=given is not None)
    else:
        meeting = _meeting()
        place = Place(0, size, 0, 0, f"tcp://127.0.0.1:{meeting.port}")
        places = [dataclasses.replace(place, rank=i, local_rank=i) for i in range(1, size)]
        others = [_start(other, job) for other in places]
    try:
        _await(others)
        with _blamed_on(others):
            yield _connected(place, settings)
        _see_off(others, GONE_SECONDS)
    finally:
        for other in others:
            other.kill()
            other.wait()
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _check(settings: TrainingSettings, place: Place | None) -> None:
    devices, nodes = settings.devices, settings.nodes
    if place is None and nodes > 1:
        raise InputError(
            f"training.nodes: {nodes} machines need torchrun or srun to start satclip on each"
        )
    if place is not None and place.size != devices * nodes:
        raise InputError(
            f"training.devices: {devices} on {nodes} nodes are {devices * nodes} processes, "
            f"but {place.size} were started; set training.devices and training.nodes to what was"
        )
    if settings.batch_size % (devices * nodes):
        raise InputError(
            f"training.batch_size: {settings.batch_size} does not divide among {devices * nodes} "
            "processes (training.devices x training.nodes); change one of them"
        )
    if on_gpu(settings) and torch.cuda.device_count() < devices:
        raise InputError(
            f"training.devices: {devices}, but this machine has {torch.cuda.device_count()} GPUs"
        )


def leads() -> bool:
    """Whether this process speaks for the run: alone, or the first one of torchrun or srun."""
    place = given_place(os.environ)
    return place is None or place.rank == 0


def on_gpu(settings: TrainingSettings) -> bool:
    """Whether the run's devices are CUDA's."""
    return settings.accelerator in ("auto", "gpu") and torch.cuda.is_available()


def _meeting() -> Any:
    """A store that listens on a free port, to which `init_process_group` here joins itself.

    The others take seconds to start: a port that was merely free before may be taken by then.
    """
    return distributed.TCPStore(  # type: ignore[attr-defined]
        "127.0.0.1", 0, is_master=True, wait_for_workers=False, multi_tenant=True
    )


def _start(place: Place, job: Mapping[str, Any]) -> Process:
    """Start `worker` for one of this machine's other devices."""
    process = subprocess.Popen(
        [sys.executable, "-m", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended already: `_await` sees that
        process.stdin.write(json.dumps({"place": dataclasses.asdict(place), **job}).encode())
        process.stdin.close()
    return process


def _connected(place: Place, settings: TrainingSettings) -> Group:
    backend = "gloo"
    if on_gpu(settings):
        torch.cuda.set_device(place.local_rank)
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(
        backend, init_method=place.method, rank=place.rank, world_size=place.size
    )
    if place.rank:  # one process speaks for all
        logging.getLogger("satclip_training").setLevel(logging.CRITICAL)
    waiting = distributed.new_group(backend="gloo", timeout=PATIENCE)
    return Group(place.rank, place.size, waiting, place)


def _say_ready(*, here: bool) -> None:
    """Tell the process that started this one that the two can be connected now."""
    if here:
        os.write(1, READY)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _await(others: list[Process]) -> None:
    """Wait until all others are ready: one that failed at its start would never be met."""
    for other in others:
        assert other.stdout is not None
        if READY not in iter(other.stdout.readline, b""):
            other.wait()
            _raise_failure(others)


@contextmanager
def _blamed_on(others: list[Process]) -> Iterator[None]:
    """Say which of the others failed, where that broke the connection.

    What torch raises in the caller's own exchanges (gradients, waits) is a RuntimeError then, like
    many of its errors: so the caller's are caught here too, and go on as they are where all of the
    others live.
    """
    try:
        yield
    except RuntimeError:
        _see_off(others, HEARD_SECONDS)
        _raise_failure(others)
        raise


def _raise_failure(others: list[Process]) -> None:
    for number, other in enumerate(others, 1):
        if other.poll():
            raise SatclipError(f"the process of device {number} failed, see above")


def _see_off(others: list[Process], seconds: float) -> None:
    """Wait until one of the others has failed, all have ended, or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        codes = [other.poll() for other in others]
        if any(codes) or None not in codes:
            return
        time.sleep(0.05)


class PlaceEnvironment(ClusterEnvironment):
    """A place in Lightning's terms: the processes exist and are connected.

    Lightning's own launcher would start the command line again for every device, when the trainer
    is made. Here processes share the work before that (the first fills the cache, the others wait),
    and a run may have been called from Python, without a command line.
    """

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    def creates_processes_externally(self) -> bool:
        """Lightning starts none."""
        return True

    @property
    def main_address(self) -> str:
        """Not asked for: the processes are connected."""
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        """Not asked for: the processes are connected."""
        return 0

    @staticmethod
    def detect() -> bool:
        """Never found by looking: it is handed over."""
        return False

    def world_size(self) -> int:
        """Number of processes."""
        return self.place.size

    def set_world_size(self, size: int) -> None:
        """Nothing to set."""

    def global_rank(self) -> int:
        """Number of this process."""
        return self.place.rank

    def set_global_rank(self, rank: int) -> None:
        """Nothing to set."""

    def local_rank(self) -> int:
        """Number of this process on its machine."""
        return self.place.local_rank

    def node_rank(self) -> int:
        """Number of this machine."""
        return self.place.node
