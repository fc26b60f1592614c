"""Make the plugin's example project, `qgis_plugin/example/`, in the Python that QGIS belongs to.

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 scripts/example_project.py shared/data

Everything in it may be given away: countries are those of the package (Natural Earth, public
domain), capitals come from Natural Earth's 1:10 million populated places (public domain), the
values of the plots from MODIS (NASA, public domain) and ETOPO5 (NOAA, public domain), the rasters
from the bundled model. The plots are drawn at random over Iberia, with a seed.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr, osr

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "qgis_plugin" / "example"
PLACES = "tasks/ne_10m_populated_places.csv"
COVER = "landcover/modis_mcd12c1_2019_igbp_0p05deg.tif"
GREENNESS = "imagery/ndvi/modis_ndvi_maximum_7200x3600.png"
HEIGHTS = "relief/etopo5_elevation.npz"
# International Geosphere-Biosphere Programme, as in the guide of MCD12C1.
IGBP = (
    "water", "evergreen needleleaf forest", "evergreen broadleaf forest",
    "deciduous needleleaf forest", "deciduous broadleaf forest", "mixed forest",
    "closed shrubland", "open shrubland", "woody savanna", "savanna", "grassland", "wetland",
    "cropland", "urban", "cropland mosaic", "snow and ice", "barren",
)  # fmt: skip
IBERIA = (-9.6, 35.9, 3.4, 43.9)
FARM = (10.5, 45.1)
"""The place that the example compares the world with: the Po plain, fields under irrigation."""
COUNT, SEED = 200, 13
# NDVI = (v - 1) / 254 * 1.2 - 0.2, 0 without data.
_NDVI = (254 / 1.2, 0.2)
_WORLD = (-180.0, -60.0, 180.0, 84.0)
_VIEW = (-17_000_000, -7_800_000, 17_000_000, 8_400_000)
# Degrees.
_COARSE, _FINE = 0.75, 0.05
README = """This is the example project of the QGIS plugin SatCLIP embeddings.

example.gpkg
  countries   Natural Earth 1:50 million, simplified as in the plugin. Public domain.
  capitals    Natural Earth 1:10 million populated places. Public domain.
  plots       {count} places in Spain and Portugal, drawn at random (seed {seed}), with what public
              maps say there. No field work was done.
              greenness: highest NDVI of the year, MODIS, NASA. Public domain.
              land_cover: majority class 2019 in 0.05 degrees, MODIS MCD12C1, NASA. Public domain.
              elevation_m: ETOPO5, NOAA. Public domain.
similarity.tif  How alike land is to {place}, 0.75 degrees; the bundled model.
colours.tif     Iberia in the embedding's first three principal components, 0.05 degrees; the same.

Made by scripts/example_project.py of the plugin's repository.
"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, metavar="FOLDER", help="the project's development data")
    data = parser.parse_args().data
    gdal.UseExceptions()
    ogr.UseExceptions()
    with tempfile.TemporaryDirectory() as folder:
        link = [sys.executable, str(ROOT / "qgis_plugin/build.py"), "--link", folder]
        subprocess.run(link, check=True, capture_output=True)
        sys.path.insert(0, folder)
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        write_tables(data)
        write_rasters()
        write_project()
    place = f"{FARM[1]} N, {FARM[0]} E (the Po plain)"
    (FOLDER / "README.txt").write_text(README.format(count=COUNT, seed=SEED, place=place), "utf-8")
    for path in sorted(FOLDER.iterdir()):
        print(f"{path.stat().st_size:8,} {path.name}")


