"""Work in the background: tasks of QGIS, held for as long as QGIS needs them."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication, QgsTask
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject

# Without a notification at the end, where QGIS knows how (3.26 and later).
_FLAGS = QgsTask.Flag.CanCancel
if hasattr(QgsTask.Flag, "Silent"):
    _FLAGS = _FLAGS | QgsTask.Flag.Silent


class WorkTask(QgsTask):
    """Calls a function of `cancelled` in a thread, and hands its result on in the main thread.

    Args:
        title: what the task manager shows.
        work: called in the thread; touches no project, layer or widget.
        done: called in the main thread with (result, error); one of them is None.
        owner: whose task it is: once Qt has deleted that, nothing is handed on. What a slot raises
            that nobody catches takes QGIS down.
    """

    def __init__(self, title: str, work: Any, done: Any, owner: QObject | None = None) -> None:
        super().__init__(title, _FLAGS)
        self._work, self._done, self._owner = work, done, owner
        self._result: Any = None
        self._error: Exception | None = None

    def run(self) -> bool:
        """Never raises: what goes wrong is kept for `finished`."""
        try:
            self._result = self._work(self.isCanceled)
        except Exception as error:
            self._error = error
        return self._error is None

    def finished(self, _succeeded: bool) -> None:
        """In the main thread."""
        gone = self._owner is not None and sip.isdeleted(self._owner)
        if not self.isCanceled() and not gone:
            self._done(self._result, self._error)


# Tasks that QGIS has, and what they need besides.
_HELD: dict[QgsTask, Any] = {}


def launch(task: QgsTask, needs: Any = None) -> None:
    """Hand a task to QGIS, and hold on to it until QGIS deletes it.

    To Python it belongs to the wrapper of the task manager, which goes at once: a task that
    nobody else holds is never finished, and takes QGIS down if it goes while it works.

    Args:
        task: not yet started.
        needs: what QGIS reaches through the task without holding it.
    """
    _HELD[task] = needs
    task.destroyed.connect(lambda: _HELD.pop(task, None))
    QgsApplication.taskManager().addTask(task)
