"""The provider in a real QGIS: what it offers and how it describes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")

PLUGIN = Path(__file__).resolve().parents[2] / "qgis_plugin"
# Those that copy a layer, of any kind of geometry.
FEATURES = {"embedzones", "similarfeatures", "groupfeatures", "lookalikes", "fillvalues"}
NAMES = {
    "embedpoints",
    "embeddingraster",
    "similarity",
    "embeddingrgb",
    "clusters",
    "mapfromsamples",
    "mapfromsaved",
    "predictpoints",
    "similarplaces",
    "placeproperties",
    "similarareas",
    "wordsearch",
    "imageorigin",
    *FEATURES,
}


@pytest.fixture
def algorithms(plugin):
    return {algorithm.name(): algorithm for algorithm in plugin.provider.algorithms()}


def test_the_provider_offers_all_algorithms(algorithms):
    assert set(algorithms) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_an_algorithm_explains_itself(name, algorithms):
    from qgis.PyQt.QtCore import QUrl

    algorithm = algorithms[name]
    assert len(algorithm.shortHelpString()) > 100
    url = QUrl(algorithm.helpUrl())
    assert url.fragment() == name
    assert f'id="{name}"' in Path(url.toLocalFile()).read_text("utf-8")
    assert not algorithm.icon().isNull()
    assert Path(algorithm.svgIconPath()).is_file()
    for parameter in algorithm.parameterDefinitions():
        assert parameter.help(), f"{parameter.name()} has no tooltip"
        # Sentence case: no word but the first, names and abbreviations starts with a capital.
        rest = [word for word in parameter.description().split()[1:] if word.istitle()]
        assert not rest, parameter.description()


def test_parameters_are_named_as_documented(algorithms):
    definitions = {
        name: {parameter.name() for parameter in algorithm.parameterDefinitions()}
        for name, algorithm in algorithms.items()
    }
    assert {"INPUT", "MODEL", "OUTPUT"} <= definitions["embedpoints"]
    assert {"INPUT", "MODEL", "OUTPUT"} <= definitions["predictpoints"]
    for name in FEATURES:
        assert {"INPUT", "MODEL", "OUTPUT"} <= definitions[name]
    for name in NAMES - FEATURES - {"embedpoints", "predictpoints"}:
        assert {"EXTENT", "RESOLUTION", "CRS", "MODEL", "OUTPUT"} <= definitions[name]


def test_the_provider_goes_when_the_plugin_is_unloaded(qgis_app):
    import satclip_qgis

    registry = qgis_app.processingRegistry()
    there = registry.providerById("satclip")
    other = satclip_qgis.classFactory(None)
    if there is None:
        other.initProcessing()
        assert registry.providerById("satclip") is not None
        other.unload()
        assert registry.providerById("satclip") is None


def test_nothing_heavy_is_imported(plugin_folder):
    """In a fresh process: load the plugin, write a raster in UTM, and look at what came along."""
    code = """
import sys
from qgis.core import QgsApplication
app = QgsApplication([], False)
app.initQgis()
before = list(sys.path)
sys.path[:0] = [sys.argv[1], "/usr/share/qgis/python/plugins"]
inserted = list(sys.path)
from processing.core.Processing import Processing
Processing.initialize()
had = set(sys.modules)
import satclip_qgis
plugin = satclip_qgis.classFactory(None)
plugin.initProcessing()
import processing
out = processing.run("satclip:similarity", {
    "EXTENT": "300000,700000,5000000,5400000 [EPSG:32632]", "RESOLUTION": 20000,
    "CRS": "EPSG:32632", "POINT": "500000,5200000 [EPSG:32632]", "OUTPUT": "TEMPORARY_OUTPUT"})
plugin.unload()
new = set(sys.modules) - had
bad = {name.partition(".")[0] for name in new} & {
    "torch", "rasterio", "click", "scipy", "sklearn", "pyproj", "pandas", "geopandas", "rich",
    "satclip_core", "satclip_cli", "satclip_training", "qgis_plugin", "platformdirs"}
