"""Retrieval and geolocation of arrays, against plain slow versions."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

from satclip_core.errors import InputError
from satclip_core.grid.sphere import EARTH_KM, fibonacci_lattice
from satclip_training.evaluation import retrieval
from satclip_training.evaluation.geolocation import (
    WITHIN_KM,
    answers,
    cell_bounds,
    distances_km,
    geocells,
    score_answers,
    score_cells,
)
from satclip_training.evaluation.retrieval import (
    ensemble,
    matching_ranks,
    score_pairs,
    subsets,
)
from satclip_training.evaluation.retrieval_tables import (
    HEADER,
    CellRow,
    GeolocationRow,
    RunResult,
    study_markdown,
    study_rows,
    summary,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def cosine(a, b) -> float:
    total = sum(x * y for x, y in zip(a, b))
    return total / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def slow_orders(queries, candidates):
    """For each query all orders of equals in turn: the rank of the right one in each."""
    for number, query in enumerate(queries):
        similar = [round(cosine(query, one), 12) for one in candidates]
        own = similar[number]
        better = sum(value > own for value in similar)
        yield [better + place for place in range(1, similar.count(own) + 1)]


def slow_recall(queries, candidates, k: int) -> float:
    shares = [np.mean([rank <= k for rank in ranks]) for ranks in slow_orders(queries, candidates)]
    return float(np.mean(shares))


# --- retrieval ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 7, 512])
@pytest.mark.parametrize("noise", [0.1, 1.0, 5.0])
def test_ranks_are_those_of_a_sorted_list(monkeypatch, rows, noise):
    monkeypatch.setattr(retrieval, "ROWS", rows)
    queries = rng().normal(size=(60, 5))
    candidates = queries + noise * rng().normal(size=(60, 5))[::-1]
    ranks = matching_ranks(queries, candidates)
    want = [np.mean(ranks) for ranks in slow_orders(queries, candidates)]
    np.testing.assert_array_equal(ranks.expected, want)
    assert ranks.median == np.median(want)
    for k in (1, 5, 10, 60):
        assert ranks.recall(k) == pytest.approx(slow_recall(queries, candidates, k))


def test_equal_candidates_share_their_ranks():
    """Texts of few words: a third of the rows are one vector, some of other lengths."""
    base = rng().normal(size=(40, 6))
    candidates = base.copy()
    candidates[::3] = base[0]
    candidates[5] = candidates[8]
    ranks = matching_ranks(base, candidates)
    assert ranks.equal.max() == len(candidates[::3])
    for k in (1, 5, 10):
        assert ranks.recall(k) == pytest.approx(slow_recall(base, candidates, k))
    np.testing.assert_allclose(ranks.expected, [np.mean(r) for r in slow_orders(base, candidates)])


def test_one_vector_for_all_is_chance():
    """Ties broken in the candidate's favour would be a recall of 1."""
    same = np.ones((50, 4))
    ranks = matching_ranks(rng().normal(size=(50, 4)), same)
    assert ranks.recall(1) == pytest.approx(1 / 50)
    assert ranks.recall(10) == pytest.approx(10 / 50)
    assert ranks.median == 25.5


def test_rows_that_differ_in_length_alone_are_one_direction():
    candidates = np.array([[1.0, 0], [2.0, 0], [0, 1.0]])
    ranks = matching_ranks(candidates, candidates)
    assert ranks.recall(1) == pytest.approx((0.5 + 0.5 + 1) / 3)


def test_every_ordered_pair_over_the_places_that_have_both():
    made = {name: rng().normal(size=(30, 4)) + i for i, name in enumerate("abc")}
    made["b"][:10] = np.nan
    made["c"][5:25] = np.nan
    scores = {(s.query, s.target): s for s in score_pairs(made, (1, 3))}
    assert set(scores) == set(itertools.permutations("abc", 2))
    both = np.r_[25:30]
    assert scores["c", "b"].candidates == len(both)
    for (query, target), score in scores.items():
        rows = np.isfinite(made[query] + made[target]).all(1)
        want = slow_recall(made[query][rows], made[target][rows], 3)
        assert score.recall[3] == pytest.approx(want)


