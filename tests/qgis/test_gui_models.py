"""The Models dialog, against a model hub on a real local socket."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from gui_window import wait
from hub import Hub, Server, hub_handler
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

NAME = "satclip-resnet18-l10"


@pytest.fixture
def checkpoint(small_model: Path) -> bytes:
    """What the hub serves: the name says .ckpt, the content is a model file that can be read."""
    return small_model.read_bytes()


@pytest.fixture
def hub(
    qgis_app: object, checkpoint: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hub]:
    from satclip_qgis.models import set_default_model
    from satclip_qgis.satclip_core.models import published, registry

    hub = Hub({f"{NAME}.ckpt": checkpoint})
    pinned = replace(
        published.PUBLISHED[NAME],
        size=len(checkpoint),
        sha256=hashlib.sha256(checkpoint).hexdigest(),
    )
    monkeypatch.setitem(registry.PUBLISHED, NAME, pinned)
    monkeypatch.setenv("SATCLIP_CACHE", str(tmp_path / "cache"))
    with Server(hub_handler(hub)) as server:
        hub.url = server.url
        monkeypatch.setenv("SATCLIP_HUB_URL", server.url)
        yield hub
    set_default_model("bundled")


@pytest.fixture
def dialog(hub: Hub) -> Iterator[object]:
    from satclip_qgis.gui.models_dialog import ModelsDialog

    made = ModelsDialog()
    made.show()
    yield made
    made.close()


def press(button: object) -> None:
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def row(dialog: object, name: str) -> list[str]:
    dialog.select(name)
    table = dialog.table
    return [table.item(table.currentRow(), column).text() for column in range(table.columnCount())]


def test_it_lists_what_there_is(dialog: object) -> None:
    bundled = row(dialog, "bundled")
    assert bundled[1:5] == ["comes with the plugin", "30", "4.3 km", "MIT"]
    assert row(dialog, NAME)[1:4] == ["not fetched", "10", "1,000 km"]
    assert dialog.table.rowCount() == 8


def test_the_facts_of_a_model_are_shown(dialog: object) -> None:
    from satclip_qgis.models import encoder

    dialog.select("bundled")
    wait(lambda: "SHA-256" in dialog.facts.toPlainText())
    text = dialog.facts.toPlainText()
    assert encoder("bundled").sha256 in text
    assert "Effective resolution: 4.3 km" in text
    assert "Blue Marble" in text


def test_nothing_is_fetched_unasked(dialog: object, hub: Hub) -> None:
    dialog.select(NAME)
    QTest.qWait(100)
    assert hub.log == []
    assert not dialog.use_button.isEnabled()


def test_a_model_is_fetched_on_request_and_checked(dialog: object, hub: Hub) -> None:
    from satclip_qgis.satclip_core.models.registry import PUBLISHED, read_record

    dialog.select(NAME)
    press(dialog.fetch_button)
    wait(lambda: dialog._fetch is None)
    assert dialog.status.text() == f"{NAME} is here, and checked."
    assert row(dialog, NAME)[1] == "fetched"
    record = read_record(PUBLISHED[NAME])
    assert record is not None
    assert record.sha256 == PUBLISHED[NAME].sha256
    assert [path.name for path in PUBLISHED[NAME].path.parent.iterdir()] == [
        f"{NAME}.ckpt",
        f"{NAME}.json",
    ] or len(list(PUBLISHED[NAME].path.parent.iterdir())) == 2


@pytest.mark.parametrize("fault", ["404", "html", "cut:1000"])
def test_a_failed_download_says_so_and_leaves_nothing(
    dialog: object, hub: Hub, fault: str, tmp_path: Path
) -> None:
    hub.faults += [fault] * 8
    dialog.select(NAME)
    press(dialog.fetch_button)
    wait(lambda: dialog._fetch is None)
    assert NAME in dialog.status.text()
    assert list((tmp_path / "cache").iterdir()) == []
    assert dialog.fetch_button.isEnabled()


def test_a_download_is_stopped(dialog: object, hub: Hub, tmp_path: Path) -> None:
    hub.faults.append("hold:100000")
    dialog.select(NAME)
    press(dialog.fetch_button)
    wait(lambda: dialog.progress.maximum() > 0 and dialog.progress.value() > 0)
    press(dialog.cancel_button)
    wait(lambda: dialog._fetch is None)
    assert dialog.status.text() == "Stopped."
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_download_is_not_begun_twice(dialog: object, hub: Hub) -> None:
    hub.faults.append("hold:100000")
    dialog.select(NAME)
    press(dialog.fetch_button)
    assert not dialog.fetch_button.isEnabled()
    press(dialog.cancel_button)
    wait(lambda: dialog._fetch is None)
    assert dialog.fetch_button.isEnabled()


def test_a_dialog_deleted_during_the_check_is_told_nothing(
    dialog: object, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As when the plugin is unloaded; the model is kept all the same."""
    from satclip_qgis.gui import fetch
    from satclip_qgis.satclip_core.models.registry import PUBLISHED

    raised: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda *told: raised.append(told))
    begun, go_on, adopt = Event(), Event(), fetch.adopt

    def slow(name: str, part: Path) -> object:
        begun.set()
        assert go_on.wait(60)
        return adopt(name, part)

    monkeypatch.setattr(fetch, "adopt", slow)
    made = type(dialog)()
    made.select(NAME)
    made.fetch()
    wait(begun.is_set)
    work, ended = made._fetch._task, []
    work.taskCompleted.connect(lambda: ended.append(True))
    made.close()
    sip.delete(made)
    go_on.set()
    wait(lambda: ended)
    wait(lambda: not list((tmp_path / "cache").glob("*.part.ckpt")))
    assert PUBLISHED[NAME].path.is_file()
    assert raised == []


