"""Toolbar, menu and the action that embeds points, on real layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from gui_window import wait
from osgeo import ogr, osr
from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox

PLACES = [(11.5, 48.1), (-60.0, -3.0), (179.99, -17.0)]


def embed(gui: object, layer: QgsVectorLayer, kind: str, **more: object) -> object:
    from satclip_qgis.gui.embed import Choice, EmbedRun

    QgsProject.instance().addMapLayer(layer)
    choice = Choice("bundled", kind, bool(more.get("selected")), str(more.get("path", "")))
    run = EmbedRun(layer, choice, gui.iface.messageBar())
    run.start()
    wait(lambda: run.ended)
    return run


def values(layer: QgsVectorLayer) -> np.ndarray:
    return np.array([[feature[f"e{i:03}"] for i in range(256)] for feature in layer.getFeatures()])


def test_it_adds_a_toolbar_and_a_menu_and_takes_them_away(gui: object) -> None:
    actions = [action for action in gui.iface.menu.actions() if not action.isSeparator()]
    texts = [action.text() for action in actions]
    for wanted in (
        "Similar places", "Embed layer points…", "Embedding raster…", "Embedding colours…",
        "Groups of places…", "Properties of places…", "Similar to the selected features…",
        "Map from samples…",
        "Models…", "Settings…", "Example project…", "Help", "About…",
    ):  # fmt: skip
        assert wanted in texts
    shown = [action.text() for action in gui.toolbar.actions()]
    assert 4 <= len(shown) <= 6
    assert set(shown) <= set(texts)
    for action in actions:
        assert action.icon().availableSizes() or not action.icon().pixmap(24).isNull(), (
            action.text()
        )
    gui.actions["similar"].trigger()
    dock = gui.dock
    assert dock.isVisible()
    wait(lambda: not dock.session.busy)
    assert len(gui.iface.factories) == 1
    gui.unload()
    assert gui.iface.menu.actions() == []
    assert gui.iface.factories == []
    assert gui.dock is None


def test_the_embed_action_waits_for_a_point_layer(gui: object, make_points: object) -> None:
    assert not gui.actions["embed"].isEnabled()
    gui.iface.setActiveLayer(make_points(PLACES))
    assert gui.actions["embed"].isEnabled()
    gui.iface.setActiveLayer(QgsVectorLayer("Polygon?crs=EPSG:4326", "land", "memory"))
    assert not gui.actions["embed"].isEnabled()


def test_the_dock_is_shown_and_hidden_by_its_action(gui: object) -> None:
    gui.actions["similar"].trigger()
    wait(lambda: not gui.dock.session.busy)
    assert gui.iface.canvas.mapTool() is gui.dock.tool
    gui.dock.close()
    wait(lambda: not gui.actions["similar"].isChecked())
    assert gui.iface.canvas.mapTool() is not gui.dock.tool


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32632"])
def test_points_in_any_crs_get_the_same_columns(gui: object, make_points: object, crs: str) -> None:
    from qgis.core import (
        QgsCoordinateReferenceSystem,
        QgsCoordinateTransform,
        QgsPointXY,
        QgsProject,
    )
    from satclip_qgis.models import encoder

    places = [(11.5, 48.1), (7.0, 45.0), (12.0, 50.0)]
    there = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:4326"),
        QgsCoordinateReferenceSystem(crs),
        QgsProject.instance(),
    )
    moved = [there.transform(QgsPointXY(*place)) for place in places]
    layer = make_points([(point.x(), point.y()) for point in moved], crs)
    run = embed(gui, layer, "columns")
    assert run.layer.crs().authid() == crs
    assert np.allclose(values(run.layer), encoder("bundled").encode(places), atol=1e-4)
    assert gui.iface.messages() == ["3 points embedded"]


def test_selected_features_alone(gui: object, make_points: object) -> None:
    layer = make_points(PLACES)
    layer.selectByIds([2])
    assert embed(gui, layer, "columns", selected=True).layer.featureCount() == 1


def test_features_without_a_place_are_reported_and_kept(gui: object, make_points: object) -> None:
    run = embed(gui, make_points([PLACES[0], None, "POINT EMPTY"]), "columns")
    assert run.layer.featureCount() == 3
    assert "2 features have no usable geometry" in gui.iface.messages()[-1]


def test_one_array_field(gui: object, make_points: object) -> None:
    from satclip_qgis.models import encoder

    run = embed(gui, make_points(PLACES), "array")
    first = next(run.layer.getFeatures())
    assert np.allclose(first["embedding"], encoder("bundled").encode(PLACES[:1])[0], atol=1e-4)


def test_a_copy_as_geopackage(gui: object, make_points: object, tmp_path: Path) -> None:
    run = embed(gui, make_points(PLACES), "copy", path=tmp_path / "copy.gpkg")
    assert run.layer.isValid()
    assert str(tmp_path / "copy.gpkg") in run.layer.source()
    assert values(run.layer).shape == (3, 256)


def geopackage(path: Path, tables: dict[str, list[tuple[float, float]]]) -> None:
    """A GeoPackage of tables of points with a name each, made by OGR alone."""
    data = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    lonlat = osr.SpatialReference()
    lonlat.ImportFromEPSG(4326)
    for name, points in tables.items():
        table = data.CreateLayer(name, lonlat, ogr.wkbPoint)
        table.CreateField(ogr.FieldDefn("name", ogr.OFTString))
        for lon, lat in points:
            feature = ogr.Feature(table.GetLayerDefn())
            feature.SetField("name", f"{lon} {lat}")
            feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POINT({lon} {lat})"))
            table.CreateFeature(feature)


def content(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Geometry and name of each row of each table, by OGR alone."""
    data = ogr.Open(str(path))
    return {
        table.GetName(): [
            (row.GetGeometryRef().ExportToWkt(), row.GetFieldAsString("name")) for row in table
        ]
        for table in (data.GetLayer(index) for index in range(data.GetLayerCount()))
    }


