"""The Similar places dock, by clicking on a real canvas."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from gui_window import Window, wait
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFillSymbol,
    QgsGradientColorRamp,
    QgsLayerTreeModel,
    QgsLayerTreeUtils,
    QgsMapThemeCollection,
    QgsProject,
    QgsProjectBadLayerHandler,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)
from qgis.gui import QgsMapToolPan
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QColor, QPalette
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDialogButtonBox
from qgis.PyQt.QtXml import QDomDocument, QDomNode

INF = float("inf")
SHIFT = Qt.KeyboardModifier.ShiftModifier
EUROPE = ("EPSG:3857", (-1.0e6, 4.2e6, 4.12e6, 7.4e6))
VIEWS = {
    "web Mercator": EUROPE,
    "degrees": ("EPSG:4326", (-20.0, 20.0, 60.0, 70.0)),
    "UTM": ("EPSG:32632", (2e5, 5.0e6, 8.4e5, 5.4e6)),
    "across the antimeridian": ("EPSG:3832", (2e6, -4e6, 8.4e6, 0.0)),
    "an equal-area map": ("EPSG:8857", (-4e6, -2.5e6, 4e6, 2.5e6)),
    "the North Pole": ("EPSG:3413", (-3.2e6, -2e6, 3.2e6, 2e6)),
}
# The middle of a pixel lies up to half of one from the place that was clicked, which the model
# tells apart.
PEAK = 0.9


@contextmanager
def opened(window: Window, model: str) -> Iterator[object]:
    """The dock beside a map of Europe, with a model."""
    from satclip_qgis.gui.dock import SimilarPlacesDock
    from satclip_qgis.models import set_default_model

    set_default_model(model)
    window.show_map(*EUROPE)
    # All of the picture is held against the encoder; tests/qgis/test_gui_examples.py has the sea.
    QgsSettings().setValue("satclip/land_only", False)
    made = SimilarPlacesDock(window)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, made)
    made.show()
    wait(lambda: made.session.field is not None and not made.session.busy)
    yield made
    set_default_model("bundled")
    made.close_down()
    wait(lambda: not window.canvas.isDrawing())


@pytest.fixture
def dock(window: Window, fine_model: Path) -> Iterator[object]:
    """With a small model: what is no matter of the bundled one's accuracy or speed."""
    with opened(window, str(fine_model)) as made:
        yield made


@pytest.fixture
def bundled_dock(window: Window) -> Iterator[object]:
    with opened(window, "bundled") as made:
        yield made


def pixels(layer: QgsRasterLayer) -> np.ndarray:
    return gdal.Open(layer.source()).ReadAsArray()


def settle(dock: object) -> None:
    wait(lambda: dock.session.field is not None and not dock.session.busy)
    wait(lambda: dock.session.land is not None and dock.session.grounded)


def test_a_click_draws_the_similarity_of_the_view(window: Window, bundled_dock: object) -> None:
    dock = bundled_dock
    from satclip_qgis.models import encoder
    from satclip_qgis.satclip_core.products import Similarity
    from satclip_qgis.satclip_core.raster import raster_array

    window.click(320, 200)
    (place,) = dock.session.places
    exact = raster_array(
        dock.view(), Similarity.to(encoder("bundled"), [(place.lon, place.lat)]), encoder("bundled")
    )[0]
    shown = pixels(dock.layer.layer)
    assert shown.shape == (400, 640)
    assert shown[200, 320] > PEAK
    assert np.abs(shown - exact).max() < 0.005
    assert dock.session.error is not None
    assert dock.session.error < 0.005


@pytest.mark.parametrize("name", VIEWS)
def test_it_follows_the_map_anywhere(window: Window, bundled_dock: object, name: str) -> None:
    dock = bundled_dock
    from satclip_qgis.models import encoder
    from satclip_qgis.satclip_core.grid.pixels import Locator
    from satclip_qgis.satclip_core.products import Similarity

    crs, extent = VIEWS[name]
    window.show_map(crs, extent)
    window.click(320, 200)
    settle(dock)
    layer = dock.layer.layer
    assert layer.crs().authid() == crs
    shown = pixels(layer)
    assert shown[195:205, 315:325].max() > PEAK
    assert np.isfinite(shown).mean() > 0.9
    assert dock.session.error < 0.001
    # The clicked pixel's middle, and some others: each is embedded by itself.
    rows, cols = np.array([200, 0, 399, 7]), np.array([320, 0, 639, 600])
    lons, lats, valid = Locator(dock.view()).at(rows, cols)
    (place,) = dock.session.places
    model = encoder("bundled")
    exact = Similarity.to(model, [(place.lon, place.lat)])(
        model.encode(np.stack([lons, lats], axis=1)[valid])[None]
    )
    assert shown[rows[valid], cols[valid]] == pytest.approx(exact[0, 0], abs=0.002)


