"""The Similar places dock, by clicking on a real canvas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from gui_window import Window, wait
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QColor, QPalette
from qgis.PyQt.QtTest import QTest

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


@pytest.fixture
def window(qgis_app: object) -> Iterator[Window]:
    QgsProject.instance().clear()
    made = Window()
    yield made
    QgsProject.instance().clear()
    made.window.close()


@pytest.fixture
def dock(window: Window) -> Iterator[object]:
    from satclip_qgis.gui.dock import SimilarPlacesDock

    window.show_map(*EUROPE)
    made = SimilarPlacesDock(window)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, made)
    made.show()
    wait(lambda: made.session.field is not None and not made.session.busy)
    yield made
    made.close_down()
    wait(lambda: not window.canvas.isDrawing())


def pixels(layer: QgsRasterLayer) -> np.ndarray:
    return gdal.Open(layer.source()).ReadAsArray()


def settle(dock: object) -> None:
    wait(lambda: dock.session.field is not None and not dock.session.busy)
    wait(lambda: dock.session.land is not None)


def test_a_click_draws_the_similarity_of_the_view(window: Window, dock: object) -> None:
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
    assert shown[200, 320] > 0.99
    assert np.abs(shown - exact).max() < 0.005
    assert dock.session.error is not None
    assert dock.session.error < 0.005


@pytest.mark.parametrize("name", VIEWS)
def test_it_follows_the_map_anywhere(window: Window, dock: object, name: str) -> None:
    crs, extent = VIEWS[name]
    window.show_map(crs, extent)
    window.click(320, 200)
    settle(dock)
    layer = dock.layer.layer
    assert layer.crs().authid() == crs
    shown = pixels(layer)
    assert shown[195:205, 315:325].max() > 0.99
    assert np.isfinite(shown).mean() > 0.9
    assert dock.session.error < 0.03


def test_shift_click_adds_a_place_and_a_click_begins_anew(window: Window, dock: object) -> None:
    window.click(100, 100)
    first = pixels(dock.layer.layer)
    window.click(500, 300, SHIFT)
    both = pixels(dock.layer.layer)
    assert len(dock.session.places) == dock.panel.places.count() == 2
    window.click(500, 300)
    second = pixels(dock.layer.layer)
    assert dock.panel.places.count() == 1
    assert np.allclose(both, (first + second) / 2, atol=1e-5)


def test_the_largest_similarity_on_request(window: Window, dock: object) -> None:
    window.click(100, 100)
    window.click(500, 300, SHIFT)
    mean = pixels(dock.layer.layer)
    dock.panel._reduce.setCurrentIndex(1)
    largest = pixels(dock.layer.layer)
    assert (largest >= mean - 1e-6).all()
    assert largest[100, 100] > 0.99
    assert largest[300, 500] > 0.99


def test_a_place_is_removed_and_all_are_cleared(window: Window, dock: object) -> None:
    window.click(100, 100)
    window.click(500, 300, SHIFT)
    dock.panel.places.setCurrentRow(0)
    QTest.mouseClick(dock.panel.remove, Qt.MouseButton.LeftButton)
    assert len(dock.session.places) == 1
    assert pixels(dock.layer.layer)[300, 500] > 0.99
    QTest.mouseClick(dock.panel.clear, Qt.MouseButton.LeftButton)
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


def test_a_click_before_the_view_is_embedded_is_drawn_with_it(window: Window, dock: object) -> None:
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
    from satclip_qgis.gui.randomland import land_points

    window.click(320, 200)
    settle(dock)
    assert len(dock.session.land) == len(land_points()) == 4000
    assert dock.panel.histogram.land_counts.sum() > 0.99
    assert dock.session.land.min() < pixels(dock.layer.layer).min()


def test_saving_gives_what_the_command_line_gives(
    window: Window, dock: object, tmp_path: Path
) -> None:
    from satclip_qgis.models import encoder
    from satclip_qgis.satclip_core.products import Similarity
    from satclip_qgis.satclip_core.raster import raster_array

    window.show_map("EPSG:4326", (0, 40, 16, 50))
    window.click(320, 200)
    settle(dock)
    path = tmp_path / "similar.tif"
    dock.save(str(path))
    wait(lambda: dock._saving is None)
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
    wait(lambda: dock._saving is None)
    assert "missing" in window.messages()[-1]


def test_removing_the_layer_clears_the_places(window: Window, dock: object) -> None:
    window.click(320, 200)
    QgsProject.instance().removeMapLayer(dock.layer.layer.id())
    assert dock.session.places == []
    window.click(100, 100)
    assert dock.layer.layer.isValid()


def test_a_saved_project_leaves_the_layer_out(window: Window, dock: object, tmp_path: Path) -> None:
    window.click(320, 200)
    kept = QgsVectorLayer("Point?crs=EPSG:4326", "kept", "memory")
    QgsProject.instance().addMapLayer(kept)
    path = tmp_path / "project.qgs"
    assert QgsProject.instance().write(str(path))
    assert "vsimem" not in path.read_text("utf-8")
    other = QgsProject()
    assert other.read(str(path))
    assert [layer.name() for layer in other.mapLayers().values()] == ["kept"]
    assert dock.layer.layer.isValid()


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


def test_closed_while_it_refines_and_opened_again_it_goes_on(window: Window, dock: object) -> None:
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
