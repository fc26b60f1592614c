"""What the training tests' small world is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

LAND_BOUNDS = (-60.0, -50.0, 70.0, 60.0)


def field(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """A quantity that is smooth over the globe and no linear function of lon and lat."""
    x, y = np.radians(lon), np.radians(lat)
    return np.cos(3 * x) * np.cos(y) ** 2 + np.sin(4 * y)


def write_raster(path: Path, array: np.ndarray, bounds: tuple[float, ...], crs: object) -> Path:
    """Write (bands, rows, cols) as a GeoTIFF."""
    import rasterio
    from rasterio.transform import from_bounds

    bands, rows, cols = array.shape
    profile = {"driver": "GTiff", "width": cols, "height": rows, "count": bands}
    transform = from_bounds(*bounds, cols, rows)
    with rasterio.open(
        path, "w", dtype=array.dtype, crs=crs, transform=transform, **profile
    ) as out:
        out.write(array)
    return path


class StopAfter:
    """Says stop when it has been asked a number of times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0
