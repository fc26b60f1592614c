"""The preview of a map view against the encoder, pixel by pixel, on any map."""

from __future__ import annotations

import time

import numpy as np
import pytest

from satclip_core.analysis import unit
from satclip_core.encoder import LocationEncoder, TwoPartEncoder
from satclip_core.errors import CancelledError, InputError
from satclip_core.grid import Grid
from satclip_core.grid.pixels import Locator
from satclip_core.models.registry import load_encoder
from satclip_core.preview import STEPS, Field, Preview, combine, similarity_of
from satclip_core.preview.lattice import Lattice, spline_matrix
from satclip_core.preview.view import scattered_places

REFERENCES = ((15.0, 45.0), (-60.0, -3.0), (179.9, -17.0), (100.0, 62.0))


def view(crs: str, x: float, y: float, pixel: float, shape: tuple[int, int] = (200, 320)) -> Grid:
    """A map of so many pixels about a point."""
    height, width = shape
    west, north = x - pixel * width / 2, y + pixel * height / 2
    return Grid(crs, (pixel, 0.0, west, 0.0, -pixel, north), shape)


VIEWS = {
    "Europe, web Mercator": view("EPSG:3857", 1.2e6, 6.2e6, 12_000),
    "Fiji, across the antimeridian": view("EPSG:4326", 180, -17, 0.08),
    "the North Pole, on its map": view("EPSG:3413", 0, 0, 8_000),
    "the South Pole, on its map": view("EPSG:3031", 0, 0, 8_000),
    "the North Pole, in degrees": view("EPSG:4326", 20, 82, 0.1),
    "the Alps, UTM": view("EPSG:32632", 5e5, 5.2e6, 2_000),
    "a street": view("EPSG:3857", 1.2e6, 6.2e6, 0.5),
}


@pytest.fixture(scope="module")
def encoder() -> LocationEncoder:
    """The smooth part of the bundled model: what lattices of shares of a resolution are for."""
    bundled = load_encoder("bundled")
    assert isinstance(bundled, TwoPartEncoder)
    return bundled.smooth


def errors(field: Field, count: int = 400) -> np.ndarray:
    """|picture - encoder| at random pixels, for several references, (count * k,)."""
    random = np.random.default_rng(1)
    rows, cols = (random.integers(0, size, count) for size in field.view.shape)
    lons, lats, valid = Locator(field.view).at(rows, cols)
    exact = unit(field.encoder.encode(np.stack([lons[valid], lats[valid]], axis=1)))
    off = []
    for place in REFERENCES:
        reference = field.reference(*place)
        picture = field.similarity(reference)[rows, cols]
        assert (np.isfinite(picture) == valid).all()
        off.append(np.abs(picture[valid] - exact @ reference))
    return np.concatenate(off)


@pytest.mark.parametrize("name", VIEWS)
def test_the_last_picture_is_within_the_stated_error(encoder: LocationEncoder, name: str) -> None:
    preview = Preview(encoder)
    stage = preview.stages(VIEWS[name])[-1]
    field = preview.embed(VIEWS[name], stage.step)
    assert stage.error is not None
    assert errors(field).max() <= stage.error


@pytest.mark.parametrize(("share", "bound"), STEPS)
def test_each_step_keeps_its_bound(encoder: LocationEncoder, share: float, bound: float) -> None:
    assert encoder.resolution_degrees is not None
    for box in (view("EPSG:4326", 15, 0, 0.1), view("EPSG:4326", -110, 45, 0.1)):
        field = Preview(encoder).embed(box, share * encoder.resolution_degrees)
        assert errors(field).max() <= bound


