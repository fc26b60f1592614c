"""The help that comes with the plugin: one page, found on disk, so that it is always there."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QDesktopServices

_FOLDER = Path(__file__).parent


def help_url(topic: str = "") -> QUrl:
    """Address of the page in QGIS' language, English where there is none.

    Args:
        topic: id of a section: the name of an algorithm, "similar-places", "embed-points",
            "models"; the top of the page where empty.
    """
    language = QgsApplication.instance().locale()[:2]
    page = _FOLDER / f"index_{language}.html"
    url = QUrl.fromLocalFile(str(page if page.is_file() else _FOLDER / "index.html"))
    if topic:
        url.setFragment(topic)
    return url


def open_help(topic: str = "") -> None:
    """Show a section in the browser of the system."""
    QDesktopServices.openUrl(help_url(topic))
