"""One request for a raster: fitted once, pickled, carried out elsewhere."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from raster_requests import SAMPLES

from satclip_core.errors import InputError, ModelError, OutputError
from satclip_core.grid import Grid
from satclip_core.grid.pixels import Locator
from satclip_core.models.registry import load_encoder
from satclip_core.products import (
    ClusterModel,
    Clusters,
    ClustersOf,
    Embedding,
    EmbeddingOf,
    MapOf,
    MapOptions,
    PropertiesOf,
    Rgb,
    RgbBasis,
    RgbOf,
    Samples,
    Similarity,
    SimilarityTo,
    fit_map,
)
from satclip_core.products import clusters as clusters_module
from satclip_core.products import rgb as rgb_module
from satclip_core.products.property_heads import heads_file
from satclip_core.raster import RasterRequest, WriteOptions, raster_array, raster_target
from satclip_core.raster import request as request_module

rasterio = pytest.importorskip("rasterio")

ALPS = Grid.from_bounds((5, 45, 11, 48), 0.1)
LAND = [[5, 45], [9, 45], [9, 48], [5, 48], [5, 45]]


def samples(column: int) -> Samples:
    lonlat = [(lon, lat) for lon, lat, *_ in SAMPLES]
    return Samples.of(lonlat, [row[column] for row in SAMPLES], name="sampled")


WANTED = {
    "uint8": EmbeddingOf("uint8"),
    "float16": EmbeddingOf("float16", normalize=True),
    "similarity": SimilarityTo(((7.5, 46.25), (9, 47)), "max"),
    "properties": PropertiesOf(("rain", "koppen")),
    "rgb": RgbOf(),
    "clusters": ClustersOf(4, seed=3),
    "numbers": MapOf(samples(2)),
    "classes": MapOf(samples(3), probabilities=True),
}
# What is done elsewhere: nothing but to open the request and write it; to fit is an error there.
ELSEWHERE = """
import pickle, sys
from pathlib import Path
from satclip_core.products import ClusterModel, RgbBasis, maps, embedding
def fitted_again(*args, **options):
    raise SystemExit("fitted again")
ClusterModel.fit = RgbBasis.fit = maps.fit_map = embedding.EmbeddingOf.fit = fitted_again
request = pickle.loads(Path(sys.argv[1]).read_bytes())
request.prepare().write(sys.argv[2])
"""


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.fixture(scope="module")
def other(encoder):
    """A model of the same shape with other weights."""
    weights = {key: 1.5 * value for key, value in encoder.weights.items()}
    return type(encoder)(encoder.config, weights, info=encoder.info)


@pytest.fixture
def folder(tmp_path, monkeypatch, small_model):
    """A folder to work in, with a model and a mask of the west that are named by themselves."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "model.npz").write_bytes(small_model.read_bytes())
    heads_file(here / "model.npz").write_bytes(heads_file(small_model).read_bytes())
    polygon = {"type": "Polygon", "coordinates": [LAND]}
    (here / "land.geojson").write_text(json.dumps(polygon))
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize("name", WANTED)
def test_a_pickled_request_gives_the_same_bytes_in_another_process(folder, tmp_path, name):
    options = WriteOptions(tags={"command": "by hand"}, creation_options={"ZSTD_LEVEL": "3"})
    request = RasterRequest(ALPS, WANTED[name], "model.npz", mask="land.geojson", options=options)
    job = request.prepare()
    job.write(folder / "here.tif")
    (folder / "request").write_bytes(pickle.dumps(job.request))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-c", ELSEWHERE, str(folder / "request"), "there.tif"]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (elsewhere / "there.tif").read_bytes() == (folder / "here.tif").read_bytes()
    with rasterio.open(folder / "here.tif") as dataset:  # and what it gives is masked
        assert dataset.tags()["command"] == "by hand"
        np.testing.assert_array_equal(dataset.read(), job.array())
        wanted = dataset.dataset_mask() > 0
    assert wanted[:, :40].all()
    assert not wanted[:, 40:].any()


def test_a_request_not_fitted_yet_goes_elsewhere_too(folder):
    request = RasterRequest(ALPS, RgbOf(), "model.npz")
    again = pickle.loads(pickle.dumps(request))
    assert again == request
    np.testing.assert_array_equal(again.prepare().array(), request.prepare().array())


def test_a_request_for_another_model_is_refused(folder):
    request = RasterRequest(ALPS, EmbeddingOf(), "model.npz").prepare().request
    assert len(request.sha256) == 64
    with pytest.raises(ModelError, match=r"bundled \(.{12}…\) is not the one of the request"):
        replace(request, model="bundled").prepare()


def test_the_file_behind_a_name_may_not_change(folder, other):
    from satclip_core.models.model_file import write_model

    request = RasterRequest(ALPS, EmbeddingOf(), "model.npz").prepare().request
    write_model("model.npz", other, overwrite=True)
    with pytest.raises(ModelError, match=r"model\.npz .* is not the one of the request"):
        request.prepare()


def test_an_address_of_gdals_stays_as_it_is(folder, encoder, monkeypatch):
    monkeypatch.setattr(request_module, "opened_mask", lambda mask: lambda lons, lats: lons < 9)
    address = "https://example.org/land.tif"
    request = RasterRequest(ALPS, EmbeddingOf(), "m", mask=address)
    assert request.prepare(encoder=encoder).request.mask == address


