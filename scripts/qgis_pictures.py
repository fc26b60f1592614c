"""Make README.md's and docs/maps.md's pictures of the plugin in QGIS, in a window that nobody sees.

From the root of the repository, with a profile of QGIS that is made for this alone:

    plugins=/tmp/qgisprofile/profiles/default/python/plugins
    python3 qgis_plugin/build.py --out /tmp/plugin
    mkdir -p $plugins && unzip -o -d $plugins /tmp/plugin/satclip_qgis-*.zip
    export SATCLIP_COUNTRIES=ne_50m_admin_0_countries.gpkg SATCLIP_IMAGERY=world.topo.200408.jpg
    export SATCLIP_STATIONS=air_temperature_stationDataAll.csv
    xvfb-run -s "-screen 0 1500x900x24" qgis --nologo --noversioncheck \\
        --profiles-path /tmp/qgisprofile --code scripts/qgis_pictures.py

Countries are Natural Earth's, the imagery is a Blue Marble of the whole globe in plate carrée, the
stations those of SatCLIP's table of air temperature, with columns Lon, Lat and meanT.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import qgis.utils
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFillSymbol,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import QDockWidget
from qgis.utils import iface

_given = QgsApplication.arguments()
sys.path.insert(0, str(Path(_given[_given.index("--code") + 1]).resolve().parent))
from qgis_window import click, is_quiet, save_window, wait  # noqa: E402

FOLDER = Path("docs/images")
PLUGIN = "satclip_qgis"
SIZE = (1500, 900)
# Extents in metres of the CRS; the world begins in the Pacific, west of Alaska.
WORLD = ("EPSG:8857", (-12_500_000, -8_400_000, 17_250_000, 8_400_000))
EUROPE = ("EPSG:3857", (-1_800_000, 2_900_000, 5_000_000, 8_700_000))
FRANCE = ("EPSG:3035", (2_900_000, 1_850_000, 4_900_000, 3_350_000))
BEYOND = ("EPSG:3035", (800_000, 0, 7_800_000, 5_500_000))
# Longitude and latitude in degrees.
AMAZON, ALPS, CARPATHIANS = (-62.2, -3.8), (9.5, 46.6), (24.9, 46.5)
# Of the Médoc, the Rioja, the Chianti.
VINEYARDS = ((-0.75, 45.2), (-2.5, 42.45), (11.3, 43.5))
SHIFT = Qt.KeyboardModifier.ShiftModifier


def main() -> None:
    """All pictures."""
    tidy_window()
    add_layers()
    dock = open_dock()
    show_map(*WORLD)
    click(AMAZON)
    dock.panel.set_percentile(90)
    grab("qgis-similar-places", dock)
    show_map(*EUROPE)
    click(ALPS)
    click(CARPATHIANS, SHIFT)
    dock.panel._reduce.setCurrentIndex(dock.panel._reduce.findData("max"))
    dock.panel.set_percentile(95)
    grab("qgis-two-places", dock)
    dock.panel._reduce.setCurrentIndex(dock.panel._reduce.findData("classifier"))
    dock.panel.places.cleared.emit()
    click(VINEYARDS[0])
    for place in VINEYARDS[1:]:
        click(place, SHIFT)
    dock.panel.set_percentile(90)
    grab("qgis-vineyards", dock)
    dock.panel.places.cleared.emit()
    map_stations()


def map_stations() -> None:
    """A map from the stations of Europe, far beyond them, and its error."""
    import processing
    from satclip_qgis.styles import style_values

    for dock in iface.mainWindow().findChildren(QDockWidget):
        dock.setVisible(dock.objectName() == "Layers")
    uri = f"file://{Path(os.environ['SATCLIP_STATIONS']).resolve()}?xField=Lon&yField=Lat"
    stations = QgsVectorLayer(f"{uri}&crs=EPSG:4326", "Stations", "delimitedtext")
    stations.setSubsetString('"Lon" > -11 and "Lon" < 30 and "Lat" > 37 and "Lat" < 60')
    QgsProject.instance().addMapLayer(stations)
    show_map(*BEYOND)
    west, south, east, north = BEYOND[1]
    given = {
        "INPUT": stations,
        "FIELD": "meanT",
        "EXTENT": f"{west},{east},{south},{north} [{BEYOND[0]}]",
        "CRS": BEYOND[0],
        "RESOLUTION": 15_000,
        "UNCERTAINTY": True,
        "OUTPUT": "TEMPORARY_OUTPUT",
        "OUTSIDE": "TEMPORARY_OUTPUT",
    }
    out = processing.runAndLoadResults("satclip:mapfromsamples", given)
    print(out["SUMMARY"], flush=True)
    root = QgsProject.instance().layerTreeRoot()
    above = root.findLayer(stations)
    root.insertChildNode(0, above.clone())
    root.removeChildNode(above)
    wait()
    save_window(FOLDER / "qgis-map.png")
    found = QgsProject.instance().mapLayersByName("meanT, mapped")[0]
    style_values(found, 2)
    found.setName("meanT, standard error")
    found.triggerRepaint()
    wait()
    save_window(FOLDER / "qgis-map-error.png")
    map_country(stations)


def map_country(stations: QgsVectorLayer) -> None:
    """The panel Map from samples: a country outlined, its map tried, and made."""
    project = QgsProject.instance()
    kept = ("Blue Marble", "Countries", stations.name())
    gone = [key for key, layer in project.mapLayers().items() if layer.name() not in kept]
    project.removeMapLayers(gone)
    iface.setActiveLayer(stations)
    gui = qgis.utils.plugins[PLUGIN].gui
    gui.actions["map"].trigger()
    panel = gui.mapping
    show_map(*FRANCE)
    questions = panel.questions
    questions.field.setField("meanT")
    questions.area.setCurrentIndex(questions.area.findData("country"))
    questions.country.setCurrentIndex(questions.country.findText("France"))
    wait(lambda: is_quiet() and panel.found)
    print(panel.findings.headline.text(), flush=True)
    panel.make_map.click()
    wait(lambda: is_quiet() and panel.making is None and panel.found)
    save_window(FOLDER / "qgis-map-panel.png")


def tidy_window() -> None:
    """The layers' panel alone, and no dialog that waits for an answer."""
    asks = "projections/promptWhenMultipleTransformsExist"
    QgsSettings().setValue(asks, False, QgsSettings.Section.App)
    window = iface.mainWindow()
    window.showNormal()
    window.setGeometry(0, 0, *SIZE)
    for dock in window.findChildren(QDockWidget):
        dock.setVisible(dock.objectName() == "Layers")


