"""The encoder of two parts: its field read as the text says, seamless, and the same on grids."""

from __future__ import annotations

from math import cos, floor, radians
from pathlib import Path

import numpy as np
import pytest
from two_part_models import make_encoder, make_level

from satclip_core.encoder import Projection, TwoPartEncoder
from satclip_core.encoder.field import RUN, Level, cells_of_rows, runs_of_rows, taps
from satclip_core.encoder.smooth_lattice import NODES, SmoothLattice, lagrange_matrix
from satclip_core.errors import ModelError
from satclip_core.grid import Grid
from satclip_core.models.model_file import read_model, write_model
from satclip_core.models.registry import load_encoder
from satclip_core.preview import Preview

POINTS = np.array(
    [
        (0.0, 0.0), (180.0, 12.0), (-180.0, 12.0), (179.99, -33.3), (7.9, 48.3), (-70.2, -41.0),
        (12.0, 89.9), (12.0, 90.0), (-100.0, -90.0), (33.0, -89.99), (5.0, 75.0), (-0.001, 0.001),
    ]
)  # fmt: skip


def b_spline(distance: float) -> float:
    """The quadratic B-spline by its textbook pieces."""
    far = abs(distance)
    if far <= 0.5:
        return 0.75 - far**2
    return 0.5 * (1.5 - far) ** 2 if far <= 1.5 else 0.0


def slowly(level: Level, lon: float, lat: float) -> np.ndarray:
    """A level read cell by cell: every cell that may count, weighted by its distances."""
    count = level.rows.count
    height = 180 / count
    total = np.zeros(level.channels)
    up = (lat + 90) / height - 0.5
    for row in range(floor(up) - 2, floor(up) + 4):
        beyond = min(max(row, 0), count - 1)
        middle = -90 + (beyond + 0.5) * height
        cells = 1 if beyond in (0, count - 1) else max(1, round(2 * count * cos(radians(middle))))
        along = (lon + 180) / 360 * cells - 0.5
        for col in range(floor(along) - 2, floor(along) + 4):
            weight = b_spline(up - row) * b_spline(along - col)
            if weight:
                total += weight * stored(level, beyond, col % cells)
    return total


def stored(level: Level, row: int, col: int) -> np.ndarray:
    """The value of one cell, counted through all runs from the south pole."""
    runs = [-(-int(n) // RUN) for n in cells_of_rows(level.rows.count)]
    run = sum(runs[:row]) + col // RUN
    if not level.kept[run]:
        return np.zeros(level.channels)
    place = int(level.kept[:run].sum()) * RUN + col % RUN
    return level.values[RUN:][place].astype(float) * level.scale


@pytest.mark.parametrize(("lon", "lat"), POINTS)
def test_a_level_reads_as_the_splines_say(lon: float, lat: float) -> None:
    level = make_level()
    # float32 weights on values up to 2.5.
    assert level.read(np.array([[lon, lat]]))[0] == pytest.approx(slowly(level, lon, lat), abs=2e-6)


def test_weights_sum_to_one() -> None:
    _, weights = taps(POINTS[:, 0], POINTS[:, 1], make_level().rows)
    assert weights.sum(axis=1) == pytest.approx(np.ones(len(POINTS)), abs=1e-12)


def test_torch_reads_the_same_cells_with_the_same_weights() -> None:
    torch = pytest.importorskip("torch")
    rows = make_level().rows
    tensors = type(rows)(
        rows.count, *(torch.from_numpy(a) for a in (rows.cells, rows.first, rows.slots))
    )
    cells, weights = taps(*torch.from_numpy(POINTS.T.copy()), tensors, torch)
    wanted = taps(POINTS[:, 0], POINTS[:, 1], rows)
    assert (cells.numpy() == wanted[0]).all()
    assert weights.numpy() == pytest.approx(wanted[1], abs=1e-12)


def test_rows_have_fewer_cells_towards_the_poles_and_one_at_each() -> None:
    cells = cells_of_rows(2880)
    assert cells[[0, -1]].tolist() == [1, 1]
    assert cells[1440] == 5760
    assert (np.diff(cells[:1440]) >= 0).all()
    lats = (np.arange(2880) + 0.5) / 16 - 90
    width = 360 / cells[8:-8] * np.cos(np.deg2rad(lats[8:-8]))
    assert width == pytest.approx(np.full(len(width), 1 / 16), rel=0.03)


@pytest.mark.parametrize("lat", [90.0, -90.0])
def test_a_pole_is_one_place(lat: float) -> None:
    encoder = make_encoder()
    found = encoder.encode([(lon, lat) for lon in (-180.0, -77.7, 0.0, 12.3, 179.0)])
    assert np.ptp(found, axis=0) == pytest.approx(np.zeros(8), abs=2e-6)


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ((180 - 1e-9, 31.0), (-180.0, 31.0)),  # the antimeridian
        ((12.0, 10 - 1e-9), (12.0, 10 + 1e-9)),  # two rows of cells
        ((-90 - 1e-9, 0.1), (-90 + 1e-9, 0.1)),  # two runs
        ((40.0, 89.9999999), (-140.0, 89.9999999)),  # the other side of a pole
    ],
)
def test_values_go_on_across_every_border(
    before: tuple[float, float], behind: tuple[float, float]
) -> None:
    found = make_level(seed=3).read(np.array([before, behind]))
    # Values change by at most 3 a cell, and the two are a millionth of one apart.
    assert found[0] == pytest.approx(found[1], abs=1e-5)


