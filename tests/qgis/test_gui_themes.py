"""What the plugin draws itself can be read in QGIS' dark themes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from qgis.PyQt.QtGui import QColor, QPalette


def histogram() -> object:
    from satclip_qgis.gui.histogram import Histogram

    made = Histogram()
    made.set_values(np.linspace(0, 1, 99), None, (0.0, 1.0))
    return made


def scatter() -> object:
    from satclip_qgis.gui.mapping.scatter import Scatter

    made, values = Scatter(), np.linspace(0, 1, 9)
    made.set_values(values, values, np.zeros(9, bool))
    return made


@pytest.mark.parametrize("ground", ["#ffffff", "#323232", "#848484"])
@pytest.mark.parametrize("text", ["#000000", "#ffffff", "#404040"])
@pytest.mark.parametrize("make", [histogram, scatter])
def test_the_axis_of_a_picture_stands_out(
    plugin: object, make: Callable[[], object], ground: str, text: str
) -> None:
    widget = make()
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Base, QColor(ground))
    palette.setColor(QPalette.ColorRole.Window, QColor(ground))
    palette.setColor(QPalette.ColorRole.Text, QColor(text))
    widget.setPalette(palette)
    widget.setAutoFillBackground(True)
    widget.resize(260, 200)
    image = widget.grab().toImage()
    foot = range(image.height() - widget.fontMetrics().height(), image.height())
    seen = {image.pixelColor(x, y).lightness() for y in foot for x in range(image.width())}
    assert max(abs(light - QColor(ground).lightness()) for light in seen) > 80
