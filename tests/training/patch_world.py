"""Folders of made patches in S2-100K's layout, and weights files for networks that read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from training_world import LAND_BOUNDS, field


def write_patch(path: Path, pixels: np.ndarray) -> Path:
    """Write (bands, rows, cols) as a plain GeoTIFF."""
    import rasterio
    from rasterio.transform import from_origin

    bands, rows, cols = pixels.shape
    profile = {"driver": "GTiff", "width": cols, "height": rows, "count": bands}
    transform = from_origin(500_000, 5_000_000, 10, 10)
    with rasterio.open(
        path, "w", dtype=pixels.dtype, crs="EPSG:32633", transform=transform, **profile
    ) as out:
        out.write(pixels)
    return path


def patch_pixels(lon: float, lat: float, rng: Any, bands: int = 12, side: int = 24) -> np.ndarray:
    """Reflectances x 10000 whose level and texture depend on the place."""
    value = float(field(np.array(lon), np.array(lat)))
    slope = np.linspace(-1, 1, bands)[:, None, None]
    waves = np.sin(np.arange(side) * (0.3 + 0.2 * np.tanh(value)))[None, None, :]
    pixels = 2500 + 700 * value * slope + 500 * waves + rng.normal(0, 150, (bands, side, side))
    return pixels.clip(1, 9999).astype(np.uint16)


def write_patches(folder: Path, count: int, *, bands: int = 12, side: int = 24) -> Path:
    """A folder with index.csv and images/patch_N.tif, as S2-100K has them."""
    rng = np.random.default_rng(5)
    west, south, east, north = LAND_BOUNDS
    (folder / "images").mkdir(parents=True)
    rows = ["lat,lon,url,fn"]
    for number in range(count):
        lon, lat = rng.uniform(west, east), rng.uniform(south, north)
        pixels = patch_pixels(lon, lat, rng, bands, side)
        write_patch(folder / "images" / f"patch_{number}.tif", pixels)
        rows.append(f"{lat:.6f},{lon:.6f},https://example.org/{number},patch_{number}.tif")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


def moco_like(timm: Any, path: Path, model: str = "resnet18", channels: int = 13) -> Path:
    """A file as torchgeo publishes it: a plain state dict without classifier; random weights."""
    import torch

    torch.manual_seed(11)
    network = timm.create_model(model, num_classes=0, in_chans=channels)
    torch.save(network.state_dict(), path)
    return path
