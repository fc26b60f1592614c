"""What the panel Map from samples asks: samples, field, area, pixels."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFieldProxyModel,
    QgsMapLayerProxyModel,
    QgsProject,
    QgsRectangle,
    QgsReferencedRectangle,
    QgsUnitTypes,
    QgsVectorLayer,
)
from qgis.gui import QgsExtentWidget, QgsFieldComboBox, QgsMapLayerComboBox
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSizePolicy,
    QStackedWidget,
    QWidget,
)

from ...algorithms.learning import first_field
from ...crs import lonlat_crs
from ...satclip_core.errors import InputError
from ...satclip_core.grid.crs import LONLAT
from ...satclip_core.raster.countries import Country, country_names, find_country
from ...satclip_core.raster.polygons import Polygons
from ...text import tr
from .outline import CountryOutline
from .trial import Question

SAMPLES, VIEW, COUNTRY, OTHER = "samples", "view", "country", "other"
# Part of the samples' extent that the area round them is wider by, at each side.
_MARGIN = 0.05


class Questions(QWidget):
    """Form fields; whoever asks gets a `Question`.

    Args:
        canvas: of the map.
    """

    changed = pyqtSignal()
    begun_anew = pyqtSignal()  # another layer or field

    def __init__(self, canvas: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self.outline = CountryOutline(canvas)
        self._shown = False  # whether the panel is: what is on the map goes and comes with it
        self._make()
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("Samples"), self.layer)
        form.addRow(tr("Field to map"), self.field)
        form.addRow(self.classes)  # long in some languages
        form.addRow(tr("Area"), self.area)
        form.addRow("", self.where)
        form.addRow(tr("Pixel size"), self.resolution)
        form.addRow("", self._pixels)
        form.addRow("", self.land)
        self._connect()
        self._layer_changed()
        self._area_changed()

    def close_down(self) -> None:
        """Let go of the map: what is drawn on it must not outlive it."""
        self._canvas.destinationCrsChanged.disconnect(self.outline.draw)
        self.outline.clear()
        self.extent.blockSignals(True)
        sip.delete(self.extent)

    def samples_layer(self) -> QgsVectorLayer | None:
        """The layer of samples; None where there is none."""
        layer = self.layer.currentLayer()
        return layer if isinstance(layer, QgsVectorLayer) and layer.isValid() else None

    def choose(self, layer: QgsVectorLayer) -> None:
        """Choose a layer of samples."""
        self.layer.setLayer(layer)

    def set_shown(self, shown: bool) -> None:
        """Draw on the map what is asked for, or take it off while the panel is hidden."""
        self._shown = shown
        self._outline()

    def set_size(self, text: str) -> None:
        """Say how many pixels that makes."""
        self._pixels.setText(text)

    def crs(self) -> QgsCoordinateReferenceSystem:
        """Of the map: the project's, else the layer's, else degrees."""
        layer = self.samples_layer()
        known = [QgsProject.instance().crs(), *([layer.crs()] if layer is not None else [])]
        return next((crs for crs in known if crs.isValid()), lonlat_crs())

    def question(self, model: str, **more: Any) -> Question | None:
        """What is asked; None where something is not said yet.

        Args:
            model: name or path.
            more: `missing` and `left_out` of the question.

        Raises:
            InputError: there is no such country.
        """
        layer, field = self.samples_layer(), self.field.currentField()
        if layer is None or not field:
            return None
        extent = self._extent(layer)
        if extent is None:
            return None
        size = self.resolution.value()
        return Question(
            layer.id(),
            field,
            self.classes.isEnabled() and self.classes.isChecked(),
            extent,
            self.crs(),
            size if size > 0 else None,
            self.land.isChecked(),
            model,
            self._country().name if self.area.currentData() == COUNTRY else None,
            **more,
        )

    def _make(self) -> None:
        self.layer = QgsMapLayerComboBox()
        self.layer.setFilters(QgsMapLayerProxyModel.Filter.PointLayer)
        self.layer.setToolTip(tr("Points where the value is known, in any CRS."))
        self.field = QgsFieldComboBox()
        self.field.setFilters(QgsFieldProxyModel.Filter.Numeric | QgsFieldProxyModel.Filter.String)
        self.field.setToolTip(tr("Numbers, or the names of classes."))
        self.classes = QCheckBox(tr("Numbers are codes of classes"))
        self.classes.setToolTip(tr("Whole numbers may be codes of classes: then say so."))
        self.area = QComboBox()
        self.area.addItem(tr("around the samples"), SAMPLES)
        self.area.addItem(tr("what the map shows"), VIEW)
        self.area.addItem(tr("a country"), COUNTRY)
        self.area.addItem(tr("another extent"), OTHER)
        self.country = QComboBox()
        self.country.setEditable(True)
        self.country.addItems(country_names())
        self.country.setCurrentIndex(-1)
        self.country.lineEdit().setPlaceholderText(tr("Name in English, or ISO code"))
        self.country.completer().setFilterMode(Qt.MatchFlag.MatchContains)
        self.country.completer().setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.extent = QgsExtentWidget(self, QgsExtentWidget.WidgetStyle.CondensedStyle)
        self.extent.setMapCanvas(self._canvas)
        self.extent.setOutputCrs(self.crs_of_project())
        self.where = QStackedWidget()
        for widget in (self.country, self.extent):
            self.where.addWidget(widget)
        self.where.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.resolution = QDoubleSpinBox()
        self.resolution.setRange(0, 1e7)
        self.resolution.setDecimals(6)
        self.resolution.setSpecialValueText(tr("as the model resolves"))
        self.resolution.setToolTip(
            tr("In units of the project's CRS. 0: a quarter of what the model resolves.")
        )
        self._pixels = QLabel()
        self.land = QCheckBox(tr("Only on land"))
        self.land.setChecked(True)
        self.land.setToolTip(tr("No data at sea, where the models have learnt nothing."))
        for box in (self.layer, self.field, self.area, self.country):
            # A long name must not widen the dock.
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(12)

    def _connect(self) -> None:
        self.changed.connect(self._outline)
        self._canvas.destinationCrsChanged.connect(self.outline.draw)
        self.layer.layerChanged.connect(self._layer_changed)
        self.field.fieldChanged.connect(self._field_changed)
        self.area.currentIndexChanged.connect(self._area_changed)
        for signal in (
            self.classes.toggled,
            self.country.currentIndexChanged,
            self.country.lineEdit().editingFinished,
            self.extent.extentChanged,
            self.resolution.valueChanged,
            self.land.toggled,
        ):
            signal.connect(lambda *_: self.changed.emit())

    @staticmethod
    def crs_of_project() -> QgsCoordinateReferenceSystem:
        """Of the project, else degrees."""
        crs = QgsProject.instance().crs()
        return crs if crs.isValid() else lonlat_crs()

    def _layer_changed(self, *_: Any) -> None:
        layer = self.samples_layer()
        self.field.setLayer(layer)
        if layer is not None:
            try:
                self.field.setField(first_field(layer.fields()))
            except InputError:
                self.field.setField("")
        self._field_changed()

    def _field_changed(self, *_: Any) -> None:
        layer, field = self.samples_layer(), self.field.currentField()
        index = layer.fields().lookupField(field) if layer is not None and field else -1
        kind = layer.fields().field(index) if layer is not None and index >= 0 else None
        whole = kind is not None and kind.isNumeric() and kind.typeName().lower()[:3] == "int"
        self.classes.setEnabled(whole)
        self.classes.setVisible(whole)
        self.begun_anew.emit()
        self.changed.emit()

    def _area_changed(self, *_: Any) -> None:
        area = self.area.currentData()
        self.where.setVisible(area in (COUNTRY, OTHER))
        self.where.setCurrentWidget(self.country if area == COUNTRY else self.extent)
        if area == OTHER and not self.extent.isValid():
            crs = self._canvas.mapSettings().destinationCrs()
            self.extent.setOutputCrs(self.crs_of_project())
            self.extent.setCurrentExtent(self._canvas.extent(), crs)
            self.extent.setOutputExtentFromCurrent()
        self.changed.emit()

    def _extent(self, layer: QgsVectorLayer) -> QgsReferencedRectangle | str | None:
        """The area; None where it is not said yet."""
        area = self.area.currentData()
        if area == SAMPLES:
            crs = layer.crs() if layer.crs().isValid() else lonlat_crs()
            return QgsReferencedRectangle(_around(layer.extent(), crs), crs)
        if area == VIEW:
            settings = self._canvas.mapSettings()
            return QgsReferencedRectangle(settings.visibleExtent(), settings.destinationCrs())
        if area == COUNTRY:
            return _of_country(self._country()) if self.country.currentText().strip() else None
        if not self.extent.isValid():
            return None
        return QgsReferencedRectangle(self.extent.outputExtent(), self.extent.outputCrs())

    def _country(self) -> Country:
        """The one that is named.

        Raises:
            InputError: there is none of that name.
        """
        return find_country(self.country.currentText().strip())

    def _outline(self) -> None:
        """Draw the country on the map, and show it where it is another one."""
        if not self._shown:
            self.outline.clear()
            return
        country = None
        if self.area.currentData() == COUNTRY:
            with suppress(InputError):  # told where the question is asked
                country = self._country()
        if self.outline.show(country):
            self.outline.bring_into_view()

    def unit(self) -> str:
        """Of the CRS of the map."""
        return str(QgsUnitTypes.toAbbreviatedString(self.crs().mapUnits()))


def _around(box: QgsRectangle, crs: QgsCoordinateReferenceSystem) -> QgsRectangle:
    """An extent with a margin; in degrees not beyond the Earth."""
    wider = QgsRectangle(box)
    wider.grow(_MARGIN * max(box.width(), box.height()) or _MARGIN)
    if not crs.isGeographic():
        return wider
    return wider.intersect(QgsRectangle(-180, -90, 180, 90))


def _of_country(country: Country) -> str:
    """The extent of a country without what is far away, as text: one may cross the date line."""
    bounds = Polygons(country.main_part, LONLAT).bounds
    west, south, east, north = (f"{degrees:.10g}" for degrees in bounds)
    return f"{west},{east},{south},{north} [{LONLAT}]"
