"""A small data set to try training with: made, not measured.

Its images are the first three principal components of the bundled model's embedding, so they show
the Earth as that model knows it and nothing more; the task is a formula. They are for seeing how
training goes, within a minute and without a download; a model trained on them is good for nothing
that the bundled one is not better at.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from satclip_core.analysis.vectors import principal_components
from satclip_core.errors import OutputError
from satclip_core.files import written_whole
from satclip_core.grid.sphere import fibonacci_lattice
from satclip_core.models.registry import load_encoder
from satclip_core.raster.datasets import use_rasterio
from satclip_core.types import Floats

CONFIG, TASKS, TABLE = "example.yaml", "example-tasks.yaml", "sunlight.csv"
IMAGES = ("image_1.tif", "image_2.tif")
FILES = (CONFIG, TASKS, TABLE, *IMAGES)
CONFIGS = Path(__file__).parents[1] / "configs"
NOTE = "Made by satclip data example from the bundled model: an example, not imagery."

DEGREES = 1.0
NOISE = 5.0
"""Standard deviation, of 255: two images of a place are as unlike as two dates are."""
STRETCH = (2.0, 98.0)
"""Percentiles that become 1 and 255; 0 stays for no data."""
PLACES = 2000
SOLAR_CONSTANT = 1361.0
"""W/m² (Kopp and Lean 2011)."""
OBLIQUITY = 23.44
DAYS = 360


def make_example(folder: Path) -> Path:
    """Write the example into a folder: a configuration, two images, a task.

    Args:
        folder: made where it is not there.

    Returns:
        The configuration.

    Raises:
        OutputError: one of the files is there already, or cannot be written.
        MissingDependencyError: rasterio is not installed.
    """
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        raise OutputError(f"{folder / there[0]} exists already: name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        colours = _colours()
        for number, name in enumerate(IMAGES, 1):
            _write_image(folder / name, colours, number)
        _write_table(folder / TABLE)
        for name in (TASKS, CONFIG):
            with written_whole(folder / name) as partial:
                shutil.copyfile(CONFIGS / name, partial)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error
    return folder / CONFIG


def _axes() -> tuple[Floats, Floats]:
    """Longitudes and latitudes of the pixels, north on top."""
    half = DEGREES / 2
    return np.arange(-180 + half, 180, DEGREES), np.arange(90 - half, -90, -DEGREES)


def _colours() -> Floats:
    """(3, rows, columns) in 0..1: principal components over the whole sphere, each stretched."""
    encoder = load_encoder("bundled")
    mean, components, _ = principal_components(encoder.encode(fibonacci_lattice(PLACES)), 3)
    bands = np.moveaxis((encoder.encode_grid(*_axes()) - mean) @ components.T, -1, 0)
    low, high = np.percentile(bands, STRETCH, axis=(1, 2))[..., None, None]
    colours: Floats = ((bands - low) / (high - low)).clip(0, 1)
    return colours


def _write_image(path: Path, colours: Floats, number: int) -> None:
    rasterio = use_rasterio("writing the example's images")
    from rasterio.transform import from_origin

    noise = np.random.default_rng(number).normal(0, NOISE, colours.shape)
    pixels = (1 + 254 * colours + noise).clip(1, 255).astype(np.uint8)
    bands, rows, columns = pixels.shape
    with (
        written_whole(path) as partial,
        rasterio.open(
            partial, "w", driver="GTiff", count=bands, height=rows, width=columns,
            dtype="uint8", crs="EPSG:4326", transform=from_origin(-180, 90, DEGREES, DEGREES),
            nodata=0, compress="deflate", photometric="rgb",
        ) as out,
    ):  # fmt: skip
        out.write(pixels)
        out.update_tags(TIFFTAG_IMAGEDESCRIPTION=NOTE)


def _write_table(path: Path) -> None:
    """Places spread evenly, and the sunlight that reaches them above the air."""
    lonlat = fibonacci_lattice(PLACES)
    table = np.column_stack([lonlat, sunlight(lonlat[:, 1])])
    with written_whole(path) as partial:
        np.savetxt(
            partial, table, fmt="%.4f", delimiter=",", header="lon,lat,sunlight", comments=""
        )


def sunlight(latitude: Floats) -> Floats:
    """Mean insolation of a year above the atmosphere, W/m², of latitudes (N,) in degrees.

    S/π (h sin φ sin δ + cos φ cos δ sin h) averaged over the year, with the hour angle of sunset
    cos h = -tan φ tan δ and the declination sin δ = sin ε sin λ (Hartmann 1994, Global Physical
    Climatology, eq. 2.17), on a circular orbit.
    """
    orbit = np.radians(np.arange(DAYS) + 0.5)
    declination = np.arcsin(np.sin(np.radians(OBLIQUITY)) * np.sin(orbit))
    phi = np.radians(latitude)[:, None]
    sunset = np.arccos((-np.tan(phi) * np.tan(declination)).clip(-1, 1))
    height = sunset * np.sin(phi) * np.sin(declination)
    height = height + np.cos(phi) * np.cos(declination) * np.sin(sunset)
    mean: Floats = SOLAR_CONSTANT / np.pi * height.mean(1)
    return mean
