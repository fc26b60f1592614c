"""Polygons and lines by what they cover, against shapely and pyproj."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis import unit
from satclip_core.errors import CancelledError, InputError
from satclip_core.grid.shares import covered, pieces
from satclip_core.grid.sphere import EARTH_KM, great_circle_km
from satclip_core.grid.wkb import Shape
from satclip_core.models.registry import load_encoder
from satclip_core.points import ZoneEmbedder

shapely = pytest.importorskip("shapely", reason="shapely is not installed (extra points)")
pyproj = pytest.importorskip("pyproj", reason="pyproj is not installed")

WGS84 = pyproj.Geod(ellps="WGS84")


class Coordinates:
    """An encoder that gives lon, lat and 1, so that means of places are known."""

    name, dim, resolution_degrees = "coordinates", 3, 0.5

    def __init__(self):
        self.places = 0

    def encode_many(self, lonlat, *, threads=None):
        self.places += len(lonlat)
        return np.column_stack([lonlat, np.ones(len(lonlat))]).astype(np.float32)


def embedded(*geometries, crs="EPSG:4326", **options):
    shapes = [None if one is None else Shape.of(shapely.to_wkb(one)) for one in geometries]
    return ZoneEmbedder(Coordinates(), crs, **options)(shapes)


@pytest.fixture(scope="module")
def small(small_model):
    """The small model, as zones see it."""
    return load_encoder(small_model)


def means_of(encoder, *geometries, **options):
    shapes = [Shape.of(shapely.to_wkb(one)) for one in geometries]
    return ZoneEmbedder(encoder, **options)(shapes)


def star(rng, corners, radius):
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = rng.uniform(0.3, 1, corners) * radius
    return np.stack([20 + reach * np.cos(angles), 15 + reach * np.sin(angles)], axis=1)


def shares_of(rings, shape):
    shares = np.zeros(shape)
    for rows, cols, part in covered(rings, shape):
        shares[rows, cols] += part
    return shares


def by_shapely(polygon, shape):
    height, width = shape
    cols, rows = np.meshgrid(np.arange(width), np.arange(height))
    return shapely.area(shapely.intersection(polygon, shapely.box(cols, rows, cols + 1, rows + 1)))


@pytest.mark.parametrize("seed", range(8))
def test_shares_of_pixels_are_those_of_shapely(seed):
    rng = np.random.default_rng(seed)
    polygon = shapely.Polygon(star(rng, 25, 14))
    hole = shapely.Polygon(star(rng, 9, 4)).intersection(polygon.buffer(-0.1))
    if seed % 2 and hole.geom_type == "Polygon":
        polygon = polygon.difference(hole)
    rings = [np.array(ring.coords) for ring in (polygon.exterior, *polygon.interiors)]
    want = by_shapely(polygon, (30, 40))
    np.testing.assert_allclose(shares_of(rings, (30, 40)), want, atol=1e-12)
    turned = [ring[::-1] for ring in rings]  # which way round does not matter
    np.testing.assert_allclose(shares_of(turned, (30, 40)), want, atol=1e-12)


def test_strips_of_rows_are_those_of_the_whole(monkeypatch):
    from satclip_core.grid import shares

    ring = star(np.random.default_rng(1), 25, 14)
    whole = shares_of([ring], (30, 40))
    monkeypatch.setattr(shares, "_TOGETHER", 41 * 4)
    np.testing.assert_array_equal(shares_of([ring], (30, 40)), whole)


@pytest.mark.parametrize(
    ("ring", "want"),
    [
        ([(0, 0), (2, 0), (2, 2), (0, 2)], [[1, 1], [1, 1]]),  # along the borders of pixels
        ([(0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5)], [[0.25, 0.25], [0.25, 0.25]]),
        ([(0, 0), (2, 2), (2, 0), (0, 2)], [[0.5, 0.5], [0.5, 0.5]]),  # crosses itself
        ([(0, 0), (2, 0), (2, 1), (0, 1), (0, 0), (2, 0), (2, 1), (0, 1)], [[1, 1], [0, 0]]),
        ([(0.2, 0.2), (0.8, 0.8), (0.2, 0.2)], [[0, 0], [0, 0]]),
    ],
)
def test_rings_valid_and_not(ring, want):
    np.testing.assert_allclose(shares_of([np.array(ring, float)], (2, 2)), want, atol=1e-12)


def test_a_hole_takes_nothing_away_from_elsewhere():
    outer = np.array([(0, 0), (2, 0), (2, 2), (0, 2)], float)
    hole = np.array([(1, 1), (3, 1), (3, 3), (1, 3)], float)
    want = [[1, 1, 0], [1, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(shares_of([outer, hole], (3, 3)), want, atol=1e-12)


def test_pieces_of_a_line_lie_in_their_pixels_and_leave_nothing_out():
    rng = np.random.default_rng(0)
    line = rng.uniform(0, 9, (40, 2))
    found = pieces(line)
    lengths = np.linalg.norm(found.ends - found.starts, axis=1)
    want = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    assert lengths.sum() == pytest.approx(want)
    grid = shapely.box(found.cols, found.rows, found.cols + 1, found.rows + 1)
    drawn = shapely.linestrings(np.stack([found.starts, found.ends], axis=1))
    assert (shapely.length(shapely.difference(drawn, shapely.buffer(grid, 1e-9))) == 0).all()
    both = shapely.LineString(line)
    by_pixel = {
        (col, row): shapely.length(
            shapely.intersection(both, shapely.box(col, row, col + 1, row + 1))
        )
        for col in range(9)
        for row in range(9)
    }
    for (col, row), length in by_pixel.items():
        here = (found.cols == col) & (found.rows == row)
        assert lengths[here].sum() == pytest.approx(length, abs=1e-9)


@pytest.mark.parametrize("kind", ["plain", "big endian", "iso z", "postgis zm"])
@pytest.mark.parametrize(
    "wkt",
    [
        "POINT (1 2)",
        "MULTIPOINT ((1 2),(3 4))",
        "LINESTRING (1 2,3 4,5 6)",
        "MULTILINESTRING ((1 2,3 4),(5 6,7 8))",
        "POLYGON ((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))",
        "GEOMETRYCOLLECTION (POINT (1 2),MULTIPOLYGON (((0 0,4 0,4 4,0 0)),((5 5,6 5,6 6,5 5))))",
        "POLYGON EMPTY",
        "POINT EMPTY",
    ],
)
def test_well_known_bytes_are_read_however_they_are_written(wkt, kind):
    geometry = shapely.from_wkt(wkt)
    options = {"big endian": {"byte_order": 0}, "iso z": {"flavor": "iso"}}.get(kind, {})
    if kind in ("iso z", "postgis zm"):
        geometry = shapely.force_3d(geometry, 7.0)
    if kind == "postgis zm":
        options = {"include_srid": True}
        geometry = shapely.set_srid(geometry, 4326)
    shape = Shape.of(shapely.to_wkb(geometry, **options))
    want = shapely.get_coordinates(geometry)
    np.testing.assert_array_equal(np.sort(shape.coordinates, axis=0), np.sort(want, axis=0))
    parts = list(shapely.get_parts(shapely.get_parts(geometry)))
    parts = [part for part in parts if not part.is_empty]
    assert len(shape.polygons) == sum(part.geom_type == "Polygon" for part in parts)
    assert len(shape.lines) == sum(part.geom_type == "LineString" for part in parts)
    assert len(shape.points) == sum(part.geom_type == "Point" for part in parts)


def test_damaged_bytes_and_arcs_are_one_line():
    whole = shapely.to_wkb(shapely.box(0, 0, 1, 1))
    for wkb in (b"", whole[:-3], whole[:3]):
        with pytest.raises(InputError, match="its bytes are damaged"):
            Shape.of(wkb)
    with pytest.raises(InputError, match="with arcs"):
        Shape.of(whole[:1] + (8).to_bytes(4, "little") + whole[5:])


FIELD = shapely.box(10, 50, 10.001, 50.001)  # 70 by 110 m
AREAS = [
    shapely.box(5, 44, 17, 48.5),
    shapely.Polygon([(0, 0), (10, 0), (10, 10)]),
    shapely.box(175, -20, 185, -10),
    shapely.box(-180, -90, 180, -60),
    shapely.box(0, 0, 10, 10).difference(shapely.box(3, 3, 6, 7)),
]


@pytest.mark.parametrize(
    ("polygon", "res", "tolerance"),
    [
        # Area is not quite even within a pixel that an edge cuts: next to nothing at half a degree,
        # 1e-4 for a continent, whose pixels have three.
        *((polygon, None, 2e-4) for polygon in [*AREAS, FIELD]),
        *((polygon, 0.25, 1e-5) for polygon in AREAS),
    ],
)
def test_areas_are_those_of_the_ellipsoid(polygon, res, tolerance):
    dense = shapely.segmentize(polygon, 0.02)  # straight in degrees
    want = abs(WGS84.geometry_area_perimeter(dense)[0]) / 1e6
    assert embedded(polygon, res=res).area_km2[0] == pytest.approx(want, rel=tolerance)


def test_means_are_weighed_by_true_area():
    """Against pixels of a hundredth of the size, each clipped by shapely and weighed by pyproj."""
    polygon = shapely.Polygon([(8, 58), (15, 60), (13, 66), (9, 64)])
    lons, lats = np.meshgrid(np.arange(8, 15, 0.1), np.arange(58, 66, 0.1))
    cells = shapely.intersection(polygon, shapely.box(lons, lats, lons + 0.1, lats + 0.1)).ravel()
    cells = [cell for cell in cells if cell.area > 0]
    weights = [abs(WGS84.geometry_area_perimeter(cell)[0]) for cell in cells]
    centres = shapely.get_coordinates(shapely.centroid(cells))
    want = np.average(centres, axis=0, weights=weights)
    found = embedded(polygon)
    # Pixels of half a degree are read at their centres, those at the edge a little off.
    np.testing.assert_allclose(found.means[0, :2], want, atol=0.01)
    fine = embedded(polygon, res=0.05)
    np.testing.assert_allclose(fine.means[0, :2], want, atol=1e-3)
    plain = shapely.get_coordinates(shapely.centroid(polygon))[0]
    assert abs(plain - want).max() > 0.02  # the plane's centroid is another place


def test_parts_across_180_are_the_same_however_they_are_drawn(small):
    run_on = shapely.box(175, -20, 185, -10)
    cut = shapely.MultiPolygon([shapely.box(175, -20, 180, -10), shapely.box(-180, -20, -175, -10)])
    east = shapely.box(-185, -20, -175, -10)
    found = means_of(small, run_on, cut, east)
    np.testing.assert_allclose(found.means[1:], found.means[[0, 0]], atol=1e-5)
    np.testing.assert_allclose(found.area_km2[1:], found.area_km2[0])


def test_a_polygon_round_a_pole_in_its_own_crs():
    disc = shapely.Point(0, 0).buffer(3e6, 64)
    found = embedded(disc, crs="EPSG:3031")
    back = pyproj.Transformer.from_crs("EPSG:3031", "EPSG:4326", always_xy=True)
    area = abs(
        WGS84.polygon_area_perimeter(*back.transform(*np.array(disc.exterior.coords).T))[0] / 1e6
    )
    assert found.area_km2[0] == pytest.approx(area, rel=0.003)
    assert found.means[0, 1] < -70


def test_the_same_field_in_metres_and_in_degrees(small):
    there = pyproj.Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)
    field = shapely.box(5e5, 5.2e6, 5.02e5, 5.203e6)
    degrees = shapely.transform(field, lambda xy: np.stack(there.transform(*xy.T), axis=1))
    metres = means_of(small, field, crs="EPSG:32632")
    np.testing.assert_allclose(metres.means, means_of(small, degrees).means, atol=1e-5)
    assert metres.area_km2[0] == pytest.approx(6.0, rel=2e-3)


def test_a_tiny_polygon_is_its_own_place_and_not_that_of_a_pixel(small):
    tiny = shapely.box(10.2, 50.2, 10.2001, 50.2001)
    found = means_of(small, tiny)
    want = small.encode([(10.20005, 50.20005)])
    np.testing.assert_allclose(found.means, want, atol=1e-5)
    assert 64 <= found.pixels[0] <= 100
    coarse = means_of(small, tiny, res=1.0)  # literally what was asked for
    assert coarse.pixels[0] == 1
    np.testing.assert_allclose(coarse.means, small.encode([(10.5, 50.5)]), atol=1e-5)


def test_means_and_spread_by_plain_computation(small):
    """As exactextract's weighted mean: shares by shapely, areas by pyproj, pixel by pixel."""
    polygon = shapely.Polygon([(0, 0), (4, 1), (3, 4), (1, 3)])
    found = means_of(small, polygon, res=0.5)
    lons, lats = (part.ravel() for part in np.meshgrid(np.arange(0, 4, 0.5), np.arange(0, 4, 0.5)))
    cells = shapely.box(lons, lats, lons + 0.5, lats + 0.5)
    shares = shapely.area(shapely.intersection(cells, polygon)) / 0.25
    dense = shapely.segmentize(cells, 0.01)
    weights = shares * [abs(WGS84.geometry_area_perimeter(cell)[0]) / 1e6 for cell in dense]
    embeddings = small.encode(np.stack([lons + 0.25, lats + 0.25], axis=1)).astype(float)
    mean = np.average(embeddings, axis=0, weights=weights)
    np.testing.assert_allclose(found.means[0], mean, rtol=1e-4, atol=1e-6)
    cosines = unit(embeddings) @ unit(mean)
    assert found.spread[0] == pytest.approx(1 - np.average(cosines, weights=weights), abs=1e-6)
    assert found.pixels[0] == (shares > 0).sum()
    assert found.area_km2[0] == pytest.approx(weights.sum(), rel=1e-4)