def test_a_whole_meridian_has_no_step() -> None:
    level = make_level(seed=5)
    lats = np.linspace(-90, 90, 180_001)
    read = level.read(np.stack([np.full_like(lats, 33.3), lats], axis=1))
    # 1/5000 of a cell from one to the next, times the steepest slope of values within ±2.5.
    assert np.abs(np.diff(read, axis=0)).max() < 5 / 5000 * 1.5


def test_what_is_not_kept_reads_as_zero() -> None:
    runs = int(runs_of_rows(36)[-1])
    empty = Level(36, np.zeros(runs, bool), np.zeros((0, 2), np.int8), np.ones(2, np.float32))
    assert not empty.read(POINTS).any()


@pytest.mark.parametrize("lons", [np.linspace(-180, 179.5, 70), np.linspace(170, 190, 41)])
def test_rows_of_a_grid_read_as_points_do(lons: np.ndarray) -> None:
    level, lats = make_level(), np.array([90.0, 89.9, 45.2, 45.1, 0.0, -33.0, -89.99, -90.0])
    turned = np.remainder(lons + 180, 360) - 180
    read = level.read_grid(turned, lats)
    points = np.stack(np.meshgrid(turned, lats), axis=-1).reshape(-1, 2)
    assert read.reshape(-1, 3) == pytest.approx(level.read(points), abs=2e-6)


def test_encoding_is_the_formula() -> None:
    encoder = make_encoder()
    w = encoder.weights
    smooth = encoder.smooth.encode(POINTS).astype(float)
    fine = np.array([np.concatenate([slowly(x, *p) for x in encoder.levels]) for p in POINTS])
    hidden = fine @ w["hidden.field"].T + smooth[:, :4] @ w["hidden.smooth"].T + w["hidden.bias"]
    wanted = smooth @ w["out.smooth"].T + w["out.bias"]
    wanted[:, :6] += np.maximum(hidden, 0) @ w["out.hidden"].T
    assert encoder.encode(POINTS) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize(
    ("lons", "lats"),
    [
        (np.arange(5, 17, 0.1), np.arange(48.5, 44, -0.1)),
        (np.arange(170, 190, 0.25), np.arange(-20, -10, 0.25)),
        (np.arange(-180, 180, 0.5), np.linspace(90, 86, 9)),
        (np.array([3.0]), np.array([4.0])),
        (np.array([20.0, -100.0, 3.0]), np.array([4.0, -80.0])),
    ],
)
def test_grids_are_embedded_as_points_are(lons: np.ndarray, lats: np.ndarray) -> None:
    encoder = make_encoder()
    points = np.stack(np.meshgrid(lons, lats), axis=-1).reshape(-1, 2)
    wanted = encoder.encode(points).reshape(len(lats), len(lons), 8)
    assert encoder.encode_grid(lons, lats, exact=True) == pytest.approx(wanted, abs=2e-4)
    # The lattice of the smooth part: four nodes for each of its resolutions.
    assert encoder.encode_grid(lons, lats) == pytest.approx(wanted, abs=2e-3)


