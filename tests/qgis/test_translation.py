"""The translations: whole, compiled, with the same placeholders, and used."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
I18N = ROOT / "qgis_plugin" / "i18n"
sys.path.insert(0, str(I18N))
import update  # noqa: E402

sys.path.remove(str(I18N))


LANGUAGES = ("de", "fr")


def test_there_are_no_other_languages():
    assert sorted(path.stem for path in I18N.glob("*.ts")) == [f"satclip_{n}" for n in LANGUAGES]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_with_its_placeholders(language):
    known = update.translations(I18N / f"satclip_{language}.ts")
    missing = [text for text in update.texts() if text not in known]
    assert not missing, "run qgis_plugin/i18n/update.py and translate what is unfinished"
    for text, translation in known.items():
        assert sorted(re.findall(r"{.*?}", text)) == sorted(re.findall(r"{.*?}", translation))


def test_french_signs_stand_apart():
    """A space before : ; ? and !, as French has it, and inside its quotation marks."""
    for translation in update.translations(I18N / "satclip_fr.ts").values():
        text = re.sub(r"<pre>.*?</pre>|https?://\S+|\(\*\.\w+\)|EPSG:\d+|{.*?}", "", translation)
        assert not re.search(r"\w[;?!]|\w:(?!\w)", text), translation


def test_what_waits_is_printed(tmp_path, monkeypatch, capsys):
    (tmp_path / "satclip_eo.ts").touch()
    monkeypatch.setattr(update, "FOLDER", tmp_path)
    monkeypatch.setattr(update, "texts", lambda: ["Place"])
    monkeypatch.setattr(update.shutil, "which", lambda _name: None)
    assert update.main() == 1
    assert capsys.readouterr().out.split("\n")[:2] == [
        "satclip_eo.ts: 1 texts to translate",
        "  'Place'",
    ]


@pytest.mark.parametrize(
    ("locale", "title"), [("de_DE", "Ähnlichste Orte"), ("fr_FR", "Lieux les plus semblables")]
)
def test_qgis_speaks_the_language(plugin_folder, locale, title):
    pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
    code = """
import sys
from qgis.core import QgsApplication
app = QgsApplication([], False)
app.initQgis()
QgsApplication.setLocale(__import__("qgis.PyQt.QtCore").PyQt.QtCore.QLocale(sys.argv[2]))
sys.path.insert(0, sys.argv[1])
import satclip_qgis
plugin = satclip_qgis.classFactory(None)
plugin.initProcessing()
print(plugin.provider.algorithm("similarplaces").displayName())
plugin.unload()
"""
    command = [sys.executable, "-c", code, str(plugin_folder), locale]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert title in result.stdout, result.stdout + result.stderr
