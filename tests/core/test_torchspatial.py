"""Checkpoints of TorchSpatial and CSP: made ones, with the published names, against plain torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from satclip_core.errors import ModelError
from satclip_core.models.model_file import read_model, write_model
from satclip_core.models.torchspatial import KINDS

torch = pytest.importorskip("torch")

DIM, HIDDEN, COUNT = 12, 16, 5
# Exact in single precision, which the published code rounds coordinates to.
PLACES = np.array(
    [[0, 0], [23.625, -2.875], [-179.75, 45.5], [179.5, -45], [-77, 38.875], [10, 89.5], [7, -90]],
    np.float64,
)
PARAMS: dict[str, Any] = {
    "dataset": "yfcc", "frequency_num": COUNT, "min_radius": 0.5, "max_radius": 360.0,
    "num_hidden_layer": 1, "hidden_dim": HIDDEN, "num_filts": DIM, "freq_init": "geometric",
    "spa_f_act": "leakyrelu", "map_range": [-180, 180, -90, 90], "use_layn": True,
    "skip_connection": True, "dropout": 0.5, "loc_encode": "encode_cos_sin",
    "use_date_feats": False, "unsuper_loss": "none", "rbf_kernel_size": 1.0, "device": "cuda:0",
    "rbf_anchor_pt_ids": None,
}  # fmt: skip


class Layer(torch.nn.Module):
    """Linear, activation, the input again, layer normalisation."""

    def __init__(self, inputs: int, outputs: int, activation: str, *, hidden: bool) -> None:
        super().__init__()
        self.act = {
            "leakyrelu": torch.nn.LeakyReLU(0.2), "relu": torch.nn.ReLU(), "gelu": torch.nn.GELU(),
            "sigmoid": torch.nn.Sigmoid(), "tanh": torch.nn.Tanh(),
        }[activation]  # fmt: skip
        self.layernorm = torch.nn.LayerNorm(outputs) if hidden else None
        self.skip = hidden and inputs == outputs
        self.linear = torch.nn.Linear(inputs, outputs)

    def forward(self, x: Any) -> Any:
        made = self.act(self.linear(x))
        made = made + x if self.skip else made
        return made if self.layernorm is None else self.layernorm(made)


class Layers(torch.nn.Module):
    def __init__(self, inputs: int, params: dict[str, Any]) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList()
        for _ in range(params["num_hidden_layer"]):
            self.layers.append(Layer(inputs, HIDDEN, params["spa_f_act"], hidden=True))
            inputs = HIDDEN
        self.layers.append(Layer(inputs, DIM, params["spa_f_act"], hidden=False))

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


class SpaceEncoder(torch.nn.Module):
    """A position encoder with nothing to learn, and layers."""

    def __init__(self, features: Callable[[Any, dict[str, Any]], Any], params: dict[str, Any]):
        super().__init__()
        self.features, self.params = features, params
        self.position_encoder = torch.nn.Module()
        self.ffn = Layers(features(torch.zeros(1, 2).double(), params).shape[1], params)

    def forward(self, lonlat: Any) -> Any:
        return self.ffn(self.features(lonlat, self.params))


class Model(torch.nn.Module):
    def __init__(self, spa_enc: torch.nn.Module) -> None:
        super().__init__()
        self.spa_enc = spa_enc
        self.class_emb = torch.nn.Linear(DIM, 9, bias=False)
        self.user_emb = torch.nn.Linear(DIM, 1, bias=False)


def scales(params: dict[str, Any], least: float | None = None) -> Any:
    low = params["min_radius"] if least is None else least
    step = math.log(params["max_radius"] / low) / (params["frequency_num"] - 1)
    radii = low * torch.exp(step * torch.arange(params["frequency_num"]).double())
    return 1 / radii


def flat(parts: list[Any]) -> Any:
    """Columns (N, F) side by side for each frequency, as reshaping (F, parts) gives them."""
    return torch.stack(parts, -1).reshape(len(parts[0]), -1)


def grid(lonlat: Any, params: dict[str, Any]) -> Any:
    angle = lonlat[:, :, None] * scales(params)
    return torch.stack([angle.sin(), angle.cos()], -1).reshape(len(lonlat), -1)


def theory(lonlat: Any, params: dict[str, Any]) -> Any:
    units = [[1.0, 0.0], [-0.5, math.sqrt(3) / 2], [-0.5, -math.sqrt(3) / 2]]
    along = lonlat @ torch.tensor(units).double().T
    angle = along[:, None, :] * scales(params)[:, None]
    return torch.stack([angle.sin(), angle.cos()], -1).reshape(len(lonlat), -1)


def waves(lonlat: Any, f: Any) -> tuple[Any, ...]:
    lon, lat = (lonlat[:, :, None] * math.pi / 180 * f).unbind(1)
    return lon.sin(), lon.cos(), lat.sin(), lat.cos()


def sphere_c(lonlat: Any, params: dict[str, Any]) -> Any:
    sx, cx, sy, cy = waves(lonlat, scales(params))
    return flat([sy, cy * cx, cy * sx])


def sphere_c_plus(lonlat: Any, params: dict[str, Any]) -> Any:
    sx, cx, sy, cy = waves(lonlat, scales(params))
    return flat([sy, cy, sx, cx, cy * cx, cy * sx])


def sphere_m(lonlat: Any, params: dict[str, Any]) -> Any:
    sx, cx, sy, cy = waves(lonlat, scales(params))
    ox, ux, _, uy = waves(lonlat, torch.ones(params["frequency_num"]))
    return flat([sy, cy * ux, uy * cx, cy * ox, uy * sx])


def sphere_m_plus(lonlat: Any, params: dict[str, Any]) -> Any:
    sx, cx, sy, cy = waves(lonlat, scales(params, 1.0))
    ox, ux, _, uy = waves(lonlat, torch.ones(params["frequency_num"]))
    return flat([sy, cy, sx, cx, cy * ux, uy * cx, cy * ox, uy * sx])


def dfs(lonlat: Any, params: dict[str, Any]) -> Any:
    sx, cx, sy, cy = waves(lonlat, scales(params, 1.0))
    lon, lat = torch.cat([sx, cx], 1), torch.cat([sy, cy], 1)
    products = torch.einsum("na,nb->nab", lon, lat).reshape(len(lonlat), -1)
    return torch.cat([products, flat([sy, cy, sx, cx])], 1)


def xyz(lonlat: Any, params: dict[str, Any]) -> Any:
    lon, lat = torch.deg2rad(lonlat).unbind(1)
    return torch.stack([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()], 1)


def nerf(lonlat: Any, params: dict[str, Any]) -> Any:
    octaves = math.pi * 2.0 ** torch.arange(params["frequency_num"]).double()
    angle = xyz(lonlat, params)[:, :, None] * octaves
    return torch.cat([angle.sin(), angle.cos()], 1).reshape(len(lonlat), -1)


def within(lonlat: Any, params: dict[str, Any]) -> Any:
    x0, x1, y0, y1 = params["map_range"]
    low, high = torch.tensor([x0, y0]).double(), torch.tensor([x1, y1]).double()
    return (lonlat - low) / (high - low) * 2 - 1


def wrapped(lonlat: Any, params: dict[str, Any]) -> Any:
    turned = math.pi * lonlat / torch.tensor([180.0, 90.0])
    return torch.cat([turned.sin(), turned.cos()], 1)


FEATURES = {
    "Space2Vec-grid": grid, "Space2Vec-theory": theory, "Sphere2Vec-sphereC": sphere_c,
    "Sphere2Vec-sphereC+": sphere_c_plus, "Sphere2Vec-sphereM": sphere_m,
    "Sphere2Vec-sphereM+": sphere_m_plus, "Sphere2Vec-dfs": dfs, "xyz": xyz, "NeRF": nerf,
    "naive": within, "wrap_ffn": wrapped, "gridcell": grid, "gridcellnorm": grid, "theory": theory,
    "geo_net_fft": wrapped,
}  # fmt: skip


class RandomFourier(torch.nn.Module):
    """Features drawn once: kept by the position encoder, in CSP by the encoder itself."""

    def __init__(self, params: dict[str, Any], *, csp: bool) -> None:
        super().__init__()
        self.params, self.csp = params, csp
        holder = self if csp else torch.nn.Module()
        count = params["frequency_num"]
        holder.dirvec = torch.nn.Parameter(torch.randn(2, count), requires_grad=False)
        holder.shift = torch.nn.Parameter(6 * torch.rand(count), requires_grad=False)
        if not csp:
            self.position_encoder = holder
        self.ffn = Layers(count, params)

    def forward(self, lonlat: Any) -> Any:
        own = self if self.csp else self.position_encoder
        turns = within(lonlat, self.params) @ own.dirvec + own.shift
        return self.ffn(turns.cos() * math.sqrt(2 / self.params["frequency_num"]))


class Tiles(torch.nn.Module):
    def __init__(self, params: dict[str, Any]) -> None:
        super().__init__()
        x0, x1, y0, y1 = params["map_range"]
        self.low, self.side = (x0, y0), params["min_radius"]
        self.columns = math.ceil((x1 - x0) / self.side)
        self.rows = math.ceil((y1 - y0) / self.side)
        self.position_encoder = torch.nn.Module()
        self.position_encoder.embedding = torch.nn.Embedding(self.columns * self.rows, DIM)
        self.ffn = Layers(DIM, params)

    def forward(self, lonlat: Any) -> Any:
        col = ((lonlat[:, 0] - self.low[0]) / self.side).floor().clip(0, self.columns - 1)
        row = ((lonlat[:, 1] - self.low[1]) / self.side).floor().clip(0, self.rows - 1)
        index = (row * self.columns + col).long()
        return self.ffn(self.position_encoder.embedding(index))


class Residual(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w1, self.w2 = torch.nn.Linear(DIM, DIM), torch.nn.Linear(DIM, DIM)

    def forward(self, x: Any) -> Any:
        return x + self.w2(self.w1(x).relu()).relu()


class GeoPrior(torch.nn.Module):
    """Mac Aodha et al. 2019, TorchSpatial's `wrap`: the embedding is what classes are told by."""

    def __init__(self) -> None:
        super().__init__()
        self.class_emb = torch.nn.Linear(DIM, 9, bias=False)
        self.user_emb = torch.nn.Linear(DIM, 1, bias=False)
        blocks = [Residual() for _ in range(4)]
        self.feats = torch.nn.Sequential(torch.nn.Linear(4, DIM), torch.nn.ReLU(), *blocks)


