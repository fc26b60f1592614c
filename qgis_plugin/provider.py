"""The Processing provider: what is in the toolbox under SatCLIP."""

from __future__ import annotations

from pathlib import Path

from osgeo import gdal, osr  # noqa: F401  (loaded, so that the core takes these)
from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithms import ALGORITHMS
from .text import tr

ICON = Path(__file__).parent / "icons" / "satclip.svg"


class SatclipProvider(QgsProcessingProvider):
    """Location embeddings as Processing algorithms."""

    def id(self):
        """Identifier, as in `satclip:similarity`."""
        return "satclip"

    def name(self):
        """Name in the toolbox."""
        return "SatCLIP"

    def longName(self):
        """Name where there is room."""
        return tr("SatCLIP location embeddings")

    def icon(self):
        """Icon in the toolbox."""
        return QIcon(str(ICON))

    def svgIconPath(self):
        """The same icon as a file."""
        return str(ICON)

    def loadAlgorithms(self):
        """Offer all algorithms."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())

    def supportedOutputRasterLayerExtensions(self):
        """Rasters are GeoTIFFs."""
        return ["tif", "tiff"]
