"""Numbers that are learnt on another scale and come back."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis.transforms import TRANSFORMS, find_transform
from satclip_core.errors import InputError
from satclip_core.grid.sphere import unit_vectors
from satclip_core.models.registry import load_encoder
from satclip_core.products import MapOf, MapOptions, Samples, fit_map


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("none", [-5.0, 0, 7]),
        ("log1p", [0.0, 1e-9, 0.5, 3, 1e6]),
        ("logit", [1e-6, 0.2, 0.5, 0.999999]),
    ],
)
def test_there_and_back(name, values):
    transform, values = find_transform(name), np.array(values)
    scaled = transform.checked(values, "v")
    np.testing.assert_allclose(transform.back(scaled), values, rtol=1e-9)
    step = 1e-6
    slope = (transform.back(scaled + step) - transform.back(scaled)) / step
    np.testing.assert_allclose(transform.slope(scaled), slope, rtol=1e-4, atol=1e-5)
    assert transform.back(scaled.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("name", TRANSFORMS)
def test_whatever_is_predicted_comes_back_as_what_a_sample_can_be(name):
    odd = np.array([-1e4, -800, -3, 0, 800, 1e4], np.float32)
    with np.errstate(all="raise", under="ignore"):
        back = TRANSFORMS[name].back(odd)
    assert np.isfinite(back).all()
    assert (np.diff(back) >= 0).all()
    least, most = {"none": (-1e4, 1e4), "log1p": (0, 3.4e38), "logit": (0, 1)}[name]
    assert back.min() >= least
    assert back.max() <= most


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("log1p", [3, -1, -2.5, -1], "3 of 4 values of 'v' are outside what log1p takes, 0 and "
                                     "above: -2.5, -1; mend them, leave them out with missing, or"),
        ("logit", [0.5, 1, 0.2], "1 of 3 values of 'v' are outside what logit takes, above 0 and"),
        ("logit", [0.0, 50, 80], "3 of 3 .*: 0, 50, 80 .per cent: divide them by 100.; mend"),
    ],
)  # fmt: skip
def test_numbers_outside_the_domain_are_one_line(name, values, said):
    with pytest.raises(InputError, match=said):
        find_transform(name).checked(np.array(values, float), "v")


def test_transforms_that_are_none_are_refused():
    places = np.random.default_rng(0).uniform((0, 40), (20, 50), (30, 2))
    numbers = Samples.of(places, places[:, 1] - 60, name="t")
    classes = Samples.of(places, np.where(places[:, 0] > 10, "e", "w"), name="side")
    for samples, transform, said in (
        (numbers, "sqrt", "unknown transform 'sqrt': give one of none, log1p, logit"),
        (numbers, "log1p", "30 of 30 values of 't' are outside what log1p takes"),
        (classes, "log1p", "'side' is mapped as classes, which log1p says nothing of"),
    ):
        with pytest.raises(InputError, match=said):
            MapOf(samples, transform=transform)


def amounts(lonlat, seed):
    """A skewed amount: its logarithm is smooth in place, with noise."""
    x, y, _ = unit_vectors(*lonlat.T)
    noise = np.random.default_rng(seed).normal(0, 0.5, len(lonlat))
    return np.exp(2 + 2 * np.sin(3 * x) + y + noise) - 1


@pytest.mark.parametrize("method", ["linear", "gaussian"])
def test_a_map_of_skewed_amounts(encoder, method):
    random = np.random.default_rng(1)
    places = random.uniform((-180, -70), (180, 70), (400, 2))
    values = np.maximum(amounts(places, 2), 0)
    samples = Samples.of(places, values, name="rain")
    model = fit_map(encoder, samples, MapOptions(method, "random", transform="log1p"))
    new = random.uniform((-180, -70), (180, 70), (1500, 2))
    truth, product = np.maximum(amounts(new, 3), 0), model.product(uncertainty=True)
    bands = product.at(encoder.encode(new, single=True)[None], *new.T[:, None])[:, 0]
    assert (bands[:4] >= 0).all()
    assert 0.85 < ((truth >= bands[2]) & (truth <= bands[3])).mean() < 0.95
    # The interval is as lopsided as the amounts are, and its middle one of ranks.
    assert ((bands[3] - bands[0]) > 2 * (bands[0] - bands[2])).mean() > 0.9
    assert 0.45 < (truth > bands[0]).mean() < 0.55
    # What comes back is the median, below the mean: the bias is said, in the samples' own unit.
    assert model.report["score"]["bias"] == pytest.approx((bands[0] - truth).mean(), abs=1.5)
    assert model.report["score"]["bias"] < -0.5
    scaled, errors = model.learnt.predictor.with_error(
        encoder.encode(new).astype(float), unit_vectors(*new.T).T
    )
    np.testing.assert_allclose(bands[0], np.expm1(np.maximum(scaled, 0)), rtol=1e-3, atol=1e-3)
    spread = errors * model.learnt.scale * np.exp(np.maximum(scaled, 0))
    np.testing.assert_allclose(bands[1], spread, rtol=1e-3)
    assert product.tags["transform"] == "log1p"
    assert "medians" in product.tags["values"]
    assert f"method {method} on log1p" in model.summary


def test_a_map_of_shares(encoder):
    random = np.random.default_rng(4)
    places = random.uniform((-180, -70), (180, 70), (300, 2))
    shares = 1 / (1 + np.exp(-3 * unit_vectors(*places.T)[0] + random.normal(0, 0.3, 300)))
    samples = Samples.of(places, shares, name="cover")
    model = fit_map(encoder, samples, MapOptions("gaussian", "random", transform="logit"))
    assert model.report["score"]["r2"] > 0.8
    bands = model.product(uncertainty=True).at(
        encoder.encode(places, single=True)[None], *places.T[:, None]
    )[:, 0]
    assert (bands[:4] > 0).all()
    assert (bands[:4] < 1).all()
