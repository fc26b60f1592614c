"""The location encoder: grid and points agree, inputs are checked, places wrap."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.encoder import EncoderConfig, LocationEncoder
from satclip_core.encoder.encodings import EncodingSettings
from satclip_core.errors import InputError, ModelError
from satclip_core.grid.sphere import check_lonlat, wrap_longitudes


def siren(degree: int, hidden: int = 64, dim: int = 32, layers: int = 2) -> LocationEncoder:
    """An encoder with seeded weights of the size that training gives; for tests only."""
    rng = np.random.default_rng(3)
    width = degree**2
    weights = {}
    for index in range(layers):
        bound = 1 / width if index == 0 else np.sqrt(6 / width)
        weights[f"layers.{index}.weight"] = rng.uniform(-bound, bound, (hidden, width))
        weights[f"layers.{index}.bias"] = rng.uniform(-bound, bound, hidden)
        width = hidden
    weights["last_layer.weight"] = rng.uniform(-0.1, 0.1, (dim, width))
    weights["last_layer.bias"] = rng.uniform(-0.1, 0.1, dim)
    return LocationEncoder(EncoderConfig(settings=EncodingSettings(degree)), weights)


@pytest.mark.parametrize(("degree", "hidden", "layers"), [(1, 8, 1), (10, 64, 2), (40, 512, 3)])
@pytest.mark.parametrize("threads", [1, 2, None])
def test_the_grid_path_is_within_1e_4_of_points(
    degree: int, hidden: int, layers: int, threads: int | None
) -> None:
    encoder = siren(degree, hidden, layers=layers)
    # More rows than one fold, more columns than one block, beyond the dateline, both poles.
    lons, lats = np.linspace(150, 200, 131), np.linspace(90, -90, 37)
    points = np.stack(np.meshgrid(lons, lats), axis=-1).reshape(-1, 2)
    grid = encoder.encode_grid(lons, lats, threads=threads)
    assert grid.shape == (37, 131, 32)
    assert grid.dtype == np.float32
    expected = encoder.encode(points, threads=threads).reshape(grid.shape)
    np.testing.assert_allclose(grid, expected, atol=1e-4, rtol=0)


def test_single_precision_is_within_1e_4_of_double() -> None:
    encoder = siren(40, 128)
    points = np.random.default_rng(1).uniform((-180, -90), (180, 90), (5000, 2))
    difference = np.abs(encoder.encode(points, single=True) - encoder.encode(points))
    assert 0 < difference.max() < 1e-4


def test_longitudes_wrap_and_poles_are_one_place() -> None:
    encoder = siren(20)
    near = {"rtol": 0, "atol": 1e-6}  # BLAS rounds a row by where it stands, on some processors
    same = [(180, 12), (-180, 12), (540, 12)]
    np.testing.assert_allclose(encoder.encode(same), encoder.encode(same[:1] * 3), **near)
    pole = [(lon, 90) for lon in (-180, -33, 0, 77.7)]
    np.testing.assert_allclose(encoder.encode(pole), encoder.encode(pole[:1] * 4), **near)
    grid = encoder.encode_grid([-180, 180, 540], [12])[0]
    np.testing.assert_allclose(grid, grid[[0, 0, 0]], **near)


def test_no_points_and_no_rows_are_fine() -> None:
    encoder = siren(3)
    assert encoder.encode(np.empty((0, 2))).shape == (0, 32)
    assert encoder.encode_grid([], [1, 2]).shape == (2, 0, 32)
    assert encoder.encode_grid([1], []).shape == (0, 1, 32)


@pytest.mark.parametrize(
    ("lonlat", "message"),
    [
        ([1, 2], "shape"),
        ([[1, 2, 3]], r"\(1, 3\)"),
        ([[0, 91]], "latitude 91"),
        ([[0, 0], [0, -90.001]], "row 1"),
        ([[0, 0], [np.nan, 5]], "row 1"),
        ([[np.inf, 5]], "not finite"),
        ([["a", 5]], "numbers"),
        ([[1, 2], [3]], "numbers"),
    ],
)
def test_bad_points_are_named(lonlat: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_lonlat(lonlat)


@pytest.mark.parametrize(
    ("lons", "lats", "message"),
    [
        ([[0]], [0], "lons"),
        ([0], [0, 95], "latitude 95"),
        ([np.nan], [0], "lons"),
        ([0], ["north"], "lats"),
    ],
)
def test_bad_grids_are_named(lons: object, lats: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        siren(2).encode_grid(lons, lats)


def test_wrapping_keeps_longitudes_in_range_bit_by_bit() -> None:
    lons = np.random.default_rng(0).uniform(-180, 180, 1000)
    assert (wrap_longitudes(lons) == lons).all()
    np.testing.assert_allclose(
        wrap_longitudes(np.array([180, 190, -190, 720])), [-180, -170, 170, 0]
    )


def test_the_callers_array_is_left_alone() -> None:
    points = np.array([[200.0, 5.0]])
    siren(2).encode(points)
    assert points[0, 0] == 200


def test_provenance_names_formula_hash_and_resolution() -> None:
    encoder = siren(18)
    facts = encoder.provenance
    assert facts["encoder"] == "Siren(SH(lon, lat)), L = 18, analytic basis"
    assert facts["effective_resolution_degrees"] == "5"
    assert facts["weights_sha256"] == encoder.sha256 == siren(18).sha256
    assert encoder.resolution_degrees == 5


def test_weights_that_do_not_fit_are_refused() -> None:
    good = siren(3)
    with pytest.raises(ModelError, match="do not fit"):
        LocationEncoder(EncoderConfig(settings=EncodingSettings(4)), good.weights)
    broken = dict(good.weights)
    del broken["last_layer.weight"]
    with pytest.raises(ModelError, match=r"last_layer\.weight"):
        LocationEncoder(good.config, broken)
    with pytest.raises(ModelError, match="not finite"):
        LocationEncoder(good.config, {**good.weights, "layers.0.bias": np.full(64, np.nan)})
    with pytest.raises(ModelError, match="resnet"):
        EncoderConfig(network="resnet")
