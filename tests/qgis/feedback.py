"""A feedback of Processing that keeps what it is told."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback


class Feedback(QgsProcessingFeedback):
    """Keeps what is said, and each step of the progress."""

    def __init__(self):
        super().__init__(False)
        self.said = []
        self.steps = []
        self.progressChanged.connect(self.steps.append)

    def pushInfo(self, info):
        self.said.append(info)

    def pushWarning(self, warning):
        self.said.append(f"warning: {warning}")
