"""What becomes of a result on the map: style and provenance, once QGIS has loaded the layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable

from qgis.core import QgsProcessingLayerPostProcessorInterface

from ..styles import describe, keep_style


class Finish(QgsProcessingLayerPostProcessorInterface):
    """Styles and describes one layer, in the main thread.

    Args:
        style: takes the layer.
        facts: provenance.
        title: what the layer is.
        closing: said at the very end of the log, below what QGIS says of the results.
    """

    # QGIS keeps no reference of its own to what Python made.
    _alive: list[Finish] = []  # noqa: RUF012

    def __init__(
        self, style: Callable, facts: Mapping[str, str], title: str, closing: str = ""
    ) -> None:
        super().__init__()
        self.closing = closing
        self.style = style
        self.facts = facts
        self.title = title

    def postProcessLayer(self, layer, context, feedback):
        """Called by QGIS for the loaded layer."""
        if layer is not None and layer.isValid():
            self.style(layer)
            describe(layer, self.facts, self.title)
            keep_style(layer)
            layer.triggerRepaint()
        if self.closing:
            feedback.pushInfo(self.closing)
        if self in Finish._alive:
            Finish._alive.remove(self)

    def attach(self, context, destination: str, feedback, name: str = "") -> None:
        """Have QGIS call it, if the result is to be loaded at all; else say the closing now.

        Args:
            context: of the run.
            destination: of the layer.
            feedback: of the run.
            name: of the layer; QGIS' own, after the parameter or the file, where empty.
        """
        if context.willLoadLayerOnCompletion(destination):
            Finish._alive.append(self)
            details = context.layerToLoadOnCompletionDetails(destination)
            details.setPostProcessor(self)
            if name:
                details.name = name
        elif self.closing:
            feedback.pushInfo(self.closing)
