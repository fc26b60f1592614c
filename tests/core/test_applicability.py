from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis import applicability
from satclip_core.analysis.applicability import fit_applicability


def plain(points, folds, places):
    """Meyer & Pebesma 2021, equations 1-3 and section 2.3, one distance after the other."""
    n = len(points)
    pairs = [np.linalg.norm(points[i] - points[j]) for i in range(n) for j in range(n) if i != j]
    unit = np.mean(pairs)
    held_out = []
    for i in range(n):
        others = [np.linalg.norm(points[i] - points[j]) for j in range(n) if folds[j] != folds[i]]
        held_out.append(min(others) / unit)
    low, high = np.percentile(held_out, (25, 75))
    threshold = max(one for one in held_out if one <= high + 1.5 * (high - low))
    index = [min(np.linalg.norm(place - point) for point in points) / unit for place in places]
    return unit, threshold, np.array(index)


@pytest.mark.parametrize("shift", [0, 1000])
def test_it_is_what_the_formulas_say(shift):
    random = np.random.default_rng(0)
    points = random.normal(size=(80, 5)) * (1, 3, 0.2, 1, 0) + shift
    points[7] += 30  # an outlier, which is not to widen the area
    folds = random.integers(0, 4, 80)
    places = np.concatenate([random.normal(size=(30, 5)) * 4 + shift, points[:2]])
    area = fit_applicability(points, folds)
    unit, threshold, index = plain(points, folds, places)
    # float32 embeddings: seven digits of what is subtracted.
    assert area.unit == pytest.approx(unit, rel=1e-6)
    assert area.threshold == pytest.approx(threshold, rel=1e-4)
    np.testing.assert_allclose(area(places), index, rtol=1e-4, atol=1e-4)
    assert (area(places)[-2:] < 1e-6).all()
    assert area.threshold < 5


def test_many_samples_are_drawn_from_and_make_places_look_less_alike(monkeypatch):
    random = np.random.default_rng(0)
    points, folds = random.normal(size=(300, 4)), random.integers(0, 5, 300)
    whole = fit_applicability(points, folds)
    monkeypatch.setattr(applicability, "MOST_REFERENCES", 100)
    monkeypatch.setattr(applicability, "_ELEMENTS", 1000)
    some = fit_applicability(points, folds)
    assert len(some.references) == 100
    places = random.normal(size=(50, 4)) * 2
    assert (some(places) * some.unit >= whole(places) * whole.unit - 1e-5).all()
    assert some.unit == pytest.approx(whole.unit, rel=0.1)


def test_equal_samples_have_an_area_too():
    area = fit_applicability(np.zeros((10, 3)), np.arange(10) % 2)
    assert area.threshold == 0
    assert area(np.array([[0, 0, 0], [0, 3, 4.0]])).tolist() == [0, 5]