def test_a_click_begins_anew_and_shift_keeps_what_is_there(window: Window, dock: object) -> None:
    dock.session.set_reduce("mean")
    window.click(300, 300)
    window.click(100, 100)
    assert dock.panel.places.count() == 1
    first = pixels(dock.layer.layer)
    window.click(500, 300, SHIFT)
    both = pixels(dock.layer.layer)
    assert len(dock.session.places) == dock.panel.places.count() == 2
    dock.session.remove(0)
    second = pixels(dock.layer.layer)
    assert np.allclose(both, (first + second) / 2, atol=1e-5)


def test_collected_places_survive_a_plain_click(window: Window, dock: object) -> None:
    window.click(100, 100)
    assert "Shift" in dock.panel.hint.text()
    window.click(500, 300, SHIFT)
    assert "adds a place" in dock.panel.hint.text()
    window.click(300, 200)
    assert dock.panel.places.count() == 3
    QTest.mouseClick(dock.panel.places.clear, Qt.MouseButton.LeftButton)
    window.click(300, 200)
    window.click(100, 100)
    assert dock.panel.places.count() == 1


def test_every_change_of_the_places_is_undone(window: Window, dock: object) -> None:
    def here() -> list[tuple[float, float]]:
        return [(place.lon, place.lat) for place in dock.session.places]

    assert not dock.panel.places.undo.isEnabled()
    dock.session.set_reduce("mean")  # what is learnt changes once random land is embedded
    states, pictures = [here()], []
    for change in (
        lambda: window.click(100, 100),
        lambda: window.click(500, 300),
        lambda: window.click(300, 200, SHIFT),
        lambda: dock.session.remove(0),
        lambda: QTest.mouseClick(dock.panel.places.clear, Qt.MouseButton.LeftButton),
    ):
        change()
        states.append(here())
        pictures.append(dock.session.picture)
    assert [len(state) for state in states] == [0, 1, 1, 2, 1, 0]
    for state, picture in zip(states[-2::-1], [*pictures[-2::-1], None]):
        QTest.mouseClick(dock.panel.places.undo, Qt.MouseButton.LeftButton)
        assert here() == state
        same = dock.session.picture is None if picture is None else None
        assert same or np.allclose(dock.session.picture, picture, atol=1e-6)
    assert not dock.panel.places.undo.isEnabled()


def test_backspace_on_the_map_undoes(window: Window, dock: object) -> None:
    window.click(100, 100)
    QTest.keyClick(window.canvas, Qt.Key.Key_Backspace)
    assert dock.session.places == []


def test_the_largest_similarity_on_request(window: Window, dock: object) -> None:
    window.click(100, 100)
    window.click(500, 300, SHIFT)
    dock.panel._reduce.setCurrentIndex(1)
    mean = pixels(dock.layer.layer)
    dock.panel._reduce.setCurrentIndex(2)
    largest = pixels(dock.layer.layer)
    assert (largest >= mean - 1e-6).all()
    assert largest[100, 100] > PEAK
    assert largest[300, 500] > PEAK


def test_a_place_is_removed_and_all_are_cleared(window: Window, dock: object) -> None:
    window.click(100, 100)
    window.click(500, 300, SHIFT)
    dock.panel.places.select(0)
    QTest.mouseClick(dock.panel.places.remove, Qt.MouseButton.LeftButton)
    assert len(dock.session.places) == 1
    assert pixels(dock.layer.layer)[300, 500] > PEAK
    QTest.mouseClick(dock.panel.places.clear, Qt.MouseButton.LeftButton)
    assert dock.session.places == []
    assert dock.layer.layer is None
    assert QgsProject.instance().mapLayers() == {}


