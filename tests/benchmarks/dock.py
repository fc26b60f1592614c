"""Click to picture in the Similar places dock, 1280 × 800, in a real QGIS canvas.

    python qgis_plugin/build.py --link DIR
    QT_QPA_PLATFORM=offscreen PYTHONPATH=DIR python3 tests/benchmarks/dock.py

"Cold" is a click into a dock that has just been made: in the moment it appears, whose model is not
loaded then; and with --after SECONDS later, for which the user looked for a place. For each view:
seconds from the click until the picture is with the map, and until the canvas has drawn it; the
first click comes in the moment the view appears, with nothing embedded yet. Then a quarter of the
view to the east and a fifth to the south: seconds from the pan until its first and its last
picture, less the time that the dock waits for the map to come to rest, and the same without what
was known.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

from qgis.core import QgsApplication, QgsCoordinateReferenceSystem, QgsProject, QgsRectangle
from qgis.gui import QgsLayerTreeMapCanvasBridge, QgsMapCanvas, QgsMessageBar
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QFrame, QMainWindow

VIEWS = {
    "Europe, EPSG:3857": ("EPSG:3857", (-1.0e6, 4.2e6, 4.12e6, 7.4e6)),
    "world, EPSG:4326": ("EPSG:4326", (-180, -112.5, 180, 112.5)),
    "Alps, EPSG:32632": ("EPSG:32632", (2e5, 5.0e6, 8.4e5, 5.4e6)),
    "Arctic, EPSG:3413": ("EPSG:3413", (-5.12e6, -3.2e6, 5.12e6, 3.2e6)),
}
NEXT_CLICKS = 10
# Parts of the width and of the height.
PAN = (0.25, -0.2)


class Window:
    """A main window with a canvas of 1280 × 800: what the dock asks of QGIS."""

    def __init__(self) -> None:
        self._window = QMainWindow()
        self._canvas = QgsMapCanvas(self._window)
        self._canvas.setFrameShape(QFrame.Shape.NoFrame)
        self._canvas.setFixedSize(1280, 800)
        self._bar = QgsMessageBar()
        root = QgsProject.instance().layerTreeRoot()
        self._bridge = QgsLayerTreeMapCanvasBridge(root, self._canvas)
        self._bridge.setAutoSetupOnFirstLayer(False)
        self._window.setCentralWidget(self._canvas)
        self._window.show()

    def close(self) -> None:
        """Take it apart, and all that is in it."""
        self._window.close()
        del self._bridge, self._bar, self._canvas, self._window

    def mapCanvas(self) -> QgsMapCanvas:
        return self._canvas

    def messageBar(self) -> QgsMessageBar:
        return self._bar

    def mainWindow(self) -> QMainWindow:
        return self._window


def wait(reached: Callable[[], object], seconds: float = 120) -> None:
    """Let QGIS work until something is reached."""
    end = time.perf_counter() + seconds
    while not reached():
        QgsApplication.processEvents()
        time.sleep(0.0005)
        if time.perf_counter() > end:
            raise TimeoutError


def click(window: Window, dock: object, x: int, y: int) -> tuple[float, float]:
    """Seconds from a click to the picture's pixels, and to the drawn canvas."""
    canvas = window.mapCanvas()
    given: list[float] = []
    dock.drawn.connect(lambda: given.append(time.perf_counter()))
    start = time.perf_counter()
    QTest.mouseClick(
        canvas.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(x, y)
    )
    wait(lambda: given)
    drawn: list[float] = []
    canvas.mapCanvasRefreshed.connect(lambda: drawn.append(time.perf_counter()))
    wait(lambda: drawn)
    return given[0] - start, drawn[0] - start


