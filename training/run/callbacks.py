"""What a run tells while it goes: epochs with time left, a CSV log, probes, checkpoints."""

from __future__ import annotations

import csv
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch

from satclip_core.errors import CancelledError, InputError, OutputError
from satclip_core.files import written_whole
from satclip_core.types import Cancelled

from ..distributed import PeerError
from ..evaluation.linear_probe import Embed, run_probes
from ..evaluation.tasks import Task
from .loop import Pretraining

log = logging.getLogger("satclip_training")

SECONDS_BETWEEN_LINES = 30.0
CHECKPOINT = "last.ckpt"
LOG = "log.csv"


def duration(seconds: float) -> str:
    """A time in the largest fitting unit: 42 s, 3 min, 2.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@contextmanager
def told_in_notebooks() -> Iterator[None]:
    """Let a run's lines appear below a notebook's cell, where nobody has set up logging.

    Elsewhere nothing changes: a library is silent until its user says where its log goes.
    """
    if log.hasHandlers() or not _in_notebook():
        yield
        return
    handler, level = logging.StreamHandler(sys.stdout), log.level
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _in_notebook() -> bool:
    """Whether this is a kernel of Jupyter."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


def read_log(folder: Path) -> list[dict[str, str]]:
    """A run's log, a row an epoch; what is no row of it (somebody edited the file) is left out."""
    file = folder / LOG
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8", errors="replace") as opened:
        return [row for row in csv.DictReader(opened) if (row.get("epoch") or "").isdigit()]


class EpochReport(lightning.Callback):
    """Logs every epoch (with probe scores every few) to `log.csv` and as a line with time left.

    Args:
        folder: the run's folder.
        tasks: probe tasks, read; none to probe nothing.
        embed: the embedding that would be shipped now, as a function of places.
        every: epochs between probes; 0 probes after the last epoch alone.
    """

    def __init__(
        self,
        folder: Path,
        tasks: Sequence[Task],
        embed: Callable[[Pretraining], Embed],
        every: int,
    ) -> None:
        self.folder, self.tasks, self.embed, self.every = folder, tasks, embed, every
        self.scores: dict[str, float] = {}
        self._losses: list[torch.Tensor] = []
        self._started = self._epoch_started = self._last_line = time.monotonic()
        self._epoch_processor = time.process_time()
        self._done_before = 0

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Start the clock of the time left."""
        self._started = self._last_line = time.monotonic()
        self._done_before = trainer.global_step

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        """Forget the last epoch's losses."""
        self._losses, self._epoch_started = [], time.monotonic()
        self._epoch_processor = time.process_time()

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Collect the loss; say something every half minute."""
        self._losses.append(outputs["loss"].detach())
        if time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            log.info(
                "epoch %d/%d, step %d/%d, loss %.3f, %s left",
                trainer.current_epoch + 1, trainer.max_epochs, batch_idx + 1,
                module.pairs.steps, float(self._losses[-1]), self._time_left(trainer),
            )  # fmt: skip

    def _time_left(self, trainer: Any) -> str:
        done = trainer.global_step - self._done_before
        rest = trainer.estimated_stepping_batches - trainer.global_step
        return duration((time.monotonic() - self._started) / max(1, done) * rest)

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """Write the epoch's row and line, in one process while the others wait."""
        group = module.pairs.group
        if group.leads:
            self._report(trainer, module)
        group.wait()

    def _report(self, trainer: Any, module: Pretraining) -> None:
        epoch = trainer.current_epoch + 1
        last = epoch == trainer.max_epochs
        measures = module.model.measures()
        row = {
            "epoch": epoch,
            "step": trainer.global_step,
            "loss": float(torch.stack(self._losses).mean()) if self._losses else float("nan"),
            "validation_loss": float(trainer.callback_metrics.get("val_loss", float("nan"))),
            **measures,
            "learning_rate": max(group["lr"] for group in trainer.optimizers[0].param_groups),
            "seconds": time.monotonic() - self._epoch_started,
            "processor_seconds": time.process_time() - self._epoch_processor,
        }
        if self.tasks and (last or (self.every and epoch % self.every == 0)):
            self.scores = run_probes(self.embed(module), self.tasks)
            row.update({f"probe_{name}": value for name, value in self.scores.items()})
        self._write(row)
        log.info(
            "epoch %d/%d, loss %.3f, %s%s%s, %s left",
            epoch, trainer.max_epochs, row["loss"],
            f"validation {row['validation_loss']:.3f}, " if module.pairs.validation_steps else "",
            "".join(f"{name} {value:.1f}, " for name, value in measures.items()),
            duration(row["seconds"]), self._time_left(trainer),
        )  # fmt: skip
        if "probe_" in "".join(row):
            log.info("  probes: %s", ", ".join(f"{k} {v:.3f}" for k, v in self.scores.items()))
        if trainer.logger is not None:
            trainer.logger.log_metrics(
                {k: v for k, v in row.items() if k not in ("epoch", "step")}, step=row["step"]
            )

    def _write(self, row: dict[str, Any]) -> None:
        """Write the log again with this row; rows of later epochs (before a resume) are dropped."""
        columns = [name for name in row if not name.startswith("probe_")]
        columns += [f"probe_{task.name}" for task in self.tasks]
        rows = [old for old in read_log(self.folder) if int(old["epoch"]) < row["epoch"]]
        with (
            written_whole(self.folder / LOG, overwrite=True) as partial,
            partial.open("w", newline="", encoding="utf-8") as opened,
        ):
            writer = csv.DictWriter(opened, columns, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
            writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})