def test_a_world_map_has_a_first_picture_and_a_last(encoder: LocationEncoder) -> None:
    world = view("EPSG:4326", 0, 0, 1.2, (200, 320))
    first, last = Preview(encoder).stages(world)
    assert first.step > last.step
    assert last.step == pytest.approx(encoder.resolution_degrees / 3)
    picture = (
        Preview(encoder).embed(world, first.step).similarity(unit(encoder.encode([(0.0, 0.0)]))[0])
    )
    rows, cols = np.nonzero(np.isfinite(picture))
    assert rows.min() == 25  # 90 degrees north of the middle
    assert cols.min() == 10  # 180 degrees west of it
    assert picture[100, 160] > 0.9


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:8857"])
def test_beyond_the_edge_of_the_world_there_is_nothing(encoder: LocationEncoder, crs: str) -> None:
    world = view(crs, 0, 0, 150_000)
    preview = Preview(encoder)
    picture = preview.embed(world, 3.0).similarity(unit(encoder.encode([(0.0, 0.0)]))[0])
    assert np.isnan(picture[:, :5]).all()
    assert np.isfinite(picture[95:105, 60:260]).all()


def test_places_between_are_where_the_transform_says() -> None:
    for grid in VIEWS.values():
        locator = Locator(grid)
        if locator.separable:
            continue
        quick = scattered_places(locator, every=2)
        rows, cols = np.arange(0, 200, 2), np.arange(0, 320, 2)
        lons, lats, valid = locator.at(rows[:, None], cols)
        assert (quick.valid == valid).all()
        turned = np.remainder(quick.lons - lons[valid] + 180, 360) - 180
        east = turned * np.cos(np.deg2rad(quick.lats))
        assert np.hypot(east, quick.lats - lats[valid]).max() < 1e-3  # a hundredth of a pixel


@pytest.mark.parametrize("south", [-33, 26])
def test_rows_beyond_a_pole_are_those_before_it_half_a_turn_away(
    encoder: LocationEncoder, south: int
) -> None:
    lattice = Lattice(3.0, -20, south, (8, 30))
    nodes, made = Preview(encoder)._embed(lattice, None, None)
    assert made == lattice.nodes
    lons, lats = np.meshgrid(lattice.lons, lattice.lats)
    beyond = np.abs(lats) > 90
    assert 0 < beyond.sum() < beyond.size
    over = np.where(beyond, np.copysign(180, lats) - lats, lats)
    places = np.stack([np.where(beyond, lons + 180, lons), over], axis=-1)
    exact = unit(encoder.encode(places.reshape(-1, 2))).reshape(nodes.shape)
    assert np.allclose(nodes, exact, atol=1e-4)


def test_a_spline_gives_back_cubics() -> None:
    nodes, at = np.arange(9.0), np.linspace(0, 8, 50)

    def cubic(x: np.ndarray) -> np.ndarray:
        return 0.1 * x**3 - x**2 + 2 * x - 1

    assert np.allclose(spline_matrix(9, at) @ cubic(nodes), cubic(at), atol=2e-5)


def test_several_places_by_mean_and_by_maximum(encoder: LocationEncoder) -> None:
    box = VIEWS["Europe, web Mercator"]
    field = Preview(encoder).embed(box, 1.0)
    pictures = [field.similarity(field.reference(*place)) for place in REFERENCES]
    assert np.allclose(combine(pictures), np.mean(pictures, axis=0), atol=1e-6)
    assert (combine(pictures, "max") == np.max(pictures, axis=0)).all()
    references = np.stack([field.reference(*place) for place in REFERENCES])
    for reduce in ("mean", "max"):
        joined = field.joined(references, reduce)
        assert np.allclose(joined, combine(pictures, reduce), atol=1e-6)
    # Many are joined on the lattice: the largest of a curve and the curve of the largest.
    many = np.tile(references, (10, 1))
    assert np.abs(field.joined(many, "max") - np.max(pictures, axis=0)).max() < 0.05
    with pytest.raises(InputError, match="median"):
        combine(pictures, "median")
    with pytest.raises(InputError, match="at least one place"):
        combine([])


def test_similarity_of_single_places(encoder: LocationEncoder) -> None:
    references = unit(encoder.encode(REFERENCES))
    alike = similarity_of(encoder, REFERENCES, references, "max")
    assert np.allclose(alike, 1, atol=1e-3)


def test_the_measured_error_is_that_of_the_picture(encoder: LocationEncoder) -> None:
    field = Preview(encoder).embed(VIEWS["Europe, web Mercator"], 0.5)
    reference = field.reference(15, 45)
    picture = field.similarity(reference)

    def exact(embedded: np.ndarray) -> np.ndarray:
        return embedded @ reference

    assert field.error(picture, exact) < 0.002
    assert field.error(picture + np.float32(0.1), exact) == pytest.approx(0.1, abs=0.003)


