"""What the Similar places dock knows and computes: places, the view, pictures; no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..models import encoder as load_encoder
from ..satclip_core.analysis import Background, unit
from ..satclip_core.encoder.two_part import KM_PER_DEGREE
from ..satclip_core.errors import ModelError
from ..satclip_core.grid.land import land_mask
from ..satclip_core.preview import Preview, combine, land_in_view
from ..satclip_core.products import CLASSIFIER, Likeness, SimilarityTo, compared_land
from ..text import tr
from ..words import worded
from .background import WorkTask, launch
from .places import Place, Places

# What similarities are held against: the land of the view, or all land.
VIEW, ALL_LAND = AGAINST = "view", "land"


@dataclass(frozen=True)
class Ground:
    """The random land that similarities are held against.

    Attributes:
        within: the view whose land it is; None of all land.
        embedded: (N, dim) of norm 1.
        background: what a classifier tells examples from.
    """

    within: Any
    embedded: np.ndarray
    background: Background


class Session(QObject):
    """Reference places and the similarity of a view to them.

    The view is embedded in a task, coarsely first where it is large; a further place then costs
    one product and one spline, done at once.
    """

    pictured = pyqtSignal()  # `picture` is new; None where there is no place
    landed = pyqtSignal()  # `land` is new, and that of `against`
    placed = pyqtSignal()  # `places` changed
    failed = pyqtSignal(str)
    told = pyqtSignal()  # `busy`, `field` or `error` changed

    def __init__(self, model: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._places = Places()
        # Embeddings of norm 1 of places, by lon, lat.
        self._references: dict[tuple[float, float], np.ndarray] = {}
        self.reduce = CLASSIFIER
        self.against = VIEW
        self.view: Any = None  # satclip_core.grid.Grid
        self.whole: np.ndarray | None = None  # similarity of the view, at sea too
        self.land_only = True
        self._coast: np.ndarray | None = None  # which pixels of the view are land
        self._learnt: Likeness | None = None
        self.error: float | None = None  # largest error of the picture where it was checked
        self.field: Any = None
        self._last = True  # whether no finer one is to follow
        self._known: Any = None  # the field of the view before: a pan takes from it what it has
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
        self.field = self._known = None
        self._preview: Any = None
        self._ground: Ground | None = None
        self._land_task = None
        self._references = {}
        if self.view is not None:
            self.show(self.view)
        else:
            self._load()

    def _load(self) -> None:
        """Open the model while the user looks for a place; use tells what is wrong with it."""
        model = self.model

        def work(_cancelled: Any) -> None:
            load_encoder(model).prepare()
            land_mask()

        launch(WorkTask(tr("Opening the model"), work, lambda *_: None, self))

    def show(self, view: Any) -> None:
        """Embed a view and draw the places' similarity in it, replacing what is under way."""
        if view != self.view:
            self._coast = None
        self._keep()
        self.view, self.field, self.error = view, None, None
        self._start(None)

    def stop(self) -> None:
        """Give up what is under way; the view is then to be shown anew."""
        if self.busy or self._land_task is not None:
            self._keep()
            self.field = None
        for task in (self._task, self._land_task):
            if task is not None:
                with suppress(RuntimeError):  # finished, and deleted by the task manager
                    task.cancel()
        self._task = self._land_task = None
        self.busy = False

    def rest(self) -> None:
        """Draw nothing until a view is shown again."""
        self.stop()
        self._keep()
        self.view = self.field = None

    def _keep(self) -> None:
        """Keep the field for the next view, but not a coarse one in the stead of a fine one."""
        if self.field is not None and (self._last or self._known is None):
            self._known = self.field

    @property
    def places(self) -> list[Place]:
        """Examples and counter-examples, in order."""
        return self._places.now

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
        place = Place(lon if abs(lon) <= 180 else (lon + 180) % 360 - 180, lat, unlike)
        self.add_all([place], view, replace=replace)

    def add_all(self, places: Sequence[Place], view: Any, *, replace: bool = False) -> None:
        """Compare with further places, in one step; those that are there already stay once."""
        kept = [] if replace else self.places
        known = {(*place.lonlat, place.unlike) for place in kept}
        new = [place for place in places if (*place.lonlat, place.unlike) not in known]
        self._change([*kept, *new], view)

    def remove(self, *indices: int) -> None:
        """Leave places out."""
        self._change([place for at, place in enumerate(self.places) if at not in indices])

    def rename(self, index: int, name: str) -> None:
        """Call a place something; by its coordinates where the name is empty."""
        self._replace(index, name=name.strip())

    def turn(self, index: int) -> None:
        """Make an example a counter-example, or the other way round."""
        self._replace(index, unlike=not self.places[index].unlike)

    def clear(self) -> None:
        """Leave all places out."""
        self._change([])

    def begin(self, places: Sequence[Place], reduce: str = CLASSIFIER) -> None:
        """Have other places with nothing to take back, as of another project."""
        self.reduce = reduce
        self._places.begin(places)
        self.placed.emit()
        self.draw()

    @property
    def undoable(self) -> bool:
        """Whether there is a step to take back."""
        return self._places.undoable

    @property
    def redoable(self) -> bool:
        """Whether there is one that was taken back."""
        return self._places.redoable

    def undo(self) -> None:
        """Take back the last change of the places."""
        self._step(False)

    def redo(self) -> None:
        """Do again what was taken back."""
        self._step(True)

    def _step(self, forth: bool) -> None:
        before = self.wanted
        if self._places.step(forth):
            self.placed.emit()
            if self.wanted != before:
                self.draw()

    def _replace(self, index: int, **values: Any) -> None:
        places = self.places
        places[index] = replace(places[index], **values)
        self._change(places)

    def _change(self, places: Sequence[Place], view: Any = None) -> None:
        """Have other places, which `undo` takes back, and draw them."""
        before = self.wanted
        if self._places.change(places):
            self.placed.emit()
        elif view is None:
            return
        stale = view != self.view or (self.field is None and not self.busy)
        if view is not None and stale:
            self.show(view)
        elif view is not None or self.wanted != before:  # a name alone changes no picture
            self.draw()

    def set_reduce(self, reduce: str) -> None:
        """How several places are joined: "classifier", "mean" or "max"."""
        self.reduce = reduce
        self.draw()
        self.landed.emit()

    def set_against(self, against: str) -> None:
        """Hold similarities against the land of the view, or all land: one of `AGAINST`."""
        self.against = against
        self.draw()

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
        reduce = CLASSIFIER if unlike else self.reduce
        return SimilarityTo.of(meant, reduce=reduce, unlike=unlike, within=self._within)

    @property
    def _within(self) -> Any:
        """The grid whose land similarities are held against; None for all land."""
        return self.view if self.against == VIEW else None

    @property
    def grounded(self) -> bool:
        """Whether `land`, and what is learnt, are of the land that is wanted; else it is coming."""
        return self._ground is not None and self._ground.within == self._within

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

    def draw(self, drawn: np.ndarray | None = None) -> None:
        """Draw the picture from the embedded view, if it is here; quick enough for the GUI.

        Args:
            drawn: the cosines, where they are drawn already.
        """
        wanted = self.wanted
        if wanted is None:
            self.whole = self._learnt = self.error = None
            self.pictured.emit()
            return
        if self.field is None:
            return
        start = perf_counter()
        self._learnt = self._learn(wanted)
        if self._learnt is not None:
            self.whole = self.field.chance(self._learnt.chance)
        elif drawn is not None:
            self.whole = drawn
        else:
            self.whole = self.field.joined(self._embedded_at(wanted.places), self._joined)
        self.seconds = perf_counter() - start
        self.pictured.emit()
        self.error = self.field.error(self.whole, self._alike)
        self.told.emit()
        self._start_land()

    def _learn(self, wanted: SimilarityTo) -> Likeness | None:
        """What tells the examples from land; None where cosines are wanted, or land is not here.

        Cosines are drawn until it is, and after a pan the land of the view before will do as long.
        """
        if not wanted.learns or self._ground is None:
            return None
        embedded = self._embedded_at((*wanted.places, *wanted.unlike))
        made = wanted.made(embedded, self._ground.background)
        return made if isinstance(made, Likeness) else None

    def _embedded_at(self, lonlat: Sequence[tuple[float, float]]) -> np.ndarray:
        """Embeddings of places, (k, dim) of norm 1; each is embedded once."""
        new = [at for at in lonlat if at not in self._references]
        if new:
            self._references.update(zip(new, unit(self.encoder.encode(new))))
        return np.stack([self._references[at] for at in lonlat])

    @property
    def _joined(self) -> str:
        """How cosines are joined, where it is cosines that are drawn."""
        return "mean" if self.reduce == CLASSIFIER else self.reduce

    def _alike(self, embedded: np.ndarray) -> np.ndarray:
        """Similarity of places, (N, dim) of norm 1, as the picture shows it."""
        if self._learnt is not None:
            return self._learnt.chance(embedded)
        wanted = self.wanted
        references = self._embedded_at(() if wanted is None else wanted.places)
        return combine(list(references @ embedded.T), self._joined)

    @property
    def land(self) -> np.ndarray | None:
        """Similarity of random land places to the places, (N,), sorted; None while not known."""
        if self._ground is None or self.whole is None or self.field is None:
            return None
        return np.sort(self._alike(self._ground.embedded))

    @property
    def best(self) -> float:
        """The largest similarity that a reference place itself has."""
        return float(self._alike(self._embedded_at([at.lonlat for at in self.examples])).max())

    @property
    def resolution_km(self) -> float | None:
        """What the model resolves; None while it is not here, or where nobody knows."""
        degrees = None if self.encoder is None else self.encoder.resolution_degrees
        return None if degrees is None else degrees * KM_PER_DEGREE

    def _start(self, step: float | None) -> None:
        if self._task is not None:
            self.stop()
        model, encoder, preview, view = self.model, self.encoder, self._preview, self.view
        wanted, joined, references = self.wanted, self._joined, self._references
        coast, land_only = self._coast, self.land_only
        before = self._known

        def work(cancelled: Any) -> Any:
            made = preview or Preview(encoder or load_encoder(model))
            stages = made.stages(view, before)
            stage = stages[0] if step is None else stages[-1]
            field = made.embed(view, stage.step, cancelled, before)
            known, drawn = {}, None
            if wanted is not None:
                at = [*wanted.places, *wanted.unlike]
                known = {one: references[one] for one in at if one in references}
                new = [one for one in at if one not in known]
                if new:
                    known.update(zip(new, unit(made.encoder.encode(new))))
                meant = np.stack([known[one] for one in wanted.places])
                drawn = wanted, field.joined(meant, joined)
            found = land_in_view(view) if coast is None and land_only else coast
            return made, field, known, drawn, found, stages[-1].step if len(stages) > 1 else None

        task: WorkTask = WorkTask(
            tr("Embedding the map view"), work, lambda *out: self._embedded(task, *out), self
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
        self._preview, self.field, known, drawn, self._coast, finer = result
        self.encoder = self._preview.encoder
        self._references.update(known)
        # Begun before this one is drawn: what draw() computes besides waits for it.
        self._last = finer is None or self.field.step <= finer * 1.01
        if self._last:
            self._known = None
        else:
            self._start(finer)
        # The places may be others by now, or joined otherwise.
        fresh = drawn is not None and drawn[0] == self.wanted
        self.draw(drawn[1] if fresh else None)
        self.told.emit()

    def _start_land(self) -> None:
        if self.grounded or self._land_task is not None or self.busy:
            return
        encoder, within = self.encoder, self._within

        def work(_cancelled: Any) -> Any:
            land = unit(encoder.encode(compared_land(within), single=True))
            return Ground(within, land, Background(land))

        def done(result: Any, error: Exception | None) -> None:
            if self._land_task is not task:
                return
            self._land_task = None
            if error is None and encoder is self.encoder:
                self._ground = result
                wanted = self.wanted
                if wanted is not None and wanted.learns:
                    self.draw()
                self.landed.emit()
                self._start_land()  # it may be another one that is wanted by now

        task = WorkTask(tr("Embedding random places on land"), work, done, self)
        self._land_task = task
        launch(task)