class WithImages(torch.nn.Module):
    """CSP's model while it is trained with images, whose parts are named twice."""

    def __init__(self, loc_enc: Any) -> None:
        super().__init__()
        self.loc_enc = loc_enc
        self.spa_enc, self.class_emb = loc_enc.spa_enc, loc_enc.class_emb
        self.user_emb = loc_enc.user_emb
        self.img_dec = torch.nn.Linear(20, DIM)


def save(path: Path, model: Any, params: dict[str, Any]) -> Path:
    optimizer = torch.optim.Adam(model.parameters())
    state = {
        "epoch": 31, "state_dict": model.state_dict(), "optimizer": optimizer.state_dict(),
        "params": params,
    }  # fmt: skip
    torch.save(state, path)
    return path


def made(kind: str, **changes: Any) -> tuple[Any, dict[str, Any], Callable[[Any], Any]]:
    """A model with weights that are drawn, its params, and the embedding of it."""
    torch.manual_seed(len(kind))
    params = {**PARAMS, "spa_enc_type": kind, **changes}
    if kind in ("wrap", "geo_net"):
        prior = GeoPrior().double()
        return prior, params, lambda lonlat: prior.feats(wrapped(lonlat, params))
    if kind == "tile_ffn":
        encoder: Any = Tiles(params)
    elif kind == "rff":
        encoder = RandomFourier(params, csp="rbf_kernal_size" in params)
    else:
        encoder = SpaceEncoder(FEATURES[kind], params)
    encoder = encoder.double().eval()
    return Model(encoder).double(), params, encoder