def test_lines_weigh_by_length():
    line = shapely.LineString([(0, 60), (10, 60), (10, 70)])
    found = embedded(line, res=0.05)
    along = np.deg2rad(10) * EARTH_KM * np.cos(np.deg2rad(60)), np.deg2rad(10) * EARTH_KM
    assert found.length_km[0] == pytest.approx(sum(along), rel=1e-6)
    want = np.average([(5, 60), (10, 65)], axis=0, weights=along)
    np.testing.assert_allclose(found.means[0, :2], want, rtol=1e-6)
    assert np.isnan(found.area_km2[0])
    assert found.pixels[0] == pytest.approx(400, abs=1)


def test_what_has_area_outweighs_and_points_are_as_they_are():
    both = shapely.GeometryCollection(
        [shapely.box(0, 0, 1, 1), shapely.LineString([(5, 5), (9, 9)])]
    )
    found = embedded(both, shapely.Point(3, 4), shapely.MultiPoint([(0, 0), (4, 2)]))
    np.testing.assert_allclose(found.means[:, :2], [(0.5, 0.5), (3, 4), (2, 1)], atol=1e-3)
    assert found.pixels[1:].tolist() == [1, 2]


def test_zones_without_area_or_place():
    flat = shapely.Polygon([(1, 1), (2, 2), (3, 3), (1, 1)])
    dot = shapely.Polygon([(1, 1), (1, 1), (1, 1), (1, 1)])
    nan = shapely.Polygon([(0, 0), (np.nan, 1), (1, 1), (0, 0)])
    beyond = shapely.box(0, 80, 10, 95)
    found = embedded(flat, dot, nan, beyond, None, shapely.Polygon())
    np.testing.assert_allclose(found.means[:2, :2], [(2, 2), (1, 1)], atol=1e-3)
    assert found.area_km2[:2].tolist() == [0, 0]
    assert found.pixels[2:].tolist() == [0] * 4
    assert np.isnan(found.means[2:]).all()
    assert np.isnan(found.spread[2:]).all()