def test_embedding_stops_on_request(encoder: LocationEncoder) -> None:
    with pytest.raises(CancelledError):
        Preview(encoder).embed(VIEWS["Europe, web Mercator"], 0.5, lambda: True)


def test_a_view_of_nothing_says_so(encoder: LocationEncoder) -> None:
    with pytest.raises(InputError, match="nothing of the Earth"):
        Preview(encoder).stages(view("EPSG:8857", 1e9, 0, 1000))


PANS = {
    # name: (view, moved by so many pixels to the right and down, share of the nodes that is new)
    "web Mercator, to the south": (
        view("EPSG:3857", 1.2e6, 6.2e6, 2_000, (500, 800)),
        (80, 125),
        (0.25, 0.6),
    ),
    "the Alps, by parts of a pixel": (
        view("EPSG:32632", 5e5, 5.2e6, 1_000, (500, 800)),
        (60.3, -40.7),
        (0.1, 0.4),
    ),
    "across the antimeridian": (VIEWS["Fiji, across the antimeridian"], (-150, 0), (0.3, 0.6)),
    "away from the North Pole": (VIEWS["the North Pole, in degrees"], (0, 60), (0.2, 0.5)),
    "pixel by pixel": (view("EPSG:3857", 1.2e6, 6.2e6, 900), (64, 0), (0.2, 0.2)),
    "place by place": (view("EPSG:32632", 5e5, 5.2e6, 900), (64, 40), (0.36, 0.36)),
}


@pytest.fixture(scope="module")
def bundled() -> LocationEncoder:
    return load_encoder("bundled")


@pytest.mark.parametrize("name", PANS)
def test_a_pan_embeds_only_what_is_new(
    bundled: LocationEncoder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, (right, down), (least, most) = PANS[name]
    a, b, c, d, e, f = box.transform
    moved = Grid(box.crs, (a, b, c + right * a, d, e, f + down * e), box.shape)
    preview = Preview(bundled)
    first = preview.embed(box, preview.stages(box)[-1].step)
    stage = preview.stages(moved, first)[-1]
    assert stage.step == pytest.approx(first.step, rel=1e-9 if "pixel" not in name else 0.01)
    count = 0
    for method in ("encode", "encode_grid"):
        plain = getattr(bundled, method)

        def counted(*places: object, plain: object = plain, **more: object) -> np.ndarray:
            nonlocal count
            made = plain(*places, **more)
            count += made.size // made.shape[-1]
            return made

        monkeypatch.setattr(bundled, method, counted)
    field = preview.embed(moved, stage.step, known=first)
    assert count == stage.nodes
    assert least - 0.01 <= count / field.sampler.lattice.nodes <= most
    monkeypatch.undo()
    anew = preview.embed(moved, stage.step)
    reference = field.reference(11.0, 47.0)
    # What was embedded with other neighbours differs by what `encode_grid` may be off.
    off = np.abs(field.similarity(reference) - anew.similarity(reference))
    assert np.nanmax(off) < 2e-4


def test_another_model_or_scale_shares_nothing(
    encoder: LocationEncoder, bundled: LocationEncoder
) -> None:
    box = view("EPSG:3857", 1.2e6, 6.2e6, 12_000)
    other = Preview(encoder).embed(box, 1.0)
    preview = Preview(bundled)
    assert preview.stages(box, other) == preview.stages(box)
    field = preview.embed(box, 0.3)
    nearer = view("EPSG:3857", 1.2e6, 6.2e6, 3_000)
    assert preview.stages(nearer, field)[-1].nodes == preview.stages(nearer)[-1].nodes


def test_a_further_place_costs_a_product_and_a_spline(encoder: LocationEncoder) -> None:
    field = Preview(encoder).embed(view("EPSG:3857", 1.2e6, 6.2e6, 3_000, (800, 1280)), 0.5)
    reference = field.reference(15, 45)
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        field.similarity(reference)
        best = min(best, time.perf_counter() - start)
    assert best < 0.05