def test_pairs_that_no_place_has_are_left_out():
    made = {"a": np.ones((4, 2)), "b": np.ones((4, 2))}
    made["a"][:2] = np.nan
    made["b"][2:] = np.nan
    assert score_pairs(made) == []


@pytest.mark.parametrize(
    ("queries", "candidates", "message"),
    [
        (np.ones((2, 3)), np.ones((3, 3)), r"queries \(2, 3\) and candidates \(3, 3\)"),
        (np.empty((0, 3)), np.empty((0, 3)), "at least one"),
        (np.ones(3), np.ones((3, 3)), r"queries have shape \(3,\)"),
        (np.ones((2, 3)), np.zeros((2, 3)), "candidates, row 0, is missing or 0"),
    ],
)
def test_arrays_that_do_not_match_are_refused(queries, candidates, message):
    with pytest.raises(InputError, match=message):
        matching_ranks(queries, candidates)


def test_modalities_of_several_shapes_are_refused():
    with pytest.raises(InputError, match=r"a \(3, 2\), b \(3, 4\)"):
        score_pairs({"a": np.ones((3, 2)), "b": np.ones((3, 4))})


# --- ensembles ------------------------------------------------------------------------------------


def test_the_similarity_of_an_ensemble_is_the_mean_of_its_modalities():
    made = {name: rng().normal(size=(12, 5)) * (i + 1) for i, name in enumerate("abc")}
    made["b"][3:9] = np.nan
    made["c"][7] = np.nan
    for names in subsets("abc"):
        found = ensemble(made, names)
        for row in range(12):
            known = [made[name][row] for name in names if np.isfinite(made[name][row]).all()]
            other = rng().normal(size=5)
            got = found[row] @ other / np.linalg.norm(other)
            want = np.mean([cosine(one, other) for one in known]) if known else np.nan
            np.testing.assert_allclose(got, want, atol=1e-12)


def test_all_subsets_once():
    assert list(subsets(("a", "b", "c"))) == [
        ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c"),
    ]  # fmt: skip


@pytest.mark.parametrize(("names", "said"), [((), "none; there are a"), (("z",), "'z'")])
def test_an_ensemble_of_none_or_of_unknown_ones_is_refused(names, said):
    with pytest.raises(InputError, match=said):
        ensemble({"a": np.ones((2, 2))}, names)


# --- geolocation ----------------------------------------------------------------------------------


def haversine(a, b) -> float:
    (lon1, lat1), (lon2, lat2) = np.radians(a), np.radians(b)
    half = np.sin((lat2 - lat1) / 2) ** 2
    half += np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half))


def test_the_answer_is_the_most_similar_place_of_the_gallery():
    lonlat, there = fibonacci_lattice(25), fibonacci_lattice(40)
    queries, gallery = rng().normal(size=(25, 6)), rng().normal(size=(40, 6))
    queries[4] = np.nan
    found = answers(queries, lonlat, gallery, there)
    for row in range(25):
        if row == 4:
            assert np.isnan(found.answered[row]).all()
            assert np.isnan(found.km[row])
            continue
        best = max(range(40), key=lambda i: cosine(queries[row], gallery[i]))
        np.testing.assert_allclose(found.answered[row], there[best])
        assert found.km[row] == pytest.approx(haversine(lonlat[row], there[best]))


def test_distances_go_over_the_dateline_and_the_poles():
    here = [(179.5, 0), (-170, 89), (0, -90), (10, 10)]
    there = [(-179.5, 0), (10, 89), (77, -90), (10, 10)]
    want = [haversine(a, b) for a, b in zip(here, there)]
    np.testing.assert_allclose(distances_km(here, there), want, atol=1e-6)
    assert distances_km(here, there)[0] == pytest.approx(2 * math.pi * EARTH_KM / 360)


