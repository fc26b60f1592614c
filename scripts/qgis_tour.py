"""Go through the whole plugin in a real QGIS that nobody sees, as a new user would, with pictures.

    python3 scripts/qgis_tour.py OUT
    python3 scripts/qgis_tour.py OUT --language de --scale 1.25 --theme "Night Mapping"
    python3 scripts/qgis_tour.py OUT --pictures docs/images      # those of docs/qgis.md, too

Builds the zip, lets QGIS install it in an empty profile, opens the example project, triggers every
action, opens and runs every algorithm, saves the project and opens it again. OUT gets a picture of
each step and `tour.log`; the exit status is 1 where a step failed or QGIS logged an error of
Python. An action or algorithm that the tour does not know is shown all the same; an algorithm
without parameters here is a failure: add them to RUNS. Takes some minutes; needs xvfb.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

SIZE = (1500, 900)
PLUGIN = "satclip_qgis"
# Places in degrees.
PO, CALIFORNIA, HUNGARY = (10.5, 45.1), (-120.5, 37.0), (19.0, 47.0)
IBERIA = "-9.6,3.4,35.9,43.9 [EPSG:4326]"
WORLD = "-180,180,-60,84 [EPSG:4326]"


def runs(layers: dict[str, Any], out: Path) -> dict[str, dict[str, Any] | str]:
    """What each algorithm is run with; a text where it cannot be, and why.

    Args:
        layers: of the example project, by the names of their tables and files.
        out: folder for files that one leaves for another.
    """
    fine = {"EXTENT": IBERIA, "RESOLUTION": 0.05, "CRS": "EPSG:4326"}
    world = {"EXTENT": WORLD, "RESOLUTION": 1.0, "CRS": "EPSG:4326"}
    farm = {"POINT": f"{PO[0]},{PO[1]} [EPSG:4326]"}
    plots, capitals, countries = (layers[name] for name in ("plots", "capitals", "countries"))
    learnt = str(out / "learnt.npz")
    samples = {"INPUT": plots, "FIELD": "greenness"}
    image = "it takes a satellite image of some 10 km a pixel, and the example has none"
    return {
        "embedpoints": {"INPUT": capitals, "FORMAT": 0},
        "embeddingraster": fine,
        "similarity": {**world, **farm},
        "embeddingrgb": fine,
        "clusters": {**fine, "COUNT": 8},
        "mapfromsamples": {**samples, **fine, "UNCERTAINTY": True, "SAVE_MODEL": learnt},
        "mapfromsaved": {**fine, "MODEL_FILE": learnt},
        "predictpoints": {"POINTS": capitals, "INPUT": capitals, "MODEL_FILE": learnt},
        "similarplaces": {**world, **farm, "COUNT": 30},
        "placeproperties": {**fine, "PROPERTIES": [0, 1]},
        "similarareas": {**world, **farm, "PERCENTILE": 95},
        "wordsearch": {**world, "WORDS": "hot desert"},
        "imageorigin": image,
        "embedzones": {"INPUT": countries, "RES": 1.0},
        "similarfeatures": {"INPUT": capitals, "LIKE": _one_of(capitals)},
        "groupfeatures": {"INPUT": capitals, "COUNT": 6},
        "lookalikes": {"INPUT": capitals, "OTHERS": capitals, "COUNT": 1},
        "fillvalues": {"INPUT": _with_gaps(plots, "greenness"), "FIELD": "greenness"},
    }


# ---- outside: makes zip and profile, starts QGIS ---------------------------------------------


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for pictures and log")
    parser.add_argument("--language", default="en", help="of QGIS: en, de, fr")
    parser.add_argument("--scale", type=float, default=1.0, help="of the screen: 1.25, 2")
    parser.add_argument("--theme", default="", help='of QGIS: "Night Mapping", "Blend of Gray"')
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="renew those of the guide")
    parser.add_argument("--no-runs", action="store_true", help="open algorithms without running")
    options = parser.parse_args()
    root = Path(__file__).resolve().parents[1]
    out = options.out.resolve()
    shutil.rmtree(out / "results", ignore_errors=True)
    (out / "results").mkdir(parents=True)
    for old in (*out.glob("*.png"), *out.glob("*.log")):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, str(root / "qgis_plugin/build.py"), "--out", folder]
        made = subprocess.run(build, check=True, capture_output=True, text=True).stdout.strip()
        profile = Path(folder) / "profiles" / "profiles" / "default" / "QGIS"
        profile.mkdir(parents=True)
        # Language and theme are read before anything is run.
        (profile / "QGIS3.ini").write_text(
            f"[locale]\noverrideFlag=true\nuserLocale={options.language}\n"
            f"globalLocale={options.language}\n[UI]\nUITheme={options.theme or 'default'}\n"
            "[qgis]\ncheckVersion=false\n[app]\nprojections\\unknownCrsBehavior=NoAction\n",
            "utf-8",
        )
        environment = {
            **os.environ,
            # QGIS takes the Python that is found first: it has to be the one it was built with.
            "PATH": os.pathsep.join(["/usr/bin", os.environ.get("PATH", "")]),
            "HOME": folder,
            "XDG_RUNTIME_DIR": folder,
            "PYTHONDONTWRITEBYTECODE": "1",
            "QT_SCALE_FACTOR": str(options.scale),
            "SATCLIP_TOUR": str(out),
            "SATCLIP_TOUR_ZIP": made,
            "SATCLIP_TOUR_PICTURES": str(options.pictures.resolve() if options.pictures else ""),
            "SATCLIP_TOUR_NO_RUNS": "1" if options.no_runs else "",
        }
        width, height = (round(side * max(options.scale, 1)) for side in SIZE)
        command = [
            "xvfb-run", "-a", "-s", f"-screen 0 {width}x{height}x24", "qgis", "--nologo",
            "--noversioncheck", "--profiles-path", str(Path(folder) / "profiles"),
            "--code", str(Path(__file__).resolve()),
        ]  # fmt: skip
        with (out / "qgis.log").open("w") as log:
            status = subprocess.run(command, env=environment, stdout=log, stderr=log).returncode
    with suppress(OSError):
        print((out / "tour.log").read_text("utf-8"), end="")
    return status


# ---- inside QGIS -----------------------------------------------------------------------------


class Tour:
    """The steps, in order; each failure is kept, and the tour goes on.

    Args:
        out: folder of the pictures.
    """

    def __init__(self, out: Path) -> None:
        self.out, self.failed, self.number = out, 0, 0
        self.log = (out / "tour.log").open("w", encoding="utf-8", buffering=1)
        self.pictures = os.environ["SATCLIP_TOUR_PICTURES"]
        self.layers: dict[str, Any] = {}

    def say(self, text: str) -> None:
        """A line of the log."""
        self.log.write(text + "\n")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A step: how long it took, and what went wrong."""
        start = time.monotonic()
        try:
            yield
            self.say(f"ok      {name} ({time.monotonic() - start:.1f} s)")
        except Exception:
            self.failed += 1
            self.say(f"FAILED  {name}\n{traceback.format_exc()}")

    def run(self) -> None:
        """Everything."""
        self._watch()
        with self.step("window"):
            iface.mainWindow().showNormal()
            iface.mainWindow().setGeometry(0, 0, *SIZE)
            self._plain()
            wait()
        with self.step("install from ZIP"):
            self._install()
        with self.step("menu"):
            self._menu()
        with self.step("example project"):
            self._example()
        with self.step("similar places"):
            self._dock()
        self._actions()
        self._algorithms()
        with self.step("save and open again"):
            self._again()

    def _watch(self) -> None:
        """Errors of Python that QGIS shows are failures of the tour."""

        def told(text: str, tag: str, level: Any) -> None:
            if level == Qgis.MessageLevel.Critical or "Traceback" in text:
                self.failed += 1
                self.say(f"FAILED  message [{tag}] {text}")

        QgsApplication.messageLog().messageReceived[str, str, Qgis.MessageLevel].connect(told)

        def shown(kind: Any, value: Any, trace: Any, *_more: Any, **_named: Any) -> None:
            self.failed += 1
            lines = "".join(traceback.format_exception(kind, value, trace))
            self.say(f"FAILED  error of Python\n{lines}")

        qgis.utils.showException = shown
        sys.excepthook = shown

    def _plain(self) -> None:
        for dock in iface.mainWindow().findChildren(QDockWidget):
            dock.setVisible(dock.objectName() == "Layers")

    def _install(self) -> None:
        import pyplugin_installer

        installer = pyplugin_installer.instance()
        with answered(self, "install"):
            installer.installFromZipFile(os.environ["SATCLIP_TOUR_ZIP"])
        if PLUGIN not in qgis.utils.plugins:
            raise RuntimeError(f"{PLUGIN} is not loaded after installFromZipFile")
        wait()
        self.grab("installed")

    @property
    def gui(self) -> Any:
        """The plugin's own."""
        return qgis.utils.plugins[PLUGIN].gui

    def _menu(self) -> None:
        menus = [iface.rasterMenu()]
        inner = next(
            action.menu()
            for action in menus[0].actions()
            if action.menu() is not None and "SatCLIP" in action.text()
        )
        bar = iface.mainWindow().menuBar()
        corner = bar.mapToGlobal(bar.actionGeometry(menus[0].menuAction()).bottomLeft())
        inner.popup(corner)
        pump(0.5)
        for action in inner.actions():
            if not action.isSeparator() and action.icon().isNull():
                raise RuntimeError(f"{action.text()} has no icon")
        self.screen("menu")
        inner.close()

    def _example(self) -> None:
        from satclip_qgis.gui import example

        folder = tempfile.mkdtemp(dir=self.out / "results")
        asked = example.QFileDialog.getExistingDirectory
        example.QFileDialog.getExistingDirectory = lambda *_: folder
        try:
            self.gui.actions["example"].trigger()
        finally:
            example.QFileDialog.getExistingDirectory = asked
        wait()
        for layer in QgsProject.instance().mapLayers().values():
            if not layer.isValid():
                raise RuntimeError(f"{layer.name()} of the example project is not valid")
            self.layers[layer_key(layer)] = layer
        self.grab("example")
        self.document("qgis-example")

    def _dock(self) -> None:
        iface.newProject(False)
        self._example_layers_again()
        self.gui.actions["similar"].trigger()
        pump(1)
        for place, keys in (
            (PO, Qt.KeyboardModifier.NoModifier),
            (CALIFORNIA, Qt.KeyboardModifier.ShiftModifier),
            (HUNGARY, Qt.KeyboardModifier.ControlModifier),
        ):
            click(place, keys)
            self.grab("dock")
        self.gui.actions["similar"].trigger()
        pump(0.5)

    def _example_layers_again(self) -> None:
        path = next((self.out / "results").rglob("satclip-example.qgs"))
        iface.addProject(str(path))
        wait()
        self.layers = {
            layer_key(layer): layer for layer in QgsProject.instance().mapLayers().values()
        }

    def _actions(self) -> None:
        """All of them, as they are: what opens is shown, and closed."""
        ends = {"similar", "example", "help"}  # shown before; opens the system's browser
        for name, action in self.gui.actions.items():
            if action.isSeparator() or name in ends:
                continue
            with self.step(f"action {name}"):
                capitals = self.layers["capitals"]
                iface.setActiveLayer(capitals)
                capitals.selectByIds([next(capitals.getFeatures()).id()])
                before = visible()
                shown = docks()
                with answered(self, f"action-{name}"):
                    action.trigger()
                    wait()
                for window in visible() - before:
                    self.grab(f"action-{name}", window)
                    window.close()
                if docks() - shown:
                    self.grab(f"action-{name}")
                    if action.isCheckable() and action.isChecked():
                        action.trigger()
                capitals.removeSelection()
                pump(0.3)

    def _algorithms(self) -> None:
        import processing

        given = runs(self.layers, self.out / "results")
        provider = QgsApplication.processingRegistry().providerById("satclip")
        for algorithm in provider.algorithms():
            name = algorithm.name()
            with self.step(f"dialog {name}"):
                known = given[name]
                usable = {} if isinstance(known, str) else known
                dialog = processing.createAlgorithmDialog(algorithm.id(), usable)
                dialog.show()
                pump(1)
                self.grab(f"dialog-{name}", dialog)
                dialog.close()
            if isinstance(given.get(name), str):
                self.say(f"skipped {name}: {given[name]}")
            elif name in given and not os.environ["SATCLIP_TOUR_NO_RUNS"]:
                with self.step(f"run {name}"):
                    self._run(algorithm, dict(given[name]))

    def _run(self, algorithm: Any, parameters: dict[str, Any]) -> None:
        """Into files, so that the project can be opened again; then the picture of the map."""
        import processing

        for parameter in algorithm.parameterDefinitions():
            if not parameter.isDestination() or parameter.name() in parameters:
                continue
            optional = parameter.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional
            if not optional:
                raster = parameter.type() == "rasterDestination"
                name = f"{algorithm.name()}.{'tif' if raster else 'gpkg'}"
                parameters[parameter.name()] = str(self.out / "results" / name)
        before = set(QgsProject.instance().mapLayers())
        processing.runAndLoadResults(algorithm.id(), parameters)
        new = [
            layer for key, layer in QgsProject.instance().mapLayers().items() if key not in before
        ]
        if not new:
            raise RuntimeError("no layer came of it")
        iface.setActiveLayer(new[0])
        beside = [layer for layer in self.layers.values() if layer is parameters.get("INPUT")]
        root = QgsProject.instance().layerTreeRoot()
        for node in root.findLayers():
            mine = node.layer() in (*new, self.layers["countries"], *beside)
            node.setItemVisibilityChecked(mine)
            node.setExpanded(node.layer() in new)
        extent = iface.mapCanvas().mapSettings().layerExtentToOutputExtent(new[0], new[0].extent())
        iface.mapCanvas().setExtent(extent)
        wait()
        self.grab(f"map-{algorithm.name()}")
        if algorithm.name() == "clusters":
            self.document("qgis-groups")

    def _again(self) -> None:
        project = QgsProject.instance()
        # What is no file, as a preview of the view, may stay behind.
        names = {
            layer.name()
            for layer in project.mapLayers().values()
            if Path(layer.source().partition("|")[0]).is_file()
        }
        path = str(self.out / "results" / "tour.qgz")
        if not project.write(path):
            raise RuntimeError(project.error())
        iface.newProject(False)
        iface.addProject(path)
        wait()
        layers = project.mapLayers().values()
        lost = names - {layer.name() for layer in layers}
        if lost:
            raise RuntimeError(f"saved, but not there after opening again: {sorted(lost)}")
        broken = [layer.name() for layer in layers if not layer.isValid()]
        if broken:
            raise RuntimeError(f"not valid after opening again: {broken}")
        self.grab("opened-again")

    def grab(self, name: str, widget: Any = None) -> None:
        """A picture of the main window or another one."""
        if widget is None:
            iface.messageBar().clearWidgets() if name.startswith("map") else None
        QgsApplication.processEvents()
        self.number += 1
        path = self.out / f"{self.number:02}-{name}.png"
        (widget or iface.mainWindow()).grab().save(str(path))

    def screen(self, name: str) -> None:
        """A picture of the whole screen, menus too."""
        self.number += 1
        path = self.out / f"{self.number:02}-{name}.png"
        QApplication.primaryScreen().grabWindow(0).save(str(path))

    def document(self, name: str) -> None:
        """The main window as a picture of the documentation, where these are to be renewed."""
        if self.pictures:
            save_window(Path(self.pictures) / f"{name}.png")