def write_tables(data: Path) -> None:
    """Countries, capitals and plots, in one GeoPackage."""
    driver = ogr.GetDriverByName("GPKG")
    file = driver.CreateDataSource(str(FOLDER / "example.gpkg"), ["DATETIME_FORMAT=UTC"])
    wgs84 = osr.SpatialReference()
    wgs84.ImportFromEPSG(4326)
    outlines = countries()
    rows = [({"name": name}, outline) for name, outline in outlines.items()]
    _table(file, wgs84, "countries", ogr.wkbMultiPolygon, {"name": ogr.OFTString}, rows)
    with (data / PLACES).open(encoding="utf-8", newline="") as stream:
        found = [row for row in csv.DictReader(stream) if row["featurecla"] == "Admin-0 capital"]
    rows = [
        (
            {"name": row["name"], "country": row["adm0name"], "people": int(row["pop_max"])},
            _point(float(row["lon"]), float(row["lat"])),
        )
        for row in sorted(found, key=lambda row: row["name"])
    ]
    kinds = {"name": ogr.OFTString, "country": ogr.OFTString, "people": ogr.OFTInteger}
    _table(file, wgs84, "capitals", ogr.wkbPoint, kinds, rows)
    kinds = {
        "plot": ogr.OFTInteger,
        "greenness": ogr.OFTReal,
        "land_cover": ogr.OFTString,
        "elevation_m": ogr.OFTInteger,
    }
    land = outlines["Spain"].Union(outlines["Portugal"])
    _table(file, wgs84, "plots", ogr.wkbPoint, kinds, plots(data, land))
    del file


def countries() -> dict[str, ogr.Geometry]:
    """The outlines that come with the package."""
    from satclip_qgis.satclip_core.raster.countries import country_names, find_country

    made = {}
    for name in country_names():
        outline = ogr.Geometry(ogr.wkbMultiPolygon)
        for rings in find_country(name).polygons:
            polygon = ogr.Geometry(ogr.wkbPolygon)
            for points in rings:
                ring = ogr.Geometry(ogr.wkbLinearRing)
                for lon, lat in points:
                    ring.AddPoint_2D(float(lon), float(lat))
                ring.CloseRings()
                polygon.AddGeometry(ring)
            outline.AddGeometry(polygon)
        made[name] = outline
    return made


def plots(data: Path, land: ogr.Geometry) -> list[tuple[dict, ogr.Geometry]]:
    """Places at random over a country, with what the maps say there."""
    random = np.random.default_rng(SEED)
    cover, green = gdal.Open(str(data / COVER)), gdal.Open(str(data / GREENNESS))
    cover, green = cover.ReadAsArray(), green.ReadAsArray()
    heights = np.load(data / HEIGHTS)["elevation_m"]
    west, south, east, north = IBERIA
    rows = []
    while len(rows) < COUNT:
        lon, lat = round(random.uniform(west, east), 4), round(random.uniform(south, north), 4)
        place = _point(lon, lat)
        ndvi = int(_value(green, lon, lat))
        code = int(_value(cover, lon, lat))
        if not land.Contains(place) or ndvi == 0 or code in (0, 255):
            continue
        row = {
            "plot": len(rows) + 1,
            "greenness": round((ndvi - 1) / _NDVI[0] - _NDVI[1], 3),
            "land_cover": IGBP[code],
            # Its lines and columns are those of places, every five minutes, not of cells.
            "elevation_m": int(heights[round((90 - lat) * 12), round((lon + 180) * 12) % 4320]),
        }
        rows.append((row, place))
    return rows


def _value(cells: np.ndarray, lon: float, lat: float) -> float:
    rows, cols = cells.shape
    return cells[int((90 - lat) / 180 * rows), int((lon + 180) / 360 * cols)]


def _point(lon: float, lat: float) -> ogr.Geometry:
    place = ogr.Geometry(ogr.wkbPoint)
    place.AddPoint_2D(lon, lat)
    return place


def _table(file, crs, name, kind, kinds, rows) -> None:
    layer = file.CreateLayer(name, crs, kind, ["SPATIAL_INDEX=NO"])
    for field, of in kinds.items():
        layer.CreateField(ogr.FieldDefn(field, of))
    layer.StartTransaction()
    for values, geometry in rows:
        feature = ogr.Feature(layer.GetLayerDefn())
        for field, value in values.items():
            feature.SetField(field, value)
        feature.SetGeometry(geometry)
        layer.CreateFeature(feature)
    layer.CommitTransaction()


