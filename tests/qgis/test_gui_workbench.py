"""The dock as a workbench: typed places, layers, names, scale, exports, what a project keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from gui_window import Window, wait
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsDistanceArea,
    QgsProject,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QEvent, QPointF, Qt
from qgis.PyQt.QtGui import QMouseEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
ALPS = ("EPSG:4326", (5.0, 43.0, 21.0, 53.0))


@pytest.fixture
def model(small_model: Path) -> str:
    """What the dock works with; tests of the bundled one's own numbers say so."""
    return str(small_model)


@pytest.fixture
def dock(window: Window, model: str) -> Iterator[object]:
    from satclip_qgis.gui.dock import SimilarPlacesDock
    from satclip_qgis.models import SETTING, set_default_model

    set_default_model(model)
    QgsSettings().remove("satclip/land_only")
    window.show_map(*ALPS)
    made = SimilarPlacesDock(window)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, made)
    made.show()
    settle(made)
    yield made
    made.close_down()
    wait(lambda: not window.canvas.isDrawing())
    QgsSettings().remove(SETTING)
    QgsSettings().remove("satclip/land_only")


def settle(dock: object) -> None:
    session = dock.session
    wait(lambda: not dock._timer.isActive() and session.field and not session.busy)
    wait(lambda: session.picture is None or session.grounded)


def on_the_map(window: Window) -> list[object]:
    """Marks of places that are shown on the canvas."""
    from satclip_qgis.gui.maptool import Marker

    items = window.canvas.scene().items()
    return [item for item in items if isinstance(item, Marker) and item.isVisible()]


def test_marks_go_with_the_dock_and_come_back(window: Window, dock: object) -> None:
    window.click(300, 200)
    window.click(100, 150, CTRL)
    settle(dock)
    assert len(on_the_map(window)) == 2
    layer = dock.layer.layer
    dock.close()
    assert on_the_map(window) == []
    assert dock.circle.shape is None
    assert QgsProject.instance().mapLayer(layer.id()) is layer  # it is one of the project's
    # What is undone meanwhile is not shown either.
    dock.session.undo()
    assert on_the_map(window) == []
    dock.show()
    assert [mark.number for mark in on_the_map(window)] == [1]


def listed(dock: object) -> list[tuple[str, str, str]]:
    """Number, kind and name of each row."""
    tree = dock.panel.places.tree
    rows = [tree.topLevelItem(index) for index in range(tree.topLevelItemCount())]
    return [(row.text(0), row.text(1), row.text(2)) for row in rows]


def type_in(dock: object, text: str) -> None:
    entry = dock.panel.entry
    entry.setFocus()
    QTest.keyClicks(entry, text)
    QTest.keyClick(entry, Qt.Key.Key_Return)
    wait(lambda: entry.text() == "")


def test_typed_places_join_the_others_and_come_into_view(window: Window, dock: object) -> None:
    window.click(300, 200)
    type_in(dock, "47°22'12\"N 8°32'24\"E")
    type_in(dock, "Japan")
    places = dock.session.places
    assert len(places) == 3
    assert places[1].lonlat == pytest.approx((8.54, 47.37))
    assert [name for _, _, name in listed(dock)][1:] == ["47.370° N, 8.540° E", "Japan"]
    middle = window.canvas.extent().center()
    assert (middle.x(), middle.y()) == pytest.approx(places[2].lonlat, abs=0.1)
    dock.panel.entry.setText("nowhere at all")
    QTest.keyClick(dock.panel.entry, Qt.Key.Key_Return)
    assert "nowhere at all" in dock.panel.status.text()
    assert len(dock.session.places) == 3