def test_panning_and_zooming_draw_the_new_view(window: Window, dock: object) -> None:
    window.click(320, 200)
    for change in (
        lambda: window.canvas.setExtent(QgsRectangle(0, 5e6, 2.56e6, 6.6e6)),
        lambda: window.canvas.zoomByFactor(0.2),
    ):
        change()
        wait(lambda: dock.session.view == dock.view())
        settle(dock)
        shown = dock.layer.layer.extent()
        assert shown.center().distance(window.canvas.extent().center()) < 1
        assert shown.width() == pytest.approx(window.canvas.extent().width())
    assert len(QgsProject.instance().mapLayers()) == 1


def test_a_click_before_the_view_is_embedded_is_drawn_with_it(
    window: Window, bundled_dock: object
) -> None:
    dock = bundled_dock
    window.show_map("EPSG:4326", (-180, -56, 180, 56))
    window.click(320, 200)
    assert dock.session.busy
    wait(lambda: dock.session.field is not None)
    window.click(100, 150, SHIFT)
    settle(dock)
    assert dock.session.error < 0.03
    assert np.nanmax(pixels(dock.layer.layer)) > 0.7


def test_the_threshold_is_a_percentile_of_land(window: Window, dock: object) -> None:
    window.click(320, 200)
    settle(dock)
    dock.panel.set_percentile(95)
    threshold = dock.threshold()
    assert threshold == pytest.approx(np.percentile(dock.session.land, 95))
    wait(lambda: not window.canvas.isDrawing())
    shown = pixels(dock.layer.layer)
    renderer = dock.layer.layer.renderer()
    extent = dock.layer.layer.extent()
    block = renderer.block(1, extent, 640, 400)
    alpha = np.array(
        [
            [QColor.fromRgba(block.color(r, c)).alpha() for c in range(0, 640, 16)]
            for r in range(0, 400, 16)
        ]
    )
    coarse = shown[::16, ::16]
    assert (alpha[coarse < threshold - 1e-4] == 0).all()
    assert (alpha[coarse > threshold + 1e-4] > 0).all()
    assert 0 < (alpha > 0).mean() < 1


