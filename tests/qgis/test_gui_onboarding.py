"""About, the page of options, and the example project."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from gui_window import wait
from qgis.core import QgsProject, QgsSettings, QgsVectorLayer
from qgis.PyQt.QtWidgets import QLabel


@pytest.fixture
def settings(plugin: object) -> Iterator[object]:
    from satclip_qgis import settings

    yield settings
    QgsSettings().remove("satclip")
    settings.apply()


def test_about_says_the_version_and_shows_the_card_of_the_model(gui: object) -> None:
    from satclip_qgis.models import encoder
    from satclip_qgis.satclip_core.version import __version__

    gui.actions["about"].trigger()
    assert any(f"Version {__version__}" in label.text() for label in gui.about.findChildren(QLabel))
    wait(lambda: "SHA-256" in gui.about.card.toPlainText())
    card = gui.about.card.toPlainText()
    assert encoder().sha256 in card
    for wanted in ("Licence", "Blue Marble", "probe", "temperature"):
        assert wanted in card
    for wanted in ("GNU General Public License", "NASA", "Natural Earth"):
        assert wanted in gui.about.about.toPlainText()


def test_options_are_kept_and_take_effect(gui: object, settings: object, tmp_path: Path) -> None:
    from satclip_qgis.satclip_core.compute.threads import available_threads
    from satclip_qgis.satclip_core.models.published import cache_folder

    usual = cache_folder()
    page = gui.options.createWidget(None)
    assert page.folder.lineEdit().placeholderText() == str(usual)
    page.land.setChecked(False)
    page.threads.setValue(1)
    page.downloads.setChecked(False)
    page.folder.setFilePath(str(tmp_path))
    assert settings.land_only()  # not before the user says so
    page.apply()
    assert not settings.land_only()
    assert available_threads() == 1
    assert cache_folder() == tmp_path
    again = gui.options.createWidget(None)
    assert (again.land.isChecked(), again.threads.value()) == (False, 1)
    assert (again.downloads.isChecked(), again.folder.filePath()) == (False, str(tmp_path))
    again.folder.setFilePath("")
    again.apply()
    assert cache_folder() == usual


def test_another_model_of_the_options_reaches_the_rest(
    gui: object, settings: object, small_model: Path
) -> None:
    from satclip_qgis.models import default_model, set_default_model

    page = gui.options.createWidget(None)
    page.model.addItem("small", str(small_model))
    page.model.setCurrentIndex(page.model.count() - 1)
    page.apply()
    try:
        assert default_model() == str(small_model)
        assert str(small_model) in gui.iface.messages()[-1]
    finally:
        set_default_model("bundled")


def test_nothing_is_fetched_where_options_forbid_it(gui: object, settings: object) -> None:
    gui.actions["models"].trigger()
    gui.models.select("satclip-resnet18-l10")
    assert gui.models.fetch_button.isEnabled()
    settings.allow_downloads(False)
    gui.models.reload()
    gui.models.select("satclip-resnet18-l10")
    assert not gui.models.fetch_button.isEnabled()
    assert "nothing may be fetched" in gui.models.fetch_button.toolTip()


def test_the_example_project_is_copied_opened_and_whole(
    gui: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from satclip_qgis.gui import example

    monkeypatch.setattr(example.QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    gui.actions["example"].trigger()
    gui.actions["example"].trigger()
    assert gui.iface.opened == [
        str(tmp_path / name / example.PROJECT) for name in ("satclip-example", "satclip-example-2")
    ]
    layers = QgsProject.instance().mapLayers().values()
    assert len(layers) >= 5
    for layer in layers:
        assert layer.isValid(), layer.name()
        assert str(tmp_path / "satclip-example-2") in layer.source(), layer.source()
    packed = sum(len(zlib.compress(path.read_bytes(), 9)) for path in example.EXAMPLE.iterdir())
    assert packed < 500_000  # of what everybody downloads


def test_the_example_is_not_opened_where_a_changed_project_shall_stay(
    gui: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from satclip_qgis.gui import example

    QgsProject.instance().addMapLayer(QgsVectorLayer("Point?crs=EPSG:4326", "mine", "memory"))
    QgsProject.instance().setDirty(True)
    monkeypatch.setattr(example.QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    monkeypatch.setattr(gui.iface, "newProject", lambda ask: None)  # "Cancel"
    gui.actions["example"].trigger()
    assert gui.iface.opened == []
    assert list(tmp_path.iterdir()) == []
