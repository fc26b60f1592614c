"""Which samples are fitted to, chosen by and tested on: at random, by blocks, kNNDM, by continent.

Random splits (30/10/60, as the appendix of SatCLIP is quoted) test interpolation between samples a
few kilometres apart. Blocks and kNNDM (Linnenbrink et al. 2024) test what lies farther away. A
continent held out is zero-shot; few-shot, where a small share of its samples is fitted to as well.
SatCLE (WWW 2025) has shares of its own, 70/10/20.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from satclip_core.analysis.folds import KNNDM, choose_folds
from satclip_core.errors import InputError
from satclip_core.types import Bools, Floats, Integers

from ..linear_probe import TRAINING_SHARE, VALIDATION_SHARE, blocks_of, parts
from ..mlp_head import Parts

RANDOM = "random"
FEW, ZERO = "few", "zero"
SATCLE_SHARES = 0.7, 0.1
"""Of SatCLE's downstream tasks: what is fitted to, and what is chosen by."""
LEAST_BLOCKS = 10
LEAST_PART = 5
"""Samples that training, validation and test must have each."""
_BLOCKS = re.compile(r"blocks-(\d+(?:\.\d+)?)")
_ADAPTED = re.compile(rf"({FEW}|{ZERO}):(.+)")


@dataclass(frozen=True)
class Split:
    """One kind of split.

    Attributes:
        name: as it is asked for: `random`, `blocks-10`, `knndm`, `few:Asia`, `zero:Africa`.
        degrees: side of blocks.
        continent: that is held out.
        few: whether a share of the continent's samples is fitted to.
    """

    name: str
    degrees: float | None = None
    continent: str | None = None
    few: bool = False

    @classmethod
    def named(cls, name: str) -> Split:
        """The split of a name.

        Raises:
            InputError: there is none.
        """
        if name in (RANDOM, KNNDM):
            return cls(name)
        if found := _BLOCKS.fullmatch(name):
            degrees = float(found[1])
            if 0 < degrees <= 90:
                return cls(name, degrees=degrees)
        elif found := _ADAPTED.fullmatch(name):
            return cls(name, continent=found[2], few=found[1] == FEW)
        raise InputError(
            f"there is no split {name!r}: give random, blocks-DEGREES (up to 90), knndm, "
            "few:CONTINENT or zero:CONTINENT"
        )

    @property
    def words(self) -> str:
        """For people."""
        if self.degrees is not None:
            return f"blocks of {self.degrees:g}°"
        if self.continent is not None:
            return f"{self.continent} held out, {'few' if self.few else 'zero'}-shot"
        return {RANDOM: "random", KNNDM: "kNNDM folds"}[self.name]


def split_parts(
    split: Split,
    lonlat: Floats,
    seeds: Sequence[int],
    *,
    pixels: Floats | None = None,
    inside: Bools | None = None,
    few_share: float = 0.01,
) -> list[Parts]:
    """Parts of the samples, for each seed.

    Args:
        split: which.
        lonlat: (N, 2) degrees.
        seeds: of what is drawn. With kNNDM the first seed makes five folds, and the run of number k
            tests on fold k and chooses by the next one.
        pixels: (M, 2) degrees of places that are to be predicted; kNNDM asks for them.
        inside: (N,) which samples lie on the continent that is held out.
        few_share: share of those that is fitted to with a few-shot split, one at least.

    Raises:
        InputError: too few samples, blocks or folds for it.
    """
    if split.continent is not None:
        assert inside is not None
        made = [_adapted(inside, few_share if split.few else 0.0, seed) for seed in seeds]
    elif split.name == KNNDM:
        made = _folded(lonlat, pixels, seeds)
    else:
        blocks = np.arange(len(lonlat))
        if split.degrees is not None:
            blocks = blocks_of(lonlat, split.degrees)
            if blocks.max() + 1 < LEAST_BLOCKS:
                raise InputError(
                    f"{split.words}: samples lie in {blocks.max() + 1} of them only, and splits "
                    f"need {LEAST_BLOCKS}; take smaller ones"
                )
        made = [Parts(*parts(blocks, seed)) for seed in seeds]
    for one in made:
        sizes = len(one.training), len(one.validation), len(one.test)
        if min(sizes) < LEAST_PART:
            raise InputError(
                f"{split.words}: training, validation and test would have {sizes} samples, and "
                f"{LEAST_PART} is the least"
            )
    return made