def test_a_click_on_the_histogram_sets_the_threshold(window: Window, dock: object) -> None:
    window.click(320, 200)
    settle(dock)
    histogram = dock.panel.histogram
    QTest.mouseClick(
        histogram,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        QPoint(histogram.width() // 2, 20),
    )
    low, high = histogram.range
    assert dock.threshold() == pytest.approx((low + high) / 2, abs=0.02)


def test_land_is_a_distribution_of_its_own(window: Window, dock: object) -> None:
    choices = dock.panel._against
    choices.setCurrentIndex(choices.findData("land"))
    window.click(320, 200)
    settle(dock)
    assert len(dock.session.land) == 4000
    assert dock.panel.histogram.land_counts.sum() > 0.99
    assert dock.session.land.min() < pixels(dock.layer.layer).min()


def test_saving_gives_what_the_command_line_gives(
    window: Window, bundled_dock: object, tmp_path: Path
) -> None:
    dock = bundled_dock
    from satclip_qgis.models import encoder
    from satclip_qgis.satclip_core.products import Similarity
    from satclip_qgis.satclip_core.raster import raster_array

    window.show_map("EPSG:4326", (0, 40, 16, 50))
    window.click(320, 200)
    settle(dock)
    path = tmp_path / "similar.tif"
    dock.save(str(path))
    wait(lambda: not dock.saver.busy)
    assert path.exists(), window.messages()
    saved = gdal.Open(str(path))
    places = [(place.lon, place.lat) for place in dock.session.places]
    product = Similarity.to(encoder("bundled"), places)
    assert (saved.ReadAsArray() == raster_array(dock.view(), product, encoder("bundled"))[0]).all()
    assert saved.GetMetadata()["model"] == "bundled"
    assert "references" in saved.GetMetadata()


def test_saving_where_nothing_can_be_written_says_so(
    window: Window, dock: object, tmp_path: Path
) -> None:
    window.click(320, 200)
    dock.save(str(tmp_path / "missing" / "similar.tif"))
    wait(lambda: not dock.saver.busy)
    assert "missing" in window.messages()[-1]


def test_removing_the_layer_keeps_the_places(window: Window, dock: object) -> None:
    window.click(320, 200)
    (place,) = dock.session.places
    QgsProject.instance().removeMapLayer(dock.layer.layer.id())
    assert dock.session.places == [place]
    assert dock.panel.places.count() == 1
    assert "removed" in dock.panel.status.text()
    window.canvas.zoomByFactor(0.8)
    wait(lambda: dock.session.view == dock.view())
    settle(dock)
    assert QgsProject.instance().mapLayers() == {}  # not before the places change
    window.click(100, 100, SHIFT)
    assert dock.layer.layer.isValid()
    assert len(dock.session.places) == 2


class Unavailable(QgsProjectBadLayerHandler):
    """Stands for the window that asks about unavailable layers."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def handleBadLayers(self, layers: list[QDomNode]) -> None:
        self.asked += [layer.toElement().tagName() for layer in layers]


def write_legend(document: QDomDocument) -> None:
    """What QGIS' window adds to a project: a legend for versions before 2.4."""
    root = QgsProject.instance().layerTreeRoot().clone()
    order = QgsProject.instance().layerTreeRoot().customLayerOrder()
    legend = QgsLayerTreeUtils.writeOldLegend(document, root, bool(order), order)
    document.firstChildElement("qgis").appendChild(legend)


@pytest.mark.parametrize("suffix", ["qgs", "qgz"])
def test_a_project_is_saved_without_the_layer_and_opens_without_a_question(
    window: Window, suffix: str, tmp_path: Path
) -> None:
    from satclip_qgis.gui.dock import SimilarPlacesDock

    project = QgsProject.instance()
    project.writeProject.connect(write_legend)
    window.show_map(*EUROPE)
    dock = SimilarPlacesDock(window)
    try:
        dock.show()
        land = QgsVectorLayer("Polygon?crs=EPSG:4326", "land", "memory")
        kept = QgsVectorLayer("Point?crs=EPSG:4326", "kept", "memory")
        project.addMapLayers([land, kept])
        window.click(320, 200)
        wait(lambda: dock.layer.layer is not None)
        settle(dock)
        layer, root = dock.layer.layer, project.layerTreeRoot()
        root.setHasCustomLayerOrder(True)
        root.setCustomLayerOrder([kept, layer, land])
        model = QgsLayerTreeModel(root)
        theme = QgsMapThemeCollection.createThemeFromCurrentState(root, model)
        project.mapThemeCollection().insert("mine", theme)
        window.setActiveLayer(layer)
        before = [node.name() for node in root.children()]
        path = tmp_path / f"project.{suffix}"
        assert project.write(str(path))

        text = saved_text(path)
        for word in ("left-out", "vsimem", layer.id(), layer.name()):
            assert word not in text
        legend = re.findall(r'<legendlayerfile[^>]*layerid="(.+?)"', text)
        assert sorted(legend) == sorted([kept.id(), land.id()])
        # It is back where it was, and nothing is left to be saved.
        assert not project.isDirty()
        assert dock.layer.layer is layer
        assert project.mapLayer(layer.id()) is layer
        assert [node.name() for node in root.children()] == before
        assert root.customLayerOrder() == [kept, layer, land]
        assert window.activeLayer() is layer
        window.click(100, 100)
        assert pixels(dock.layer.layer)[100, 100] > PEAK

        other, asked = QgsProject(), Unavailable()
        other.setBadLayerHandler(asked)
        sip.transferto(asked, None)
        assert other.read(str(path))
        assert asked.asked == []
        assert {layer.name() for layer in other.mapLayers().values()} == {"land", "kept"}
        assert {node.name() for node in other.layerTreeRoot().children()} == {"land", "kept"}
    finally:
        project.writeProject.disconnect(write_legend)
        dock.close_down()
        wait(lambda: not window.canvas.isDrawing())


def saved_text(path: Path) -> str:
    if path.suffix == ".qgs":
        return path.read_text("utf-8")
    with zipfile.ZipFile(path) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".qgs")]
        return archive.read(name).decode("utf-8")