def measure(window: Window, dock: object, crs: str, extent: tuple[float, ...]) -> None:
    """Print a line for one view."""
    canvas = window.mapCanvas()
    dock.session.clear()
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem(crs))
    canvas.setExtent(QgsRectangle(*extent))
    first = click(window, dock, 640, 400)
    step = dock.session.field.step
    wait(lambda: not dock.session.busy and dock.session.land is not None)
    further, computed = [], []
    for number in range(NEXT_CLICKS):
        wait(lambda: not canvas.isDrawing())
        further.append(click(window, dock, 300 + 60 * number, 250 + 30 * number))
        computed.append(dock.session.seconds)
    print(
        f"first {first[0]:.3f} s ({first[1]:.3f} drawn) at {step:.2f}°; "
        f"next {statistics.median(given for given, _ in further):.3f} s "
        f"({statistics.median(drawn for _, drawn in further):.3f} drawn, "
        f"{statistics.median(computed):.4f} computing) at {dock.session.field.step:.2f}°, "
        f"error {dock.session.error:.1g}"
    )


def pan(window: Window, dock: object, right: float, up: float) -> tuple[float, float]:
    """Seconds from a pan to its first picture and to its last, less the wait before they begin."""
    canvas = window.mapCanvas()
    wait(lambda: not canvas.isDrawing() and not dock.session.busy)
    given: list[float] = []
    dock.drawn.connect(lambda: given.append(time.perf_counter()))
    extent = canvas.extent()
    x, y = right * extent.width(), up * extent.height()
    start = time.perf_counter()
    canvas.setExtent(
        QgsRectangle(
            extent.xMinimum() + x,
            extent.yMinimum() + y,
            extent.xMaximum() + x,
            extent.yMaximum() + y,
        )
    )
    wait(lambda: given and not dock.session.busy)
    settled = dock._timer.interval() / 1000
    return given[0] - start - settled, given[-1] - start - settled


def measure_pans(window: Window, dock: object) -> None:
    """Print a line: with what is known of the view before, and without."""
    there = pan(window, dock, *PAN)
    back = pan(window, dock, -PAN[0], -PAN[1])
    session = dock.session

    def forget() -> None:
        session.field = session._known = None

    canvas = window.mapCanvas()
    canvas.extentsChanged.connect(forget)
    anew = pan(window, dock, *PAN)
    canvas.extentsChanged.disconnect(forget)
    first, last = ((one + other) / 2 for one, other in zip(there, back))
    print(f"    pan {first:.3f} s, last {last:.3f} s; anew {anew[0]:.3f} s, last {anew[1]:.3f} s")


def main() -> None:
    """Measure every view."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--after", type=float, default=0.0, help="seconds before the cold click")
    parser.add_argument("--cold", action="store_true", help="measure the cold click alone")
    given = parser.parse_args()
    application = QgsApplication([], True)
    application.initQgis()
    from satclip_qgis.gui.dock import SimilarPlacesDock

    window = Window()
    dock = SimilarPlacesDock(window)
    window.mainWindow().addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    canvas = window.mapCanvas()
    crs, extent = next(iter(VIEWS.values()))
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem(crs))
    canvas.setExtent(QgsRectangle(*extent))
    dock.show()
    wait(lambda: canvas.mapTool() is dock.tool)
    opened = time.perf_counter()
    wait(lambda: time.perf_counter() > opened + given.after)
    processors = time.process_time()
    seconds = click(window, dock, 640, 400)[0]
    processors = time.process_time() - processors
    print(
        f"cold, {given.after:g} s after: {seconds:.3f} s, {processors:.3f} processor s", flush=True
    )
    if given.cold:
        end(application, window, dock)
    for name, (crs, extent) in VIEWS.items():
        print(f"{name}: ", end="", flush=True)
        measure(window, dock, crs, extent)
        measure_pans(window, dock)
    end(application, window, dock)


def end(application: QgsApplication, window: Window, dock: object) -> None:
    """Take all apart while QGIS is there, and leave.

    Left to Python, QGIS goes first, and the canvas crashes when it is taken apart without it.
    """
    dock.close_down()
    wait(lambda: application.taskManager().countActiveTasks() == 0)
    QgsProject.instance().clear()
    window.close()
    del dock
    application.exitQgis()
    sys.exit()


if __name__ == "__main__":
    main()