def write_rasters() -> None:
    """What is like the farm, and Iberia in colours, by the bundled model."""
    from satclip_qgis import satclip_core as sc
    from satclip_qgis.satclip_core.grid.land import LAND
    from satclip_qgis.satclip_core.products import RgbOf, SimilarityTo

    for name, bounds, resolution, wanted in (
        ("similarity.tif", _WORLD, _COARSE, SimilarityTo.of([FARM])),
        ("colours.tif", IBERIA, _FINE, RgbOf()),
    ):
        grid = sc.Grid.from_bounds(bounds, resolution)
        asked = sc.RasterRequest(grid, wanted, model="bundled", mask=LAND)
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / name
            asked.prepare().write(whole)
            # Without overviews, packed as tightly as can be: every download of the plugin has it.
            options = ["COMPRESS=DEFLATE", "ZLEVEL=9", "TILED=YES"]
            predictor = 3 if name == "similarity.tif" else 2
            options.append(f"PREDICTOR={predictor}")
            made = gdal.Translate(str(FOLDER / name), str(whole), creationOptions=options)
            del made


def write_project() -> None:
    """The project, with relative paths, styled."""
    from qgis.core import (
        QgsApplication,
        QgsCategorizedSymbolRenderer,
        QgsCoordinateReferenceSystem,
        QgsFillSymbol,
        QgsMarkerSymbol,
        QgsPalLayerSettings,
        QgsProject,
        QgsRasterLayer,
        QgsRectangle,
        QgsReferencedRectangle,
        QgsRendererCategory,
        QgsVectorLayer,
        QgsVectorLayerSimpleLabeling,
    )
    from qgis.PyQt.QtGui import QColor

    app = QgsApplication([], False)
    app.initQgis()
    from satclip_qgis.styles import style_range

    project = QgsProject.instance()
    tables = str(FOLDER / "example.gpkg")
    capitals = QgsVectorLayer(f"{tables}|layername=capitals", "Capitals", "ogr")
    outlines = QgsVectorLayer(f"{tables}|layername=countries", "Countries", "ogr")
    plots_layer = QgsVectorLayer(f"{tables}|layername=plots", "Plots", "ogr")
    alike = QgsRasterLayer(str(FOLDER / "similarity.tif"), "Like the Po plain", "gdal")
    colours = QgsRasterLayer(str(FOLDER / "colours.tif"), "Iberia in colours", "gdal")
    style_range(alike, 0.2, 0.9)
    dot = {"color": "#ffffff", "outline_color": "#303030", "size": "1.6"}
    capitals.renderer().setSymbol(QgsMarkerSymbol.createSimple(dot))
    outline = {"style": "no", "outline_color": "90,90,90,200", "outline_width": "0.15"}
    outlines.renderer().setSymbol(QgsFillSymbol.createSimple(outline))
    labels = QgsPalLayerSettings()
    labels.fieldName = "name"
    capitals.setLabeling(QgsVectorLayerSimpleLabeling(labels))
    capitals.setLabelsEnabled(False)
    seen = sorted({feature["land_cover"] for feature in plots_layer.getFeatures()})
    categories = []
    for number, name in enumerate(seen):
        colour = QColor.fromHsv(round(360 * number / len(seen)), 150, 210)
        symbol = QgsMarkerSymbol.createSimple({"color": colour.name(), "size": "2.2"})
        categories.append(QgsRendererCategory(name, symbol, name))
    plots_layer.setRenderer(QgsCategorizedSymbolRenderer("land_cover", categories))
    root = project.layerTreeRoot()
    for title, layers in (
        ("World", (capitals, outlines, alike)),
        ("Iberia", (plots_layer, colours)),
    ):
        group = root.addGroup(title)
        for layer in layers:
            if not layer.isValid():
                raise SystemExit(f"QGIS cannot read {layer.source()}")
            metadata = layer.metadata()
            metadata.setTitle(layer.name())
            metadata.setAbstract("See README.txt beside the project.")
            layer.setMetadata(metadata)
            project.addMapLayer(layer, False)
            group.addLayer(layer)
    project.setTitle("SatCLIP: example")
    crs = QgsCoordinateReferenceSystem("EPSG:8857")
    project.setCrs(crs)
    view = QgsReferencedRectangle(QgsRectangle(*_VIEW), crs)
    project.viewSettings().setDefaultViewExtent(view)
    if not project.write(str(FOLDER / "satclip-example.qgs")):
        raise SystemExit(f"the project cannot be written: {project.error()}")
    for extra in FOLDER.glob("*~"):
        extra.unlink()


if __name__ == "__main__":
    main()