def test_where_saving_fails_the_layer_comes_back(
    window: Window, dock: object, tmp_path: Path
) -> None:
    window.click(320, 200)
    layer = dock.layer.layer
    QgsProject.instance().write(str(tmp_path / "missing" / "project.qgs"))
    wait(lambda: QgsProject.instance().mapLayer(layer.id()) is layer)
    assert QgsProject.instance().isDirty()


def on_map(window: Window) -> QColor:
    """The colour in the middle of what the canvas shows."""
    window.canvas.refresh()
    window.canvas.waitWhileRendering()
    return window.canvas.grab().toImage().pixelColor(250, 150)


def test_clear_takes_the_picture_off_the_map(window: Window, dock: object) -> None:
    points = QgsVectorLayer("Point?crs=EPSG:4326", "points", "memory")
    QgsProject.instance().addMapLayer(points)
    empty = on_map(window)
    window.click(320, 200)
    settle(dock)
    wait(lambda: on_map(window) != empty)
    told: list[object] = []
    window.canvas.renderComplete.connect(lambda *_: told.append(1))
    QTest.mouseClick(dock.panel.places.clear, Qt.MouseButton.LeftButton)
    wait(lambda: told)  # without a refresh of our own nothing is drawn any more
    QgsApplication.processEvents()
    assert window.canvas.grab().toImage().pixelColor(250, 150) == empty


def test_what_the_user_changes_of_the_layer_stays(window: Window, dock: object) -> None:
    window.click(320, 200)
    settle(dock)
    layer = dock.layer.layer
    assert layer.opacity() == pytest.approx(0.75)
    greys = QgsGradientColorRamp(QColor("#ffffff"), QColor("#000000"))
    shader = layer.renderer().shader().rasterShaderFunction()
    changed = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1)
    changed.setClassificationMin(shader.minimumValue())
    changed.setClassificationMax(shader.maximumValue())
    changed.createShader(greys)
    changed.setOpacity(0.4)
    layer.setRenderer(changed)
    assert dock.panel.histogram.ramp.color(1) == QColor("#000000")
    land = QgsVectorLayer("Polygon?crs=EPSG:4326", "land", "memory")
    QgsProject.instance().addMapLayer(land)  # on top, where the user leaves it

    def check() -> None:
        layer = dock.layer.layer
        ramp = layer.renderer().shader().rasterShaderFunction().sourceColorRamp()
        assert ramp.color(0) == QColor("#ffffff")
        assert layer.renderer().shader().shade(0.9999)[1:4] < (40, 40, 40)
        assert layer.opacity() == pytest.approx(0.4)

    window.click(100, 100)
    check()
    names = [node.name() for node in QgsProject.instance().layerTreeRoot().children()]
    assert names == ["land", layer.name()]
    dock.panel.set_percentile(80)
    check()
    window.canvas.zoomByFactor(0.9)
    wait(lambda: dock.session.view == dock.view())
    settle(dock)
    check()
    QTest.mouseClick(dock.panel.places.clear, Qt.MouseButton.LeftButton)
    window.click(200, 200)
    check()


def test_another_kind_of_renderer_is_the_users(window: Window, dock: object) -> None:
    window.click(320, 200)
    settle(dock)
    layer = dock.layer.layer
    layer.setRenderer(QgsSingleBandGrayRenderer(layer.dataProvider(), 1))
    window.click(100, 100)
    assert isinstance(layer.renderer(), QgsSingleBandGrayRenderer)
    assert layer.opacity() == 1


def polygons(name: str, **symbol: str) -> QgsVectorLayer:
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326", name, "memory")
    layer.setRenderer(QgsSingleSymbolRenderer(QgsFillSymbol.createSimple(symbol)))
    return layer


