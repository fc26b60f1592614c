"""The multi-resolution feature grid as a network: against plain code, torch and its own file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from satclip_core.encoder import EncoderConfig, LocationEncoder
from satclip_core.encoder.encodings import EncodingSettings
from satclip_core.encoder.feature_grid import FeatureGridSettings
from satclip_core.encoder.field import RUN, cells_of_rows, runs_of_rows
from satclip_core.encoder.networks import NETWORKS, forward
from satclip_core.errors import InputError, ModelError
from satclip_core.models.model_file import read_model, write_model

SHAPE = FeatureGridSettings(rows=(36, 9), channels=3, hidden=7)
PLACES = np.array(
    [[0, 0], [12.3, 45.6], [179.999, -30], [-180, -30], [180, -30], [77, 90], [-15, -90], [5, 89.9]]
)


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Seeded weights far from their start values."""
    random = np.random.default_rng(seed)
    return {
        p.name: random.normal(0, 0.5, p.shape)
        for p in NETWORKS["featuregrid"].parameters(2, 5, SHAPE)
    }


def spline(distance: float) -> float:
    """The quadratic B-spline by its textbook pieces."""
    far = abs(distance)
    if far <= 0.5:
        return 0.75 - far**2
    return 0.5 * (1.5 - far) ** 2 if far <= 1.5 else 0.0


def slowly(lon: float, lat: float, made: dict[str, np.ndarray]) -> np.ndarray:
    """The network at one place, cell by cell."""
    read = []
    for index, count in enumerate(SHAPE.rows):
        cells = cells_of_rows(count)
        first = runs_of_rows(count)
        total = np.zeros(SHAPE.channels)
        up = (lat + 90) / 180 * count - 0.5
        for row in range(-1, count + 1):
            inside = min(max(row, 0), count - 1)
            along = (lon + 180) / 360 * cells[inside] - 0.5
            for col in range(-2, cells[inside] + 2):
                share = spline(up - row) * spline(along - col)
                place = (1 + first[inside] + (col % cells[inside]) // RUN) * RUN
                total += share * made[f"grids.{index}"][place + (col % cells[inside]) % RUN]
        read.append(total)
    hidden = np.maximum(made["hidden.weight"] @ np.concatenate(read) + made["hidden.bias"], 0)
    return made["last_layer.weight"] @ hidden + made["last_layer.bias"]


def encoder() -> LocationEncoder:
    config = EncoderConfig("direct", "featuregrid", EncodingSettings(), SHAPE)
    return LocationEncoder(config, weights())


def test_it_reads_what_plain_code_reads() -> None:
    made = weights()
    wanted = [slowly(min(lon, 179.9999999), lat, made) for lon, lat in PLACES]
    assert encoder().encode(PLACES) == pytest.approx(np.array(wanted), abs=2e-5)


def test_it_goes_on_across_the_antimeridian_and_over_a_pole() -> None:
    ends = encoder().encode([[-180, 12], [180, 12], [20, 90], [-160, 90]])
    assert ends[0] == pytest.approx(ends[1], abs=1e-5)
    assert ends[2] == pytest.approx(ends[3], abs=1e-5)


def test_torch_runs_the_same() -> None:
    torch = pytest.importorskip("torch")
    made = {name: torch.from_numpy(value) for name, value in weights().items()}
    features = torch.deg2rad(torch.from_numpy(PLACES)) - torch.pi
    found = forward("featuregrid", made, features, torch, settings=SHAPE).numpy()
    assert encoder().encode(PLACES) == pytest.approx(found, abs=1e-5)


def test_its_model_file_is_read_back(tmp_path: Path) -> None:
    write_model(tmp_path / "grid.npz", encoder())
    again = read_model(tmp_path / "grid.npz")
    assert again.config == encoder().config
    assert again.encode(PLACES) == pytest.approx(encoder().encode(PLACES), abs=1e-6)
    grid = again.encode_grid([0, 12.3], [45.6, 0])
    assert grid[0, 1] == pytest.approx(encoder().encode([[12.3, 45.6]])[0], abs=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rows": ()}, "rows has 0 grids"),
        ({"rows": (2,)}, "rows: 2 is outside 3"),
        ({"channels": 0}, "channels is 0"),
        ({"hidden": 0}, "hidden is 0"),
    ],
)
def test_what_makes_no_grid_is_named(given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FeatureGridSettings(**given)


def test_it_stands_on_longitude_and_latitude_alone() -> None:
    with pytest.raises(InputError, match="has to be 'direct'"):
        NETWORKS["featuregrid"].parameters(4, 5, SHAPE)


def test_weights_of_another_grid_are_refused() -> None:
    other = FeatureGridSettings(rows=(36, 12), channels=3, hidden=7)
    config = EncoderConfig("direct", "featuregrid", EncodingSettings(), other)
    with pytest.raises(ModelError):
        LocationEncoder(config, weights()).encode(PLACES)
