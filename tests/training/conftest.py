"""A small real world for training: GeoTIFFs whose colours depend on place, land, a task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from training_world import LAND_BOUNDS, field, write_raster

pytest.importorskip("torch", reason="the extra `train` is not installed")
pytest.importorskip("lightning", reason="the extra `train` is not installed")
pytest.importorskip("yaml", reason="the extra `train` is not installed")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch with one thread: small networks gain nothing by more, and other work slows them."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root: image_1.tif, image_2.tif (two seasons), land.geojson, places.csv, tasks.yaml."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(0)
    lon = np.linspace(-179.5, 179.5, 360)
    lat = np.linspace(89.5, -89.5, 180)
    grid_lon, grid_lat = np.meshgrid(lon, lat)
    value = field(grid_lon, grid_lat)
    stripes = np.sin(grid_lon * (4 + 2 * np.sign(np.sin(np.radians(2 * grid_lat)))))
    for season in (1, 2):
        noise = rng.normal(0, 6, (3, 180, 360))
        bands = np.stack([120 + 35 * value, 120 + 40 * stripes, 110 - 20 * value]) + noise
        image = (bands + 8 * season).clip(1, 255).astype(np.uint8)
        write_raster(folder / f"image_{season}.tif", image, (-180, -90, 180, 90), "EPSG:4326")
    west, south, east, north = LAND_BOUNDS
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    land = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {}, "geometry": land}
    collection = {"type": "FeatureCollection", "features": [feature]}
    (folder / "land.geojson").write_text(json.dumps(collection))
    points = np.column_stack([rng.uniform(west, east, 1500), rng.uniform(south, north, 1500)])
    rows = np.column_stack([points, field(points[:, 0], points[:, 1])])
    np.savetxt(
        folder / "places.csv", rows, delimiter=",", header="lon,lat,value", comments="", fmt="%.6f"
    )
    (folder / "tasks.yaml").write_text(
        "tasks:\n  field: {kind: table, file: places.csv, target: value}\n"
    )
    return folder
