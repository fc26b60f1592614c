"""What the Similar places dock knows and computes: places, the view, pictures; no widgets."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..models import encoder as load_encoder
from ..satclip_core.analysis import Background, unit
from ..satclip_core.errors import ModelError
from ..satclip_core.grid.land import land_places
from ..satclip_core.preview import Preview, combine, land_in_view
from ..satclip_core.products import CLASSIFIER, Likeness, SimilarityTo
from ..text import tr
from ..words import worded
from .background import WorkTask, launch

# Changes of the places that can be taken back.
_STEPS_BACK = 100


@dataclass
class Place:
    """A reference place.

    Attributes:
        lon: degrees.
        lat: degrees.
        embedding: of norm 1; None until the model is here.
        picture: similarity of the view to it; None until it is drawn.
        error: largest error of the picture at the places checked; None until they are.
        unlike: whether it is a counter-example.
    """

    lon: float
    lat: float
    embedding: Any = field(default=None, repr=False)
    picture: Any = field(default=None, repr=False)
    error: float | None = None
    unlike: bool = False

    @property
    def key(self) -> tuple[float, float, bool]:
        """What it is known by: lon, lat, and whether it is a counter-example."""
        return self.lon, self.lat, self.unlike


class Session(QObject):
    """Reference places and the similarity of a view to them.

    The view is embedded in a task, coarsely first where it is large; a further place then costs
    one product and one spline, done at once.
    """

    pictured = pyqtSignal()  # `picture` is new; None where there is no place
    landed = pyqtSignal()  # `land` is new
    placed = pyqtSignal()  # `places` changed
    failed = pyqtSignal(str)
    told = pyqtSignal()  # `busy`, `field` or `error` changed

    def __init__(self, model: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.places: list[Place] = []
        self._past: list[list[tuple[float, float, bool]]] = []
        self.reduce = CLASSIFIER
        self.view: Any = None  # satclip_core.grid.Grid
        self.whole: np.ndarray | None = None  # similarity of the view, at sea too
        self.land_only = True
        self._coast: np.ndarray | None = None  # which pixels of the view are land
        self._learnt: Likeness | None = None
        self._learnt_error: float | None = None
        self.field: Any = None
        self.busy = False
        self.seconds = 0.0  # what the last picture of a place took, once the view was embedded
        self._task: WorkTask | None = None
        self._land_task: WorkTask | None = None
        self.set_model(model)

    def set_model(self, model: str) -> None:
        """Use another model; the view is embedded anew."""
        self.model = model
        self.encoder: Any = None
        self.unusable = False  # whether it is the model that failed
        self.field = None
        self._preview: Any = None
        self._land: np.ndarray | None = None
        self._background: Background | None = None
        self._land_task = None
        for place in self.places:
            place.embedding = None
        if self.view is not None:
            self.show(self.view)

    def show(self, view: Any) -> None:
        """Embed a view and draw the places' similarity in it, replacing what is under way."""
        if view != self.view:
            self._coast = None
        self.view, self.field = view, None
        for place in self.places:
            place.picture = place.error = None
        self._start(None)

    def stop(self) -> None:
        """Give up what is under way; the view is then to be shown anew."""
        if self.busy or self._land_task is not None:
            self.field = None
        for task in (self._task, self._land_task):
            if task is not None:
                with suppress(RuntimeError):  # finished, and deleted by the task manager
                    task.cancel()
        self._task = self._land_task = None
        self.busy = False

    def add(
        self, lon: float, lat: float, view: Any, *, replace: bool = False, unlike: bool = False
    ) -> None:
        """Compare with a place, beside the others or in their stead.

        Args:
            lon: degrees.
            lat: degrees.
            view: what is to be drawn, a Grid; embedded anew where it is another one.
            replace: whether the other places go.
            unlike: whether it is a counter-example.
        """
        place = Place((lon + 180) % 360 - 180, lat, unlike=unlike)
        self._change([place] if replace else [*self.places, place], view)

    def remove(self, index: int) -> None:
        """Leave a place out."""
        self._change([place for at, place in enumerate(self.places) if at != index])

    def clear(self) -> None:
        """Leave all places out."""
        if self.places:
            self._change([])

    @property
    def undoable(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._past)

    def undo(self) -> None:
        """Take back the last change of the places."""
        if not self._past:
            return
        known = {place.key: place for place in self.places}
        self.places = [
            known.get(at) or Place(at[0], at[1], unlike=at[2]) for at in self._past.pop()
        ]
        self.placed.emit()
        self.draw()

    def _change(self, places: list[Place], view: Any = None) -> None:
        """Have other places, which `undo` takes back, and draw them."""
        self._past.append([place.key for place in self.places])
        del self._past[:-_STEPS_BACK]
        self.places = places
        self.placed.emit()
        stale = view != self.view or (self.field is None and not self.busy)
        if view is not None and stale:
            self.show(view)
        else:
            self.draw()

    def set_reduce(self, reduce: str) -> None:
        """How several places are joined: "classifier", "mean" or "max"."""
        self.reduce = reduce
        self.draw()
        self.landed.emit()

    def set_land_only(self, land_only: bool) -> None:
        """Whether the sea is left out of the picture."""
        self.land_only = land_only
        if self.land_only and self._coast is None and self.whole is not None:
            self._coast = land_in_view(self.view)
        self.pictured.emit()

    @property
    def examples(self) -> list[Place]:
        """The places that are meant."""
        return [place for place in self.places if not place.unlike]

    @property
    def counters(self) -> list[Place]:
        """The places that are not meant."""
        return [place for place in self.places if place.unlike]

    @property
    def wanted(self) -> SimilarityTo | None:
        """What the places ask for, as the command line and Processing do; None without examples.

        A place that is meant and not meant, as where one was clicked twice, is a counter-example.
        """
        unlike = [(place.lon, place.lat) for place in self.counters]
        meant = [(place.lon, place.lat) for place in self.examples]
        meant = [place for place in meant if place not in unlike]
        if not meant:
            return None
        return SimilarityTo.of(meant, reduce=CLASSIFIER if unlike else self.reduce, unlike=unlike)

    @property
    def picture(self) -> np.ndarray | None:
        """Similarity of the view, (rows, cols), NaN where nothing is to be drawn; None without."""
        if self.whole is None or not self.land_only or self._coast is None:
            return self.whole
        return np.where(self._coast, self.whole, np.float32(np.nan))

    @property
    def learns(self) -> bool:
        """Whether the picture is of chances that a classifier gives, not of cosines."""
        return self._learnt is not None

    def draw(self) -> None:
        """Draw the picture from the embedded view, if it is here; quick enough for the GUI."""
        wanted = self.wanted
        if wanted is None:
            self.whole = self._learnt = None
            self.pictured.emit()
            return
        if self.field is None:
            return
        start = perf_counter()
        self._learnt = self._learn(wanted)
        if self._learnt is not None:
            self.whole = self.field.chance(self._learnt.chance)
        else:
            _draw(self.field, self.examples)
            self.whole = combine([place.picture for place in self.examples], self._joined)
        self.seconds = perf_counter() - start
        self.pictured.emit()
        self._check()
        self.told.emit()
        self._start_land()

    def _learn(self, wanted: SimilarityTo) -> Likeness | None:
        """What tells the examples from land; None where cosines are wanted, or land is not here.

        Cosines are drawn until it is.
        """
        if not wanted.learns or self._background is None:
            return None
        known = {}
        for place in self.places:
            if place.embedding is None:
                place.embedding = self.field.reference(place.lon, place.lat)
            known[place.lon, place.lat] = place.embedding
        embedded = np.stack([known[at] for at in (*wanted.places, *wanted.unlike)])
        made = wanted.made(embedded, self._background)
        return made if isinstance(made, Likeness) else None

    def _check(self) -> None:
        """Hold the picture against the encoder itself."""
        if self._learnt is not None:
            self._learnt_error = self.field.error(self.whole, self._learnt.chance)
            return
        for place in self.examples:
            if place.error is None:
                place.error = self.field.error(place.picture, place.embedding)

    @property
    def _joined(self) -> str:
        """How cosines are joined, where it is cosines that are drawn."""
        return "mean" if self.reduce == CLASSIFIER else self.reduce

    def _alike(self, embedded: np.ndarray) -> np.ndarray:
        """Similarity of places, (N, dim) of norm 1, as the picture shows it."""
        if self._learnt is not None:
            return self._learnt.chance(embedded)
        references = np.stack([place.embedding for place in self.examples])
        return combine(list(references @ embedded.T), self._joined)

    @property
    def land(self) -> np.ndarray | None:
        """Similarity of random land places to the places, (N,), sorted; None while not known."""
        if self._land is None or self.whole is None or self.field is None:
            return None
        return np.sort(self._alike(self._land))

    @property
    def error(self) -> float | None:
        """Largest error of the pictures at the places checked; None without any."""
        if self._learnt is not None:
            return self._learnt_error
        known = [place.error for place in self.examples if place.error is not None]
        return max(known) if known else None

    @property
    def best(self) -> float:
        """The largest similarity that a reference place itself has."""
        return float(self._alike(np.stack([place.embedding for place in self.examples])).max())

    def _start(self, step: float | None) -> None:
        if self._task is not None:
            self.stop()
        model, encoder, known, view = self.model, self.encoder, self._preview, self.view
        places = [Place(place.lon, place.lat, place.embedding) for place in self.places]
        coast, land_only = self._coast, self.land_only

        def work(cancelled: Any) -> Any:
            made = known or Preview(encoder or load_encoder(model))
            stages = made.stages(view)
            stage = stages[0] if step is None else stages[-1]
            field = made.embed(view, stage.step, cancelled)
            _draw(field, places)
            found = land_in_view(view) if coast is None and land_only else coast
            return made, field, places, found, stages[-1].step if len(stages) > 1 else None

        task: WorkTask = WorkTask(
            tr("Embedding the map view"), work, lambda *out: self._embedded(task, *out)
        )
        self._task, self.busy = task, True
        launch(task)

    def _embedded(self, task: WorkTask, result: Any, error: Exception | None) -> None:
        if task is not self._task:
            return
        self._task, self.busy = None, False
        if error is not None:
            self.unusable = isinstance(error, ModelError)
            self.failed.emit(worded(error))
            return
        self._preview, self.field, drawn, self._coast, finer = result
        self.encoder = self._preview.encoder
        by_place = {(place.lon, place.lat): place for place in drawn}
        for place in self.places:
            known = by_place.get((place.lon, place.lat))
            # A place that came meanwhile has a picture of the coarser field, if any.
            place.picture = place.error = None
            if known is not None:
                place.embedding, place.picture = known.embedding, known.picture
        # Begun before this one is drawn: what draw() computes besides waits for it.
        if finer is not None and self.field.step > finer * 1.01:
            self._start(finer)
        self.draw()
        self.told.emit()

    def _start_land(self) -> None:
        if self._land is not None or self._land_task is not None or self.busy:
            return
        encoder = self.encoder

        def work(_cancelled: Any) -> Any:
            land = unit(encoder.encode(land_places(), single=True))
            return land, Background(land)

        def done(result: Any, error: Exception | None) -> None:
            self._land_task = None
            if error is None and encoder is self.encoder:
                self._land, self._background = result
                wanted = self.wanted
                if wanted is not None and wanted.learns:
                    self.draw()
                self.landed.emit()

        self._land_task = WorkTask(tr("Embedding random places on land"), work, done)
        launch(self._land_task)


def _draw(field: Any, places: list[Place]) -> None:
    """Draw what is missing of the pictures of places."""
    for place in places:
        if place.embedding is None:
            place.embedding = field.reference(place.lon, place.lat)
        if place.picture is None:
            place.picture = field.similarity(place.embedding)
