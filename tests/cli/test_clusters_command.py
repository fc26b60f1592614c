from __future__ import annotations

import json

import numpy as np
import pytest

from satclip_core.grid import Grid
from satclip_core.grid.pixels import Locator
from satclip_core.models.registry import load_encoder
from satclip_core.products import ClusterModel, Clusters
from satclip_core.products.clusters import SAMPLE
from satclip_core.raster import raster_array

rasterio = pytest.importorskip("rasterio")

WORLD = ("--bbox", -180, -60, 180, 75, "--res", 3)
AFRICA = ("--bbox", -18, -36, 51, 36, "--res", 3)


def test_python_and_the_command_give_equal_pixels(run, tmp_path, small_model):
    result = run("clusters", "--k", 7, *WORLD, "-v")
    assert result.returncode == 0, result.stderr
    assert "7 clusters of 5400 pixels: " in result.stderr
    encoder, grid = load_encoder(small_model), Grid.from_bounds((-180, -60, 180, 75), 3)
    model = ClusterModel.fit(encoder, Locator(grid).sample(SAMPLE), 7)
    with rasterio.open(tmp_path / "clusters.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), raster_array(grid, Clusters(model), encoder))
        assert dataset.dtypes == ("uint8",)
        assert dataset.nodata == 255
        assert dataset.colorinterp[0].name == "palette"
        assert len(json.loads(dataset.tags()["classes"])) == 7
        assert set(np.unique(dataset.read())) == set(range(1, 8))


def test_saved_clusters_match_between_extents(run, tmp_path):
    assert run("clusters", "--k", 5, *WORLD, "--save-model", "world.json").returncode == 0
    result = run("clusters", "--clusters", "world.json", *AFRICA, "-o", "africa.tif")
    assert result.returncode == 0, result.stderr
    with (
        rasterio.open(tmp_path / "clusters.tif") as world,
        rasterio.open(tmp_path / "africa.tif") as africa,
    ):
        window = world.window(*africa.bounds).round_offsets().round_lengths()
        same = world.read(window=window) == africa.read()
    # The two grids are folded in other pieces: a pixel between two clusters may change sides.
    assert same.mean() > 0.999


def test_clusters_are_told_with_names_and_shares_of_the_area(run, tmp_path):
    result = run("clusters", "--k", 4, *WORLD, "--json")
    told = json.loads(result.stdout)
    assert told["names_predicted"]
    with rasterio.open(tmp_path / "clusters.tif") as dataset:
        codes = dataset.read(1)
        names = {one["code"]: one["name"] for one in json.loads(dataset.tags()["classes"])}
    # A pixel's area goes with the difference of the sines of its edges.
    edges = np.sin(np.radians(75 - 3 * np.arange(len(codes) + 1)))
    areas = np.broadcast_to((edges[:-1] - edges[1:])[:, None], codes.shape)
    for one in told["clusters"]:
        share = areas[codes == one["code"]].sum() / areas.sum()
        assert one["share_of_area"] == pytest.approx(share, rel=0.01)
        assert one["name"] == names[one["code"]]
    table = run("clusters", "--k", 4, *WORLD, "--overwrite").stdout.splitlines()
    assert len(table) == 6
    assert table[1].split()[0] == "1"
    assert table[1].endswith(told["clusters"][0]["name"])
    assert table[-1] == "Names are predicted from the embedding, not measured."


def test_a_land_mask_and_a_seed(run, tmp_path):
    ring = [[0, -60], [60, -60], [60, 75], [0, 75], [0, -60]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    (tmp_path / "land.geojson").write_text(json.dumps(polygon))
    args = ("clusters", "--k", 4, "--seed", 3, *WORLD, "--land-mask", "land.geojson", "-q")
    assert run(*args).stderr == ""
    with rasterio.open(tmp_path / "clusters.tif") as dataset:
        band = dataset.read(1)
    assert (band[:, 60:80] <= 4).all()
    assert (band[:, :60] == 255).all()
    assert (band[:, 80:] == 255).all()


def test_a_dry_run_writes_nothing(run, tmp_path):
    result = run("clusters", "--k", 4, *WORLD, "--save-model", "world.json", "--dry-run")
    assert result.returncode == 0
    assert "120 x 45 pixels, 1 band, uint8" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_clusters_of_another_model_are_refused(run, refused, tmp_path):
    assert run("clusters", "--k", 3, *WORLD, "--save-model", "world.json").returncode == 0
    content = json.loads((tmp_path / "world.json").read_text())
    content.update(weights_sha256="0" * 64, model="another")
    (tmp_path / "world.json").write_text(json.dumps(content))
    args = ("clusters", "--clusters", "world.json", *AFRICA, "-o", "africa.tif")
    assert "found for the model another" in refused(*args, code=1)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "give either --k"),
        (["--k", 3, "--clusters", "bad.json"], "give either --k"),
        (["--k", 1], "1 is not in the range 2<=x<=254"),
        (["--k", "many"], "'many'"),
        (["--clusters", "none.json"], "none.json do not exist"),
        (["--clusters", "bad.json"], "bad.json holds no clusters"),
        (["--clusters", "bad.json", "--save-model", "b.json"], "leave out --save-model"),
        (["--k", 3, "--save-model", "bad.json"], "bad.json exists"),
        (["--k", 200, "--res", 30], "200 clusters of 60 places"),
    ],
)
def test_odd_requests_are_one_line(refused, tmp_path, args, message):
    (tmp_path / "bad.json").write_text("nonsense")
    assert message in refused("clusters", *WORLD, *args)
