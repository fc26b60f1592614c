"""Fetching a published model through QGIS' own network access: its proxies, its certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsFileDownloader
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QUrl, pyqtSignal

from ..satclip_core.models.published import PUBLISHED
from ..satclip_core.models.registry import adopt
from ..text import tr
from ..words import worded
from .background import WorkTask, launch


class Fetch(QObject):
    """One download, checked before it counts.

    Args:
        name: of a published model.
    """

    progressed = pyqtSignal(float, float)  # bytes here, bytes in all (0 where not known)
    ended = pyqtSignal(str, str)  # name, error or ""; after a cancel both are ""

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self._model = PUBLISHED[name]
        self._part = self._model.path.with_name(f"{name}.part.ckpt")
        self._downloader: Any = None
        self._task: WorkTask | None = None
        self._errors: list[str] = []
        self._state = ""
        self._running = False

    def start(self) -> None:
        """Begin."""
        try:
            self._part.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            folder = self._part.parent
            self.ended.emit(
                self.name,
                tr("Cannot write to {folder}: {reason}").format(folder=folder, reason=reason),
            )
            return
        loader = QgsFileDownloader(QUrl(self._model.url), str(self._part), "", True)
        loader.downloadProgress.connect(self._progress)
        loader.downloadCompleted.connect(lambda *_: self._set("completed"))
        loader.downloadCanceled.connect(lambda: self._set("cancelled"))
        loader.downloadError.connect(self._failed)
        loader.downloadExited.connect(self._exited)
        self._downloader = loader
        self._running = True
        loader.startDownload()

    def cancel(self) -> None:
        """Stop; what has come is thrown away."""
        if self._running:
            self._downloader.cancelDownload()

    def _progress(self, received: int, total: int) -> None:
        known = total if total > 0 else (self._model.size or 0)
        self.progressed.emit(float(received), float(known))

    def _failed(self, errors: list[str]) -> None:
        self._state, self._errors = "failed", list(errors)

    def _set(self, state: str) -> None:
        self._state = state

    def _exited(self) -> None:
        self._running = False  # the downloader deletes itself
        if self._state == "completed":
            self._check()
            return
        self._part.unlink(missing_ok=True)
        if self._state == "cancelled":
            self.ended.emit("", "")
            return
        reason = "; ".join(self._errors)
        self.ended.emit(
            self.name,
            tr("{name} could not be fetched: {reason}").format(name=self.name, reason=reason),
        )

    def _check(self) -> None:
        """Size, hash and content, in a task: reading 100 MB takes a moment."""
        name, part = self.name, Path(self._part)
        title = tr("Checking {name}").format(name=name)
        self._task = WorkTask(title, lambda _cancelled: adopt(name, part), self._checked, self)
        launch(self._task)

    def _checked(self, _record: Any, error: Exception | None) -> None:
        self._part.unlink(missing_ok=True)
        if sip.isdeleted(self):  # with the dialog, when the plugin was unloaded
            return
        self.ended.emit(self.name, "" if error is None else worded(error))
