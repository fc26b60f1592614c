"""The small world's other modalities: relief, lights, climate, zones, pictures taken at places."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from training_world import field, write_raster

GLOBE = (-180, -90, 180, 90)


def write_modalities(world: Path, folder: Path, pictures: int = 60) -> Path:
    """A data root that `unigeoclip-tiny.yaml` finds its files in: the world's, and more."""
    folder.mkdir(exist_ok=True)
    for path in world.iterdir():
        if path.is_file():
            shutil.copy(path, folder / path.name)
    rng = np.random.default_rng(1)
    lon, lat = np.linspace(-179, 179, 180), np.linspace(-89, 89, 90)  # rows from the south here
    value = field(*np.meshgrid(lon, lat))
    relief = (400 * value + rng.normal(0, 20, value.shape)).astype(np.int16)
    np.savez(folder / "relief.npz", lon=lon, lat=lat, metres=relief)
    months = np.stack([10 * value + 3 * np.cos(month) for month in range(3)])
    np.savez(folder / "climate.npz", lon=lon, lat=lat, warmth=months, rain=80 - 30 * value)
    north_first = value[::-1]
    lights = np.where(north_first > 0.4, 60 + 90 * north_first, 0).clip(0, 255).astype(np.uint8)
    write_raster(folder / "lights.tif", lights[None], GLOBE, "EPSG:4326")
    zones = (1 + (north_first < 0.1)).astype(np.uint8)
    write_raster(folder / "zones.tif", zones[None], GLOBE, "EPSG:4326")
    _write_pictures(folder, rng, pictures)
    text = (folder / "land.geojson").read_text()
    (folder / "land.geojson").write_text(
        text.replace('"properties": {}', '"properties": {"NAME": "Made Land"}')
    )
    return folder


def _write_pictures(folder: Path, rng: np.random.Generator, count: int) -> None:
    """Pictures of random places and sizes, whose colour says where they were taken."""
    import rasterio

    (folder / "street").mkdir(exist_ok=True)
    taken = np.column_stack([rng.uniform(-60, 70, count), rng.uniform(-50, 60, count)])
    lines = ["longitude,latitude,file"]
    for number, (lon, lat) in enumerate(taken):
        height, width = rng.integers(20, 40, 2)
        shade = 120 + 60 * field(lon, lat)
        picture = rng.normal(shade, 5, (3, height, width)).clip(0, 255).astype(np.uint8)
        profile = {"driver": "PNG", "width": width, "height": height, "count": 3, "dtype": "uint8"}
        with rasterio.open(folder / "street" / f"{number}.png", "w", **profile) as out:
            out.write(picture)
        lines.append(f"{lon:.5f},{lat:.5f},{number}.png")
    (folder / "street.csv").write_text("\n".join(lines) + "\n")
