"""A map on trial: its samples read and cross-validated in the background, before it is made."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingContext,
    QgsProject,
    QgsReferencedRectangle,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
)
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...algorithms.learning import SampleFields, read_samples
from ...algorithms.mapfromsamples import MapFromSamples
from ...models import encoder
from ...satclip_core.products import MapOf, Samples
from ...satclip_core.raster import RasterRequest
from ...text import tr
from ...words import worded
from ..background import WorkTask, launch

# Samples that a map is tried on; of more so many are drawn. (A process is exact up to there.)
MOST_TRIED = 2000


@dataclass(frozen=True)
class Question:
    """What is to be mapped, from what, and where.

    Attributes:
        layer: id of the point layer.
        field: of it.
        classes: whether whole numbers are classes.
        extent: to cover, as the algorithm takes it.
        crs: of the map.
        resolution: pixel size in units of that; as the model resolves where None.
        land: whether the sea is left out.
        model: name or path.
        region: country outside of which there is no data; None for all.
        missing: numbers that stand for no value.
        left_out: ids of features that are no samples.
    """

    layer: str
    field: str
    classes: bool
    extent: QgsReferencedRectangle | str
    crs: QgsCoordinateReferenceSystem
    resolution: float | None
    land: bool
    model: str
    region: str | None = None
    missing: tuple[float, ...] = ()
    left_out: frozenset[int] = frozenset()

    def parameters(self) -> dict[str, Any]:
        """The same for the algorithm."""
        return {
            "INPUT": self.layer,
            "FIELD": self.field,
            "KIND": 2 if self.classes else 0,
            "MISSING": " ".join(f"{value:.17g}" for value in self.missing),
            "LEAVE_OUT": " ".join(str(number) for number in sorted(self.left_out)),
            "EXTENT": self.extent,
            "CRS": self.crs,
            "RESOLUTION": self.resolution,
            "LAND": self.land,
            "REGION": self.region or "",
            "MODEL": self.model,
        }


@dataclass(frozen=True)
class Found:
    """What a trial has found.

    Attributes:
        job: the map as it would be made, with its evidence.
        samples: all of them; the trial may have taken fewer.
    """

    job: Any
    samples: Samples

    @property
    def model(self) -> Any:
        """What was learnt."""
        return self.job.product.model


class Trial(QObject):
    """Tries one map at a time; a new question puts an end to the one before."""

    progressed = pyqtSignal(float)  # per cent
    found = pyqtSignal(object)  # Found
    failed = pyqtSignal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._task: WorkTask | None = None

    @property
    def busy(self) -> bool:
        """Whether one is under way."""
        return self._task is not None

    def stop(self) -> None:
        """Give up what is under way."""
        if self._task is not None:
            with suppress(RuntimeError):  # finished, and deleted by the task manager
                self._task.cancel()
        self._task = None

    def start(self, question: Question, layer: QgsVectorLayer) -> None:
        """Try a map.

        Args:
            question: what is asked.
            layer: of it.
        """
        self.stop()
        source = _Source(layer)
        # Read in the modeler's way: the view of the map is no matter here.
        algorithm = MapFromSamples()
        algorithm.initAlgorithm({"IN_MODELER": True})
        transforms = QgsProject.instance().transformContext()

        def work(cancelled: Any) -> Found:
            context = QgsProcessingContext()
            context.setTransformContext(transforms)
            asked = SampleFields(
                question.field,
                classes=question.classes or None,
                missing=question.missing,
                left_out=question.left_out,
            )
            samples = read_samples(source, asked, context, _Listener(cancelled))
            parameters, model = question.parameters(), encoder(question.model)
            request = RasterRequest(
                algorithm.grid(parameters, context, model),
                MapOf(samples.thinned(MOST_TRIED), evidence=True),
                question.model,
                mask=algorithm.mask(parameters, context),
                region=question.region,
            )
            job = request.prepare(encoder=model, progress=report, cancelled=cancelled)
            return Found(job, samples)

        def report(done: int, total: int) -> None:
            task.setProgress(100 * done / max(total, 1))

        title = tr("Testing a map from samples")
        task: WorkTask = WorkTask(title, work, lambda *out: self._done(task, *out), self)
        task.progressChanged.connect(self.progressed)
        self._task = task
        launch(task)

    def _done(self, task: WorkTask, result: Found | None, error: Exception | None) -> None:
        if task is not self._task:
            return
        self._task = None
        if error is not None:
            self.failed.emit(worded(error))
        else:
            self.found.emit(result)


class _Source:
    """The features of a layer as they are now, to be read in any thread."""

    def __init__(self, layer: QgsVectorLayer) -> None:
        self._features = QgsVectorLayerFeatureSource(layer)
        self._crs = layer.crs()

    def fields(self) -> Any:
        """Of the layer."""
        return self._features.fields()

    def sourceCrs(self) -> QgsCoordinateReferenceSystem:
        """Of the layer."""
        return self._crs

    def getFeatures(self, request: Any, _flag: Any) -> Any:
        """All that are asked for."""
        return self._features.getFeatures(request)


class _Listener:
    """What reading features asks of a feedback."""

    def __init__(self, cancelled: Any) -> None:
        self.isCanceled = cancelled

    def pushInfo(self, _text: str) -> None:
        """The panel says itself what was left out."""
