"""Priors trained on a small iNaturalist: learning, stopping, going on, figures."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from inaturalist_world import write_world

from satclip_core.encoder.encodings import ZOO
from satclip_core.errors import InputError
from satclip_training.inaturalist.annotations import Annotations, Observations, read_annotations
from satclip_training.inaturalist.predictions import read_predictions
from satclip_training.inaturalist.prior import GeoPrior
from satclip_training.inaturalist.prior_settings import PriorSettings, published_settings
from satclip_training.inaturalist.prior_training import FitOptions, fit_prior, split
from satclip_training.inaturalist.reproduction import (
    RunOptions,
    reproduce,
    score,
    summary,
    write_rows,
)
from satclip_training.zoo.cell_settings import NETWORKS
from satclip_training.zoo.paper import INATURALIST


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("inat"))


@pytest.fixture(scope="module")
def data(folder: Path) -> Annotations:
    return read_annotations(folder)


def quick(encoding: str = "wrap", network: str = "fcnet", **changes: object) -> PriorSettings:
    """A small, quick prior, with dropout where nothing else is said."""
    settings = replace(published_settings()[encoding, network], epochs=6, batch_size=64)
    rate = changes.pop("learning_rate", settings.cell.learning_rate)
    cell = replace(settings.cell, dim_hidden=32, learning_rate=rate)  # type: ignore[arg-type]
    return replace(settings, cell=cell, **changes)  # type: ignore[arg-type]


class Stop(Exception):
    """Raised where a user would press Ctrl-C."""


def stop_after(epochs: int) -> object:
    def progress(done: int, total: int) -> None:
        if done == epochs:
            raise Stop

    return progress


def test_every_cell_has_settings_and_the_published_gain() -> None:
    published = published_settings()
    assert set(published) == set(product(ZOO, NETWORKS))
    siren = published["sphericalharmonics", "siren"]
    cell = siren.cell
    assert (cell.legendre_polys, cell.dim_hidden, cell.num_layers) == (25, 128, 3)
    assert (siren.epochs, siren.patience, siren.batch_size) == (50, 10, 2000)
    assert INATURALIST["sphericalharmonics", "siren"] == 12.3
    assert INATURALIST["direct", "linear"] == -5.9
    assert INATURALIST["grid", "fcnet"] == 11.8


def test_positives_weigh_2048_but_not_more_than_there_are_species() -> None:
    settings = published_settings()["wrap", "linear"]
    assert (settings.weight(8142), settings.weight(8)) == (2048, 8)
    assert replace(settings, positive_weight=3.5).weight(8142) == 3.5


@pytest.mark.parametrize("cell", published_settings(), ids="-".join)
def test_every_encoding_and_network_can_be_trained(cell: tuple[str, str]) -> None:
    prior = GeoPrior(published_settings()[cell], 8)
    logits = prior.logits(np.array([[180.0, 0.0], [-180.0, 90.0], [12.5, -90.0]]))
    assert logits.shape == (3, 8)
    logits.square().sum().backward()  # type: ignore[no-untyped-call]
    for name, weight in prior.weights.items():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name


def test_a_prior_learns_where_species_live(data: Annotations) -> None:
    settings = replace(published_settings()["sphericalharmonics", "siren"], epochs=5, batch_size=64)
    prior, state = fit_prior(settings, data, 0, FitOptions())
    assert state.best_loss < 0.4
    figures = score(prior, data.test)
    assert figures["prior_top1"] > 85
    assert figures["auc"] > 0.97
    assert figures["top1"] is figures["delta"] is None
    kenya, india, pacific = prior.predict(np.array([[36.0, 0.0], [80.0, 20.0], [-140.0, 10.0]]))
    assert kenya[0] > kenya[1]
    assert india[1] > india[0]
    # Nobody was seen there: the random places say so.
    assert pacific.max() < min(kenya[0], india[1])


def test_a_prior_lifts_what_images_cannot_tell(data: Annotations, folder: Path) -> None:
    predictions = read_predictions(folder / "val_logits.npy", data.test.ids, len(data.species))
    prior, _ = fit_prior(quick(epochs=8), data, 0, FitOptions())
    for rule in ("product", "sum"):
        figures = score(prior, data.test, predictions, rule)
        assert figures["image_top1"] == pytest.approx(50, abs=8)
        assert figures["top1"] > 90
        assert figures["delta"] == pytest.approx(figures["top1"] - figures["image_top1"])
        assert figures["image_top1"] <= figures["image_top3"] <= figures["image_top5"]


def test_images_without_a_place_are_scored_by_the_image_alone(data: Annotations) -> None:
    nowhere = replace(data.test, lonlat=data.test.lonlat.copy())
    nowhere.lonlat[1:] = np.nan

    class Right:
        """A classifier that is always right."""

        def log_probabilities(self, images: slice) -> np.ndarray:
            return np.log(np.eye(8)[data.test.labels[images]] * 0.9 + 0.0125)

    figures = score(GeoPrior(quick(), 8), nowhere, Right())  # type: ignore[arg-type]
    assert figures["image_top1"] == 100
    assert figures["top1"] >= 100 * (1 - 1 / len(nowhere.ids))


def test_training_and_validation_part_are_apart_and_have_places(data: Annotations) -> None:
    training, validation = split(data.training, 0.2, 3)
    located = set(data.training.ids[data.training.located].tolist())
    assert set(training.ids.tolist()) | set(validation.ids.tolist()) == located
    assert len(training.ids) + len(validation.ids) == len(located)
    assert len(validation.ids) == round(0.2 * len(located))
    assert np.isfinite(training.lonlat).all()


def test_one_place_is_not_enough() -> None:
    one = Observations(np.array([1]), np.zeros((1, 2)), np.array([0]))
    with pytest.raises(InputError, match="two at least"):
        split(one, 0.2, 0)


def test_training_ends_when_validation_does_not_get_better(data: Annotations) -> None:
    settings = quick(learning_rate=0.1, epochs=50, patience=2)
    prior, state = fit_prior(settings, data, 0, FitOptions())
    assert state.epoch == state.best_epoch + 2 < 50
    assert state.best is not None
    for key, value in prior.state().items():
        assert torch.equal(value, state.best[key]), key


def test_seeds_differ_and_one_seed_repeats(data: Annotations) -> None:
    first, again, other = (
        fit_prior(quick(epochs=1), data, seed, FitOptions())[0].predict(np.zeros((1, 2)))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_stopped_run_goes_on_as_if_it_had_not_been(data: Annotations, tmp_path: Path) -> None:
    whole, _ = fit_prior(quick(), data, 0, FitOptions())
    path = tmp_path / "prior.pt"
    with pytest.raises(Stop):
        fit_prior(quick(), data, 0, FitOptions(path, progress=stop_after(3)))  # type: ignore[arg-type]
    assert [file.name for file in tmp_path.iterdir()] == ["prior.pt"]
    epochs: list[int] = []
    parts, state = fit_prior(
        quick(), data, 0, FitOptions(path, progress=lambda done, _: epochs.append(done))
    )
    assert epochs == [4, 5, 6]
    assert state.finished
    again, _ = fit_prior(quick(), data, 0, FitOptions(path, progress=stop_after(1)))  # type: ignore[arg-type]
    for key, value in whole.state().items():
        assert torch.equal(value, parts.state()[key]), key
        assert torch.equal(value, again.state()[key]), key


def test_a_checkpoint_of_other_settings_or_data_is_refused(
    data: Annotations, tmp_path: Path
) -> None:
    path = tmp_path / "prior.pt"
    fit_prior(quick(epochs=1), data, 0, FitOptions(path))
    moved = replace(data, training=replace(data.training, lonlat=data.training.lonlat + 0.5))
    for settings, world, seed in (
        (quick(epochs=2), data, 0),
        (quick(epochs=1), moved, 0),
        (quick(epochs=1), data, 1),
    ):
        with pytest.raises(InputError, match=r"other settings or data.*--fresh"):
            fit_prior(settings, world, seed, FitOptions(path))


def test_a_rate_that_breaks_training_is_named(data: Annotations) -> None:
    with pytest.raises(InputError, match=r"no number .*lower the learning rate \(1e\+30\)"):
        fit_prior(quick(learning_rate=1e30), data, 0, FitOptions())


def test_finished_priors_are_not_trained_again(
    data: Annotations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [quick(epochs=1), quick("direct", "linear", epochs=1)]
    before = reproduce(cells, 2, data, RunOptions(tmp_path))
    assert [(row["encoding"], row["seed"]) for row in before] == [
        ("wrap", 0), ("wrap", 1), ("direct", 0), ("direct", 1),
    ]  # fmt: skip

    def trained(*_: object) -> float:
        raise AssertionError("trained again")

    monkeypatch.setattr("satclip_training.inaturalist.prior_training._train_epoch", trained)
    after = reproduce(cells, 2, data, RunOptions(tmp_path))
    assert [row["auc"] for row in after] == [row["auc"] for row in before]
    with pytest.raises(AssertionError, match="trained again"):
        reproduce(cells, 2, data, RunOptions(tmp_path, fresh=True))


def test_the_table_has_a_row_a_seed_and_the_summary_their_mean(tmp_path: Path) -> None:
    rows = [
        {"encoding": "wrap", "network": "fcnet", "seed": s, "auc": 0.5 + s, "delta": None}
        for s in (0, 1)
    ]
    write_rows(rows, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [(r["seed"], r["auc"], r["delta"]) for r in read] == [("0", "0.5", ""), ("1", "1.5", "")]
    (mean,) = summary(rows)
    assert (mean["seeds"], mean["auc"], mean["delta"]) == (2, 1.0, None)
    assert mean["auc_sd"] == pytest.approx(0.5**0.5)
