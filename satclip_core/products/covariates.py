"""Covariates: numbers of a place that are learnt from beside its embedding, such as its height."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import Argument, InputError
from ..types import Floats
from .samples import LEAST_SAMPLES, Samples

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

# Rows that a message lists.
_EXAMPLES = 5


class Covariates(Protocol):
    """What gives the covariates of places; can be pickled."""

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each covariate, all different."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Where each comes from, for the record."""

    def __call__(self, lons: Floats, lats: Floats) -> Floats:
        """Degrees, both of one shape (...) -> (..., covariates), NaN where there is no value."""


@dataclass(frozen=True)
class Reordered:
    """Covariates in another order.

    Attributes:
        covariates: as they were given.
        order: position among them of each.
    """

    covariates: Covariates
    order: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each."""
        return tuple(self.covariates.names[index] for index in self.order)

    @property
    def sources(self) -> tuple[str, ...]:
        """Where each comes from."""
        return tuple(self.covariates.sources[index] for index in self.order)

    def __call__(self, lons: Floats, lats: Floats) -> Floats:
        """Degrees (...) -> (..., covariates)."""
        found: Floats = self.covariates(lons, lats)[..., list(self.order)]
        return found


def matched(covariates: Covariates | None, names: Sequence[str]) -> Covariates | None:
    """Covariates in the order in which a model was fitted with them.

    Args:
        covariates: what is given; None for none.
        names: those of the model.

    Raises:
        InputError: they are not the same, by their names.
    """
    given = () if covariates is None else covariates.names
    if sorted(given) != sorted(names):
        wanted = f"the covariates {_listing(names)}" if names else "no covariates"
        got = _listing(given) if given else "none"
        hint = "; names are told from those of files, or given with them" if names else ""
        raise InputError(
            f"the map was fitted with {wanted}, given are {got}: give the same as ",
            Argument("covariates"),
            hint,
        )
    if covariates is None or tuple(given) == tuple(names):
        return covariates
    return Reordered(covariates, tuple(given.index(name) for name in names))


def predictors_at(
    encoder: LocationEncoder,
    covariates: Covariates | None,
    lonlat: Floats,
    *,
    threads: int | None = None,
    single: bool = False,
) -> NDArray[Any]:
    """What models predict from: the embedding of each place, then its covariates.

    Args:
        encoder: what embeds.
        covariates: None for none.
        lonlat: (N, 2) degrees.
        threads: to embed with.
        single: whether to compute embeddings in single precision.

    Returns:
        (N, dim + covariates) float64, or float32 where `single`; NaN where a place lacks one.
    """
    embeddings = encoder.encode(lonlat, threads=threads, single=single)
    made = embeddings if single else embeddings.astype(np.float64)
    return joined(made, covariates, lonlat[:, 0], lonlat[:, 1])


def joined(
    embeddings: NDArray[Any], covariates: Covariates | None, lons: Floats, lats: Floats
) -> NDArray[Any]:
    """Embeddings (..., dim) with the covariates of their places (...) after them."""
    if covariates is None:
        return embeddings
    further = covariates(lons, lats).astype(embeddings.dtype)
    return np.concatenate([embeddings, further], axis=-1)


def with_values(samples: Samples, covariates: Covariates | None) -> Samples:
    """The samples at whose places all covariates have values; the account names the others.

    Raises:
        InputError: too few have, or a covariate is the same at all of them.
    """
    if covariates is None:
        return samples
    found = covariates(*samples.lonlat.T)
    lines = []
    for name, column in zip(covariates.names, found.T):
        rows = np.flatnonzero(np.isnan(column))
        if len(rows):
            at = [f"{lon:.6g} {lat:.6g}" for lon, lat in samples.lonlat[rows[:_EXAMPLES]]]
            more = ", …" if len(rows) > _EXAMPLES else ""
            lines.append(
                f"{len(rows)} of {len(samples)} samples left out, without a value of the "
                f"covariate {name!r}: at {', '.join(at)}{more}"
            )
    known = np.flatnonzero(~np.isnan(found).any(axis=1))
    if len(known) < LEAST_SAMPLES:
        raise InputError(
            f"{len(known)} of {len(samples)} samples have values of all covariates "
            f"({'; '.join(lines)}): give at least {LEAST_SAMPLES} such, or other ",
            Argument("covariates"),
        )
    for name, column in zip(covariates.names, found[known].T):
        if np.ptp(column) <= 1e-12 * np.abs(column).max():
            raise InputError(
                f"the covariate {name!r} is {column[0]:g} at all samples: there is nothing to "
                "learn from it; leave it out of the ",
                Argument("covariates"),
            )
    if not lines:
        return samples
    kept = samples.only(known, *lines)
    kept.check()
    return kept


def with_covariates(lonlat: Floats | None, covariates: Covariates | None) -> Floats | None:
    """Those of places (N, 2) at which all covariates have values; None where there are none."""
    if lonlat is None or covariates is None:
        return lonlat
    return lonlat[~np.isnan(covariates(*lonlat.T)).any(axis=1)]


def sizes_of(width: int, count: int) -> Floats | None:
    """What predictors are multiplied by: each covariate counts as much as a whole embedding.

    Args:
        width: number of all predictors, covariates last.
        count: of covariates.

    Returns:
        (width,), or None where there are no covariates.
    """
    if count == 0:
        return None
    sizes = np.ones(width)
    sizes[width - count :] = np.sqrt(width - count)
    return sizes


def _listing(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
