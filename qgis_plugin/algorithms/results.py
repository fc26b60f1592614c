"""What becomes of a result on the map: style and provenance, once QGIS has loaded the layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable

from qgis.core import QgsProcessingLayerPostProcessorInterface

from ..styles import describe


class Finish(QgsProcessingLayerPostProcessorInterface):
    """Styles and describes one layer, in the main thread.

    Args:
        style: takes the layer.
        facts: provenance.
        title: what the layer is.
    """

    # QGIS keeps no reference of its own to what Python made.
    _alive: list[Finish] = []  # noqa: RUF012

    def __init__(self, style: Callable, facts: Mapping[str, str], title: str) -> None:
        super().__init__()
        self.style = style
        self.facts = facts
        self.title = title

    def postProcessLayer(self, layer, context, feedback):
        """Called by QGIS for the loaded layer."""
        if layer is not None and layer.isValid():
            self.style(layer)
            describe(layer, self.facts, self.title)
            layer.triggerRepaint()
        if self in Finish._alive:
            Finish._alive.remove(self)

    def attach(self, context, destination: str) -> None:
        """Have QGIS call it, if the result is to be loaded at all."""
        if context.willLoadLayerOnCompletion(destination):
            Finish._alive.append(self)
            context.layerToLoadOnCompletionDetails(destination).setPostProcessor(self)
