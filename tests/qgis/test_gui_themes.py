"""What the plugin draws itself can be read in QGIS' dark themes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from qgis.PyQt.QtGui import QColor, QPalette


@pytest.mark.parametrize("ground", ["#ffffff", "#323232", "#848484"])
@pytest.mark.parametrize("text", ["#000000", "#ffffff", "#404040"])
def test_the_axis_of_the_histogram_stands_out(plugin: object, ground: str, text: str) -> None:
    from satclip_qgis.gui.histogram import Histogram

    histogram = Histogram()
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Base, QColor(ground))
    palette.setColor(QPalette.ColorRole.Window, QColor(ground))
    palette.setColor(QPalette.ColorRole.Text, QColor(text))
    histogram.setPalette(palette)
    histogram.setAutoFillBackground(True)
    histogram.resize(260, 150)
    histogram.set_values(np.linspace(0, 1, 99), None, (0.0, 1.0))
    image = histogram.grab().toImage()
    foot = range(image.height() - histogram.fontMetrics().height(), image.height())
    seen = {image.pixelColor(x, y).lightness() for y in foot for x in range(image.width())}
    assert max(abs(light - QColor(ground).lightness()) for light in seen) > 80
