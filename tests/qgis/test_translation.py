"""The German translation: whole, compiled, with the same placeholders, and used."""

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


def test_every_text_is_translated_with_its_placeholders():
    known = update.translations(I18N / "satclip_de.ts")
    missing = [text for text in update.texts() if text not in known]
    assert not missing, "run qgis_plugin/i18n/update.py and translate what is unfinished"
    for text, translation in known.items():
        assert sorted(re.findall(r"{.*?}", text)) == sorted(re.findall(r"{.*?}", translation))


def test_a_german_qgis_speaks_german(plugin_folder):
    pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
    code = """
import sys
from qgis.core import QgsApplication
app = QgsApplication([], False)
app.initQgis()
QgsApplication.setLocale(__import__("qgis.PyQt.QtCore").PyQt.QtCore.QLocale("de_DE"))
sys.path.insert(0, sys.argv[1])
import satclip_qgis
plugin = satclip_qgis.classFactory(None)
plugin.initProcessing()
print(plugin.provider.algorithm("similarplaces").displayName())
plugin.unload()
"""
    command = [sys.executable, "-c", code, str(plugin_folder)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "Ähnlichste Orte" in result.stdout, result.stdout + result.stderr