def test_scores_are_shares_medians_and_those_by_geocell():
    lonlat = np.array([[0.5, 0.5]] * 6 + [[95, 45], [96, 46]])
    answered = np.array(
        [[0.5, 0.5], [0.6, 0.5], [2, 0.5], [7, 0.5], [12, 0.5], [100, 0.5], [95, 45], [96, 30]]
    )
    gallery = np.eye(8)
    found = answers(gallery, lonlat, gallery, answered)
    km = [haversine(a, b) for a, b in zip(lonlat, answered)]
    score = score_answers(found)
    assert score.queries == 8
    assert score.median_km == pytest.approx(np.median(km))
    assert list(score.within) == list(WITHIN_KM)
    for limit in WITHIN_KM:
        assert score.within[limit] == np.mean([one <= limit for one in km])
        of_cells = [np.mean([one <= limit for one in part]) for part in (km[:6], km[6:])]
        assert score.by_cell[limit] == pytest.approx(np.mean(of_cells))
    assert score.median_cell_km == pytest.approx(np.median([np.median(km[:6]), np.median(km[6:])]))
    assert score.same_cell == pytest.approx(5 / 8)
    assert [cell.queries for cell in score_cells(found)] == [6, 2]


def test_places_without_a_query_do_not_count():
    lonlat = np.array([[0, 0], [10, 10], [20, 20.0]])
    queries = np.eye(3)
    queries[1] = np.nan
    assert score_answers(answers(queries, lonlat, np.eye(3), lonlat)).queries == 2
    with pytest.raises(InputError, match="no query has the modality"):
        score_answers(answers(np.full((3, 3), np.nan), lonlat, np.eye(3), lonlat))


def test_a_place_lies_in_its_geocell_and_cells_tile_the_globe():
    lonlat = np.concatenate(
        [fibonacci_lattice(20_000), [[-180, -90], [180, 90], [179.9999, 0], [0, 90], [-180, 10]]]
    )
    codes = geocells(lonlat)
    assert len(np.unique(codes)) == 412
    lons = (lonlat[:, 0] + 180) % 360 - 180
    for code in np.unique(codes):
        west, south, east, north = cell_bounds(int(code))
        own = codes == code
        assert (lons[own] >= west - 1e-9).all()
        assert (lons[own] <= east + 1e-9).all()
        assert (lonlat[own, 1] >= south - 1e-9).all()
        assert (lonlat[own, 1] <= north + 1e-9).all()
    assert geocells([[180, 10]]) == geocells([[-180, 10]])


def test_geocells_have_nearly_one_area():
    areas = []
    for code in np.unique(geocells(fibonacci_lattice(20_000))):
        west, south, east, north = np.radians(cell_bounds(int(code)))
        areas.append((east - west) * (np.sin(north) - np.sin(south)) * EARTH_KM**2 / 1e6)
    assert sum(areas) == pytest.approx(4 * np.pi * EARTH_KM**2 / 1e6)
    assert 1.2 < min(areas) < max(areas) < 1.3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lonlat": np.zeros((3, 2))}, "2 queries at 3 places"),
        ({"gallery": np.empty((0, 4)), "gallery_lonlat": np.empty((0, 2))}, "at least one row"),
        ({"gallery": np.ones((2, 5))}, r"\(2, 4\) against a gallery \(2, 5\)"),
    ],
)
def test_galleries_that_do_not_match_are_refused(change, message):
    given = {
        "queries": np.ones((2, 4)), "lonlat": np.zeros((2, 2)),
        "gallery": np.ones((2, 4)), "gallery_lonlat": np.zeros((2, 2)),
    }  # fmt: skip
    with pytest.raises(InputError, match=message):
        answers(**{**given, **change})


# --- tables and figures ---------------------------------------------------------------------------


def made_result(shift: float = 0.0) -> RunResult:
    lonlat = fibonacci_lattice(80)
    places = rng().normal(size=(80, 8))
    made = {"coordinates": places}
    for number, name in enumerate(("image", "words")):
        noise = np.random.default_rng(number).normal(size=places.shape)
        made[name] = places + (0.5 + number + shift) * noise
    made["words"][:40] = np.nan
    rows = []
    for names in (("image",), ("words",), ("image", "words")):
        found = answers(ensemble(made, names), lonlat, places, lonlat)
        rows.append(GeolocationRow(names, score_answers(found)))
    cells = [CellRow(c.bounds, c.queries, c.median_km) for c in score_cells(found)]
    return RunResult(tuple(score_pairs(made)), tuple(rows), tuple(cells), {"elevation": 0.5})


