"""Points of a layer with their embeddings into a GeoPackage, by the algorithm in a real QGIS.

    python qgis_plugin/build.py --link DIR
    QT_QPA_PLATFORM=offscreen PYTHONPATH=DIR python3 tests/benchmarks/qgis_points.py

300,000 points each: of a country, in 600 places of any size within 10° × 10°; of the land of
Europe, and of all land, each as likely as any other. Told are seconds of the wall and of
processors, and the most memory that the process ever had, with QGIS in it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

POINTS = 300_000
TOWNS, COUNTRY = 600, (5.0, 45.0, 15.0, 55.0)
BOUNDS = {"Europe": (-10.0, 36.0, 40.0, 70.0), "all land": (-180.0, -60.0, 180.0, 80.0)}
SPREADS = ("a country", *BOUNDS)


def places(spread: str, count: int) -> np.ndarray:
    """(count, 2) degrees, the same each time, in no order."""
    random = np.random.default_rng(0)
    if spread == "a country":
        west, south, east, north = COUNTRY
        towns = random.uniform((west, south), (east, north), (TOWNS, 2))
        sizes = random.pareto(1.0, TOWNS) + 0.1
        town = random.choice(TOWNS, count, p=sizes / sizes.sum())
        return towns[town] + random.normal(0, 0.1, (count, 2))
    from satclip_qgis.satclip_core.grid.land import land_mask

    west, south, east, north = BOUNDS[spread]
    found = np.empty((0, 2))
    while len(found) < count:
        up = np.sin(np.deg2rad([south, north]))
        lats = np.rad2deg(np.arcsin(random.uniform(*up, count)))
        lonlat = np.column_stack([random.uniform(west, east, count), lats])
        found = np.concatenate([found, lonlat[land_mask()(*lonlat.T)]])
    return found[:count]


def layer(path: Path, lonlat: np.ndarray) -> None:
    """A GeoPackage of points with a number and a name each."""
    from osgeo import ogr, osr

    wgs84 = osr.SpatialReference()
    wgs84.ImportFromEPSG(4326)
    wgs84.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    data = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    table = data.CreateLayer("points", wgs84, ogr.wkbPoint)
    table.CreateField(ogr.FieldDefn("number", ogr.OFTInteger))
    table.CreateField(ogr.FieldDefn("name", ogr.OFTString))
    table.StartTransaction()
    for number, (lon, lat) in enumerate(lonlat):
        feature = ogr.Feature(table.GetLayerDefn())
        feature.SetField(0, number)
        feature.SetField(1, f"point {number}")
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POINT ({lon} {lat})"))
        table.CreateFeature(feature)
    table.CommitTransaction()


def measure(spread: str, count: int) -> None:
    """Print a line for one layer, in this process."""
    from qgis.core import (
        QgsApplication,
        QgsProcessingContext,
        QgsProcessingFeedback,
        QgsProject,
    )

    application = QgsApplication([], False)
    application.initQgis()
    from satclip_qgis.algorithms.embedpoints import EmbedPoints

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "points.gpkg", Path(folder) / "embedded.gpkg"
        layer(source, places(spread, count))
        context = QgsProcessingContext()
        context.setProject(QgsProject.instance())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        wall, processors = time.perf_counter(), time.process_time()
        parameters = {"INPUT": str(source), "OUTPUT": str(target)}
        _, fine = EmbedPoints().create().run(parameters, context, QgsProcessingFeedback(), {})
        wall, processors = time.perf_counter() - wall, time.process_time() - processors
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = target.stat().st_size / 1e6 if fine else float("nan")
    print(
        f"{spread}: {count:,} points in {wall:.1f} s, {processors:.1f} processor s; memory "
        f"{peak:.0f} MB, {before:.0f} MB before; file {size:.0f} MB",
        flush=True,
    )
    os._exit(0)  # QGIS crashes now and then when Python takes it apart


def main() -> None:
    """Measure every layer, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--only", choices=SPREADS, help="measure this one, in this process")
    given = parser.parse_args()
    if given.only:
        measure(given.only, given.points)
    for spread in SPREADS:
        command = [sys.executable, __file__, "--points", str(given.points), "--only", spread]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