def test_paths_may_be_given_as_paths(folder):
    by_text = RasterRequest(ALPS, EmbeddingOf(), "model.npz", mask="land.geojson")
    by_path = RasterRequest(ALPS, EmbeddingOf(), Path("model.npz"), mask=Path("land.geojson"))
    assert by_text == by_path


def test_places_in_any_form_are_one_request():
    as_array = SimilarityTo.of(np.array([[367.5, 46.25], [9, 47]]))
    assert as_array == SimilarityTo(((7.5, 46.25), (9.0, 47.0)))


def test_what_is_fitted_is_fitted_on_the_pixels_that_are_wanted(encoder):
    """Each product by hand, as it was made before there were requests."""
    north = lambda lons, lats: lats > 46.5  # noqa: E731
    sample = Locator(ALPS, north).sample

    def fitted(wanted):
        return RasterRequest(ALPS, wanted, "m", mask=north).prepare(encoder=encoder).product

    exact = encoder.encode(sample(1024), single=True)
    by_hand = Embedding.of(encoder, dtype="uint8").measured(exact)
    assert fitted(EmbeddingOf("uint8")) == by_hand
    assert fitted(EmbeddingOf("uint8")).cosine_loss[1] > 0
    assert fitted(EmbeddingOf(normalize=True)) == Embedding.of(encoder, normalize=True)
    assert fitted(EmbeddingOf(normalize=True)).cosine_loss is None
    basis = RgbBasis.fit(encoder, sample(rgb_module.SAMPLE))
    np.testing.assert_array_equal(fitted(RgbOf()).basis.components, basis.components)
    np.testing.assert_array_equal(fitted(RgbOf()).basis.high, basis.high)
    model = ClusterModel.fit(encoder, sample(clusters_module.SAMPLE), 4, seed=3)
    found = fitted(ClustersOf(4, seed=3)).model
    np.testing.assert_array_equal(found.centres, model.centres)
    assert found.places == len(sample(clusters_module.SAMPLE))
    learnt = fit_map(
        encoder, samples(3), MapOptions(seed=2), pixels=sample(1000), within=Locator(ALPS).holds
    )
    assert fitted(MapOf(samples(3), seed=2)).model.report == learnt.report
    assert fitted(MapOf(samples(3))).bands == ("sampled",)
    assert fitted(MapOf(samples(3), probabilities=True)).bands[1:] == (
        "probability of a, %",
        "probability of b, %",
    )


def test_a_product_fits_itself(encoder):
    basis = RgbBasis.fit(encoder, Locator(ALPS).sample(500))
    for product in (Embedding(256), Rgb(basis), Similarity.to(encoder, [(7, 46)])):
        job = RasterRequest(ALPS, product, "m").prepare(encoder=encoder)
        assert job.product is product
        assert job.request.product is product


def test_a_product_of_another_model_is_refused(encoder, other):
    places = Locator(ALPS).sample(500)
    for product, message in (
        (Rgb(RgbBasis.fit(encoder, places)), "the basis was fitted for the model"),
        (Clusters(ClusterModel.fit(encoder, places, 3)), "the clusters were found for the model"),
        (fit_map(encoder, samples(2)).product(), "the map was fitted for the model"),
        (fit_map(encoder, samples(3)).product(), "the map was fitted for the model"),
        (Embedding(255), "made for 255 dimensions, the model .* has 256"),
        (Similarity(np.zeros((1, 8), np.float32), np.zeros((1, 2))), "made for 8 dimensions"),
    ):
        with pytest.raises(InputError, match=message):
            raster_array(ALPS, product, other)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (lambda: EmbeddingOf("float8"), "unknown dtype 'float8'"),
        (lambda: SimilarityTo(()), "shape"),
        (lambda: SimilarityTo(((0, 0),), "least"), "unknown reduce 'least'"),
        (lambda: SimilarityTo(((0, 91),)), "91"),
        (lambda: SimilarityTo.of(np.empty((0, 2))), "at least one place"),
        (lambda: ClustersOf(1), "1 clusters"),
        (lambda: ClustersOf(255), "255 clusters"),
        (lambda: MapOf(samples(2), probabilities=True), "have no probabilities"),
    ],
)
def test_what_cannot_be_wanted_is_refused_before_a_model_is_opened(wanted, message):
    with pytest.raises(InputError, match=message):
        wanted()


def test_a_raster_that_came_meanwhile_is_kept(encoder, tmp_path):
    target = raster_target(tmp_path / "out.tif")
    job = RasterRequest(ALPS, EmbeddingOf(), "m").prepare(encoder=encoder)

    def come(done, total):
        (tmp_path / "out.tif").write_text("another's")

    with pytest.raises(OutputError, match=r"out\.tif exists"):
        job.write(target, progress=come)
    assert (tmp_path / "out.tif").read_text() == "another's"
    assert [path.name for path in tmp_path.iterdir()] == ["out.tif"]


def test_a_target_is_no_file_that_is_read(tmp_path):
    with pytest.raises(OutputError, match="given twice"):
        raster_target(tmp_path / "a.tif", apart=(None, tmp_path / "b.tif", tmp_path / "a.tif"))
