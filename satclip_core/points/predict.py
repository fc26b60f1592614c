"""Predictions at the points of a table: the value, its error, and whether to believe it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..grid.crs import LONLAT, check_crs, to_lonlat
from ..grid.sphere import unit_vectors
from ..products.covariates import predictors_at
from ..products.maps import OUTSIDE, MapModel, MapOf, MappedClasses, MappedValue
from ..products.product import Fitting
from ..products.savedmap import SavedMap, warning
from ..types import Cancelled, Floats, Progress
from .adding import Meaning, named
from .csvtable import standard_input
from .embed import check_request, extended, say
from .locate import brought
from .read_samples import read_places
from .request import STANDARD_STREAM, PointsRequest, PointsResult

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

# What predictions are made by: samples to learn from, or what was learnt before.
Learnt = Union[MapOf, SavedMap]

_AREA = ("dissimilarity", "inside_area", "nearest_sample_km")


class Predictions:
    """Columns of predictions, to be added to the rows of a table.

    Of numbers: the value, its standard error, the ends of the 90 % interval; of classes: the most
    probable one and its probability, and on request that of each. Of both: the dissimilarity
    index, 1 within the area of applicability and 0 outside, and the distance to the nearest
    sample in kilometres. They are `names` (see there), in this order.

    Args:
        product: what predicts.
        encoder: what embeds.
        prefix: of the names of columns.
        threads: to embed with.

    Attributes:
        model: what was learnt.
        meanings: of the columns.
        outside: number of places so far outside the area of applicability.
        rows: number of places so far with a prediction.
        blank: number of places so far without one, since a covariate has no value there.
    """

    array = False
    dimensions = 0
    dtype = "float32"

    def __init__(
        self,
        product: MappedValue | MappedClasses,
        encoder: LocationEncoder,
        *,
        prefix: str = "",
        threads: int | None = None,
    ) -> None:
        self._product, self._encoder = product, encoder
        self._prefix, self._threads = prefix, threads
        self.model: MapModel = product.model
        self.outside = self.rows = self.blank = 0
        self.meanings: tuple[Meaning, ...] = tuple(meaning for _, meaning in self._columns())

    @property
    def facts(self) -> Mapping[str, str]:
        """The map, its scores, and the model."""
        return {**self._product.tags, **self._encoder.origin}

    @property
    def width(self) -> int:
        """Columns."""
        return len(self.meanings)

    def names(self, existing: Sequence[str]) -> list[str]:
        """Of the columns: NAME_predicted, NAME_error, NAME_low, NAME_high, or for classes
        NAME_predicted, NAME_probability, NAME_probability_CLASS; then dissimilarity, inside_area
        and nearest_sample_km.

        Raises:
            InputError: the table has some of them already.
        """
        return named([f"{self._prefix}{name}" for name, _ in self._columns()], existing)

    def __call__(self, lonlat: Floats) -> NDArray[Any]:
        """Places (N, 2) degrees -> (N, width) float32, NaN where a covariate has no value."""
        product = self._product
        predictors = predictors_at(self._encoder, product.covariates, lonlat, threads=self._threads)
        known = ~np.isnan(predictors).any(axis=1)
        found = np.full((len(lonlat), self.width), np.nan, np.float32)
        if known.any():
            xyz = unit_vectors(*lonlat[known].T).T
            if isinstance(product, MappedValue):
                found[known] = product.numbers.with_error(predictors[known], xyz).T
            else:
                found[known] = self._of_classes(product, predictors[known], xyz)
        self.rows += int(known.sum())
        self.blank += int((~known).sum())
        self.outside += int((found[known, -2] == 0).sum())
        return found

    @property
    def share_outside(self) -> float:
        """Of the places so far, 0..1."""
        return self.outside / max(self.rows, 1)

    @property
    def notes(self) -> tuple[str, ...]:
        """Where there is no prediction, and where it is not to be believed."""
        said = []
        if self.blank:
            said.append(
                f"{self.blank:,} of {self.rows + self.blank:,} points have no value of a "
                "covariate, and got empty predictions"
            )
        if self.share_outside > OUTSIDE:
            said.append(warning(self.model.name, self.share_outside, "points"))
        return tuple(said)

    def _columns(self) -> list[tuple[str, Meaning]]:
        """Names without the prefix, and what the numbers mean."""
        name, product, number = self.model.name, self._product, Meaning()
        area = list(zip(_AREA, (number, Meaning(whole=True), number)))
        if isinstance(product, MappedValue):
            parts = ("predicted", "error", "low", "high")
            return [(f"{name}_{part}", number) for part in parts] + area
        legend = product.legend
        coded = legend.names == tuple(map(str, legend.codes))
        texts = Meaning(whole=True) if coded else Meaning(texts=legend.names)
        columns = [(f"{name}_predicted", texts), (f"{name}_probability", number)]
        if product.probabilities:
            columns += [(f"{name}_probability_{one}", number) for one in legend.names]
        return columns + area

    def _of_classes(
        self, product: MappedClasses, predictors: NDArray[Any], xyz: Floats
    ) -> NDArray[Any]:
        chances = product.chances(predictors, xyz)
        best = chances.argmax(axis=1)
        coded = self.meanings[0].whole
        shown = np.array(product.legend.codes)[best] if coded else best
        rows = [shown, chances.max(axis=1)]
        if product.probabilities:
            rows += [*chances.T]
        area = product.model.area
        known = [] if area is None else [*area.known_of(predictors, xyz)]
        return np.stack([*rows, *known], axis=1)


def predictions_of(
    learnt: Learnt,
    encoder: LocationEncoder,
    places: Floats,
    *,
    prefix: str = "",
    threads: int | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Predictions:
    """What predicts at places: learnt from samples, for these very places, or before.

    Folds match the distances of the places from the samples, as those of a map match its pixels'.

    Args:
        learnt: samples with how to learn from them, or a saved map.
        encoder: what embeds.
        places: (N, 2) degrees, of the points.
        prefix: of the names of columns.
        threads: number of threads; all available processors where None.
        progress: of the learning: called with (steps done, steps in all at most).
        cancelled: asked now and then.

    Raises:
        InputError: it cannot be learnt, or is of another model or other covariates.
        CancelledError: `cancelled` said so.
    """

    def sample(count: int) -> Floats:
        if len(places) <= count:
            return places
        rows = np.random.default_rng(0).choice(len(places), count, replace=False)
        found: Floats = places[np.sort(rows)]
        return found

    fitting = Fitting(encoder, sample, threads, progress, cancelled, places="points")
    return Predictions(learnt.fit(fitting), encoder, prefix=prefix, threads=threads)


@dataclass(frozen=True)
class PredictRequest:
    """Predictions that are wanted at the points of a table.

    Attributes:
        points: source and target; what it says of the form of embeddings is not looked at.
        learnt: samples with how to learn from them, or a saved map.
        prefix: of the names of the new columns.
    """

    points: PointsRequest
    learnt: Learnt
    prefix: str = ""


@dataclass(frozen=True)
class PredictResult:
    """What came of a request.

    Attributes:
        table: rows written, rows left empty, what is to be said of them.
        model: what was learnt.
        outside: share of the points outside the area of applicability, 0..1.
    """

    table: PointsResult
    model: MapModel
    outside: float


def predict_points(
    encoder: LocationEncoder,
    request: PredictRequest,
    *,
    learning: Progress | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> PredictResult:
    """Add predictions to the rows of a table of points.

    Rows, columns and CRS of the table are kept, as `embed_points` keeps them, in the same formats.
    The table is read twice: its places say how samples are left out when what is learnt is tested.

    Args:
        encoder: the model.
        request: the table, and what predicts.
        learning: called with (steps done, steps in all at most).
        progress: called with (rows done, rows in all; 0 where unknown).
        cancelled: asked now and then.

    Raises:
        InputError: table or samples cannot be used, or the saved map is of another model or other
            covariates.
        OutputError: the target exists or cannot be written.
        CancelledError: `cancelled` said so; nothing was written.
        MissingDependencyError: a format needs the extra `points`.
    """
    points = request.points
    check_request(points)
    if points.crs is not None:
        points = replace(points, crs=check_crs(points.crs))
    hooks: dict[str, Any] = {"progress": progress, "cancelled": cancelled}
    with _seekable(points) as given, brought(given) as here:
        predictions = predictions_of(
            request.learnt,
            encoder,
            _places(here),
            prefix=request.prefix,
            threads=points.threads,
            progress=learning,
            cancelled=cancelled,
        )
        table = extended(here, predictions, hooks)
    say(table)
    return PredictResult(table, predictions.model, predictions.share_outside)


def _places(request: PointsRequest) -> Floats:
    """The places of a table, (N, 2) degrees, without those that are none.

    Raises:
        InputError: it has none at all, though it has rows.
    """
    xy, crs = read_places(request)
    lonlat = np.stack(to_lonlat(crs or LONLAT)(xy[:, 0], xy[:, 1]), axis=1)
    with np.errstate(invalid="ignore"):
        usable = (np.abs(lonlat[:, 0]) <= 360) & (np.abs(lonlat[:, 1]) <= 90)
    if len(lonlat) and not usable.any():
        raise InputError(
            f"none of the {len(lonlat):,} rows of {request.source} has usable coordinates: "
            "longitude must lie within -360..360 and latitude within -90..90"
        )
    found: Floats = lonlat[usable]
    return found


@contextmanager
def _seekable(request: PointsRequest) -> Iterator[PointsRequest]:
    """The request with standard input in a file, as it is read twice."""
    if request.source != STANDARD_STREAM:
        yield request
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "points.csv")
        with open(copy, "wb") as file:
            shutil.copyfileobj(standard_input(), file)
        yield replace(request, local=str(copy))