def test_features_become_places_with_their_names(
    window: Window, dock: object, make_points: object
) -> None:
    rows = [("Bern",), ("Zürich",), ("nowhere",)]
    layer = make_points(
        [(2600000, 1200000), (2683000, 1247000), None],
        crs="EPSG:2056",
        fields="&field=name:string",
        rows=rows,
    )
    QgsProject.instance().addMapLayer(layer)
    layer.selectByIds([2])
    menu = dock.panel.add_menu
    menu.aboutToShow.emit()
    texts = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert texts == ["Selected features of points (1)", "All points of points (3)", *texts[2:]]
    menu.actions()[0].trigger()
    assert listed(dock) == [("1", "+", "Zürich")]
    menu.actions()[1].trigger()  # the one that is there already stays once
    assert [name for _, _, name in listed(dock)] == ["Zürich", "Bern"]
    assert dock.session.places[1].lonlat == pytest.approx((7.4386, 46.9511), abs=1e-3)
    assert "1 features have no usable geometry" in window.messages()[-1]
    QTest.mouseClick(dock.panel.places.undo, Qt.MouseButton.LeftButton)
    assert listed(dock) == [("1", "+", "Zürich")]


def test_of_very_many_features_some_are_drawn(dock: object, make_points: object) -> None:
    from satclip_qgis.gui.placesources import MOST_PLACES, places_of

    at = np.random.default_rng(0).uniform(5, 20, (MOST_PLACES + 100, 2))
    taken = places_of(make_points(at.tolist()), selected=False)
    assert (len(taken.places), taken.count) == (MOST_PLACES, MOST_PLACES + 100)
    assert len({place.lonlat for place in taken.places}) == MOST_PLACES


def test_the_list_renames_turns_removes_undoes_and_redoes_by_keys(
    window: Window, dock: object
) -> None:
    window.click(300, 200)
    window.click(200, 250, SHIFT)
    window.click(100, 150, SHIFT)
    settle(dock)
    wait(lambda: dock.session.land is not None)
    places, tree = dock.panel.places, dock.panel.places.tree
    places.select(1)
    assert [mark.chosen for mark in dock.markers.marks] == [False, True, False]
    picture = dock.session.whole
    tree.topLevelItem(1).setText(2, "my meadow")
    assert dock.session.places[1].name == "my meadow"
    assert dock.session.whole is picture  # a name changes no picture
    QTest.mouseClick(places.turn, Qt.MouseButton.LeftButton)
    assert [kind for _, kind, _ in listed(dock)] == ["+", "−", "+"]
    assert dock.session.whole is not picture
    tree.setFocus()
    QTest.keyClick(tree, Qt.Key.Key_Delete)
    assert [number for number, _, _ in listed(dock)] == ["1", "2"]
    assert [mark.number for mark in dock.markers.marks] == [1, 2]
    for _ in range(3):
        QTest.keyClick(tree, Qt.Key.Key_Z, CTRL)
    assert "my meadow" not in [name for _, _, name in listed(dock)]
    assert dock.session.whole is not None
    window.canvas.setFocus()
    for _ in range(2):
        QTest.keyClick(window.canvas, Qt.Key.Key_Z, CTRL | SHIFT)
    assert listed(dock)[1] == ("2", "−", "my meadow")
    QTest.mouseClick(places.redo, Qt.MouseButton.LeftButton)
    assert len(listed(dock)) == 2
    assert not places.redo.isEnabled()


def test_a_place_is_zoomed_to(window: Window, dock: object) -> None:
    window.click(100, 100)
    place = dock.session.places[0]
    dock.panel.places.select(0)
    QTest.mouseClick(dock.panel.places.zoom, Qt.MouseButton.LeftButton)
    middle = window.canvas.extent().center()
    assert (middle.x(), middle.y()) == pytest.approx(place.lonlat, abs=1e-6)


