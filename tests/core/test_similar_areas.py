"""Areas that are like some places: against the raster, shapely and geodesics."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.errors import CancelledError, InputError
from satclip_core.grid import Grid
from satclip_core.grid.land import land_mask, land_places
from satclip_core.models.registry import load_encoder
from satclip_core.products import SimilarityTo
from satclip_core.raster import raster_array
from satclip_core.raster import similar_areas as module
from satclip_core.raster.similar_areas import AreaOptions, similar_areas

CONGO = (23.6, -2.9)
AFRICA = Grid.from_bounds((-20, -35, 52, 37), 0.5)
WANTED = SimilarityTo((CONGO, (28, 1)), unlike=((10, 20),))


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.fixture(scope="module")
def found(encoder):
    return similar_areas(AFRICA, encoder, WANTED, AreaOptions(percentile=80), mask="land")


@pytest.fixture(scope="module")
def raster(encoder):
    return raster_array(AFRICA, WANTED, encoder, mask=land_mask())[0]


def test_they_hold_the_pixels_above_and_no_others(found, raster):
    features = pytest.importorskip("rasterio.features")
    shapely = pytest.importorskip("shapely")
    shapes = [shapely.from_wkb(shape) for shape in found.wkb]
    assert all(shape.is_valid for shape in shapes)
    affine = pytest.importorskip("rasterio").Affine(*AFRICA.transform)
    burnt = features.rasterize(shapes, AFRICA.shape, transform=affine)
    np.testing.assert_array_equal(burnt == 1, raster >= found.above)
    assert len(found) > 1
    # Counter-clockwise outside, as GeoJSON wants them.
    assert all(shape.exterior.is_ccw for shape in shapes)


def test_their_size_is_geodesic_and_their_similarity_that_of_the_pixels(found, raster):
    pyproj = pytest.importorskip("pyproj")
    shapely = pytest.importorskip("shapely")
    features = pytest.importorskip("rasterio.features")
    affine = pytest.importorskip("rasterio").Affine(*AFRICA.transform)
    geod = pyproj.Geod(ellps="WGS84")
    weights = np.cos(np.deg2rad(37 - 0.5 * (np.arange(AFRICA.shape[0]) + 0.5)))
    for shape, km2, mean, most, lonlat in zip(
        found.wkb, found.km2, found.mean, found.most, found.lonlat
    ):
        polygon = shapely.from_wkb(shape)
        # Edges along parallels are no geodesics: in short pieces they nearly are.
        area, _ = geod.geometry_area_perimeter(shapely.segmentize(polygon, 0.05))
        assert km2 == pytest.approx(area / 1e6, rel=1e-4)
        inside = features.rasterize([polygon], AFRICA.shape, transform=affine) == 1
        rows, _ = np.nonzero(inside)
        assert mean == pytest.approx(np.average(raster[inside], weights=weights[rows]), rel=1e-3)
        assert most == raster[inside].max()
        assert polygon.contains(shapely.Point(lonlat))
    assert (np.diff(found.most) <= 0).all()
    assert found.columns["rank"].tolist() == list(range(1, len(found) + 1))


def test_the_threshold_is_a_share_of_land_or_a_number(encoder, found):
    chances = WANTED.by(encoder)(encoder.encode(land_places())[None])[0, 0]
    assert found.above == pytest.approx(np.percentile(chances, 80), abs=1e-5)
    given = similar_areas(AFRICA, encoder, WANTED, AreaOptions(above=found.above), mask="land")
    assert given.wkb == found.wkb
    nothing = similar_areas(AFRICA, encoder, WANTED, AreaOptions(above=1))
    assert (len(nothing), nothing.wkb, nothing.lonlat.shape) == (0, [], (0, 2))


def test_small_areas_are_left_out(encoder, found):
    least = float(np.sort(found.km2)[1])
    kept = similar_areas(
        AFRICA, encoder, WANTED, AreaOptions(percentile=80, least_km2=least), mask="land"
    )
    assert len(kept) == len(found) - 1
    assert set(kept.wkb) < set(found.wkb)


def test_across_the_antimeridian_an_area_is_one_piece(encoder):
    grid = Grid.from_bounds((170, -20, -170, -10), 1)
    found = similar_areas(grid, encoder, [(179.9, -15)], AreaOptions(above=-1))
    assert len(found) == 1
    ((ring,),) = found.outlines
    assert (ring[:, 0].min(), ring[:, 0].max()) == (170, 190)
    assert np.abs(found.lonlat[0, 0]) > 178


def test_in_a_projected_crs(encoder):
    pyproj = pytest.importorskip("pyproj")
    shapely = pytest.importorskip("shapely")
    grid = Grid.from_bounds((5, 45, 11, 48), 20_000, "EPSG:32632", bounds_crs="EPSG:4326")
    found = similar_areas(grid, encoder, [(8, 46.5)], AreaOptions(percentile=50))
    moved = pyproj.Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)
    for shape, km2 in zip(found.wkb, found.km2):
        polygon = shapely.segmentize(shapely.from_wkb(shape), 1000)
        lonlat = shapely.transform(polygon, lambda xy: np.stack(moved.transform(*xy.T), axis=1))
        area, _ = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(lonlat)
        assert km2 == pytest.approx(abs(area) / 1e6, rel=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"above": 2}, "above 2"),
        ({"above": float("nan")}, "above nan"),
        ({"percentile": 100}, "100 % of land"),
        ({"percentile": -1}, "-1 % of land"),
        ({"least_km2": -5}, "-5 km²"),
    ],
)
def test_odd_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        AreaOptions(**options)


def test_too_many_pixels_and_a_cancel(encoder, monkeypatch):
    with pytest.raises(CancelledError):
        similar_areas(AFRICA, encoder, WANTED, cancelled=lambda: True)
    monkeypatch.setattr(module, "MOST_PIXELS", 100)
    with pytest.raises(InputError, match="coarser res"):
        similar_areas(AFRICA, encoder, WANTED)
