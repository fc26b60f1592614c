"""What scripts that run inside of QGIS share: waiting for its window, and pictures of it.

QGIS runs the text of a script without telling it where it lies; `--code` on its command line does:

    arguments = QgsApplication.arguments()
    sys.path.insert(0, str(Path(arguments[arguments.index("--code") + 1]).resolve().parent))
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsPointXY,
    QgsProject,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.utils import iface

# Seconds without work after which the window no longer changes; the longest that is waited for.
QUIET, LONGEST = 1.5, 600.0
# Bytes that a picture of the documentation has at most: beyond it is made of 256 colours, and then
# smaller.
_LARGEST, _SMALLER = 400_000, 0.9


def pump(seconds: float) -> None:
    """Let QGIS work for a time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QgsApplication.processEvents()
        time.sleep(0.01)


def is_quiet() -> bool:
    """Whether neither the map nor a task is at work."""
    return not iface.mapCanvas().isDrawing() and not QgsApplication.taskManager().activeTasks()


def wait(reached: Callable[[], bool] = is_quiet) -> None:
    """Let QGIS work until something is reached and has stayed so for a while.

    Raises:
        TimeoutError: it was not.
    """
    since = start = time.monotonic()
    while time.monotonic() - since < QUIET:
        pump(0.01)
        if not reached():
            since = time.monotonic()
        if since - start > LONGEST:
            raise TimeoutError(f"QGIS was not ready after {LONGEST:.0f} s")


def click(place: tuple[float, float], keys: Any = Qt.KeyboardModifier.NoModifier) -> None:
    """A click of the left button on a place, lon and lat, with the tool that is active."""
    canvas = iface.mapCanvas()
    transform = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:4326"),
        canvas.mapSettings().destinationCrs(),
        QgsProject.instance(),
    )
    point = canvas.getCoordinateTransform().transform(transform.transform(QgsPointXY(*place)))
    pixel = point.toQPointF().toPoint()
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, keys, pixel)
    wait()


def save_window(path: Path) -> None:
    """The whole window as a picture of the documentation, without messages."""
    iface.messageBar().clearWidgets()
    QgsApplication.processEvents()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Quality 0 is the strongest compression, and as lossless.
    iface.mainWindow().grab().save(str(path), "PNG", 0)
    if path.stat().st_size <= _LARGEST:
        return
    from PIL import Image  # python3-pil

    with Image.open(path) as picture:
        image = picture.convert("RGB")
    while path.stat().st_size > _LARGEST:
        image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
        image = image.resize([round(_SMALLER * side) for side in image.size])