class TestScale:
    """With the bundled model, which resolves 4.29 km."""

    @pytest.fixture
    def model(self) -> str:
        return "bundled"

    def test_a_view_finer_than_the_model_says_so_and_draws_its_size(
        self, window: Window, dock: object
    ) -> None:
        assert dock.panel._model.text() == "Model: bundled, resolves 4.3 km"
        assert dock.panel.scale.isHidden()
        window.show_map("EPSG:32632", (6.0e5, 5.2e6, 6.64e5, 5.24e6))  # pixels of 100 m
        settle(dock)
        assert "nothing finer than 4.3 km; a pixel of this view is 100 m" in dock.panel.scale.text()
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(320, 200),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(window.canvas.viewport(), event)
        shape = dock.circle.shape
        measure = QgsDistanceArea()
        measure.setSourceCrs(
            QgsCoordinateReferenceSystem("EPSG:32632"), QgsProject.instance().transformContext()
        )
        measure.setEllipsoid("WGS84")
        assert measure.measureArea(shape) == pytest.approx(np.pi * (4290 / 2) ** 2, rel=0.02)
        assert shape.centroid().asPoint().distance(632000, 5220000) < 200
        window.show_map(*ALPS)
        assert dock.panel.scale.isHidden()
        assert dock.circle.shape is None

    def test_a_pan_embeds_only_what_is_new(self, window: Window, dock: object) -> None:
        window.click(300, 200)
        settle(dock)
        preview, whole = dock.session._preview, dock.session.field.sampler.lattice.nodes
        asked = []
        embed = preview._embed

        def counted(*given: object) -> object:
            nodes, made = embed(*given)
            asked.append(made)
            return nodes, made

        preview._embed = counted
        extent = window.canvas.extent()
        extent.setXMaximum(extent.xMaximum() + extent.width() / 10)
        extent.setXMinimum(extent.xMinimum() + extent.width() / 11)
        window.canvas.setExtent(extent)
        wait(lambda: dock.session.view == dock.view())
        settle(dock)
        assert 0 < sum(asked) < 0.2 * whole
        assert dock.session.error < 0.01


def test_areas_are_those_of_the_algorithm(
    window: Window, dock: object, run: object, model: str, tmp_path: Path
) -> None:
    window.click(300, 200)
    settle(dock)
    wait(lambda: dock.session.land is not None)
    dock.panel.places.tree.topLevelItem(0).setText(2, "here")
    dock.panel.set_percentile(90)
    path = tmp_path / "found.gpkg"
    for _ in range(2):  # the second time into a further table
        dock.save_areas(str(path))
        wait(lambda: not dock.saver.busy)
    layers = QgsProject.instance().mapLayersByName("Areas like here")
    assert [layer.source().partition("=")[2] for layer in layers] in (
        ["similar areas", "similar areas 2"],
        ["similar areas 2", "similar areas"],
    )
    assert layers[0].renderer().classAttribute() == "mean_similarity"
    assert "small" in layers[0].metadata().abstract() or model in layers[0].metadata().abstract()
    (place,) = dock.session.places
    west, south, east, north = dock.session.view.bounds
    like = run(
        "similarareas",
        {
            "POINT": f"{place.lon:.15g},{place.lat:.15g} [EPSG:4326]",
            "EXTENT": f"{west},{east},{south},{north} [EPSG:4326]",
            "RESOLUTION": dock.session.view.transform[0],
            "CRS": "EPSG:4326",
            "MODEL": model,
            "PERCENTILE": 90,
            "OUTPUT": "memory:",
        },
    )["OUTPUT"]
    assert len(layers) == 2
    assert layers[0].featureCount() == like.featureCount() > 0
    sizes = [
        sorted(feature["area_km2"] for feature in layer.getFeatures())
        for layer in (layers[0], like)
    ]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-6)


def test_places_go_out_and_come_back(window: Window, dock: object, tmp_path: Path) -> None:
    window.click(300, 200)
    window.click(100, 150, CTRL)
    dock.panel.places.tree.topLevelItem(0).setText(2, "here")
    before = [(place.title, place.unlike) for place in dock.session.places]
    path = tmp_path / "places.gpkg"
    dock.save_places(str(path))
    (layer,) = QgsProject.instance().mapLayersByName("places")
    QTest.mouseClick(dock.panel.places.clear, Qt.MouseButton.LeftButton)
    dock.add_layer(layer, False, False)
    assert [(place.title, place.unlike) for place in dock.session.places] == before


def test_a_file_that_is_no_geopackage_is_left_alone(
    window: Window, dock: object, tmp_path: Path
) -> None:
    window.click(300, 200)
    path = tmp_path / "precious.gpkg"
    path.write_text("precious")
    dock.save_places(str(path))
    assert "is no GeoPackage" in window.messages()[-1]
    assert path.read_text() == "precious"