CASES: list[tuple[str, dict[str, Any]]] = [
    *((kind, {}) for kind in FEATURES),
    ("tile_ffn", {"min_radius": 20.0}),
    ("tile_ffn", {"min_radius": 7.0, "map_range": [-162, -59, 20, 56]}),
    ("rff", {"map_range": [-162, -59, 20, 56]}),
    ("rff", {"rbf_kernal_size": 1.0}),
    ("wrap", {}),
    ("geo_net", {}),
    ("Space2Vec-grid", {"spa_f_act": "gelu", "num_hidden_layer": 3}),
    ("xyz", {"spa_f_act": "sigmoid"}),
    ("NeRF", {"spa_f_act": "tanh", "frequency_num": 8}),
    ("Sphere2Vec-dfs", {"spa_f_act": "relu", "max_radius": 1.0, "min_radius": 0.005}),
]


@pytest.mark.parametrize(("kind", "changes"), CASES, ids=lambda value: str(value)[:40])
def test_embeddings_are_those_of_the_module(
    kind: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    model, params, embed = made(kind, **changes)
    encoder = read_model(save(tmp_path / "model.pth.tar", model, params))
    with torch.no_grad():
        wanted = embed(torch.from_numpy(PLACES)).numpy()
    assert encoder.dim == DIM
    np.testing.assert_allclose(encoder.encode(PLACES), wanted, rtol=0, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(PLACES, single=True), wanted, rtol=0, atol=1e-3)
    write_model(tmp_path / "model.npz", encoder)
    again = read_model(tmp_path / "model.npz")
    np.testing.assert_allclose(again.encode(PLACES), wanted, rtol=0, atol=1e-5)
    assert again.band_limited == encoder.band_limited


def test_every_kind_is_tested() -> None:
    assert {kind for kind, _ in CASES} == set(KINDS)


def test_contrastive_spatial_pretraining_is_found_beside_its_image_encoder(tmp_path: Path) -> None:
    changes = {"unsuper_loss": "contsoftmax", "spa_f_act": "gelu", "rbf_kernal_size": 1.0}
    model, params, embed = made("gridcell", **changes)
    encoder = read_model(save(tmp_path / "csp.pth.tar", WithImages(model), params))
    with torch.no_grad():
        wanted = embed(torch.from_numpy(PLACES)).numpy()
    np.testing.assert_allclose(encoder.encode(PLACES), wanted, rtol=0, atol=1e-5)
    facts = encoder.provenance
    assert (facts["training_source"], facts["training_loss"]) == ("CSP checkpoint", "contsoftmax")
    assert facts["training_data"] == "yfcc"
    assert "gridcell" in encoder.card


def test_settings_of_numpy_s_are_passed_over(tmp_path: Path) -> None:
    model, params, _ = made("xyz", num_classes=np.int64(9), lr=np.float64(0.1), name=np.str_("a"))
    assert read_model(save(tmp_path / "model.pth.tar", model, params)).dim == DIM


def test_anchors_that_a_file_has_not_are_named(tmp_path: Path) -> None:
    model, params, _ = made("xyz")
    params |= {"spa_enc_type": "rbf", "rbf_anchor_pt_ids": list(np.arange(5))}
    with pytest.raises(ModelError, match="anchors are places of the training data"):
        read_model(save(tmp_path / "model.pth.tar", model, params))


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("xyz", {"spa_enc_type": "hexagridcell"}, "'hexagridcell' is none of Space2Vec-grid"),
        ("xyz", {"spa_enc_type": "wrap"}, "no 'feats.0.weight'"),
        ("xyz", {"spa_enc_type": "Space2Vec-grid"}, "reads 3 features, no multiple of 4"),
        ("xyz", {"spa_enc_type": "Sphere2Vec-dfs"}, "which is not 4F"),
        ("xyz", {"spa_enc_type": "tile_ffn"}, "lacks 'embedding.weight'"),
        ("xyz", {"spa_f_act": "swish"}, "activation is 'swish'"),
        ("xyz", {"use_date_feats": True}, "reads dates"),
        ("wrap", {"loc_encode": "encode_3D"}, "'encode_cos_sin' alone"),
        ("Space2Vec-grid", {"freq_init": "random"}, "only geometric frequencies"),
        ("Space2Vec-grid", {"min_radius": "a"}, "its params say no min_radius"),
        ("Space2Vec-grid", {"min_radius": 400.0}, "the smaller one first"),
        ("rff", {"map_range": [1, 2]}, r"map_range is \[1, 2\]"),
        ("rff", {"map_range": [5, 1, 0, 1]}, "give west, south, east, north"),
        ("tile_ffn", {"min_radius": 1e-300}, "makes no tiles, or too many"),
        ("tile_ffn", {"min_radius": float("nan")}, "makes no tiles, or too many"),
        ("tile_ffn", {"min_radius": 9.0}, "where its map_range and min_radius make 800"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    kind: str, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    model, params, _ = made(kind, min_radius=20.0) if kind == "tile_ffn" else made(kind)
    with pytest.raises(ModelError, match=message) as error:
        read_model(save(tmp_path / "model.pth.tar", model, {**params, **changes}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4), (0, 4)])
@pytest.mark.parametrize("kind", ["xyz", "rff", "tile_ffn", "Sphere2Vec-dfs", "wrap"])
def test_arrays_of_other_shapes_are_refused(
    kind: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    model, params, _ = made(kind, min_radius=20.0)
    state = {key: torch.zeros(shape) for key in model.state_dict()}
    path = tmp_path / "model.pth.tar"
    torch.save({"state_dict": state, "params": params}, path)
    with pytest.raises(ModelError):
        read_model(path)


def test_a_grid_of_one_tile_says_nothing_of_a_place(tmp_path: Path) -> None:
    """So TorchSpatial's own are: the interval is not handed on to what builds the grid."""
    model, params, _ = made("tile_ffn", min_radius=1e6)
    params["min_radius"] = 0.0000026
    with pytest.raises(ModelError, match="every place has the same embedding"):
        read_model(save(tmp_path / "model.pth.tar", model, params))


def test_torch_runs_the_same_networks(tmp_path: Path) -> None:
    from satclip_core.encoder.devices import Networks

    for kind in ("Sphere2Vec-dfs", "NeRF", "rff", "tile_ffn", "wrap_ffn"):
        model, params, _ = made(kind, min_radius=20.0)
        encoder = read_model(save(tmp_path / "model.pth.tar", model, params))
        there = Networks(encoder.config, encoder.weights, "cpu")
        np.testing.assert_allclose(
            there.points(PLACES).numpy(), encoder.encode(PLACES), rtol=0, atol=1e-3
        )