print("imported:", sorted(bad))
print("path kept:", [p for p in sys.path if p not in inserted])
print("size:", __import__("os").path.getsize(out["OUTPUT"]) > 0)
"""
    command = [sys.executable, "-c", code, str(plugin_folder)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert "imported: []" in result.stdout, result.stdout + result.stderr
    assert "path kept: []" in result.stdout
    assert "size: True" in result.stdout


def test_the_extent_is_that_of_the_map_at_first(plugin, project, make_points, monkeypatch):
    from types import SimpleNamespace

    import qgis.utils
    from qgis.core import QgsCoordinateReferenceSystem, QgsRectangle
    from qgis.gui import QgsMapCanvas

    canvas = QgsMapCanvas()
    canvas.resize(800, 400)
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    monkeypatch.setattr(qgis.utils, "iface", SimpleNamespace(mapCanvas=lambda: canvas))

    def default():
        algorithm = plugin.provider.algorithm("similarity").create()
        return algorithm.parameterDefinition("EXTENT").defaultValue()

    assert default() is None
    layer = make_points([(1e6, 6e6)], crs="EPSG:3857")
    project.addMapLayer(layer)
    canvas.setLayers([layer])
    canvas.setExtent(QgsRectangle(800000, 5800000, 1200000, 6000000))
    box = canvas.extent()  # its height follows the shape of the window
    assert default() == f"800000,1200000,{box.yMinimum():.10g},{box.yMaximum():.10g} [EPSG:3857]"


def test_a_dialog_takes_any_model_and_keeps_it(plugin):
    """QGIS' own list puts its first entry in place of what it does not know, saying nothing."""
    from processing.gui.wrappers import WidgetWrapperFactory
    from qgis.core import QgsProcessingContext
    from qgis.PyQt.QtWidgets import QWidget

    algorithm = plugin.provider.algorithm("similarity").create()
    dialog, context = QWidget(), QgsProcessingContext()
    wrapper = WidgetWrapperFactory.create_wrapper(algorithm.parameterDefinition("MODEL"), dialog)
    widget = wrapper.widget
    assert wrapper.parameterValue() == "bundled"
    assert widget.findText("bundled") >= 0
    wrapper.setParameterValue("/some/other.npz", context)
    assert wrapper.parameterValue() == "/some/other.npz"
    widget.setEditText("models/mine.npz")
    assert wrapper.parameterValue() == "models/mine.npz"


def test_the_model_designer_takes_inputs_of_the_model_too(plugin):
    from processing.gui.wrappers import WidgetWrapperFactory
    from qgis.core import (
        QgsProcessingContext,
        QgsProcessingModelAlgorithm,
        QgsProcessingModelChildParameterSource,
        QgsProcessingModelParameter,
        QgsProcessingParameterString,
    )
    from qgis.gui import QgsProcessingModelerParameterWidget
    from qgis.PyQt.QtWidgets import QDialog

    class ModelerParametersDialog(QDialog):
        """By this name Processing knows it."""

    model = QgsProcessingModelAlgorithm()
    model.addModelParameter(
        QgsProcessingParameterString("WANTED", "wanted"), QgsProcessingModelParameter("WANTED")
    )
    dialog = ModelerParametersDialog()
    dialog.model, dialog.childId, dialog.context = model, "", QgsProcessingContext()
    algorithm = plugin.provider.algorithm("similarity").create()
    widget = WidgetWrapperFactory.create_wrapper(algorithm.parameterDefinition("MODEL"), dialog)
    assert isinstance(widget, QgsProcessingModelerParameterWidget)
    source = QgsProcessingModelChildParameterSource
    for wanted in (source.fromModelParameter("WANTED"), source.fromStaticValue("/other.npz")):
        widget.setWidgetValue(wanted)
        assert widget.value() == wanted