@contextmanager
def answered(tour: Tour, name: str) -> Iterator[None]:
    """Modal dialogs that open meanwhile are shown, and closed."""
    timer = QTimer()

    def look() -> None:
        window = QApplication.activeModalWidget()
        if window is not None:
            pump(0.7)
            tour.grab(name, window)
            window.close()

    timer.timeout.connect(look)
    timer.start(700)
    try:
        yield
    finally:
        timer.stop()


def visible() -> set[Any]:
    """Windows beside the main one."""
    main = iface.mainWindow()
    return {w for w in QApplication.topLevelWidgets() if w.isVisible() and w is not main}


def docks() -> set[Any]:
    """Docks that are shown."""
    return {dock for dock in iface.mainWindow().findChildren(QDockWidget) if dock.isVisible()}


def layer_key(layer: Any) -> str:
    """The name of the table or file that a layer shows."""
    table = re.search(r"layername=(\w+)", layer.source())
    return table[1] if table else Path(layer.source()).stem


def _one_of(layer: Any) -> Any:
    """The first feature of a layer alone, as an input."""
    return QgsProcessingFeatureSourceDefinition(layer.source(), False, 1)


def _with_gaps(layer: Any, field: str) -> Any:
    """A copy in memory that lacks every tenth value of a field."""
    copy = layer.materialize(QgsFeatureRequest())
    index = copy.fields().indexOf(field)
    gaps = {feature.id(): {index: None} for feature in copy.getFeatures() if feature.id() % 10 == 0}
    copy.dataProvider().changeAttributeValues(gaps)
    return copy


def inside() -> None:
    """The tour, then the end of QGIS, which else asks whether to save the project."""
    out = Path(os.environ["SATCLIP_TOUR"])
    tour = Tour(out)
    try:
        tour.run()
    except BaseException:
        tour.failed += 1
        tour.say(traceback.format_exc())
    tour.say(f"{tour.number} pictures, {tour.failed} failures")
    os._exit(1 if tour.failed else 0)


if os.environ.get("SATCLIP_TOUR"):
    import qgis.utils
    from qgis.core import (
        Qgis,
        QgsApplication,
        QgsFeatureRequest,
        QgsProcessingFeatureSourceDefinition,
        QgsProcessingParameterDefinition,
        QgsProject,
    )
    from qgis.PyQt.QtCore import Qt, QTimer
    from qgis.PyQt.QtWidgets import QApplication, QDockWidget
    from qgis.utils import iface

    _given = QgsApplication.arguments()
    sys.path.insert(0, str(Path(_given[_given.index("--code") + 1]).resolve().parent))
    from qgis_window import click, pump, save_window, wait

    QTimer.singleShot(0, inside)
elif __name__ == "__main__":
    sys.exit(main())