def test_two_grids_agree_where_they_overlap() -> None:
    encoder = make_encoder()
    lons, lats = np.arange(5, 17, 0.1), np.arange(48.5, 44, -0.1)
    whole = encoder.encode_grid(lons, lats)
    part = encoder.encode_grid(lons[31:77], lats[11:30], threads=1)
    assert part == pytest.approx(whole[11:30, 31:77], abs=1e-5)


def test_threads_change_nothing() -> None:
    lons, lats = np.arange(5, 17, 0.1), np.arange(48.5, 44, -0.1)
    one = make_encoder().encode_grid(lons, lats, threads=1)
    assert make_encoder().encode_grid(lons, lats, threads=4) == pytest.approx(one, abs=1e-5)


def test_lagrange_is_exact_for_polynomials_of_degree_nine() -> None:
    at = np.linspace(-3, 17, 57)
    matrix, start, stop = lagrange_matrix(at)
    nodes = np.arange(start, stop)
    assert matrix @ (nodes / 10) ** 9 == pytest.approx((at / 10) ** 9, abs=1e-4)
    assert (matrix != 0).sum(axis=1).max() == NODES


def test_a_lattice_evaluates_each_tile_once() -> None:
    calls = []

    def evaluate(lons: np.ndarray, lats: np.ndarray) -> np.ndarray:
        calls.append((lons[0], lats[0]))
        return np.stack(np.meshgrid(lons, lats), axis=-1).astype(np.float32)

    lattice = SmoothLattice(evaluate, 360)
    nodes = lattice.nodes(100, 130, 710, 730)
    assert nodes.shape == (30, 20, 2)
    assert nodes[:, 0, 1] == pytest.approx(np.arange(100, 130) / 2 - 90)
    assert nodes[0, :, 0] == pytest.approx((np.arange(710, 730) / 2) % 360 - 180)
    before = len(calls)
    lattice.nodes(101, 111, 712, 725)
    assert len(calls) == before


