"""The dock with examples and counter-examples, and with the sea left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")

from gui_window import Window, wait
from osgeo import gdal
from qgis.core import QgsSettings
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
BALTIC = ("EPSG:4326", (5.0, 45.0, 21.0, 55.0))
MERCATOR = ("EPSG:3857", (-1.0e6, 4.2e6, 4.12e6, 7.4e6))
POLAR = ("EPSG:3413", (-3.2e6, -2e6, 3.2e6, 2e6))


@pytest.fixture
def make_dock(window: Window, small_model: Path) -> Iterator[object]:
    """Makes the dock as it first comes: the sea is left out; with the small model."""
    from satclip_qgis.gui.dock import SimilarPlacesDock
    from satclip_qgis.models import SETTING, set_default_model

    QgsSettings().remove("satclip/land_only")
    set_default_model(str(small_model))
    made = []

    def make(crs: str, extent: tuple[float, float, float, float]) -> SimilarPlacesDock:
        window.show_map(crs, extent)
        dock = SimilarPlacesDock(window)
        made.append(dock)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        dock.show()
        wait(lambda: dock.session.field is not None and not dock.session.busy)
        return dock

    yield make
    for dock in made:
        dock.close_down()
    wait(lambda: not window.canvas.isDrawing())
    QgsSettings().remove(SETTING)
    QgsSettings().remove("satclip/land_only")


@pytest.fixture
def dock(make_dock: object) -> object:
    return make_dock(*BALTIC)


def pixels(dock: object) -> np.ndarray:
    return gdal.Open(dock.layer.layer.source()).ReadAsArray()


def settle(dock: object) -> None:
    wait(lambda: dock.session.field is not None and not dock.session.busy)
    wait(lambda: dock.session.land is not None and dock.session.grounded)


def lonlats(places: list[object]) -> list[tuple[float, float]]:
    return [(place.lon, place.lat) for place in places]


def on_the_map(dock: object) -> list[tuple[int, str]]:
    return [(mark.number, mark.colour.name()) for mark in dock.markers.marks]


def test_several_places_are_learnt_as_the_command_line_learns_them(
    window: Window, dock: object, small_model: Path
) -> None:
    from satclip_qgis.models import encoder
    from satclip_qgis.satclip_core.products import SimilarityTo
    from satclip_qgis.satclip_core.raster import RasterRequest

    window.click(300, 300)
    settle(dock)
    assert not dock.session.learns
    window.click(100, 220, SHIFT)
    window.click(200, 350, CTRL)
    assert dock.session.learns
    assert [place.unlike for place in dock.session.places] == [False, False, True]
    wanted = SimilarityTo.of(
        lonlats(dock.session.examples), unlike=lonlats(dock.session.counters), within=dock.view()
    )
    assert dock.session.wanted == wanted
    request = RasterRequest(dock.view(), wanted, str(small_model), mask="land")
    exact = request.prepare(encoder=encoder(str(small_model))).array()[0]
    shown = pixels(dock)
    np.testing.assert_array_equal(np.isfinite(shown), np.isfinite(exact))
    assert np.nanmax(np.abs(shown - exact)) < 0.01
    assert dock.session.error < 0.01
    assert shown[350, 200] < np.mean([shown[300, 300], shown[220, 100]])


def test_against_all_land_is_a_choice(window: Window, dock: object) -> None:
    window.click(300, 300)
    settle(dock)
    window.click(100, 220, SHIFT)
    here, limits = pixels(dock), dock.session.land
    choices = dock.panel._against
    choices.setCurrentIndex(choices.findData("land"))
    settle(dock)
    assert dock.session.wanted.within is None
    assert not np.allclose(dock.session.land, limits)
    assert np.nanmax(np.abs(pixels(dock) - here)) > 0.02
    assert dock.state().against == "land"
    # What is not the view does not change with it.
    ground = dock.session._ground
    window.show_map("EPSG:4326", (0.0, 40.0, 25.0, 55.0))
    settle(dock)
    assert dock.session._ground is ground


def test_each_counter_example_lowers_what_is_like_it_at_once(window: Window, dock: object) -> None:
    window.click(300, 300)
    settle(dock)
    window.click(100, 220, SHIFT)
    before = pixels(dock)
    window.click(200, 350, CTRL)  # no task: what follows sees it
    assert pixels(dock)[350, 200] < before[350, 200] - 0.005


def test_a_counter_example_is_shown_apart_and_goes_as_others_do(
    window: Window, dock: object
) -> None:
    from satclip_qgis.gui.maptool import LIKE_COLOUR, UNLIKE_COLOUR

    window.click(300, 300)
    settle(dock)
    cosines = pixels(dock)
    window.click(200, 350, CTRL)
    rows = [dock.panel.places.tree.topLevelItem(row) for row in range(2)]
    assert [(row.text(0), row.text(1)) for row in rows] == [("1", "+"), ("2", "−")]
    shades = [row.foreground(2).color().name() for row in rows]
    assert shades[1] == UNLIKE_COLOUR != shades[0]
    assert on_the_map(dock) == [(1, LIKE_COLOUR), (2, UNLIKE_COLOUR)]
    assert not dock.panel._reduce.isVisible()
    dock.panel.places.select(1)
    QTest.mouseClick(dock.panel.places.remove, Qt.MouseButton.LeftButton)
    assert not dock.session.learns
    np.testing.assert_allclose(pixels(dock), cosines, atol=1e-6)
    QTest.mouseClick(dock.panel.places.undo, Qt.MouseButton.LeftButton)
    assert [place.unlike for place in dock.session.places] == [False, True]
    dock.session.remove(0)
    assert dock.layer.layer is None
    assert "meant" in dock.panel.status.text()


def test_a_counter_example_needs_a_place_that_is_meant(window: Window, dock: object) -> None:
    window.click(200, 350, CTRL)
    assert dock.session.places == []
    assert "meant first" in dock.panel.status.text()


def test_a_place_that_is_both_is_a_counter_example(window: Window, dock: object) -> None:
    window.click(300, 300)
    settle(dock)
    window.click(100, 220, SHIFT)
    window.click(300, 300, CTRL)
    assert len(dock.session.wanted.places) == 1
    assert np.isfinite(pixels(dock)).any()


def test_chances_stand_beneath_the_histogram(window: Window, dock: object) -> None:
    window.click(300, 300)
    settle(dock)
    assert not dock.panel.histogram.learnt
    window.click(100, 220, SHIFT)
    assert dock.panel.histogram.learnt
    assert 0 <= dock.session.land.min() < dock.session.best <= 1
    dock.panel.set_percentile(90)
    assert dock.threshold() == pytest.approx(np.percentile(dock.session.land, 90))


@pytest.mark.parametrize("view", [BALTIC, MERCATOR, POLAR])
def test_the_sea_is_left_out_until_it_is_wanted(
    window: Window, make_dock: object, view: object
) -> None:
    from satclip_qgis.satclip_core.grid.land import land_mask
    from satclip_qgis.satclip_core.grid.pixels import Locator

    dock = make_dock(*view)
    window.click(300, 300)
    settle(dock)
    drawn = np.isfinite(pixels(dock))
    rows, cols = np.indices(drawn.shape)
    lons, lats, valid = Locator(dock.view()).at(rows, cols)
    land = np.zeros(drawn.shape, bool)
    land[valid] = land_mask()(lons[valid], lats[valid])
    # A map that is not of meridians is looked up at each second pixel.
    assert np.mean(drawn != land) < (0.03 if view is POLAR else 1e-9)
    assert 0.1 < land.mean() < 0.95
    dock.panel._land.setChecked(False)
    assert np.isfinite(pixels(dock)).all()
    dock.panel._land.setChecked(True)
    np.testing.assert_array_equal(np.isfinite(pixels(dock)), drawn)


def test_the_switch_is_remembered(window: Window, make_dock: object) -> None:
    dock = make_dock(*BALTIC)
    assert dock.panel._land.isChecked()
    dock.panel._land.setChecked(False)
    other = make_dock(*BALTIC)
    assert not other.panel._land.isChecked()
    window.click(300, 300)
    assert not other.session.land_only


def test_what_is_saved_is_what_is_shown(window: Window, dock: object, tmp_path: Path) -> None:
    window.click(300, 300)
    settle(dock)
    window.click(200, 350, CTRL)
    shown = pixels(dock)
    path = tmp_path / "alike.tif"
    dock.save(str(path))
    wait(lambda: not dock.saver.busy)
    assert path.exists(), window.messages()
    saved = gdal.Open(str(path))
    written = saved.ReadAsArray()
    assert written.shape == shown.shape  # the sea at the edge is part of it
    np.testing.assert_array_equal(np.isfinite(written), np.isfinite(shown))
    assert np.nanmax(np.abs(written - shown)) < 0.01
    assert saved.GetMetadata()["reduce"] == "classifier"
    assert "unlike" in saved.GetMetadata()
