"""A map that was fitted before, drawn again: elsewhere, with a word on where it does not hold."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np

from .covariates import Covariates, matched
from .mapfile import fitting_together
from .maps import (
    OUTSIDE,
    MapModel,
    MappedClasses,
    MappedValue,
    check_bands,
    pixels_outside,
    some_pixels,
)
from .product import Fitting

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SavedMap:
    """A fitted map, wanted of other pixels.

    Attributes:
        model: as `load_map` reads it.
        probabilities: of classes: bands of the probability of each, too.
        uncertainty: bands of the error, too, see `UNCERTAINTY` and `CLASS_UNCERTAINTY`.
        covariates: those that it was fitted with, told by their names, in any order.

    Raises:
        InputError: probabilities of numbers, other covariates.
    """

    model: MapModel
    probabilities: bool = False
    uncertainty: bool = False
    covariates: Covariates | None = None

    def __post_init__(self) -> None:
        model = self.model
        check_bands(model.name, model.legend, self.probabilities)
        matched(self.covariates, model.covariates)

    def fit(self, fitting: Fitting) -> MappedValue | MappedClasses:
        """The product: nothing is learnt; how much of the map lies outside the model is said.

        Raises:
            InputError: the map was fitted for another model.
        """
        self.model.check(fitting.encoder)
        covariates = matched(self.covariates, self.model.covariates)
        with fitting_together(self.model):
            share = pixels_outside(self.model, fitting.encoder, covariates, some_pixels(fitting))
            model = applied(self.model, share, fitting.places)
            product = model.product(
                probabilities=self.probabilities,
                uncertainty=self.uncertainty,
                covariates=covariates,
            )
            nowhere = np.zeros((1, 1))
            product.at(np.zeros((1, 1, fitting.encoder.dim), np.float32), nowhere, nowhere)
            str(model.summary)
        # Of points all are looked at when they are predicted.
        if fitting.places == "pixels" and share.get("pixels_outside", 0.0) > OUTSIDE:
            log.warning(warning(model.name, share["pixels_outside"], fitting.places))
        return product


def applied(model: MapModel, share: dict[str, float], places: str) -> MapModel:
    """The model with a report that says of no extent but the new one.

    Args:
        model: as it was fitted.
        share: of places outside, as `pixels_outside` gives it.
        places: what they are: "pixels" or "points".
    """
    gone = ("within", "pixels_outside")
    kept = {name: value for name, value in model.report.items() if name not in gone}
    return replace(model, report={**kept, **share, "applied": True, "places": places})


def warning(name: str, share: float, places: str) -> str:
    """That a score does not hold for many places.

    Args:
        name: of what is mapped.
        share: of the places, 0..1.
        places: what they are: "pixels".
    """
    return (
        f"{100 * share:.0f} % of the {places} lie outside the area of applicability of the map of "
        f"{name!r}: they are more unlike its samples than these are each other, and its score "
        "does not hold there"
    )