def test_pixels_that_a_mask_leaves_out_do_not_count():
    found = embedded(shapely.box(0, 0, 10, 2), mask=lambda lons, lats: lons > 5)
    assert found.means[0, 0] == pytest.approx(7.5)
    assert embedded(shapely.box(0, 0, 4, 2), mask=lambda lons, lats: lons > 5).pixels[0] == 0


def test_the_size_of_pixels_follows_the_zone():
    encoder = Coordinates()
    zones = ZoneEmbedder(encoder)
    country = zones([Shape.of(shapely.to_wkb(shapely.box(0, 0, 20, 10)))])
    assert country.pixels[0] == 40 * 20
    world = zones([Shape.of(shapely.to_wkb(shapely.box(-180, -90, 180, 90)))])
    assert 4000 < world.pixels[0] < 9000
    with pytest.raises(InputError, match="res -1 is not above 0"):
        ZoneEmbedder(encoder, res=-1)
    with pytest.raises(InputError, match="give a coarser one"):
        ZoneEmbedder(encoder, res=1e-6)([Shape.of(shapely.to_wkb(shapely.box(0, 0, 20, 10)))])


def test_edges_round_the_earth_are_counted_and_frames_of_it_are_not():
    zones = ZoneEmbedder(Coordinates())
    wide = shapely.Polygon([(170, 0), (-170, 0), (-170, 10), (170, 10)])
    frame = shapely.box(-180, -60, 180, 84)
    polar = shapely.Polygon([(-150, -90), (150, -90), (150, -80), (0, -75), (-150, -80)])
    zones([Shape.of(shapely.to_wkb(one)) for one in (wide, frame, polar, shapely.box(0, 0, 9, 9))])
    assert zones.across == 1


def test_many_small_zones_share_batches_and_can_be_stopped():
    boxes = [shapely.box(lon, lat, lon + 0.3, lat + 0.2) for lon in range(40) for lat in range(40)]
    shapes = [Shape.of(shapely.to_wkb(one)) for one in boxes]
    done: list[int] = []
    found = ZoneEmbedder(Coordinates())(shapes, done=done.append)
    np.testing.assert_allclose(
        found.means[:, :2], [(box.centroid.x, box.centroid.y) for box in boxes], atol=1e-3
    )
    assert done == sorted(done)
    assert 1 < len(done) < 30
    with pytest.raises(CancelledError):
        ZoneEmbedder(Coordinates())(shapes, cancelled=lambda: True)


def test_great_circles_are_those_of_pyproj():
    rng = np.random.default_rng(0)
    one, other = rng.uniform((-180, -90), (180, 90), (2, 50, 2))
    other[:5] = one[:5] + 1e-6
    sphere = pyproj.Geod(a=EARTH_KM * 1000, b=EARTH_KM * 1000)
    want = sphere.inv(*one.T, *other.T)[2] / 1000
    np.testing.assert_allclose(great_circle_km(one, other), want, rtol=1e-6, atol=1e-9)