def _adapted(inside: Bools, share: float, seed: int) -> Parts:
    """Fitted to shares of the samples elsewhere, as at random, and to a few within."""
    rng = np.random.default_rng([seed, 72])
    within, beyond = (rng.permutation(np.flatnonzero(part)) for part in (inside, ~inside))
    first = int(TRAINING_SHARE * len(beyond))
    second = int((TRAINING_SHARE + VALIDATION_SHARE) * len(beyond))
    few = max(1, round(share * len(within))) if share else 0
    training = np.concatenate([beyond[:first], within[:few]])
    return Parts(training, beyond[first:second], within[few:])


def satcle_parts(
    count: int, seed: int, inside: Bools | None = None, few_share: float = 0.01
) -> Parts:
    """The split of SatCLE's downstream tasks.

    Args:
        count: N, samples.
        seed: of the draw.
        inside: (N,) which samples lie on a continent that is left out: fitted to elsewhere, to all
            that the validation part leaves, and to a few of these, tested on the rest of them. None
            for 70/10/20 at random.
        few_share: share of the samples within that is fitted to, one at least.
    """
    training, validation = SATCLE_SHARES
    if inside is None:
        order = np.random.default_rng([seed, 70]).permutation(count)
        first = int(training * count)
        second = first + int(validation * count)
        return Parts(order[:first], order[first:second], order[second:])
    rng = np.random.default_rng([seed, 71])
    within, beyond = (rng.permutation(np.flatnonzero(part)) for part in (inside, ~inside))
    few = max(1, round(few_share * len(within)))
    cut = round(len(beyond) * training / (training + validation))
    return Parts(np.concatenate([beyond[:cut], within[:few]]), beyond[cut:], within[few:])


def _folded(lonlat: Floats, pixels: Floats | None, seeds: Sequence[int]) -> list[Parts]:
    folds = choose_folds(KNNDM, lonlat, pixels, seed=seeds[0])
    if folds.count < 3:
        raise InputError("kNNDM makes fewer than 3 folds of these samples; take other splits")
    made = []
    for number in range(len(seeds)):
        test, check = number % folds.count, (number + 1) % folds.count
        rest = (folds.folds != test) & (folds.folds != check)
        made.append(
            Parts(
                *(
                    np.flatnonzero(part)
                    for part in (rest, folds.folds == check, folds.folds == test)
                )
            )
        )
    return made


def training_to_test(made: Sequence[Parts]) -> float:
    """Samples tested on for each one fitted to, in the mean over the runs."""
    return float(np.mean([len(one.test) / len(one.training) for one in made]))


def fewer_labels(one: Parts, count: int) -> Parts:
    """The same with so many labels in all, three in four of them fitted to, the rest chosen by."""
    check = max(2, count // 4)
    return Parts(one.training[: count - check], one.validation[:check], one.test)


def largest_share(parts_of_runs: Sequence[Parts]) -> int:
    """Labels that every run has at least, to fit to and to choose by."""
    return min(min(4 * len(p.validation), 4 * len(p.training) // 3) for p in parts_of_runs)


def chosen_by_codes(one: Parts) -> Integers:
    """(N,) 0, 1, 2 for training, validation, test, -1 for none: how splits are stored."""
    count = 1 + max(int(part.max()) for part in (one.training, one.validation, one.test))
    codes = np.full(count, -1, np.int64)
    for code, part in enumerate((one.training, one.validation, one.test)):
        codes[part] = code
    return codes
