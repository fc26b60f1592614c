"""What numbers and classes are learnt from alike: predictors, places, folds; and how far it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import CancelledError
from ..types import Cancelled, Floats, Integers, Progress
from .covariates import sizes_of

# Told for each stage.
_STEPS = 60


@dataclass(frozen=True)
class TrainingSet:
    """Samples without what was sampled.

    Attributes:
        embeddings: (N, dim), or embeddings with covariates after them.
        xyz: (N, 3) unit vectors.
        folds: (N,) number of the fold of each, two at least.
        weights: (N,) of the samples, 1 in the mean; all 1 where None.
        covariates: number of covariates.
        seed: of draws where there are many samples.
    """

    embeddings: Floats
    xyz: Floats
    folds: Integers
    weights: Floats | None = None
    covariates: int = 0
    seed: int = 0

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def sizes(self) -> Floats | None:
        """What predictors are multiplied by; see `sizes_of`."""
        return sizes_of(self.embeddings.shape[1], self.covariates)

    @property
    def noises(self) -> Floats | None:
        """(N,) variances of the samples' noise, 1 in the harmonic mean; all equal where None."""
        return None if self.weights is None else 1 / self.weights

    def tests(self) -> Iterator[Integers]:
        """The rows of each fold."""
        for fold in range(int(self.folds.max()) + 1):
            yield np.flatnonzero(self.folds == fold)


class Stages:
    """The stages of learning, as one progress that never goes back.

    Args:
        progress: called with (steps done, steps in all); each stage takes as many.
        cancelled: asked before each step.
    """

    def __init__(
        self, progress: Progress | None = None, cancelled: Cancelled | None = None
    ) -> None:
        self.progress, self.cancelled = progress, cancelled
        self._done = 0

    def ask(self) -> None:
        """Stop here, if that is wished.

        Raises:
            CancelledError: it is.
        """
        if self.cancelled is not None and self.cancelled():
            raise CancelledError("stopped on request: nothing was left behind")

    def tell(self, done: int, total: int, stage: int, stages: int) -> None:
        """So many steps of a stage are done, of those that there are."""
        now = _STEPS * stage + _STEPS * done // max(total, 1)
        if self.progress is not None and now > self._done:
            self._done = now
            self.progress(now, stages * _STEPS)

    def of(self, stage: int, stages: int) -> Progress | None:
        """The progress of one stage; None where none is told."""
        if self.progress is None:
            return None
        return lambda done, total: self.tell(done, total, stage, stages)
