"""The field for a model in the dialogs of Processing: the known names to choose from, or a path."""

from __future__ import annotations

from processing.gui.wrappers import WidgetWrapper
from qgis.gui import QgsGui
from qgis.PyQt.QtWidgets import QComboBox

from ..models import known_models


class ModelWidget(WidgetWrapper):
    """A list that takes other text too; QGIS' own would put its first entry in place of that."""

    def __new__(cls, parameter, dialog, *more, **named):
        """In the model designer QGIS' own: it takes inputs of the model and expressions too."""
        if type(dialog).__name__ != "ModelerParametersDialog":
            return super().__new__(cls, parameter, dialog, *more, **named)
        widget = QgsGui.processingGuiRegistry().createModelerParameterWidget(
            dialog.model, dialog.childId, parameter, dialog.context
        )
        widget.setDialog(dialog)
        return widget

    def createWidget(self, **_more):
        """The list, as Processing asks for it."""
        box = QComboBox()
        box.setEditable(True)
        box.addItems(known_models())
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.currentTextChanged.connect(lambda _text: self.widgetValueHasChanged.emit(self))
        return box

    def setValue(self, value):
        """Show a name or path."""
        self.widget.setCurrentText("" if value is None else str(value))

    def value(self):
        """What is written there."""
        return self.widget.currentText().strip()