def test_a_project_keeps_the_dock(window: Window, dock: object, tmp_path: Path) -> None:
    from satclip_qgis.gui.dock import SimilarPlacesDock

    window.click(300, 200)
    window.click(100, 150, CTRL)
    dock.panel.places.tree.topLevelItem(0).setText(2, "Wiese hinterm Haus")
    dock.panel.set_percentile(87.5)
    dock.panel._opacity.setOpacity(0.4)
    dock.panel._land.setChecked(False)
    settle(dock)
    assert dock.layer.layer.opacity() == pytest.approx(0.4)
    before, project = dock.state(), QgsProject.instance()
    assert project.isDirty()
    assert project.write(str(tmp_path / "kept.qgz"))
    assert not project.isDirty()
    project.clear()
    assert dock.session.places == []
    assert not dock.session.undoable
    assert project.read(str(tmp_path / "kept.qgz"))
    assert dock.state() == before
    assert not dock.session.undoable
    wait(lambda: dock.session.picture is not None)
    # Closed it draws nothing until it is opened again.
    dock.close()
    project.clear()
    assert project.read(str(tmp_path / "kept.qgz"))
    assert project.mapLayers() == {}
    dock.show()
    wait(lambda: dock.session.picture is not None)
    # So does a dock that is made afterwards.
    later = SimilarPlacesDock(window)
    assert later.state() == before
    later.close_down()
    # Without places there is nothing to keep.
    QTest.mouseClick(dock.panel.places.clear, Qt.MouseButton.LeftButton)
    assert project.write(str(tmp_path / "none.qgz"))
    assert project.readEntry("satclip", "similar_places")[0] == ""


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        json.dumps({"version": 99, "model": "bundled"}),
        json.dumps({"version": 1, "model": "bundled", "places": [{"lon": 0, "lat": 91}]}),
        json.dumps({"version": 1, "model": "bundled", "opacity": 7}),
        json.dumps({"version": 1}),
    ],
)
def test_what_a_project_keeps_and_nobody_can_read_is_told(
    window: Window, dock: object, text: str, tmp_path: Path
) -> None:
    project = QgsProject.instance()
    project.writeEntry("satclip", "similar_places", text)
    dock._read_project()
    assert "cannot be read" in window.messages()[-1]
    assert dock.session.places == []


def test_a_model_that_is_gone_is_told_and_replaced(
    window: Window, dock: object, model: str, tmp_path: Path
) -> None:
    from satclip_qgis.gui import state

    gone = str(tmp_path / "gone.npz")
    window.click(300, 200)
    settle(dock)
    kept = state.State(**{**vars(dock.state()), "model": gone})
    dock.restore(kept)
    wait(lambda: dock.session.model != gone)
    settle(dock)
    assert "gone.npz" in window.messages()[-1]
    assert dock.session.model == model
    assert dock.session.places == list(kept.places)
    assert dock.session.picture is not None


def test_three_hundred_pixels_will_do_and_tab_goes_down(window: Window, dock: object) -> None:
    window.click(300, 200)
    window.click(100, 150, CTRL)
    font = dock.font()
    font.setPointSize(10)
    dock.panel.setFont(font)
    dock.setFloating(True)
    dock.resize(300, 700)
    panel = dock.panel
    wait(lambda: dock.widget().minimumSizeHint().width() <= 300, 5)
    order = []
    widget = panel.pick
    while widget not in order:
        order.append(widget)
        widget = widget.nextInFocusChain()
    seen = [order.index(part) for part in (panel.pick, panel.add, panel.entry, panel.places.tree)]
    assert seen == sorted(seen)


def test_layers_without_points_are_not_offered(dock: object) -> None:
    QgsProject.instance().addMapLayer(QgsVectorLayer("Polygon?crs=EPSG:4326", "land", "memory"))
    dock.panel.add_menu.aboutToShow.emit()
    (nothing,) = dock.panel.add_menu.actions()
    assert not nothing.isEnabled()
