"""What QGIS loads and unloads: translations, the Processing provider, functions, the interface."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QTranslator

from .algorithms.running import stop_all
from .expressions import Functions
from .provider import SatclipProvider
from .settings import apply as apply_settings

TRANSLATIONS = Path(__file__).parent / "i18n"


class SatclipPlugin:
    """The plugin.

    Args:
        iface: QGIS's window; None in qgis_process, which asks for `initProcessing` alone.
    """

    def __init__(self, iface):
        self.iface = iface
        self.provider = None
        self.gui = None
        self.translator = _translator()
        self.functions = Functions()

    def initProcessing(self):
        """Offer algorithms and functions; QGIS calls this alone where there is no window."""
        apply_settings()
        self.provider = SatclipProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)
        self.functions.register()

    def initGui(self):
        """Offer the algorithms, toolbar, menu and dock."""
        from .gui import Gui

        self.initProcessing()
        self.gui = Gui(self.iface)
        self.gui.load()

    def unload(self):
        """Take everything away again."""
        if self.gui is not None:
            self.gui.unload()
            self.gui = None
        stop_all()
        self.functions.unregister()
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        if self.translator is not None:
            QCoreApplication.removeTranslator(self.translator)
            self.translator = None


def _translator():
    """The translation for QGIS's language, installed; None where there is none."""
    language = QgsApplication.instance().locale()[:2]
    translator = QTranslator()
    if not translator.load(str(TRANSLATIONS / f"satclip_{language}.qm")):
        return None
    QCoreApplication.installTranslator(translator)
    return translator