def test_a_copy_into_its_own_source_is_a_further_table(gui: object, tmp_path: Path) -> None:
    path = tmp_path / "stations.gpkg"
    geopackage(path, {"stations": PLACES})
    before = content(path)
    layer = QgsVectorLayer(str(path), "stations", "ogr")
    run = embed(gui, layer, "copy", path=path)
    assert run.layer is not None, gui.iface.messages()
    after = content(path)
    assert list(after) == ["stations", "stations embedded"]
    assert after["stations"] == before["stations"]
    assert after["stations embedded"] == before["stations"]
    assert layer.featureCount() == 3
    assert np.allclose(values(run.layer), values(embed(gui, layer, "columns").layer))


def test_a_copy_into_a_file_of_two_tables_keeps_both(
    gui: object, make_points: object, tmp_path: Path
) -> None:
    path = tmp_path / "two.gpkg"
    geopackage(path, {"wells": PLACES, "Points embedded": PLACES[:1]})
    before = content(path)
    layer = make_points(PLACES, fields="&field=name:string", rows=[("a",), ("b",), ("c",)])
    assert embed(gui, layer, "copy", path=path).layer.featureCount() == 3
    after = content(path)
    assert list(after) == ["wells", "Points embedded", "points embedded 2"]
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("table", ["stations", "STATIONS"])
def test_the_source_itself_is_not_written_over(gui: object, tmp_path: Path, table: str) -> None:
    from satclip_qgis.gui.embed import Choice, EmbedRun

    path = tmp_path / "stations.gpkg"
    geopackage(path, {"stations": PLACES})
    linked = tmp_path / "linked.gpkg"
    linked.symlink_to(path)
    before = content(path)
    layer = QgsVectorLayer(f"{path}|layername=stations", "stations", "ogr")
    QgsProject.instance().addMapLayer(layer)
    for target in (path, linked):
        run = EmbedRun(
            layer, Choice("bundled", "copy", False, str(target), table), gui.iface.messageBar()
        )
        run.start()
        wait(lambda run=run: run.ended)
        assert run.layer is None
        assert "another name" in gui.iface.messages()[-1]
        assert content(path) == before


def test_what_is_no_geopackage_is_not_written_over(
    gui: object, make_points: object, tmp_path: Path
) -> None:
    path = tmp_path / "precious.gpkg"
    path.write_bytes(b"not what its name says")
    assert embed(gui, make_points(PLACES), "copy", path=path).layer is None
    assert "no GeoPackage" in gui.iface.messages()[-1]
    assert path.read_bytes() == b"not what its name says"


