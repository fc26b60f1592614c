"""A window with a real canvas, layer tree and message bar, for tests of the interface."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

from qgis.core import QgsApplication, QgsCoordinateReferenceSystem, QgsProject, QgsRectangle
from qgis.gui import QgsLayerTreeMapCanvasBridge, QgsMapCanvas, QgsMessageBar
from qgis.PyQt.QtCore import QObject, QPoint, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QFrame, QMainWindow, QMenu, QToolBar

_NUMBERS = count()


class Bar(QgsMessageBar):
    """QGIS' own, that remembers: on a slow machine a message is gone before a test looks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def pushMessage(self, title: str, text: str, level: object, seconds: int) -> None:
        self.said.append(text)
        super().pushMessage(title, text, level, seconds)


class Window(QObject):
    """What the plugin asks of QGIS' window, made of QGIS' own widgets."""

    currentLayerChanged = pyqtSignal(object)

    def __init__(self, width: int = 640, height: int = 400) -> None:
        super().__init__()
        self.window = QMainWindow()
        self.canvas = QgsMapCanvas(self.window)
        # A project keeps the view of each canvas by its name, and those of other tests may live.
        self.canvas.setObjectName(f"canvas-{next(_NUMBERS)}")
        self.canvas.setFrameShape(QFrame.Shape.NoFrame)
        self.canvas.setFixedSize(width, height)
        self.bar = Bar()
        self.menu = QMenu("Raster", self.window)
        self.layer = None
        self.factories: list[object] = []
        self.opened: list[str] = []
        self.window.setCentralWidget(self.canvas)
        root = QgsProject.instance().layerTreeRoot()
        self.bridge = QgsLayerTreeMapCanvasBridge(root, self.canvas)
        self.bridge.setAutoSetupOnFirstLayer(False)
        self.window.show()

    def mapCanvas(self) -> QgsMapCanvas:
        return self.canvas

    def messageBar(self) -> QgsMessageBar:
        return self.bar

    def mainWindow(self) -> QMainWindow:
        return self.window

    def activeLayer(self) -> object:
        return self.layer

    def setActiveLayer(self, layer: object) -> None:
        self.layer = layer
        self.currentLayerChanged.emit(layer)

    def addToolBar(self, name: str) -> QToolBar:
        return self.window.addToolBar(name)

    def addDockWidget(self, area: object, dock: object) -> None:
        self.window.addDockWidget(area, dock)

    def removeDockWidget(self, dock: object) -> None:
        self.window.removeDockWidget(dock)

    def addPluginToRasterMenu(self, _name: str, action: object) -> None:
        self.menu.addAction(action)

    def removePluginRasterMenu(self, _name: str, action: object) -> None:
        self.menu.removeAction(action)

    def registerOptionsWidgetFactory(self, factory: object) -> None:
        self.factories.append(factory)

    def unregisterOptionsWidgetFactory(self, factory: object) -> None:
        self.factories.remove(factory)

    def newProject(self, ask: bool = False) -> None:
        """As where the user lets go of what was changed."""
        assert ask
        QgsProject.instance().clear()

    def addProject(self, path: str) -> bool:
        self.opened.append(path)
        return bool(QgsProject.instance().read(path))

    def show_map(self, crs: str, extent: tuple[float, float, float, float]) -> None:
        """Put the canvas somewhere."""
        self.canvas.setDestinationCrs(QgsCoordinateReferenceSystem(crs))
        self.canvas.setExtent(QgsRectangle(*extent))

    def click(self, x: int, y: int, modifier: object = Qt.KeyboardModifier.NoModifier) -> None:
        """A click of the left button on the canvas."""
        QTest.mouseClick(self.canvas.viewport(), Qt.MouseButton.LeftButton, modifier, QPoint(x, y))

    def messages(self) -> list[str]:
        """What the message bar has said, oldest first."""
        return list(self.bar.said)


def wait(reached: Callable[[], object], seconds: float = 120) -> None:
    """Let QGIS work until something is reached."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "waited in vain"
        QgsApplication.processEvents()
        time.sleep(0.001)


class Hand:
    """Clicks, and counts them."""

    def __init__(self) -> None:
        self.clicks = 0

    def press(self, widget: object) -> None:
        """Click on the middle of a widget, once it can be."""
        wait(lambda: widget.isVisible() and widget.isEnabled(), 20)
        self.at(widget, widget.rect().center())

    def at(
        self, widget: object, place: QPoint, keys: object = Qt.KeyboardModifier.NoModifier
    ) -> None:
        """Click on a place of a widget."""
        self.clicks += 1
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, keys, place)

    def choose(self, button: object, action: object) -> None:
        """Open the menu of a button, which waits for a choice, and make it: two clicks."""
        menu = button.menu()

        def pick() -> None:
            self.at(menu, menu.actionGeometry(action).center())

        QTimer.singleShot(200, pick)
        self.press(button)
