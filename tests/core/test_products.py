from __future__ import annotations

import json

import numpy as np
import pytest

from satclip_core.analysis import unit
from satclip_core.errors import InputError, OutputError
from satclip_core.grid.sphere import fibonacci_lattice
from satclip_core.models.registry import load_encoder
from satclip_core.products import Embedding, Rgb, RgbBasis, Similarity


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.fixture
def block(encoder):
    """(rows, cols, dim), one pixel of it without data."""
    embeddings = encoder.encode_grid(np.linspace(10, 20, 6), np.linspace(50, 40, 5))
    embeddings[2, 3] = np.nan
    return embeddings


@pytest.fixture
def basis(encoder):
    return RgbBasis.fit(encoder, fibonacci_lattice(500))


def test_bands_are_named_in_order():
    assert Embedding(256).bands[:2] == ("e000", "e001")
    assert Embedding(2000).bands[-1] == "e1999"


def test_embedding_bands_are_the_dimensions(block):
    bands = Embedding(256)(block)
    np.testing.assert_array_equal(bands[17], block[..., 17])


def test_normalised_embeddings_have_norm_1(block):
    norms = np.linalg.norm(Embedding(256, normalize=True)(block), axis=0)
    assert np.isnan(norms[2, 3])
    np.testing.assert_allclose(norms[np.isfinite(norms)], 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "nodata", "least"), [("uint8", 255, 0.999), ("int16", -32768, 1 - 1e-6)]
)
def test_whole_numbers_have_one_scale_for_the_model(encoder, block, dtype, nodata, least):
    product = Embedding.of(encoder, dtype=dtype)
    assert product.scale == Embedding.of(encoder, dtype=dtype).scale
    assert product.normalize
    assert product.nodata == nodata
    stored = product(block)
    assert stored.dtype == dtype
    assert (stored[:, 2, 3] == nodata).all()
    back = unit(np.moveaxis(stored, 0, -1) * product.scale + (product.offset or 0.0))
    back[2, 3] = np.nan
    cosines = (back * unit(block)).sum(-1)
    assert np.nanmin(cosines) > least
    assert repr(product.scale) in product.tags["quantisation"]


def test_signed_bytes_are_refused_with_what_misreads_them(encoder):
    with pytest.raises(InputError, match=r"int8 .*GDAL before 3\.7.*uint8.*int16"):
        Embedding.of(encoder, dtype="int8")


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_the_first_dimensions_alone(encoder, block, dtype):
    product = Embedding.of(encoder, dtype=dtype, normalize=True, dims=16)
    assert product.bands == tuple(f"e{index:03d}" for index in range(16))
    read = np.moveaxis(product(block), 0, -1) * (product.scale or 1.0) + (product.offset or 0.0)
    want = unit(block[..., :16])
    tolerance = 1e-6 if product.scale is None else product.scale * 0.51
    valid = np.isfinite(want)
    np.testing.assert_allclose(read[valid], want[valid], atol=tolerance)
    mean, most = product.measured(block[0]).cosine_loss
    assert 0 <= mean <= most < 1e-3


@pytest.mark.parametrize("dims", [0, 257])
def test_dimensions_that_are_not_there_are_refused(encoder, dims):
    with pytest.raises(InputError, match=rf"{dims} dimensions: .*, give dims from 1 to 256"):
        Embedding.of(encoder, dims=dims)


@pytest.mark.parametrize(
    ("dtype", "most"), [("float32", 1e-12), ("float16", 1e-6), ("uint8", 1e-3), ("int16", 1e-7)]
)
def test_the_loss_of_cosine_is_measured(encoder, dtype, most):
    product = Embedding.of(encoder, dtype=dtype)
    measured = product.measured(encoder.encode(fibonacci_lattice(50)))
    mean, largest = measured.cosine_loss
    assert 0 <= mean <= largest < most
    assert float(measured.tags["cosine_loss_mean"]) == pytest.approx(mean, rel=0.01)
    assert "cosine_loss_mean" not in product.tags


def test_an_unknown_dtype_is_named(encoder):
    with pytest.raises(InputError, match=r"'int4'.*float32, float16, uint8, int16"):
        Embedding.of(encoder, dtype="int4")


@pytest.mark.parametrize(("reduce", "function"), [("mean", np.mean), ("max", np.max)])
def test_similarity_to_several_places(encoder, block, reduce, function):
    places = [(12, 48), (200, -91 + 2), (-60, -3)]
    bands = Similarity.to(encoder, places, reduce=reduce)(block)
    references = unit(encoder.encode(places).astype(float))
    want = function(unit(block.astype(float)) @ references.T, axis=-1)
    assert bands.shape == (1, 5, 6)
    np.testing.assert_allclose(bands[0], want, atol=1e-6)