def test_a_result_is_the_same_after_json():
    result = made_result()
    assert RunResult.from_plain(json.loads(json.dumps(result.as_plain()))) == result


def test_rows_hold_mean_and_deviation_of_every_number():
    first, second = made_result(), made_result(0.7)
    rows = {tuple(row[:4]): row[4:] for row in study_rows({"whole": [first, second]})}
    one, two = (r.pairs[0].recall[5] for r in (first, second))
    found = rows["whole", "retrieval", "coordinates > image", "recall@5"]
    assert found == ["2", f"{(one + two) / 2:.4f}", f"{abs(one - two) / math.sqrt(2):.4f}"]
    assert rows["whole", "probe", "elevation", "score"] == ["2", "0.5000", "0.0000"]
    assert ("whole", "geolocation", "image + words", "within_200_km_by_geocell") in rows
    assert len(HEADER) == len(study_rows({"whole": [first]})[0])


def test_the_summary_is_of_all_modalities_together():
    result = made_result()
    found = summary(result, [result])
    together = result.geolocation[-1].score
    assert (found.median_km, found.within_200) == (together.median_km, together.within[200.0])
    assert found.recall == pytest.approx(np.mean([pair.recall[10] for pair in result.pairs]))


def test_recalls_are_compared_over_the_pairs_that_both_have():
    """Without a modality the hard pairs may be gone: their absence is no gain."""
    whole = [made_result(), made_result(0.3)]
    without = dataclasses.replace(
        made_result(1.0), pairs=tuple(p for p in made_result(1.0).pairs if p.query != "image")
    )
    found = summary(without, whole)
    changes = {
        (pair.query, pair.target): pair.recall[10]
        - np.mean(
            [
                one.recall[10]
                for run in whole
                for one in run.pairs
                if (one.query, one.target) == (pair.query, pair.target)
            ]
        )
        for pair in without.pairs
    }
    assert found.gained == pytest.approx(np.mean(list(changes.values())))
    to = [change for (_, target), change in changes.items() if target == "coordinates"]
    assert found.to_places == pytest.approx(np.mean(to))
    assert summary(whole[0], whole[:1]).gained == 0


def test_the_markdown_has_a_line_for_each_pair_choice_and_variant():
    results = {"whole": [made_result()], "pivot": [made_result(1.0)], "continent": [made_result()]}
    text = study_markdown(results)
    assert text.count("| coordinates | image |") == 2
    assert text.count("\n| image + words |") == 2
    assert text.count("\n| pivot |") == 1
    assert "| continent |" not in text  # asked at other places, it is no ablation
    widths = {
        line.count("|") for line in text.split("## Geolocation")[0].splitlines() if "|" in line
    }
    assert widths == {8}


def test_a_choice_that_one_run_lacks_is_one_of_the_others():
    first = made_result()
    second = dataclasses.replace(first, geolocation=first.geolocation[1:], pairs=first.pairs[1:])
    text = study_markdown({"whole": [first, second]})
    score = first.geolocation[0].score
    assert f"\n| image | {score.queries} | {score.median_km:,.0f} |" in text


def test_figures_are_written(tmp_path: Path):
    pytest.importorskip("matplotlib")
    from satclip_training.evaluation.retrieval_figures import (
        ablation_picture,
        geolocation_figure,
        retrieval_figure,
    )

    whole, other = [made_result(), made_result(0.3)], [made_result(1.0)]
    retrieval_figure(tmp_path / "r.png", whole)
    geolocation_figure(tmp_path / "g.png", whole[0].geolocation, whole[0].cells)
    ablation_picture(tmp_path / "a.png", {"whole": whole, "pivot": other})
    for name in "rga":
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