def test_borders_points_and_hidden_layers_stay_above(window: Window, dock: object) -> None:
    """Also within groups: what hides the picture is below it, all else above."""
    root = QgsProject.instance().layerTreeRoot()
    borders = polygons("borders", style="no")
    clear = polygons("clear", color="0,0,0,0")
    hatched = polygons("hatched", style="b_diagonal")
    land, off = polygons("land", color="200,200,200,255"), polygons("off")
    points = QgsVectorLayer("Point?crs=EPSG:4326", "points", "memory")
    layers = (points, off, borders, clear, hatched, land)
    QgsProject.instance().addMapLayers(layers, False)
    upper, lower = root.addGroup("upper"), root.addGroup("lower")
    for layer, group in ((points, upper), (off, upper), (borders, upper), (clear, lower)):
        group.addLayer(layer)
    for layer in (hatched, land):
        lower.addLayer(layer)
    root.findLayer(off.id()).setItemVisibilityChecked(False)
    window.click(320, 200)
    name = dock.layer.layer.name()
    assert [node.name() for node in root.children()] == ["upper", "lower"]
    assert [node.name() for node in lower.children()] == ["clear", "hatched", name, "land"]
    QTest.mouseClick(dock.panel.places.clear, Qt.MouseButton.LeftButton)
    for layer in (clear, hatched):
        lower.removeLayer(layer)
    window.click(320, 200)
    assert [node.name() for node in root.children()] == ["upper", name, "lower"]


def test_a_new_project_begins_without_places_and_picking_goes_on(
    window: Window, dock: object
) -> None:
    window.click(320, 200)
    window.click(100, 100, SHIFT)
    QgsProject.instance().clear()
    pan = QgsMapToolPan(window.canvas)
    window.canvas.setMapTool(pan)  # as QGIS does when it has made a new project
    assert not dock.panel.pick.isChecked()
    assert dock.panel.hint.text().startswith("Press Pick places")
    wait(lambda: window.canvas.mapTool() is dock.tool)
    assert dock.panel.pick.isChecked()
    assert dock.panel.places.count() == 0
    assert not dock.panel.collects
    window.click(320, 200)
    settle(dock)
    assert dock.layer.layer.isValid()
    # With another tool in hand it stays that one.
    window.canvas.setMapTool(pan)
    QgsProject.instance().clear()
    QgsApplication.processEvents()
    assert window.canvas.mapTool() is pan