def add_layers() -> None:
    """Countries, outlined, over the imagery."""
    # The pictures have no georeferencing; GDAL gives it to a copy that only refers to them.
    path = "/vsimem/imagery.vrt"
    globe = {"outputBounds": (-180, 90, 180, -90), "outputSRS": "EPSG:4326"}
    gdal.Translate(path, os.environ["SATCLIP_IMAGERY"], format="VRT", **globe)
    imagery = QgsRasterLayer(path, "Blue Marble", "gdal")
    countries = QgsVectorLayer(os.environ["SATCLIP_COUNTRIES"], "Countries", "ogr")
    outline = {"style": "no", "outline_color": "255,255,255,160", "outline_width": "0.15"}
    countries.renderer().setSymbol(QgsFillSymbol.createSimple(outline))
    for layer in (imagery, countries):
        if not layer.isValid():
            raise ValueError(f"QGIS cannot read {layer.source()}")
        QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(countries)
    wait()  # QGIS, too, sets the CRS for the first layer, a little later


def open_dock() -> object:
    """The Similar places dock of the plugin, started if the profile does not do so."""
    if PLUGIN not in qgis.utils.plugins:
        qgis.utils.updateAvailablePlugins()
        if not (qgis.utils.loadPlugin(PLUGIN) and qgis.utils.startPlugin(PLUGIN)):
            raise RuntimeError(f"{PLUGIN} is not among the profile's plugins")
    gui = qgis.utils.plugins[PLUGIN].gui
    gui.actions["similar"].trigger()
    return gui.dock


def show_map(crs: str, extent: tuple[float, float, float, float]) -> None:
    """Put the map somewhere."""
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem(crs))
    wait()
    iface.mapCanvas().setExtent(QgsRectangle(*extent))
    iface.mapCanvas().refresh()
    wait()


def grab(name: str, dock: object) -> None:
    """The whole window as a picture, once it is finished."""
    wait(lambda: is_quiet() and dock.session.grounded and not dock.session.busy)
    print(name, "-", dock.panel.status.text(), flush=True)
    save_window(FOLDER / f"{name}.png")


def run() -> None:
    """Everything, then the end of QGIS, which else asks whether to save the project."""
    status = 1
    try:
        main()
        status = 0
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(status)


QTimer.singleShot(0, run)