def test_a_lattice_goes_on_beyond_the_poles() -> None:
    def evaluate(lons: np.ndarray, lats: np.ndarray) -> np.ndarray:
        x, y = np.deg2rad(np.meshgrid(lons, lats))
        return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=-1)

    lattice = SmoothLattice(evaluate, 36)
    # Along a great circle over the pole: the vectors of latitudes beyond 90 degrees as they are.
    nodes = lattice.nodes(-13, 52, 40, 41)[:, 0]
    lat, lon = np.deg2rad(np.arange(-13, 52) * 5.0 - 90), np.deg2rad(40 * 5.0 - 180)
    wanted = [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    assert nodes == pytest.approx(np.stack(wanted, axis=1), abs=1e-12)


def test_products_with_directions_are_those_of_the_embedding() -> None:
    encoder = make_encoder()
    directions = np.random.default_rng(2).normal(size=(2, 8))
    lons, lats = np.arange(5, 17, 0.1), np.arange(48.5, 44, -0.1)
    projected = encoder.projected(directions)
    assert type(projected) is not Projection  # fewer than the dimensions: it pays
    got = np.full((len(lats), len(lons), 2), np.nan, np.float32)
    for at, values in projected.grid_parts(lons, lats):
        got[at] = values
    assert got == pytest.approx(encoder.encode_grid(lons, lats) @ directions.T, abs=2e-5)
    for single in (False, True):
        points = projected.encode(POINTS, single=single)
        assert points == pytest.approx(encoder.encode(POINTS) @ directions.T, abs=2e-5)
    every = encoder.projected(np.eye(8))
    assert type(every) is Projection
    assert every.encode(POINTS) == pytest.approx(encoder.encode(POINTS), abs=1e-6)


def test_parts_of_a_grid_hold_every_wanted_pixel_and_leave_out_the_rest() -> None:
    encoder = make_encoder()
    lons, lats = np.arange(5, 37, 0.1), np.arange(48.5, 44, -0.1)
    wanted = np.zeros((len(lats), len(lons)), bool)
    wanted[3, 5] = wanted[20:30, 270:300] = True
    whole = encoder.encode_grid(lons, lats)
    got = np.full_like(whole, np.nan)
    for at, values in encoder.grid_parts(lons, lats, wanted):
        got[at] = values
    found = np.isfinite(got[..., 0])
    assert found[wanted].all()
    assert found.mean() < 0.5
    assert got[found] == pytest.approx(whole[found], abs=1e-6)


@pytest.mark.parametrize(
    ("west", "south", "size"), [(5.0, 40.0, 1.0), (178.0, -20.0, 4.0), (-180.0, 80.0, 10.0)]
)
def test_points_near_one_another_are_read_from_cells(
    west: float, south: float, size: float
) -> None:
    encoder = make_encoder()
    random = np.random.default_rng(4)
    points = random.random((500, 2)) * size + [west, south]
    points[:3] = [(180, 33), (12, 90), (-33, -90)]
    exact = encoder.encode(points)
    calls = []
    encoder.smooth.encode = lambda some, **_: calls.append(len(some)) or SMOOTH(some)  # type: ignore
    SMOOTH = make_encoder().smooth.encode
    near = encoder.encode(points, single=True)
    assert 3 <= sum(calls) < 60
    assert near == pytest.approx(exact, abs=2e-4)


def test_a_model_file_keeps_both_parts(tmp_path: Path) -> None:
    encoder = make_encoder()
    write_model(tmp_path / "m.npz", encoder)
    again = read_model(tmp_path / "m.npz")
    assert isinstance(again, TwoPartEncoder)
    assert again.config == encoder.config
    assert again.encode(POINTS) == pytest.approx(encoder.encode(POINTS), abs=1e-5)
    assert again.sha256 == read_model(tmp_path / "m.npz").sha256


def test_resolution_is_what_was_measured() -> None:
    encoder = make_encoder()
    assert encoder.resolution_degrees == pytest.approx(20 / 111.195)
    assert encoder.provenance["effective_resolution_degrees"] == "0.1799"
    assert "feature grid (5° × 3, 20° × 2)" in encoder.config.formula


def test_weights_that_do_not_fit_are_refused() -> None:
    encoder = make_encoder()
    stored = dict(encoder.stored)
    del stored["field.36.kept"]
    with pytest.raises(ModelError, match=r"field.36.kept"):
        TwoPartEncoder(encoder.config, stored)
    stored = {**encoder.stored, "hidden.field": np.ones((12, 4))}
    with pytest.raises(ModelError, match="do not fit"):
        TwoPartEncoder(encoder.config, stored)
    with pytest.raises(ModelError, match="runs"):
        Level(36, np.ones(3, bool), np.zeros((3 * RUN, 1), np.int8), np.ones(1, np.float32))


def test_old_model_files_open_as_before() -> None:
    assert load_encoder().dim == 256


def test_a_preview_of_a_fine_model_is_as_fine_as_pixels_but_bounded() -> None:
    encoder = make_encoder()
    view = Grid.from_bounds((5, 44, 17, 48.5), 0.1)
    stages = Preview(encoder).stages(view)
    assert stages[-1].step == pytest.approx(0.1, rel=0.05)
    wide = Preview(encoder).stages(Grid.from_bounds((-180, -80, 180, 80), 0.1))
    assert all(stage.nodes <= 260_000 for stage in wide)


def test_a_preview_of_a_fine_model_is_exact_where_pixels_are_embedded() -> None:
    encoder, view = make_encoder(), Grid.from_bounds((5, 44, 17, 48.5), 0.1)
    preview = Preview(encoder)
    field = preview.embed(view, preview.stages(view)[-1].step)
    reference = field.reference(11.5, 48.1)
    picture = field.similarity(reference)
    # The smooth part's lattice, four nodes for each resolution, is all that is interpolated.
    assert field.error(picture, lambda some: some @ reference) < 1e-3
    assert np.isfinite(picture).all()