@pytest.mark.parametrize("damage", ["gone", "damaged", "not fetched"])
def test_a_remembered_model_that_is_gone_leaves_the_bundled_one(
    window: Window, damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from satclip_qgis.gui.dock import SimilarPlacesDock
    from satclip_qgis.models import set_default_model

    monkeypatch.setenv("SATCLIP_CACHE", str(tmp_path))
    path = tmp_path / "mine.npz"
    if damage == "damaged":
        path.write_bytes(b"no model")
    set_default_model("satclip-vit16-l40" if damage == "not fetched" else str(path))
    window.show_map(*EUROPE)
    dock = SimilarPlacesDock(window)
    try:
        dock.show()
        window.click(320, 200)
        wait(lambda: dock.layer.layer is not None)
        settle(dock)
        assert dock.session.model == "bundled"
        assert dock.panel._model.text() == "Model: bundled, resolves 4.3 km"
        assert len(window.messages()) == 1
        assert "satclip-vit16-l40" in window.messages()[0] or "mine.npz" in window.messages()[0]
    finally:
        set_default_model("bundled")
        dock.close_down()
        wait(lambda: not window.canvas.isDrawing())


# Beyond these there is no Earth; Equal Earth ends at half its equator and half its meridian.
@pytest.mark.parametrize(
    ("crs", "extent", "limits"),
    [
        ("EPSG:4326", (-290.0, -181.0, 290.0, 181.0), (-180, -90, 180, 90)),
        ("EPSG:4326", (100.0, 60.0, 160.0, 97.5), (-INF, -90, INF, 90)),
        ("EPSG:4326", (-10.0, 40.0, 22.0, 60.0), (-INF, -90, INF, 90)),
        ("EPSG:4807", (70.0, 66.0, 100.0, 110.0), (-INF, -100, INF, 100)),  # grads, from Paris
        ("EPSG:8857", (-2.4e7, -1.5e7, 2.4e7, 1.5e7), (-17243959, -8392928, 17243959, 8392928)),
    ],
)
def test_what_is_saved_ends_where_the_earth_does(
    window: Window, dock: object, crs: str, extent: tuple[float, ...], limits: tuple[float, ...]
) -> None:
    from satclip_qgis.gui.save import SaveDialog, grid_to_save

    window.show_map(crs, extent)
    window.click(320, 200)
    wait(lambda: dock.session.view == dock.view())
    settle(dock)
    view, picture = dock.session.view, dock.session.picture
    pixel = view.transform[0]
    want = [*map(max, view.bounds[:2], limits[:2]), *map(min, view.bounds[2:], limits[2:])]
    kept = grid_to_save(view, picture)
    assert kept.transform[0] == pixel
    # Off meridians and parallels each second pixel alone is looked up.
    np.testing.assert_allclose(kept.bounds, want, atol=2 * pixel)
    # The same lattice as the view's.
    shift = (kept.transform[2] - view.transform[2]) / pixel
    assert shift == pytest.approx(round(shift), abs=1e-6)
    coarse = grid_to_save(view, picture, 7 * pixel)
    np.testing.assert_allclose(coarse.bounds, want, atol=7 * pixel)
    if crs != "EPSG:8857":  # in degrees not a part of a pixel lies beyond
        for grid in (kept, coarse):
            assert grid.bounds[1] >= limits[1] - 1e-9
            assert grid.bounds[3] <= limits[3] + 1e-9
            assert grid.bounds[2] - grid.bounds[0] <= 360 + 1e-9
    dialog = SaveDialog(view, picture, window.canvas.mapSettings().destinationCrs())
    assert dialog.grid() == kept
    dialog.resolution.setValue(7 * pixel)
    assert dialog.grid().transform[0] == pytest.approx(7 * pixel, rel=1e-4)
    assert f"{dialog.grid().shape[1]} × {dialog.grid().shape[0]} pixels" in dialog.size_told.text()


def test_the_dialog_asks_before_it_replaces_a_file(
    window: Window, dock: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from satclip_qgis.gui import save

    window.click(320, 200)
    crs = window.canvas.mapSettings().destinationCrs()
    dialog = save.SaveDialog(dock.session.view, dock.session.picture, crs)
    button = dialog.buttons.button(QDialogButtonBox.StandardButton.Save)
    assert not button.isEnabled()
    dialog.path.setFilePath(str(tmp_path / "similar"))
    assert dialog.target() == str(tmp_path / "similar.tif")
    (tmp_path / "similar.tif").write_bytes(b"precious")
    asked: list[str] = []
    monkeypatch.setattr(save, "confirmed", lambda _parent, question: asked.append(question))
    dialog.show()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert "similar.tif" in asked[0]
    assert dialog.isVisible()
    monkeypatch.setattr(save, "confirmed", lambda *_: True)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()
    dialog.resolution.setValue(dialog.resolution.minimum())
    assert not button.isEnabled()


def test_what_is_saved_is_on_the_map_in_the_same_colours(
    window: Window, dock: object, tmp_path: Path
) -> None:
    window.show_map("EPSG:4326", (0, 40, 16, 50))
    window.click(320, 200)
    settle(dock)
    dock.panel.set_percentile(50)
    path = tmp_path / "similar.tif"
    for _ in range(2):  # the second time the layer is there
        dock.save(str(path))
        wait(lambda: not dock.saver.busy)
    (place,) = dock.session.places
    (layer,) = QgsProject.instance().mapLayersByName(f"Similarity to {place.title}")
    shown = dock.layer.layer.renderer()
    assert layer.renderer().classificationMin() == shown.classificationMin() == dock.threshold()
    assert layer.renderer().classificationMax() == shown.classificationMax()
    assert layer.opacity() == dock.layer.layer.opacity() < 1
    assert "fine-test-model" in layer.metadata().abstract()


def test_points_stay_above_and_rasters_below(window: Window, dock: object) -> None:
    points = QgsVectorLayer("Point?crs=EPSG:4326", "points", "memory")
    land = QgsVectorLayer("Polygon?crs=EPSG:4326", "land", "memory")
    for layer in (land, points):
        QgsProject.instance().addMapLayer(layer)
    window.click(320, 200)
    names = [node.name() for node in QgsProject.instance().layerTreeRoot().children()]
    assert names == ["points", dock.layer.layer.name(), "land"]


def test_a_click_off_the_earth_says_so(window: Window, dock: object) -> None:
    window.show_map("EPSG:8857", (-3e7, -1e7, 3e7, 1e7))
    window.click(2, 2)
    assert dock.session.places == []
    assert dock.panel.status.text() == "There is no place there."


def test_a_click_on_a_map_without_crs_says_so(window: Window, dock: object) -> None:
    window.click(320, 200)
    (place,) = dock.session.places
    window.canvas.setDestinationCrs(QgsCoordinateReferenceSystem())
    window.canvas.setExtent(QgsRectangle(0, 0, 16, 10))
    window.click(320, 200)
    wait(lambda: not dock._timer.isActive() and not dock.session.busy)
    assert dock.session.places == [place]
    assert window.messages() == []
    assert dock.panel.status.text() == "The map has no coordinate reference system."


def test_closed_while_it_refines_and_opened_again_it_goes_on(
    window: Window, bundled_dock: object
) -> None:
    dock = bundled_dock
    window.show_map("EPSG:4326", (-180, -56, 180, 56))
    window.click(320, 200)
    wait(lambda: dock.session.field is not None and dock.session.busy)
    coarse = dock.session.field.step
    dock.close()
    assert not dock.session.busy
    dock.show()
    settle(dock)
    assert dock.session.field.step < coarse
    assert dock.session.land is not None


def test_closed_before_land_is_known_and_opened_again_it_is(window: Window, dock: object) -> None:
    window.click(320, 200)
    assert dock.session._land_task is not None
    dock.close()
    dock.show()
    settle(dock)


def test_long_names_and_a_small_dock_hide_nothing(window: Window, dock: object) -> None:
    window.click(320, 200)
    settle(dock)
    name = "a_model_of_our_own_region_and_season_" * 4
    dock.panel.set_model(f"/models/{name}.npz")
    dock.panel.set_status(
        f"/models/{name}.npz: cannot be read, and why that is so takes some words"
    )
    dock.panel.set_percentile(90)
    dock.setFloating(True)
    dock.resize(300, 250)
    QgsApplication.processEvents()
    panel = dock.panel
    assert panel.minimumSizeHint().width() <= panel.width() < 450
    assert panel.visibleRegion().boundingRect().width() == panel.width()
    assert panel.histogram.geometry().bottom() < panel._limit.geometry().top()
    assert panel.status.geometry().bottom() < panel.height()


def test_the_histogram_is_readable_in_a_dark_theme(qgis_app: object) -> None:
    from satclip_qgis.gui.histogram import Histogram

    histogram = Histogram()
    histogram.resize(300, 160)
    dark = histogram.palette()
    for role in (QPalette.ColorRole.Base, QPalette.ColorRole.Mid, QPalette.ColorRole.Window):
        dark.setColor(role, QColor("#232323"))
    dark.setColor(QPalette.ColorRole.Text, QColor("#ffffff"))
    histogram.setPalette(dark)

    def brightest() -> int:
        image = histogram.grab().toImage()
        middle = range(image.height() // 4, 3 * image.height() // 4)
        return max(image.pixelColor(x, y).lightness() for x in range(image.width()) for y in middle)

    assert brightest() > 120  # "No place yet"
    histogram.set_values(np.ones(9), np.zeros(9), (5.0, 6.0))
    assert brightest() > 120  # the line of random land


def test_another_model_embeds_anew(window: Window, dock: object, small_model: Path) -> None:
    window.click(320, 200)
    before = pixels(dock.layer.layer)
    dock.use_model(str(small_model))
    settle(dock)
    after = pixels(dock.layer.layer)
    assert after[200, 320] > 0.99
    assert not np.allclose(before, after, atol=0.05)


def test_closing_leaves_nothing_behind(window: Window, dock: object) -> None:
    items = len(window.canvas.scene().items())
    window.click(320, 200)
    name = dock.layer.layer.source()
    dock.layer.drop()
    dock.markers.clear()
    assert gdal.VSIStatL(name) is None
    assert len(window.canvas.scene().items()) == items


def test_an_error_that_is_told_bounds_the_true_one(qgis_app: object) -> None:
    from satclip_qgis.gui.dock import rounded_up

    for value, told in ((0.0149, "0.02"), (0.00991, "0.01"), (3.4e-05, "4e-05"), (0.0, "0")):
        assert f"{rounded_up(value):.1g}" == told
