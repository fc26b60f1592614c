"""Places without imagery: counted, said, left out, kept or refused; sampled where there is some."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patch_world import write_patches
from training_world import write_raster

from satclip_core.errors import InputError
from satclip_training.images import coverage
from satclip_training.images.cache import CacheRequest, make_request
from satclip_training.images.chips import RasterImagery
from satclip_training.images.coverage import covered, region
from satclip_training.images.patches import PatchFolders
from satclip_training.places.gathering import Gatherer
from satclip_training.places.sampling import sample_points
from satclip_training.settings.config import ChipSettings, SourceSettings, TrainConfig
from satclip_training.settings.run_files import Locations
from satclip_training.settings.schema import build

MERCATOR = 20037508.34
CHIP = ChipSettings(kilometres=100, pixels=5, shift=0.0, flip=False)
# Name, CRS and bounds of a raster; lower and upper corner of the places that are surely inside.
REGIONS = [
    ("degrees", "EPSG:4326", (5, 40, 25, 55), (7, 42, 23, 53)),
    ("dateline", "EPSG:4326", (170, -20, 190, -5), (172, -18, 188, -7)),
    ("mercator", "EPSG:3857", (-2e6, 1e6, 2e6, 4e6), (-16, 11, 16, 31)),
    ("oblique", "EPSG:3035", (3e6, 2e6, 5e6, 4e6), (2, 45, 18, 54)),
]


def raster(folder: Path, crs: str, bounds: tuple[float, ...], name: str = "i.tif") -> Path:
    values = np.random.default_rng(0).integers(1, 255, (2, 40, 40)).astype(np.uint8)
    return write_raster(folder / name, values, bounds, crs)


def request_of(folder: Path, lonlat: np.ndarray, **settings: Any) -> CacheRequest:
    source = SourceSettings(files=("*.tif",), chip=CHIP, **settings)
    return make_request("image", source, lonlat, Locations((folder,)), 1)


def config(folder: Path, **changes: Any) -> TrainConfig:
    """A run over latitudes and longitudes of which the image of `folder` shows a part."""
    source = {"files": ["i.tif"], "chip": {"kilometres": 100, "pixels": 5}, "nodata": 0}
    points = {"count": 600, "latitude": [35, 60], "longitude": [-10, 30], "seed": 2}
    values: dict[str, Any] = {"name": "x", "sources": {"image": source}, "points": points}
    for key, value in changes.items():
        section, _, name = key.partition("__")
        part = source if section == "source" else values[section]
        part[name] = value
    return build(TrainConfig, values, "x.yaml: ")


def gatherer(config: TrainConfig, folder: Path, root: Path | None = None) -> Gatherer:
    return Gatherer(config, Locations((folder,)), PatchFolders(), folder, root=root)


def test_a_place_is_covered_where_half_of_its_chip_is(tmp_path: Path) -> None:
    """Against the chip's five columns of 20 km, counted by hand at the raster's eastern edge."""
    raster(tmp_path, "EPSG:4326", (0, -10, 20, 10))
    degree = 2 * np.pi * 6371.0088 / 360
    offsets = np.array([-41.0, -21.0, -1.0, 1.0, 19.0, 21.0, 41.0])  # km east of the edge
    lonlat = np.column_stack([20 + offsets / degree, np.zeros(len(offsets))])
    inside = (offsets[:, None] + np.arange(-40, 41, 20) < 0).mean(1)
    for least in (0.3, 0.5, 0.7):
        found = covered(request_of(tmp_path, lonlat, least_valid=least), None, tmp_path)
        np.testing.assert_array_equal(found, inside >= least)


def test_nodata_is_no_imagery_and_one_of_several_files_is_enough(tmp_path: Path) -> None:
    values = np.full((1, 10, 20), 7, np.uint8)
    values[:, :, 10:] = 0
    write_raster(tmp_path / "a.tif", values, (-20, -10, 20, 10), "EPSG:4326")
    lonlat = np.array([[-15.0, 0.0], [15.0, 0.0], [40.0, 0.0]])
    first = request_of(tmp_path, lonlat, nodata=0.0)
    np.testing.assert_array_equal(covered(first, None, tmp_path), [True, False, False])
    write_raster(tmp_path / "b.tif", 255 - values, (-20, -10, 20, 10), "EPSG:4326")
    both = request_of(tmp_path, lonlat, nodata=0.0)
    np.testing.assert_array_equal(covered(both, None, tmp_path), [True, True, False])


@pytest.mark.parametrize(("name", "crs", "bounds", "inside"), REGIONS, ids=[r[0] for r in REGIONS])
def test_coverage_is_the_raster_s_own_outline(
    tmp_path: Path, name: str, crs: str, bounds: tuple[float, ...], inside: tuple[float, ...]
) -> None:
    """Against pyproj and a rectangle, for places that are not within half a chip of the edge."""
    import pyproj

    raster(tmp_path, crs, bounds)
    lonlat = sample_points(20_000, seed=0, latitude=(-60, 75))
    project = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = project.transform(*lonlat.T)
    size = 60_000 if crs != "EPSG:4326" else 0.6
    slack = size * 3  # Mercator and chips stretch by up to 1 / cos lat
    if name == "dateline":
        x = np.where(x < 0, x + 360, x)
    edges = [x - bounds[0], bounds[2] - x, y - bounds[1], bounds[3] - y]
    distance = np.min(edges, axis=0)
    found = covered(request_of(tmp_path, lonlat), None, tmp_path)
    clear = np.abs(distance) > slack
    assert (distance[clear] > 0).sum() > 20
    np.testing.assert_array_equal(found[clear], distance[clear] > 0)


@pytest.mark.parametrize(("name", "crs", "bounds", "inside"), REGIONS, ids=[r[0] for r in REGIONS])
def test_places_can_be_sampled_within_a_source(
    tmp_path: Path, name: str, crs: str, bounds: tuple[float, ...], inside: tuple[float, ...]
) -> None:
    """All covered, and as many in a part of the region as its area says."""
    raster(tmp_path, crs, bounds)
    made = config(
        tmp_path, points__within="image", points__count=4000,
        points__latitude=[-90, 90], points__longitude=[-180, 180],
    )  # fmt: skip
    found = gatherer(made, tmp_path).gather()
    assert found.blanks == ()
    assert len(found.lonlat) == 4000
    west, south, east, north = inside
    lon = np.where(found.lonlat[:, 0] < west - 180, found.lonlat[:, 0] + 360, found.lonlat[:, 0])
    lat = found.lonlat[:, 1]
    in_box = (lon > west) & (lon < east) & (lat > south) & (lat < north)
    west_half = in_box & (lon < (west + east) / 2)
    assert west_half.sum() / in_box.sum() == pytest.approx(0.5, abs=0.05)
    middle = (south + north) / 2
    sines = np.sin(np.radians([south, middle, north]))
    wanted = (sines[1] - sines[0]) / (sines[2] - sines[0])
    assert (in_box & (lat < middle)).sum() / in_box.sum() == pytest.approx(wanted, abs=0.05)


def test_a_region_is_narrowed_by_the_configuration_and_by_land(tmp_path: Path) -> None:
    raster(tmp_path, "EPSG:4326", (0, 30, 40, 70))
    cells = np.zeros((180, 360), bool)
    cells[:, 190:] = True  # water east of 10
    np.savez(tmp_path / "mask.npz", mask=cells)
    made = config(tmp_path, points__within="image", points__land_mask="mask.npz")
    lonlat = gatherer(made, tmp_path).gather().lonlat
    assert len(lonlat) == 600
    assert lonlat[:, 0].min() >= 0  # half of a chip around a place further west is missing
    assert lonlat[:, 0].max() <= 10
    assert 35 <= lonlat[:, 1].min() < 36
    assert 59 < lonlat[:, 1].max() <= 60


def test_places_beyond_the_edge_count_where_little_of_a_chip_is_enough(tmp_path: Path) -> None:
    """A fifth of a chip, its outermost column, reaches 40 km beyond the raster."""
    raster(tmp_path, "EPSG:4326", (0, 40, 2, 42))
    made = config(tmp_path, points__within="image", source__least_valid=0.2)
    lonlat = gatherer(made, tmp_path).gather().lonlat
    beyond = -lonlat[:, 0].min() * np.cos(np.radians(41)) * 2 * np.pi * 6371.0088 / 360
    assert 35 < beyond < 41
    assert lonlat[:, 1].max() > 42.2


def test_tiles_side_by_side_are_one_region(tmp_path: Path) -> None:
    for number, west in enumerate((160, 175, 190)):
        raster(tmp_path, "EPSG:4326", (west, 0, west + 15, 10), f"t{number}.tif")
    found = region(request_of(tmp_path, np.empty((0, 2))), tmp_path)
    assert found.longitude[0] == pytest.approx(160, abs=1)
    assert found.longitude[1] == pytest.approx(205 - 360, abs=1)
    assert found.latitude == pytest.approx((0, 10), abs=1)


@pytest.mark.parametrize("pole", [90, -90])
def test_a_raster_over_a_pole_covers_all_longitudes(tmp_path: Path, pole: int) -> None:
    crs = "EPSG:3413" if pole > 0 else "EPSG:3031"
    raster(tmp_path, crs, (-1e6, -1e6, 1e6, 1e6))
    found = region(request_of(tmp_path, np.empty((0, 2))), tmp_path)
    assert found.longitude == (-180, 180)
    assert pole in found.latitude
    made = config(
        tmp_path, points__within="image", points__latitude=[-90, 90],
        points__longitude=[-180, 180],
    )  # fmt: skip
    lonlat = gatherer(made, tmp_path).gather().lonlat
    assert np.abs(lonlat[:, 1]).min() > 76
    assert np.histogram(lonlat[:, 0], 4, (-180, 180))[0] == pytest.approx(150, abs=45)


def test_blank_places_are_left_out_and_counted(tmp_path: Path) -> None:
    raster(tmp_path, "EPSG:4326", (0, 30, 10, 70))
    asked = gatherer(config(tmp_path), tmp_path).places()
    found = gatherer(config(tmp_path), tmp_path).gather()
    known = covered(found.requests["image"], None, tmp_path)
    assert known.all()
    (blank,) = found.blanks
    assert blank.count == 600 - len(found.lonlat)
    assert 0.65 < blank.count / 600 < 0.85  # of 40 degrees it shows 10
    assert str(blank) == (
        f"{blank.count} of 600 places ({blank.count / 600:.0%}) have no imagery: left out"
    )
    kept = {tuple(place) for place in found.lonlat}
    assert kept == {p for p in map(tuple, asked) if -0.7 < p[0] < 10.7 and p in kept}


def test_blank_places_can_be_kept(tmp_path: Path) -> None:
    raster(tmp_path, "EPSG:4326", (0, 30, 10, 70))
    found = gatherer(config(tmp_path, source__blank="keep"), tmp_path).gather()
    assert len(found.lonlat) == 600
    assert "trained on as blank images" in str(found.blanks[0])


def test_blank_places_can_be_refused(tmp_path: Path) -> None:
    raster(tmp_path, "EPSG:4326", (0, 30, 10, 70))
    with pytest.raises(InputError, match=r"image\.blank: refuse, and \d+ of 600.*points\.within"):
        gatherer(config(tmp_path, source__blank="refuse"), tmp_path).gather()


def test_imagery_that_is_elsewhere_is_named(tmp_path: Path) -> None:
    raster(tmp_path, "EPSG:4326", (100, 30, 110, 70))
    with pytest.raises(InputError, match=r"hardly any of the 600 places has imagery \(image at 0"):
        gatherer(config(tmp_path), tmp_path).gather()


def test_whole_coverage_changes_nothing(tmp_path: Path) -> None:
    """The caches of runs from before are found again: the request is what it was."""
    raster(tmp_path, "EPSG:4326", (-180, -90, 180, 90))
    found = gatherer(config(tmp_path), tmp_path).gather()
    assert found.blanks == ()
    asked = gatherer(config(tmp_path), tmp_path).places()
    np.testing.assert_array_equal(found.lonlat, asked)
    settings = found.requests["image"].describe()["settings"]
    assert settings["bounds"] == [-180, -90, 180, 90]
    assert "blank" not in settings


def test_places_of_patches_follow_the_rasters_beside_them(tmp_path: Path) -> None:
    """A place that is left out takes its patch with it."""
    write_patches(tmp_path / "s2", 40)
    raster(tmp_path, "EPSG:4326", (-20, -60, 75, 70))
    values = {
        "name": "x",
        "points": {"patches": "s2", "count": 30},
        "sources": {
            "patches": {"patches": "s2", "transform": {"crop": 16}},
            "image": {"files": ["i.tif"], "chip": {"kilometres": 100, "pixels": 5}},
        },
    }
    found = gatherer(build(TrainConfig, values, ""), tmp_path).gather()
    folder = found.requests["patches"].patches
    assert folder is not None
    assert [blank.source for blank in found.blanks] == ["image"]
    assert 10 < len(found.lonlat) == len(folder.files) < 30
    whole = PatchFolders()(tmp_path / "s2")
    by_file = {file: tuple(place) for file, place in zip(whole.files, whole.lonlat)}
    assert [by_file[file] for file in folder.files] == [tuple(place) for place in found.lonlat]
    assert list(folder.sizes) == [file.stat().st_size for file in folder.files]


def test_what_is_covered_is_looked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raster(tmp_path, "EPSG:4326", (0, 30, 10, 70))
    lonlat = sample_points(50, seed=0, latitude=(30, 70), longitude=(-5, 20))
    made = request_of(tmp_path, lonlat)
    first = covered(made, tmp_path / "cache", tmp_path)
    (file,) = (tmp_path / "cache").iterdir()
    kept = file.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(coverage, "_look", lambda *_: pytest.fail("looked again"))
        np.testing.assert_array_equal(covered(made, tmp_path / "cache", tmp_path), first)
    for damaged in (b"", kept[:-3], b"garbage"):
        file.write_bytes(damaged)
        np.testing.assert_array_equal(covered(made, tmp_path / "cache", tmp_path), first)
    other = replace(made, settings=replace(made.settings, least_valid=0.9))
    assert (covered(other, tmp_path / "cache", tmp_path) <= first).all()
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_rasters_are_decoded_once_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Region, coverage and cache take the same arrays, which then belong to the cache alone."""
    from satclip_training.images import cache

    raster(tmp_path, "EPSG:4326", (0, 30, 10, 70))
    real, opened = cache.open_source, []
    monkeypatch.setattr(cache, "open_source", lambda *args: opened.append(1) or real(*args))
    made = config(tmp_path, points__within="image")
    request = gatherer(made, tmp_path).gather().requests["image"]
    assert isinstance(request.open_imagery(tmp_path), RasterImagery)
    assert len(opened) == 1
    assert request._decoded == {}


