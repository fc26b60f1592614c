"""What places are like, in a real QGIS: the algorithm's bands, the dock's words, translations."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from gui_window import Window, wait
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProject
from qgis.PyQt.QtCore import Qt

GRID = {"EXTENT": "7,8,46,47 [EPSG:4326]", "RESOLUTION": 0.25, "CRS": "EPSG:4326"}
EUROPE = ("EPSG:3857", (-1.0e6, 4.2e6, 4.12e6, 7.4e6))
SHIFT = Qt.KeyboardModifier.ShiftModifier


def test_bands_are_those_of_the_core_with_units_and_classes(run, tmp_path, project):
    from satclip_qgis.models import encoder
    from satclip_qgis.placewords import known_properties
    from satclip_qgis.satclip_core.grid import Grid
    from satclip_qgis.satclip_core.products import PropertiesOf
    from satclip_qgis.satclip_core.raster import raster_array

    names = [facts.name for facts in known_properties()]
    chosen = [names.index(name) for name in ("rain", "land_cover")]
    path = str(tmp_path / "out.tif")
    run("placeproperties", {**GRID, "PROPERTIES": chosen, "MODEL": "bundled", "OUTPUT": path})
    dataset = gdal.Open(path)
    # In the order of the list, whatever the order they were ticked in.
    bands = [dataset.GetRasterBand(index + 1) for index in range(dataset.RasterCount)]
    assert [band.GetDescription() for band in bands] == [
        "rain", "land_cover", "land_cover_probability",
    ]  # fmt: skip
    assert [band.GetUnitType() for band in bands] == ["mm", "", "%"]
    table = bands[1].GetDefaultRAT()
    classes = [table.GetValueAsString(row, 1) for row in range(table.GetRowCount())]
    assert "grassland" in classes
    assert dataset.GetMetadataItem("property_rain_source").startswith("ERA5")
    exact = raster_array(
        Grid.from_bounds((7, 46, 8, 47), 0.25), PropertiesOf(("rain", "land_cover")),
        encoder("bundled"),
    )  # fmt: skip
    np.testing.assert_array_equal(dataset.ReadAsArray(), exact)


def test_the_log_says_how_far_off_they_are(run, tmp_path, project):
    from qgis.core import QgsProcessingFeedback

    said = []

    class Feedback(QgsProcessingFeedback):
        def pushInfo(self, info):
            said.append(info)

    feedback = Feedback(False)
    target = str(tmp_path / "out.tif")
    run("placeproperties", {**GRID, "PROPERTIES": [0], "OUTPUT": target}, feedback=feedback)
    (line,) = [line for line in said if "predicted" in line]
    assert line.startswith("mean temperature of the year: predicted; R² 0.9")
    assert "in blocks of 2° left out; ERA5" in line


def test_a_model_without_properties_says_what_fits_them(run, small_model, tmp_path, project):
    model = tmp_path / "mine.npz"
    model.write_bytes(small_model.read_bytes())
    with pytest.raises(QgsProcessingException, match="the command line of SatCLIP fits them"):
        run("placeproperties", {**GRID, "MODEL": str(model), "OUTPUT": str(tmp_path / "out.tif")})


def test_every_word_of_the_core_has_a_translation(plugin):
    from satclip_qgis import placewords
    from satclip_qgis.satclip_core.products.place_words import TEXTS

    known = set(placewords.words())
    assert set(TEXTS) <= known
    for facts in placewords.known_properties():
        assert facts.title in known
        if facts.legend is not None:
            assert set(facts.legend.names) <= known, facts.name


def test_numbers_are_those_of_the_language(plugin):
    from qgis.PyQt.QtCore import QLocale
    from satclip_qgis.placewords import tell

    before = QLocale()
    try:
        QLocale.setDefault(QLocale(QLocale.Language.German))
        assert tell(1243.75, -1) == "1.240"
        assert tell(-3.46, 1) == "-3,5"
    finally:
        QLocale.setDefault(before)


@pytest.fixture
def dock(qgis_app):
    from satclip_qgis.gui.dock import SimilarPlacesDock

    QgsProject.instance().clear()
    window = Window()
    window.show_map(*EUROPE)
    made = SimilarPlacesDock(window)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, made)
    made.show()
    wait(lambda: made.session.field is not None and not made.session.busy)
    made.clicks = window.click
    yield made
    made.close_down()
    wait(lambda: not window.canvas.isDrawing())
    QgsProject.instance().clear()
    window.window.close()


def test_the_dock_says_what_a_place_is_like_and_compares_two(dock):
    from satclip_qgis.satclip_core.products.place_words import compare, describe

    shown = dock.panel.description
    assert not shown.isVisibleTo(dock.panel)
    dock.clicks(320, 200)
    (place,) = dock.session.places
    (described,) = describe(dock.session.encoder, [(place.lon, place.lat)])
    assert described.said() in shown.text()
    assert "not measured" in shown.text()
    for reading in described.readings:
        assert reading.facts.title in shown.toolTip()
    assert shown.isVisibleTo(dock.panel)

    dock.clicks(380, 260, SHIFT)
    places = describe(dock.session.encoder, [(p.lon, p.lat) for p in dock.session.places])
    for described in places:
        assert described.said() in shown.text()
    found = compare(*places)
    apart = [one for one in found.apart if one.first.said() != one.second.said()]
    if apart:
        assert f"Apart in {apart[0].first.facts.title} (" in shown.text()
    else:
        assert "Apart" not in shown.text()
    if found.shared:
        assert f"Alike in {found.shared[0].first.facts.title}" in shown.text()

    dock.clicks(200, 120, SHIFT)  # of three the last one
    last = dock.session.places[-1]
    (described,) = describe(dock.session.encoder, [(last.lon, last.lat)])
    assert described.said() in shown.text()
    assert "Apart" not in shown.text()

    dock.session.clear()
    assert not shown.isVisibleTo(dock.panel)


def test_a_model_without_properties_says_nothing(dock, small_model, tmp_path):
    model = tmp_path / "mine.npz"
    model.write_bytes(small_model.read_bytes())
    dock.clicks(320, 200)
    dock.use_model(str(model))
    wait(lambda: dock.session.field is not None and not dock.session.busy)
    assert not dock.panel.description.isVisibleTo(dock.panel)