class EarlyEnd(lightning.Callback):
    """Ends a run whose validation loss has not fallen for `patience` epochs.

    It goes by the log, so a run that was stopped, or that has ended so, is judged as before.

    Args:
        folder: the run's folder.
        patience: epochs; 0 lets every run go on to its last epoch.
    """

    def __init__(self, folder: Path, patience: int) -> None:
        self.folder, self.patience = folder, patience

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """See whether the run had ended before it was taken up again."""
        self._judge(trainer, module, trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """See whether this was an epoch too many."""
        self._judge(trainer, module, trainer.current_epoch + 1)

    def _judge(self, trainer: Any, module: Pretraining, epoch: int) -> None:
        """All processes read the log that the first one wrote, and come to the same end."""
        since = epochs_since_best(read_log(self.folder), epoch) if self.patience else 0
        if since and since >= self.patience and epoch < trainer.max_epochs:
            trainer.should_stop = True
            if module.pairs.group.leads:
                log.info("ended after epoch %d: no better validation loss for %d", epoch, since)


def epochs_since_best(rows: Sequence[dict[str, str]], epoch: int) -> int:
    """Epochs up to `epoch` since the lowest validation loss of a run's log; 0 where it has none."""
    losses = {
        int(row["epoch"]): float(row["validation_loss"])
        for row in rows
        if int(row["epoch"]) <= epoch and row.get("validation_loss") not in (None, "", "nan")
    }
    if not losses:
        return 0
    return epoch - min(losses, key=lambda number: (losses[number], number))


class Checkpoints(lightning.Callback):
    """Keeps `last.ckpt`, written whole or not at all, after every epoch and when stopped.

    Args:
        folder: the run's folder.
        cancelled: asked after every step; when true the state is saved and the run ends.
    """

    def __init__(self, folder: Path, cancelled: Cancelled | None) -> None:
        self.folder, self.cancelled, self._stopping = folder, cancelled, False

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save and stop where that was asked for; after an epoch's last step, at its end.

        It may be asked of any process, and all of them stop after the same step.
        """
        asked = self._stopping or (self.cancelled is not None and self.cancelled())
        self._stopping = module.pairs.group.any(asked)
        if self._stopping and batch_idx + 1 < module.pairs.steps:
            self._save(trainer, module)
            self._stop(trainer)

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """Save the finished epoch."""
        self._save(trainer, module)
        if self._stopping and trainer.current_epoch + 1 < trainer.max_epochs:
            self._stop(trainer)

    def _stop(self, trainer: Any) -> None:
        raise CancelledError(
            f"stopped in epoch {trainer.current_epoch + 1}; the same command goes on from there"
        )

    def _save(self, trainer: Any, module: Pretraining) -> None:
        _check_finite(module, trainer.current_epoch + 1)
        partial = self.folder / (CHECKPOINT + ".partial")
        try:
            trainer.save_checkpoint(partial)  # written by the first process; all of them come here
            if trainer.is_global_zero:
                partial.replace(self.folder / CHECKPOINT)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise OutputError(
                f"cannot write {self.folder / CHECKPOINT}: {error.strerror or error}"
            ) from error


def _check_finite(module: Pretraining, epoch: int) -> None:
    """Refuse weights that are lost, before they take the place of the last good ones.

    Raises:
        InputError: in the process that speaks for the run; PeerError in the others.
    """
    if all(bool(parameter.isfinite().all()) for parameter in module.parameters()):
        return
    message = (
        f"training failed in epoch {epoch}: weights are no longer finite; lower "
        "training.learning_rate (or set training.gradient_clip) and start over with --fresh"
    )
    raise InputError(message) if module.pairs.group.leads else PeerError(message)
