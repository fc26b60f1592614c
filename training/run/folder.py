"""Whose a run's folder is: one run at a time, and a checkpoint of the same settings and data."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from satclip_core.errors import InputError, OutputError

from ..export.release_checkpoint import STATE, read_checkpoint
from ..settings.config import TrainConfig
from ..settings.schema import build

log = logging.getLogger("satclip_training")

AFRESH = "start afresh with --fresh, or name another folder with --output"


@contextmanager
def sole(folder: Path) -> Iterator[None]:
    """Keep a second run out of the folder, where the system has locks: a job that was sent twice.

    Raises:
        OutputError: a run is at work there.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"another run is at work in {folder}: wait for it, or name another folder with "
                "--output"
            ) from None
        except OSError:  # a network folder without locks
            pass
        yield
    finally:
        os.close(descriptor)


def check_settings(checkpoint: Path, config: TrainConfig) -> str | None:
    """Refuse a checkpoint that cannot be read, or of other settings.

    Returns:
        Digest of the data that it is of; None where it does not say, as older ones.
    """
    try:
        kept: dict[str, Any] = read_checkpoint(checkpoint).get(STATE, {})
    except InputError as error:
        raise InputError(error, f": {AFRESH}") from error
    before = epochs_before(kept, config)
    if before is None:
        raise InputError(f"{checkpoint} is of a run with other settings: {AFRESH}")
    if before > config.training.epochs:
        raise InputError(
            f"{checkpoint} is of a run of {before} epochs, which cannot be cut to "
            f"training.epochs {config.training.epochs}: {AFRESH}"
        )
    log.info("going on from %s", checkpoint)
    return kept.get("data")


def epochs_before(kept: Mapping[str, Any], config: TrainConfig) -> int | None:
    """Epochs that a checkpoint's run was planned for, where it may go on with these settings.

    They may differ in the number of epochs alone.

    Args:
        kept: what the checkpoint keeps of training.
        config: the settings to go on with.

    Returns:
        None where it is of a run with other settings.
    """
    if kept.get("settings") == config.training_digest():
        return config.training.epochs
    if "config" not in kept:
        return None
    before = build(TrainConfig, kept["config"], "its settings: ")
    training = replace(before.training, epochs=config.training.epochs)
    same = replace(before, training=training).training_digest() == config.training_digest()
    return before.training.epochs if same else None


def check_data(checkpoint: Path, before: str | None, data: str) -> None:
    """Refuse a checkpoint of other points or imagery, before features of these are computed.

    Args:
        checkpoint: as the message names it.
        before: digest of its data, if it is known.
        data: digest of the run's data.
    """
    if before is not None and before != data:
        raise InputError(
            f"{checkpoint} is of a run on other data (points, imagery, image encoder or "
            f"model.init): {AFRESH}"
        )


class Describes(Protocol):
    """What says all that its numbers follow from: a request of a source or of a modality."""

    def describe(self) -> dict[str, Any]:
        """Plain values."""
        ...


def digest(requests: Iterable[Describes], start: str | None = None) -> str:
    """SHA-256 of the points and of what their features come from.

    Args:
        requests: the run's.
        start: hash of the model that it begins with.
    """
    text = json.dumps([request.describe() for request in requests], sort_keys=True)
    text += start or ""
    return hashlib.sha256(text.encode()).hexdigest()