def test_a_place_is_like_itself(encoder):
    product = Similarity.to(encoder, [(12, 48)])
    assert product(encoder.encode([(12, 48)])[None])[0, 0, 0] == pytest.approx(1, abs=1e-6)
    assert product.tags["references"] == "12 48"


@pytest.mark.parametrize(
    ("places", "options", "message"),
    [
        ([(12, 95)], {}, "latitude 95"),
        ([(float("nan"), 5)], {}, "not finite"),
        (np.zeros((0, 2)), {}, "at least one place"),
        ([(1, 2)], {"reduce": "sum"}, "unknown reduce 'sum'"),
    ],
)
def test_similarity_to_nothing_is_refused(encoder, places, options, message):
    with pytest.raises(InputError, match=message):
        Similarity.to(encoder, places, **options)


def test_colours_spread_from_the_2nd_to_the_98th_percentile(encoder):
    places = fibonacci_lattice(1000)
    basis = RgbBasis.fit(encoder, places)
    colours = basis.colours(encoder.encode(places))
    assert ((colours == 0).sum(axis=0) == 20).all()
    assert ((colours == 255).sum(axis=0) == 20).all()


def test_alpha_says_where_there_is_no_data(block, basis):
    bands = Rgb(basis)(block)
    assert bands.dtype == np.uint8
    assert bands.shape == (4, 5, 6)
    assert (bands[:, 2, 3] == 0).all()
    assert bands[3].sum() == 255 * 29


def test_a_sample_without_variance_is_grey(encoder):
    basis = RgbBasis.fit(encoder, np.array([[5.0, 50.0]]))
    bands = Rgb(basis)(encoder.encode([(5, 50), (80, -20)])[None])
    assert bands[:, 0, 0].tolist() == [128, 128, 128, 255]


def test_a_basis_is_saved_and_loaded(encoder, basis, block, tmp_path):
    file = tmp_path / "colours.json"
    basis.save(file)
    loaded = RgbBasis.load(file)
    loaded.check(encoder)
    np.testing.assert_array_equal(Rgb(loaded)(block), Rgb(basis)(block))
    with pytest.raises(OutputError, match="exists"):
        basis.save(file)
    basis.save(file, overwrite=True)


def test_a_basis_of_another_model_is_refused(encoder, basis):
    from dataclasses import replace

    with pytest.raises(InputError, match="fitted for the model other"):
        replace(basis, model="other", sha256="0" * 64).check(encoder)


def damaged(**changes):
    def change(content):
        content.update(changes)
        return json.dumps(content)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: "", "is no basis"),
        (lambda content: "[" * 100_000, "is no basis"),
        (lambda content: "[]", "is no basis"),
        (lambda content: '{"format": "else"}', "is no basis"),
        (lambda content: json.dumps(content)[:-50], "is no basis"),
        (damaged(version=2), "version 2"),
        (damaged(mean=[1, 2]), "damaged"),
        (damaged(low=[1, 2, None]), "damaged"),
        (damaged(components="x"), "damaged"),
        (damaged(high=[1, 2, float("nan")]), "damaged"),
    ],
)
def test_what_is_no_basis_is_refused(basis, tmp_path, change, message):
    file = tmp_path / "colours.json"
    basis.save(file)
    file.write_text(change(json.loads(file.read_text())))
    with pytest.raises(InputError, match=message):
        RgbBasis.load(file)


def test_a_missing_basis_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.json does not exist"):
        RgbBasis.load(tmp_path / "none.json")


def test_the_lattice_is_even_over_the_globe():
    places = fibonacci_lattice(1000)
    assert ((np.abs(places) <= (180, 90)).all(axis=0)).all()
    north = (places[:, 1] > 30).mean()  # a quarter of the sphere lies north of 30 degrees
    assert north == pytest.approx(0.25, abs=0.002)
    assert (places[:, 0] > 0).mean() == pytest.approx(0.5, abs=0.02)


def test_the_step_of_bytes_is_that_of_the_largest_value_anywhere(small_model):
    """By a lattice of its own: a step a little off loses bits, or cuts values off."""
    encoder = load_encoder(small_model)
    number = np.arange(2048)
    turn = 360 * (5**0.5 - 1) / 2
    lats = np.rad2deg(np.arcsin((2 * number + 1) / 2048 - 1))
    exact = encoder.encode(np.stack([(number * turn) % 360, lats], axis=1)).astype(np.float64)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    product = Embedding.of(encoder, dtype="uint8")
    # Any even spread of so many places finds the largest of so smooth a model within 3 per cent.
    assert product.scale == pytest.approx(np.abs(exact).max() / 127, rel=0.03)
    codes = product(exact[None].astype(np.float32))
    assert 120 <= np.abs(codes.astype(int) - 127).max() <= 127
