"""SatCLE's spatial half: each equation against a plain, slow transcription of the paper's formula.

Of the paper's numbers, 6 (smoothing) and 7 (loss) are certain; what comes before them is named here
by what it says: expansion, adjacency, propagation (1-3), distillation and causal patches (4-5, in
test_semantic_smoothing).
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from satclip_core.errors import InputError
from satclip_training.export.card import model_card
from satclip_training.images.views import CachedViews
from satclip_training.objectives import objective_class
from satclip_training.objectives.contrast import one_way_loss
from satclip_training.objectives.perturbation import expanded, folded, moved
from satclip_training.objectives.propagation import (
    GraphFusion,
    gaussian_adjacency,
    great_circles,
    released_adjacency,
)
from satclip_training.objectives.satcle import Satcle
from satclip_training.places.batches import Pairs
from satclip_training.run.callbacks import epochs_since_best, read_log
from satclip_training.settings.config import SatcleSettings, TrainConfig
from satclip_training.settings.schema import build

PLACES = torch.tensor(
    [[10.0, 50.0], [179.999, -20.0], [-179.9995, 89.999], [30.0, -90.0], [0.0, 90.0]],
    dtype=torch.float64,
)
MANY = 20_000


def config(objective: dict[str, Any] | None = None, **training: Any) -> TrainConfig:
    values = {
        "name": "x",
        "sources": {"a": {"files": ["a.tif"], "chip": {"kilometres": 10, "pixels": 4}}},
        "objective": {"kind": "satcle", **(objective or {})},
        "model": {"legendre_polys": 4, "capacity": 8, "embed_dim": 6},
        "training": {"threads": 1, **training},
    }
    return build(TrainConfig, values, "")


def satcle(objective: dict[str, Any] | None = None) -> Satcle:
    torch.manual_seed(1)
    settings = config(objective)
    made = objective_class(settings)(settings, {"a": 3}).double()
    assert isinstance(made, Satcle)
    return made


def apart_km(first: torch.Tensor, second: torch.Tensor) -> np.ndarray:
    """Distances on the sphere by pyproj."""
    geod = pytest.importorskip("pyproj").Geod(a=6371008.8, b=6371008.8)
    a, b = (np.broadcast_arrays(first.numpy(), second.numpy())[i] for i in (0, 1))
    return np.asarray(geod.inv(a[..., 0], a[..., 1], b[..., 0], b[..., 1])[2]) / 1000


def test_copies_are_the_place_and_normal_steps_away() -> None:
    """Equation 1: x_k = x + e_k, e_k ~ N(0, r²), by the same draws."""
    drawn = torch.randn(1, 5, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    place = [12.0, 48.0]
    wanted = [place] + [
        [place[0] + 0.01 * float(step[0]), place[1] + 0.01 * float(step[1])] for step in drawn[0]
    ]
    made = expanded(torch.tensor([place]), SatcleSettings(), torch.Generator().manual_seed(4))
    np.testing.assert_allclose(made[0].numpy(), wanted, rtol=0, atol=1e-13)
    without = expanded(torch.tensor([place]), SatcleSettings(keep_original=False))
    assert without.shape == (1, 5, 2)
    assert not (without[0] == torch.tensor(place)).any()


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ((181.0, 10.0), (-179.0, 10.0)),
        ((-180.5, 10.0), (179.5, 10.0)),
        ((180.0, 0.0), (-180.0, 0.0)),
        ((30.0, 90.5), (-150.0, 89.5)),
        ((170.0, -91.0), (-10.0, -89.0)),
        ((12.0, 48.0), (12.0, 48.0)),
    ],
)
def test_what_goes_over_an_edge_is_the_place_it_is(
    place: tuple[float, float], wanted: tuple[float, float]
) -> None:
    got = folded(torch.tensor([place], dtype=torch.float64))[0]
    np.testing.assert_allclose(got.numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize("distribution", ["normal", "uniform", "von-mises-fisher"])
@pytest.mark.parametrize("unit", ["degrees", "kilometres"])
def test_copies_are_places_near_theirs_everywhere(distribution: str, unit: str) -> None:
    spread = 0.5 if unit == "degrees" else 55.0
    settings = SatcleSettings(distribution=distribution, unit=unit, spread=spread, copies=200)
    copies = expanded(PLACES, settings, torch.Generator().manual_seed(0))
    assert copies.shape == (len(PLACES), 201, 2)
    lon, lat = copies.unbind(-1)
    assert bool(((lon >= -180) & (lon < 180) & (lat.abs() <= 90)).all())
    assert apart_km(PLACES[:, None], copies).max() < 6 * 56  # six deviations of half a degree
    assert apart_km(PLACES[:, None], copies[:, :1]).max() < 1e-6  # asin of hundredths of a metre


@pytest.mark.parametrize("place", PLACES.tolist())
def test_kilometres_are_on_the_ground_at_every_latitude(place: list[float]) -> None:
    """Distances of normal steps are Rayleigh: mean σ √(π/2), whatever the latitude."""
    lonlat = torch.tensor([place], dtype=torch.float64)
    settings = SatcleSettings(unit="kilometres", spread=20.0, copies=100)
    copies = expanded(lonlat.expand(MANY // 100, -1), settings, torch.Generator().manual_seed(2))[
        :, 1:
    ]
    mean = apart_km(lonlat[:, None], copies).mean()
    # Four standard errors of the mean of 20,000.
    assert mean == pytest.approx(20 * math.sqrt(math.pi / 2), abs=4 * 20 * 0.655 / math.sqrt(MANY))


def test_uniform_kilometres_fill_a_disc() -> None:
    settings = SatcleSettings(distribution="uniform", unit="kilometres", spread=30.0, copies=100)
    copies = expanded(PLACES[:1].expand(200, -1), settings, torch.Generator().manual_seed(3))[:, 1:]
    distance = apart_km(PLACES[:1, None], copies)
    assert distance.max() <= 30 + 1e-6
    # Of a disc, a quarter lies within half the radius; four standard errors.
    assert (distance < 15).mean() == pytest.approx(0.25, abs=4 * math.sqrt(0.1875 / MANY))


def test_von_mises_fisher_has_its_mean_cosine() -> None:
    """E cos = coth kappa - 1 / kappa, at a spread that is no small angle."""
    settings = SatcleSettings(distribution="von-mises-fisher", spread=10.0, copies=100)
    copies = expanded(PLACES[2:3].expand(200, -1), settings, torch.Generator().manual_seed(5))
    cosines = np.cos(apart_km(PLACES[2:3, None], copies[:, 1:]) / 6371.0088)
    kappa = 1 / math.radians(10) ** 2
    wanted = 1 / math.tanh(kappa) - 1 / kappa
    assert cosines.mean() == pytest.approx(wanted, abs=4 * cosines.std() / math.sqrt(MANY))


def test_great_circles_lead_where_pyproj_says() -> None:
    geod = pytest.importorskip("pyproj").Geod(a=6371008.8, b=6371008.8)
    rng = np.random.default_rng(0)
    lonlat = np.column_stack([rng.uniform(-180, 180, 50), rng.uniform(-89, 89, 50)])
    km, bearing = rng.uniform(0, 3000, 50), rng.uniform(0, 2 * np.pi, 50)
    got = moved(
        torch.from_numpy(lonlat), torch.from_numpy(km / 6371.0088), torch.from_numpy(bearing)
    )
    lon, lat, _ = geod.fwd(lonlat[:, 0], lonlat[:, 1], np.degrees(bearing), km * 1000)
    wanted = torch.from_numpy(np.column_stack([lon, lat]))
    assert apart_km(got, wanted).max() < 1e-6


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"distribution": "cauchy"}, r"objective\.distribution: 'cauchy' is not one of normal"),
        ({"spread": 11}, r"objective: spread: 11 degrees, 10 is the most"),
        ({"spread": 0}, r"objective\.spread: must be greater than 0"),
        ({"unit": "kilometers"}, r"objective\.unit.*did you mean 'kilometres'"),
    ],
)
def test_bad_settings_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        config(values)


def test_the_losses_of_satclip_are_not_its_own() -> None:
    with pytest.raises(InputError, match=r"training\.loss: 'siglip' is one of satclip.*objective"):
        objective_class(config(loss="siglip"))


def test_adjacency_is_the_gaussian_of_the_great_circle() -> None:
    """Equation 2: A_ij = exp(-d_ij² / 2σ²), by the haversine, across dateline and pole."""
    places = [(179.99, 10.0), (-179.99, 10.05), (179.9, 9.9), (-179.995, 10.0)]
    wanted = np.empty((4, 4))
    for i, (lon1, lat1) in enumerate(places):
        for j, (lon2, lat2) in enumerate(places):
            a, b = math.radians(lat1), math.radians(lat2)
            turn = math.radians(lon2 - lon1)
            haversine = (
                math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(turn / 2) ** 2
            )
            distance = 2 * 6371.0088 * math.asin(math.sqrt(haversine))
            wanted[i, j] = math.exp(-(distance**2) / (2 * 8.0**2))
    got = gaussian_adjacency(torch.tensor([places], dtype=torch.float64), 8.0)[0]
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-8)
    pole = torch.tensor([[0.0, 89.99], [180.0, 89.99], [-90.0, 90.0]], dtype=torch.float64)
    degree = math.pi * 6371.0088 / 180
    np.testing.assert_allclose(great_circles(pole)[0, 1:].numpy(), [0.02 * degree, 0.01 * degree],
                               rtol=1e-9)  # fmt: skip


def test_the_released_adjacency_is_as_its_code_computes_it() -> None:
    places = torch.tensor([[5.0, 5.0], [5.3, 5.4], [8.0, 9.0]], dtype=torch.float64)
    wanted = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            distance = math.dist(places[i].tolist(), places[j].tolist())
            level = -math.log(distance) if distance > 0 else 0.0
            wanted[i, j] = math.exp(-(level**2) / (2 * 10.0**2))
    np.testing.assert_allclose(released_adjacency(places[None])[0].numpy(), wanted, rtol=1e-12)


@pytest.mark.parametrize("released", [False, True])
def test_propagation_is_two_layers_over_a_point_s_own_copies(released: bool) -> None:
    """Equation 3: h <- LeakyReLU(A h W), twice; node by node, and the first is read."""
    torch.manual_seed(0)
    graph = GraphFusion(4, released=released).double()
    nodes = torch.randn(3, 5, 4, dtype=torch.float64)
    adjacency = torch.rand(3, 5, 5, dtype=torch.float64)

    def leaky(value: float) -> float:
        return value if value > 0 else 0.2 * value

    wanted = np.empty((3, 4))
    for n in range(3):
        h = nodes[n].tolist()
        for layer in graph.layers:
            weight = layer.weight.tolist()
            bias = layer.bias.tolist() if released else [0.0] * 4
            mixed = [
                [sum(float(adjacency[n, i, j]) * h[j][c] for j in range(5)) for c in range(4)]
                for i in range(5)
            ]
            if released:
                mixed = [[leaky(value) for value in row] for row in mixed]
            h = [
                [leaky(sum(weight[o][c] * row[c] for c in range(4)) + bias[o]) for o in range(4)]
                for row in mixed
            ]
        wanted[n] = h[0]
    np.testing.assert_allclose(graph(nodes, adjacency).detach().numpy(), wanted, rtol=1e-9)
    # A point's copies are a graph of their own: other points of the batch change nothing.
    alone = graph(nodes[1:2], adjacency[1:2])
    torch.testing.assert_close(graph(nodes, adjacency)[1:2], alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rows", [0, 2])
def test_the_loss_goes_one_way(rows: int) -> None:
    """Equation 7, pair by pair, value and gradients."""
    torch.manual_seed(0)
    queries, candidates = (
        torch.randn(5, 4, dtype=torch.float64, requires_grad=True) for _ in range(2)
    )
    log_scale = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    unit_q = [row / row.norm() for row in queries]
    unit_c = [row / row.norm() for row in candidates]
    total = torch.zeros((), dtype=torch.float64)
    for i in range(5):
        similar = [torch.exp(log_scale.exp() * (unit_q[i] @ other)) for other in unit_c]
        total = total - torch.log(similar[i] / torch.stack(similar).sum()) / 5
    wanted = torch.autograd.grad(total, [queries, candidates, log_scale])
    value = one_way_loss(queries, candidates, log_scale, rows=rows)
    torch.testing.assert_close(value, total)
    got = torch.autograd.grad(value, [queries, candidates, log_scale])
    for one, other in zip(got, wanted):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("way", ["place-to-image", "image-to-place", "symmetric"])
@pytest.mark.parametrize("fusion", ["graph", "released-graph", "mean"])
def test_the_objective_is_its_parts_put_together(way: str, fusion: str) -> None:
    model = satcle({"loss": way, "fusion": fusion, "spread": 0.5, "graph_scale": 0.3}).eval()
    images = torch.randn(4, 3, dtype=torch.float64)
    lonlat = torch.tensor([[10.0, 5.0], [20, -40], [-100, 60], [179.9, 0]], dtype=torch.float64)
    copies = expanded(lonlat, model.options, torch.Generator().manual_seed(20250428))
    nodes = torch.stack([model.location(row) for row in copies])
    if fusion == "mean":
        places = nodes.mean(1)
    else:
        assert model.fusion is not None
        kilometres = 0.3 * math.pi * 6371.0088 / 180
        paper = gaussian_adjacency(copies, kilometres)
        places = model.fusion(nodes, released_adjacency(copies) if "rel" in fusion else paper)
    seen = functional.normalize(model.visual(images), dim=1)
    logits = model.logit_scale.exp() * functional.normalize(places, dim=1) @ seen.T
    right = torch.arange(4)
    there, back = functional.cross_entropy(logits, right), functional.cross_entropy(logits.T, right)
    wanted = {"place-to-image": there, "image-to-place": back, "symmetric": (there + back) / 2}
    torch.testing.assert_close(model.loss_at(lonlat, {"a": images}), wanted[way])


def test_copies_are_drawn_afresh_while_training_and_kept_for_validation() -> None:
    model = satcle({"spread": 1.0})
    images, lonlat = {"a": torch.randn(4, 3, dtype=torch.float64)}, PLACES[:4]
    assert model.loss_at(lonlat, images).item() != model.loss_at(lonlat, images).item()
    model.eval()
    assert model.loss_at(lonlat, images).item() == model.loss_at(lonlat, images).item()


def test_without_spatial_continuity_it_is_satclip_one_way() -> None:
    model = satcle({"spatial": False})
    assert not model.at_places
    assert model.fusion is None
    images = torch.randn(4, 3, dtype=torch.float64)
    features = model.location.encode(PLACES[:4])
    wanted = one_way_loss(
        model.location.nnet(features), model.visual(images), model.logit_scale, model.largest
    )
    torch.testing.assert_close(model.loss(features, {"a": images}), wanted)


def test_a_run_trains_ends_early_and_leaves_the_graph_behind(
    tmp_path: Path, one_thread: None
) -> None:
    from satclip_training.run.trainer import fit

    rng = np.random.default_rng(0)
    lonlat = np.column_stack([rng.uniform(-180, 180, 300), rng.uniform(-80, 80, 300)])
    noise = rng.normal(size=(1, 300, 3)).astype(np.float16)  # nothing to be learnt about others
    settings = config(
        {"spread": 0.5}, epochs=60, batch_size=64, learning_rate=0.02, patience=2,
        schedule="constant",
    )  # fmt: skip
    pairs = Pairs(lonlat, {"a": CachedViews(noise)}, {"a": 1.0}, settings.training, 0)
    module = fit(settings, pairs, tmp_path)
    log = read_log(tmp_path)
    assert len(log) < 60
    losses = [float(row["validation_loss"]) for row in log]
    assert int(np.argmin(losses)) == len(log) - 3
    assert set(module.inference_weights()) == {
        name for name, _ in module.model.location.nnet.named_parameters()
    }
    # Taken up again, it has ended already.
    fit(settings, pairs, tmp_path, checkpoint=tmp_path / "last.ckpt")
    assert read_log(tmp_path) == log


def test_epochs_since_the_best_are_counted_by_the_log() -> None:
    rows = [{"epoch": str(i), "validation_loss": v} for i, v in enumerate(["3", "1", "2", "1"], 1)]
    assert [epochs_since_best(rows, epoch) for epoch in (0, 1, 2, 3, 4)] == [0, 0, 0, 1, 2]


def test_patience_needs_something_to_wait_for(tmp_path: Path) -> None:
    from satclip_training.settings.config import load_config

    path = tmp_path / "c.yaml"
    path.write_text(
        "name: x\nsources: {a: {files: [a.tif], chip: {kilometres: 9, pixels: 4},"
        " features: {filters: 8, dim: 4}}}\n"
        "training: {patience: 3, validation_fraction: 0}\n"
    )
    with pytest.raises(InputError, match=r"training\.patience: 3, but nothing is held out"):
        load_config(path)


def test_the_card_says_what_was_done() -> None:
    card = model_card(replace(config()), {}, "")
    assert "(SatCLE, WWW 2025)" in card
    assert "contrastive loss (place-to-image)" in card
    assert "5 copies a place (normal, 0.01 degrees) beside the place itself, fused by graph" in card


def test_the_published_settings_load() -> None:
    from satclip_training.settings.config import load_config

    folder = Path(__file__).parents[2] / "training" / "configs"
    settings = load_config(folder / "satcle-l10.yaml")
    options, smoothing = settings.objective.settings, settings.sources["sentinel2"].smoothing
    assert (settings.objective.kind, options.copies, options.spread) == ("satcle", 5, 0.01)
    assert smoothing is not None
    assert (smoothing.attention, smoothing.threshold) == ("cls", 0.1)
    assert (settings.training.patience, settings.training.batch_size) == (10, 512)
    assert settings.training.learning_rate == 1e-4
