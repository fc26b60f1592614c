"""Help: pages are what docs/qgis.md says, whole in each language, and reached from everywhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HELP = ROOT / "qgis_plugin" / "help"
PAGES = {path.stem: path for path in sorted(HELP.glob("*.html"))}
LANGUAGES = {"index": "en", "index_de": "de", "index_fr": "fr"}
ALGORITHM = re.compile(r'^    NAME = "(\w+)"$', re.M)
DIALOGS = ("similar-places", "embed-points", "models", "settings", "example", "about")


def anchors(page: str) -> set[str]:
    return set(re.findall(r'<a id="([\w-]+)">', page))


def test_there_is_a_page_for_each_language() -> None:
    assert set(PAGES) == set(LANGUAGES)


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_what_the_guides_make(name: str) -> None:
    pytest.importorskip("markdown_it", reason="pip install markdown-it-py")
    spec = importlib.util.spec_from_file_location("update_help", HELP / "update.py")
    update = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(update)
    language = LANGUAGES[name]
    made = update.page(language, update.guides()[language])
    assert PAGES[name].read_text("utf-8") == made, "run qgis_plugin/help/update.py"


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere_and_every_picture_is_there(name: str) -> None:
    page = PAGES[name].read_text("utf-8")
    assert ".example" not in page
    for link in re.findall(r'href="(.*?)"', page):
        assert link[0] == "#", f"{link} is not in the zip"
        assert link[1:] in anchors(page)
    pictures = re.findall(r'<img src="(.*?)"', page)
    assert pictures
    for picture in pictures:
        assert (ROOT / "docs" / picture).stat().st_size <= 400_000, picture


@pytest.mark.parametrize("name", PAGES)
def test_every_dialog_and_algorithm_has_its_section_in_each_language(name: str) -> None:
    folder = ROOT / "qgis_plugin" / "algorithms"
    names = {
        found
        for path in folder.glob("*.py")
        for found in ALGORITHM.findall(path.read_text("utf-8"))
    }
    assert len(names) >= 18
    assert names | set(DIALOGS) <= anchors(PAGES[name].read_text("utf-8"))


def test_languages_have_the_same_sections() -> None:
    found = {name: anchors(path.read_text("utf-8")) for name, path in PAGES.items()}
    assert found["index"] == found["index_de"] == found["index_fr"]


def test_what_the_plugin_opens_is_there() -> None:
    """Every topic that is handed to `open_help`."""
    known = anchors(PAGES["index"].read_text("utf-8"))
    for path in sorted((ROOT / "qgis_plugin").rglob("*.py")):
        for topic in re.findall(r'open_help\("([\w-]+)"\)', path.read_text("utf-8")):
            assert topic in known, f"{path.name}: {topic}"
