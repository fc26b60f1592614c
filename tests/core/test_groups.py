"""Groups of samples, which no fold parts."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_core.analysis.folds import choose_folds
from satclip_core.errors import InputError
from satclip_core.grid.sphere import fibonacci_lattice

PIXELS = np.random.default_rng(9).uniform((-20, 30), (40, 60), (300, 2))
KINDS = ("knndm", "blocks", "random")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pixels", [None, PIXELS])
def test_no_fold_parts_a_group_or_a_place(kind, pixels):
    random = np.random.default_rng(0)
    lonlat = random.uniform((-20, 30), (40, 60), (120, 2))
    lonlat[60:80] = lonlat[:20]
    groups = random.integers(0, 40, 120)
    folds = choose_folds(kind, lonlat, pixels, groups=groups, seed=3)
    assert folds.count >= 2
    for same in [groups == group for group in range(40)]:
        assert len(set(folds.folds[same])) <= 1
    np.testing.assert_array_equal(folds.folds[60:80], folds.folds[:20])
    again = choose_folds(kind, lonlat, pixels, groups=groups, seed=3)
    np.testing.assert_array_equal(folds.folds, again.folds)


@pytest.mark.parametrize("kind", KINDS)
def test_without_groups_nothing_changes(kind):
    lonlat = fibonacci_lattice(100)
    one = choose_folds(kind, lonlat, PIXELS, seed=1)
    own = choose_folds(kind, lonlat, PIXELS, seed=1, groups=np.arange(100))
    if kind != "blocks":  # which are found by a k-means of other starts
        np.testing.assert_array_equal(one.folds, own.folds)
    assert one.count == own.count == 5


@pytest.mark.parametrize("kind", KINDS)
def test_two_groups_are_two_folds(kind):
    """All round the Earth, so that they have no middle."""
    lonlat = np.array([(lon, lat) for lon in range(-180, 180, 30) for lat in (-40, 40)], float)
    groups = np.where(lonlat[:, 1] > 0, "north", "south")
    folds = choose_folds(kind, lonlat, PIXELS, groups=groups)
    assert folds.count == 2
    assert len(set(zip(folds.folds.tolist(), groups.tolist()))) == 2


def test_groups_that_share_places_hang_together():
    lonlat = [(0, 0), (0, 0), (10, 10), (10, 10), (50, 50), (60, 60)]
    folds = choose_folds("random", lonlat, groups=list("abbcde"))
    assert folds.clusters == 3
    assert len(set(folds.folds[:4].tolist())) == 1
    with pytest.raises(InputError, match="all samples are of one group, or share places"):
        choose_folds("random", lonlat[:4], groups=list("abbc"))
