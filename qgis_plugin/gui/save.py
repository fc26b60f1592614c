"""Writing the similarity of a view as a GeoTIFF, by the road that the command line takes."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..models import encoder as load_encoder
from ..satclip_core.products import SimilarityTo
from ..satclip_core.raster import RasterRequest, WriteOptions, raster_target
from ..text import tr
from ..words import worded
from .background import WorkTask, launch


class SaveTask(QObject):
    """Writes one file in a task.

    Args:
        path: the GeoTIFF; the user has agreed to replace it.
        view: its pixels.
        model: name or path.
        places: lon, lat of the reference places.
        reduce: "mean" or "max".
    """

    ended = pyqtSignal(str, str)  # path, error or ""

    def __init__(
        self, path: str, view: Any, model: str, places: list[tuple[float, float]], reduce: str
    ) -> None:
        super().__init__()
        self._path, self._asked = path, (view, model, places, reduce)
        self._task: WorkTask | None = None

    def start(self) -> None:
        """Begin."""
        title = tr("Saving the similarity")
        self._task = WorkTask(title, self._write, self._done)
        launch(self._task)

    def cancel(self) -> None:
        """Stop; nothing is left behind."""
        if self._task is not None:
            self._task.cancel()

    def _write(self, cancelled: Any) -> None:
        task = self._task

        def progress(done: int, total: int) -> None:
            if task is not None:
                task.setProgress(100 * done / total)

        view, model, places, reduce = self._asked
        wanted, options = SimilarityTo.of(places, reduce=reduce), WriteOptions(overwrite=True)
        target = raster_target(self._path, overwrite=True)
        request = RasterRequest(view, wanted, model, options=options)
        job = request.prepare(encoder=load_encoder(model), cancelled=cancelled)
        job.write(target, progress=progress, cancelled=cancelled)

    def _done(self, _result: Any, error: Exception | None) -> None:
        self.ended.emit(self._path, "" if error is None else worded(error))
