"""Numbers learnt on another scale: the logarithm of amounts, the log-odds of shares.

A model of the transformed numbers is taken back by the inverse function. Quantiles go through it as
they are, so ends of intervals do; the mean does not: what comes back is the median, which for
log1p lies below the mean (Duan 1983, Journal of the American Statistical Association 78: 605-610).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import Argument, InputError
from ..types import Bools, Floats

NONE, LOG1P, LOGIT = "none", "log1p", "logit"
# Of what is taken back, so that the largest is a number in single precision too.
_MOST = 88.0
# Rows that a message lists.
_SHOWN = 5


@dataclass(frozen=True)
class Transform:
    """A function of numbers that is undone after predicting.

    Attributes:
        name: of `TRANSFORMS`.
        takes: the numbers it is for, in words; "" for all.
        within: whether numbers are among those.
        there: the function.
        back: its inverse, for any number: what no sample can be is the nearest that one can.
        slope: derivative of `back`.
    """

    name: str
    takes: str
    within: Callable[[Floats], Bools]
    there: Callable[[Floats], Floats]
    back: Callable[[NDArray[Any]], NDArray[Any]]
    slope: Callable[[NDArray[Any]], NDArray[Any]]

    def checked(self, values: Floats, name: str) -> Floats:
        """Numbers (N,) transformed.

        Args:
            values: (N,) finite.
            name: of what was sampled.

        Raises:
            InputError: one is outside the domain.
        """
        outside = np.flatnonzero(~self.within(values))
        if len(outside) == 0:
            return self.there(values)
        different = np.unique(values[outside])
        shown = ", ".join(f"{value:g}" for value in different[:_SHOWN])
        more = ", …" if len(different) > _SHOWN else ""
        hint = ""
        if self.name == LOGIT and values.min() >= 0 and 1 < values.max() <= 100:
            hint = " (per cent: divide them by 100)"
        raise InputError(
            f"{len(outside)} of {len(values)} values of {name!r} are outside what {self.name} "
            f"takes, {self.takes}: {shown}{more}{hint}; mend them, leave them out with ",
            Argument("missing"),
            ", or give another ",
            Argument("transform"),
        )


def _everything(values: Floats) -> Bools:
    return np.ones(len(values), bool)


def _same(values: NDArray[Any]) -> NDArray[Any]:
    return values


def _logistic(scores: NDArray[Any]) -> NDArray[Any]:
    # By the one of two forms that cannot overflow.
    part = np.exp(-np.abs(scores))
    return np.asarray(np.where(scores >= 0, 1, part) / (1 + part))


def _expm1(values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.expm1(np.clip(values, 0, _MOST)))


TRANSFORMS = {
    NONE: Transform(NONE, "", _everything, _same, _same, np.ones_like),
    LOG1P: Transform(
        LOG1P,
        "0 and above",
        lambda values: values >= 0,
        np.log1p,
        _expm1,
        lambda values: np.exp(np.clip(values, 0, _MOST)),
    ),
    LOGIT: Transform(
        LOGIT,
        "above 0 and below 1",
        lambda values: (values > 0) & (values < 1),
        lambda values: np.log(values) - np.log1p(-values),
        _logistic,
        lambda scores: _logistic(scores) * _logistic(-scores),
    ),
}


def find_transform(name: str) -> Transform:
    """A transform by its name.

    Raises:
        InputError: there is none of that name.
    """
    if name not in TRANSFORMS:
        raise InputError(
            f"unknown transform {name!r}: give one of {', '.join(TRANSFORMS)} as ",
            Argument("transform"),
        )
    return TRANSFORMS[name]