def test_a_choice_is_kept(dialog: object, small_model: Path) -> None:
    from satclip_qgis.models import default_model

    told: list[str] = []
    dialog.chosen.connect(told.append)
    dialog.open_file(str(small_model))
    assert dialog.selected() == str(small_model)
    wait(lambda: "Seeded weights" in dialog.facts.toPlainText())
    press(dialog.use_button)
    assert told == [str(small_model)]
    assert default_model() == str(small_model)


def test_a_file_that_is_no_model_leaves_the_list(dialog: object, tmp_path: Path) -> None:
    rows = dialog.table.rowCount()
    path = tmp_path / "no.npz"
    path.write_bytes(b"no model")
    dialog.open_file(str(path))
    wait(lambda: "no.npz" in dialog.status.text())
    assert dialog.table.rowCount() == rows
    assert all("no.npz" not in dialog._name(row) for row in range(rows))


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_a_remembered_file_that_is_no_model_any_more_leaves_the_list(
    dialog: object, damage: str, tmp_path: Path, small_model: Path
) -> None:
    from satclip_qgis.models import default_model, set_default_model

    rows, path = dialog.table.rowCount(), tmp_path / "mine.npz"
    path.write_bytes(small_model.read_bytes())
    dialog.open_file(str(path))
    wait(lambda: "Seeded weights" in dialog.facts.toPlainText())
    press(dialog.use_button)
    told: list[str] = []
    dialog.chosen.connect(told.append)
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"no model")
    dialog.reload()
    wait(lambda: "mine.npz" in dialog.status.text())
    assert dialog.table.rowCount() == rows
    assert default_model() == "bundled"
    assert told == ([] if damage == "gone" else ["bundled"])
    dialog.select("bundled")
    assert dialog.table.item(dialog.table.currentRow(), 0).font().bold()
    set_default_model("bundled")
    dialog.reload()


def test_a_fetched_model_that_has_changed_can_be_fetched_again(dialog: object, hub: Hub) -> None:
    from satclip_qgis.satclip_core.models.registry import PUBLISHED

    path = PUBLISHED[NAME].path
    path.parent.mkdir()
    path.write_bytes(b"cut short")
    dialog.reload()
    dialog.select(NAME)
    wait(lambda: "fetch it again under SatCLIP > Models" in dialog.facts.toPlainText())
    assert not dialog.use_button.isEnabled()
    press(dialog.fetch_button)
    wait(lambda: dialog._fetch is None)
    assert dialog.status.text() == f"{NAME} is here, and checked."
    wait(lambda: dialog.use_button.isEnabled())