def test_the_dialog_says_what_becomes_of_a_file_that_exists(
    gui: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from satclip_qgis.gui import embed as module

    path = tmp_path / "two.gpkg"
    geopackage(path, {"stations": PLACES, "wells": PLACES})
    layer = QgsVectorLayer(f"{path}|layername=stations", "stations", "ogr")
    dialog = module.EmbedDialog(layer)
    dialog.kind.setCurrentIndex(dialog.kind.findData(module.COPY))
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert not dialog.table.isEnabled()
    dialog.path.setFilePath(str(path))
    assert dialog.table.text() == "stations embedded"
    assert "further table" in dialog.note.text()
    dialog.table.setText("stations")
    assert "is the layer that is read" in dialog.note.text()
    assert not ok.isEnabled()
    dialog.table.setText("wells")
    assert "would be replaced" in dialog.note.text()
    assert ok.isEnabled()
    asked: list[str] = []
    monkeypatch.setattr(module, "confirmed", lambda _parent, question: asked.append(question))
    ok.click()
    assert "wells" in asked[0]
    assert dialog.result() == QDialog.DialogCode.Rejected
    monkeypatch.setattr(module, "confirmed", lambda *_: True)
    ok.click()
    assert dialog.result() == QDialog.DialogCode.Accepted
    assert dialog.choice().table == "wells"


def test_points_that_are_embedded_already_get_another_prefix(
    gui: object, make_points: object
) -> None:
    from satclip_qgis.gui.embed import EmbedDialog

    once = embed(gui, make_points(PLACES), "columns").layer
    dialog = EmbedDialog(once)
    assert dialog.choice().prefix == "e2_"
    assert EmbedDialog(make_points(PLACES)).choice().prefix == "e"


def test_help_is_a_page_that_exists(gui: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from qgis.PyQt.QtGui import QDesktopServices

    opened: list[object] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    gui.actions["help"].trigger()
    gui.actions["similar"].trigger()
    wait(lambda: not gui.dock.session.busy)
    gui.dock.panel.help.click()
    for url, anchor in zip(opened, ("", "similar-places")):
        page = Path(url.toLocalFile()).read_text("utf-8")
        assert url.fragment() == anchor
        assert not anchor or f'id="{anchor}"' in page
    assert len(opened) == 2


def test_columns_that_exist_are_not_written_over(gui: object, make_points: object) -> None:
    layer = make_points(PLACES, fields="&field=e000:double", rows=[(1.0,)] * 3)
    assert embed(gui, layer, "columns").layer is None
    assert "e000" in gui.iface.messages()[-1]


def test_a_target_that_cannot_be_written_says_so(
    gui: object, make_points: object, tmp_path: Path
) -> None:
    run = embed(gui, make_points(PLACES), "copy", path=tmp_path / "missing" / "copy.gpkg")
    assert run.layer is None
    assert gui.iface.messages()


def test_the_dialog_asks_what_it_needs(gui: object, make_points: object, tmp_path: Path) -> None:
    from satclip_qgis.gui.embed import COPY, EmbedDialog

    layer = make_points(PLACES)
    dialog = EmbedDialog(layer)
    assert not dialog.selected.isEnabled()
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert ok.isEnabled()
    dialog.kind.setCurrentIndex(dialog.kind.findData(COPY))
    assert not ok.isEnabled()
    dialog.path.setFilePath(str(tmp_path / "copy"))
    assert ok.isEnabled()
    assert dialog.choice().path == str(tmp_path / "copy.gpkg")
    layer.selectByIds([1])
    assert EmbedDialog(layer).selected.isChecked()


def test_long_names_do_not_widen_the_dialog(
    gui: object, make_points: object, small_model: Path, tmp_path: Path
) -> None:
    from satclip_qgis.gui.embed import EmbedDialog
    from satclip_qgis.models import set_default_model

    layer = make_points(PLACES)
    layer.setName("measurements of the year " * 10)
    set_default_model(str(tmp_path / f"{'a_model_of_our_own_' * 8}.npz"))
    try:
        assert EmbedDialog(layer).sizeHint().width() < 700
    finally:
        set_default_model("bundled")


def test_every_raster_dialog_goes_with_the_plugin(
    gui: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    import processing

    monkeypatch.setattr(processing, "createAlgorithmDialog", lambda *_: QDialog())
    gui.actions["raster"].trigger()
    gui.actions["clusters"].trigger()
    opened = gui.dialogs
    assert [dialog.isVisible() for dialog in opened] == [True, True]
    gui.unload()
    assert [dialog.isVisible() for dialog in opened] == [False, False]


def test_the_models_dialog_reaches_the_dock(gui: object, small_model: Path) -> None:
    from satclip_qgis.models import set_default_model

    gui.actions["similar"].trigger()
    gui.actions["models"].trigger()
    try:
        gui.models.open_file(str(small_model))
        gui.models.use()
        assert gui.dock.session.model == str(small_model)
        assert not gui.models.isModal()
        assert gui.models.windowModality() == Qt.WindowModality.NonModal
    finally:
        set_default_model("bundled")
        wait(lambda: not gui.dock.session.busy)
