"""Draw the random places on land that the plugin holds a similarity against.

    python3 scripts/land_points.py /usr/share/qgis/resources/data/world_map.gpkg

It needs osgeo, as QGIS' Python has it, and writes qgis_plugin/land_points.csv.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr

TABLE = Path(__file__).resolve().parents[1] / "qgis_plugin" / "land_points.csv"
_COUNT = 4000
# North of the ice of Antarctica: no image of it trained the models.
_SOUTH = -60.0
_PIXELS_PER_DEGREE = 20


def draw(world_map: str, count: int = _COUNT, seed: int = 0) -> np.ndarray:
    """Draw places on land from polygons, evenly over the sphere.

    Args:
        world_map: a vector file with a layer of countries, in longitude and latitude.
        count: number of places.
        seed: of the random numbers.

    Returns:
        (count, 2) lon, lat in degrees, two decimals.
    """
    land = _mask(world_map)
    rng = np.random.default_rng(seed)
    lons = rng.uniform(-180, 180, 10 * count).round(2)
    sines = rng.uniform(np.sin(np.deg2rad(_SOUTH)), 1, 10 * count)
    lats = np.rad2deg(np.arcsin(sines)).round(2)
    rows = np.clip((90 - lats) * _PIXELS_PER_DEGREE, 0, land.shape[0] - 1).astype(int)
    cols = np.clip((lons + 180) * _PIXELS_PER_DEGREE, 0, land.shape[1] - 1).astype(int)
    found = np.flatnonzero(land[rows, cols])[:count]
    return np.stack([lons[found], lats[found]], axis=1)


def _mask(world_map: str) -> np.ndarray:
    polygons = ogr.Open(world_map)
    width, height = 360 * _PIXELS_PER_DEGREE, 180 * _PIXELS_PER_DEGREE
    mask = gdal.GetDriverByName("MEM").Create("", width, height)
    pixel = 1 / _PIXELS_PER_DEGREE
    mask.SetGeoTransform((-180, pixel, 0, 90, 0, -pixel))
    gdal.RasterizeLayer(mask, [1], polygons.GetLayerByName("countries"), burn_values=[1])
    return mask.ReadAsArray().astype(bool)


if __name__ == "__main__":
    np.savetxt(TABLE, draw(sys.argv[1]), "%.2f", ",", header="lon,lat", comments="")
