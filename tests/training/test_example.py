"""The example data set: made from a formula and the bundled model, and trained on in seconds."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from satclip_core.errors import OutputError
from satclip_training.images.example import FILES, NOTE, make_example, sunlight


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_example(tmp_path_factory.mktemp("made") / "example").parent


def test_it_is_small_and_says_what_it_is(example: Path) -> None:
    import rasterio

    assert sorted(path.name for path in example.iterdir()) == sorted(FILES)
    assert sum(path.stat().st_size for path in example.iterdir()) < 600_000
    for name in ("image_1.tif", "image_2.tif"):
        with rasterio.open(example / name) as dataset:
            assert dataset.shape == (180, 360)
            assert dataset.crs == "EPSG:4326"
            assert tuple(dataset.bounds) == (-180, -90, 180, 90)
            assert dataset.tags()["TIFFTAG_IMAGEDESCRIPTION"] == NOTE
            assert dataset.read().min() >= 1  # 0 is no data
    first, second = (rasterio.open(example / f"image_{n}.tif").read().astype(int) for n in (1, 2))
    assert 3 < np.abs(first - second).mean() < 10
    text = (example / "example.yaml").read_text()
    assert "No satellite has seen them" in text


def test_its_colours_are_the_bundled_models_at_pixel_centres(example: Path) -> None:
    """Against singular vectors, and the model asked place by place."""
    import rasterio

    from satclip_core.grid.sphere import fibonacci_lattice
    from satclip_core.models.registry import load_encoder

    with rasterio.open(example / "image_1.tif") as dataset:
        pixels = dataset.read().astype(float)
        rng = np.random.default_rng(0)
        rows, cols = rng.integers(0, 180, 300), rng.integers(0, 360, 300)
        lons, lats = dataset.xy(rows, cols)
    encoder = load_encoder("bundled")
    sample = encoder.encode(fibonacci_lattice(2000)).astype(float)
    axes = np.linalg.svd(sample - sample.mean(0), full_matrices=False)[2][:3]
    wanted = (encoder.encode(np.column_stack([lons, lats])) - sample.mean(0)) @ axes.T
    for band, component in zip(pixels[:, rows, cols], wanted.T):
        low, high = np.percentile(component, (10, 90))
        inside = (component > low) & (component < high)  # of what the stretch cuts off
        assert abs(np.corrcoef(band[inside], component[inside])[0, 1]) > 0.97


def test_sunlight_is_that_of_textbooks() -> None:
    """Hartmann 1994, figure 2.7: 416 W/m² at the equator, 173 at the poles (S = 1361)."""
    found = sunlight(np.array([0.0, 45.0, 90.0, -90.0, -45.0]))
    assert found[0] == pytest.approx(416, abs=3)
    assert found[2] == pytest.approx(173, abs=3)
    assert found[1] == pytest.approx(303, abs=5)
    np.testing.assert_allclose(found[[3, 4]], found[[2, 1]], rtol=1e-6)
    every = np.degrees(np.arcsin(np.linspace(-1, 1, 2001)))
    # The whole globe gets a quarter of the solar constant (disc over sphere).
    assert sunlight(every).mean() == pytest.approx(1361 / 4, rel=2e-3)


def test_files_that_are_there_are_not_replaced(example: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"example\.yaml exists already: name another folder"):
        make_example(example)
    (tmp_path / "image_2.tif").write_text("mine")
    with pytest.raises(OutputError, match=r"image_2\.tif exists"):
        make_example(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["image_2.tif"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        make_example(tmp_path / "file" / "folder")


def test_the_two_commands_of_the_documentation_train_a_model(tmp_path: Path) -> None:
    """As docs/training.md begins; training helps, and the card says what it was."""
    command = [sys.executable, "-m", "satclip_cli"]
    made = subprocess.run(
        [*command, "data", "example", "-o", "example"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert made.stdout.strip() == str(Path("example") / "example.yaml")
    assert "made, not measured" in made.stderr
    done = subprocess.run(
        [*command, "train", "example/example.yaml", "-o", "runs/example"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    scores = json.loads((tmp_path / "runs" / "example" / "scores.json").read_text())
    assert scores["example"]["sunlight"] > scores["untrained"]["sunlight"] + 0.01
    assert scores["example"]["sunlight"] > scores["identity"]["sunlight"] + 0.5
    card = (tmp_path / "runs" / "example" / "example.md").read_text()
    assert "No satellite has seen them." in card
    with (tmp_path / "runs" / "example" / "log.csv").open() as file:
        seconds = sum(float(row["seconds"]) for row in csv.DictReader(file))
    assert seconds < 60