def test_stopped_while_looking(tmp_path: Path) -> None:
    from satclip_core.errors import CancelledError

    raster(tmp_path, "EPSG:4326", (0, 30, 10, 70))
    made = request_of(tmp_path, np.array([[5.0, 50.0]]))
    with pytest.raises(CancelledError, match="same command"):
        covered(made, None, tmp_path, lambda: True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points__within": "map"}, r"points\.within: 'map' is none of the sources \(image\)"),
        ({"points__within": "image", "points__file": "p.csv"}, r"places come from points\.file"),
        ({"source__blank": "skip"}, r"image\.blank: 'skip' is not one of drop, keep, refuse"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    import json

    from satclip_training.settings.config import load_config

    path = tmp_path / "x.yaml"
    source = {"files": ["i.tif"], "chip": {"kilometres": 100, "pixels": 5}}
    values: dict[str, Any] = {"name": "x", "sources": {"image": source}, "points": {}}
    for key, value in changes.items():
        section, _, name = key.partition("__")
        (source if section == "source" else values[section])[name] = value
    path.write_text(json.dumps(values))
    with pytest.raises(InputError, match=message):
        load_config(path)


def test_a_run_says_leaves_out_and_writes_down_blank_places(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log, in the card, in the places that are kept, and in the plan of a dry run."""
    from satclip_training.run.plan import plan_run
    from satclip_training.run.pretraining import RunOptions, train

    raster(tmp_path, "EPSG:4326", (0, 30, 10, 70))
    values = {
        "name": "x",
        "points": {"count": 600, "latitude": [35, 60], "longitude": [-10, 30]},
        "sources": {
            "image": {
                "files": ["i.tif"],
                "chip": {"kilometres": 100, "pixels": 5},
                "features": {"filters": 8, "dim": 4, "samples": 50},
            }
        },
        "model": {"legendre_polys": 4, "capacity": 8, "embed_dim": 4},
        "training": {"epochs": 1, "batch_size": 32, "threads": 1},
    }
    made = build(TrainConfig, values, "")
    options = RunOptions(Locations((tmp_path,)), tmp_path / "run")
    plan = plan_run(made, options)
    assert not (tmp_path / "run").exists()
    (source,) = plan.sources
    assert source.blank is not None
    assert plan.places == 600 - source.blank.count
    with caplog.at_level(logging.INFO, "satclip_training"):
        path = train(made, options)
    assert f"image: {source.blank}" in caplog.text
    assert f"{plan.places} points" in caplog.text
    assert f"blank_image: {source.blank}" in path.with_suffix(".md").read_text()
    assert len(np.load(tmp_path / "run" / "places.npy")) == plan.places


@pytest.mark.parametrize(
    ("crs", "bounds", "wanted"),
    [
        ("EPSG:4326", (-180, -90, 180, 90), (-180, -90, 180, 90)),
        ("EPSG:4326", (0, -60, 360, 60), (-180, -60, 180, 60)),
        ("EPSG:4326", (170, -20, 190, -5), (170, -20, -170, -5)),
        (
            "EPSG:3857",
            (-20037508.34, -20037508.34, 20037508.34, 20037508.34),
            (-180, -85.05, 180, 85.05),
        ),
        # The pole lies between the places that are looked at.
        ("EPSG:3413", (-1.13e6, -0.71e6, 1.02e6, 0.97e6), (-180, 76.5, 180, 90)),
        ("EPSG:3031", (-1.13e6, -0.71e6, 1.02e6, 0.97e6), (-180, -90, 180, -76.5)),
    ],
)
def test_bounds_in_degrees(
    tmp_path: Path, crs: str, bounds: tuple[float, ...], wanted: tuple[float, ...]
) -> None:
    from satclip_training.images.decoding import DecodeRequest, open_raster

    path = raster(tmp_path, crs, bounds)
    found = open_raster(DecodeRequest(path), tmp_path).lonlat_bounds()
    assert found == pytest.approx(wanted, abs=0.7 if crs in ("EPSG:3413", "EPSG:3031") else 1e-2)
    if abs(wanted[3]) == 90 or abs(wanted[1]) == 90:
        assert 90 in (abs(found[1]), abs(found[3]))
