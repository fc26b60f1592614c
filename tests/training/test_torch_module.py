"""A model as a torch module: the same numbers, trained, frozen, saved, exported."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from two_part_models import make_encoder

from satclip_core.encoder import EncoderConfig, LocationEncoder, ModelInfo
from satclip_core.encoder.encodings import EncodingSettings
from satclip_core.encoder.field import RUN
from satclip_core.errors import InputError, ModelError, OutputError
from satclip_core.models.model_file import read_model, write_model
from satclip_training import export_onnx, export_safetensors, load_module, save_module

PAGE = Path(__file__).parents[2] / "docs" / "torch.md"
POINTS = np.array(
    [
        (0, 0), (180, 12), (-180, 12), (540, 12), (-181, -33.3), (7.9, 48.3), (12, 90),
        (-100, -90), (33, -89.99), (359.9, 0.001),
    ]
)  # fmt: skip


def places(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(-180, 180, count), rng.uniform(-90, 90, count)])


def siren(degree: int = 4) -> LocationEncoder:
    rng = np.random.default_rng(3)
    weights = {
        "layers.0.weight": rng.normal(size=(16, degree**2)) * 0.02,
        "layers.0.bias": rng.normal(size=16) * 0.02,
        "last_layer.weight": rng.normal(size=(8, 16)),
        "last_layer.bias": rng.normal(size=8),
    }
    info = ModelInfo("small", "CC0-1.0", {"data": "none"}, "# A card")
    return LocationEncoder(EncoderConfig(settings=EncodingSettings(degree)), weights, info=info)


def fourier(depth: int = 2) -> LocationEncoder:
    """UniGeoCLIP's encoder, small."""
    from satclip_training.objectives.location import LocationModel
    from satclip_training.settings.config import ModelSettings
    from satclip_training.settings.schema import build

    values = {
        "encoding": {"kind": "scaledfourier", "frequencies": 8},
        "network": {"kind": "transformer", "heads": 2, "depth": depth, "registers": 2},
        "embed_dim": 8,
    }
    torch.manual_seed(0)
    model = LocationModel(build(ModelSettings, values, ""))
    weights = {key: value.numpy() for key, value in model.inference_weights().items()}
    return LocationEncoder(model.config, weights)


@pytest.fixture(params=["siren", "two parts", "fourier"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    makers = {"siren": siren, "two parts": make_encoder, "fourier": fourier}
    file = tmp_path / "model.npz"
    write_model(file, makers[request.param]())
    return file


@pytest.mark.parametrize("field", ["buffers", "parameters"])
def test_a_module_gives_what_numpy_gives(path: Path, field: str) -> None:
    module, encoder = load_module(path, field=field), read_model(path)
    lonlat = np.concatenate([POINTS, places(300)])
    wanted = encoder.encode(lonlat)
    with torch.no_grad():
        given = module(torch.from_numpy(lonlat)).numpy()
    np.testing.assert_allclose(given, wanted, atol=1e-4)
    assert module.dim == wanted.shape[1]
    np.testing.assert_allclose(module.encode(lonlat, batch=7), wanted, atol=1e-4)


def test_all_of_it_learns_and_none_when_frozen(path: Path) -> None:
    module = load_module(path, field="parameters")
    module(torch.from_numpy(places(200))).square().sum().backward()
    gradients = {name: p.grad for name, p in module.named_parameters()}
    assert all(g is not None and bool(g.abs().sum() > 0) for g in gradients.values())
    frozen = load_module(path, frozen=True)
    assert not frozen.training
    assert not frozen(torch.zeros(1, 2)).requires_grad
    assert frozen.encode([(1, 2)]).dtype == np.float32
    module.train()
    module.encode([(1, 2)])
    assert module.training


def test_a_module_goes_to_other_precisions_and_takes_states_up(path: Path) -> None:
    module, other = load_module(path).double(), load_module(path).double()
    lonlat = torch.from_numpy(places(20))
    with torch.no_grad():
        wanted = module(lonlat)
        assert wanted.dtype == torch.float64
        for parameter in other.parameters():
            parameter.zero_()
        assert not torch.allclose(other(lonlat), wanted)
        other.load_state_dict(module.state_dict())
        torch.testing.assert_close(other(lonlat), wanted)


def test_what_was_not_trained_comes_back_as_it_was(path: Path, tmp_path: Path) -> None:
    before = read_model(path)
    save_module(load_module(path), tmp_path / "again.npz", name=before.name)
    after = read_model(tmp_path / "again.npz")
    assert after.config == before.config
    np.testing.assert_array_equal(after.encode(places(50)), before.encode(places(50)))
    assert after.info.training["trained_on_from"] == f"{before.name} {before.sha256}"
    assert after.info.licence == before.info.licence


def test_a_trained_field_is_rounded_to_whole_numbers(tmp_path: Path) -> None:
    write_model(tmp_path / "a.npz", make_encoder())
    module = load_module(tmp_path / "a.npz", field="parameters")
    optimizer = torch.optim.AdamW(module.parameters(), 1e-2, weight_decay=0.1)
    lonlat = torch.from_numpy(places(500))
    for _ in range(5):
        optimizer.zero_grad()
        module(lonlat).square().mean().backward()
        optimizer.step()
    assert all(not bool(level.values[:RUN].any()) for level in module.field.values())
    save_module(module, tmp_path / "b.npz")
    with torch.no_grad():
        wanted = module(lonlat).numpy()
    given = read_model(tmp_path / "b.npz").encode(lonlat.numpy())
    # A step is 1/127 of about 2, read through layers of gain 20: half a step is the most there is.
    spread = wanted.std()
    assert np.abs(given - wanted).mean() < 0.05 * spread
    assert np.abs(given - read_model(tmp_path / "a.npz").encode(lonlat.numpy())).mean() > 0.2 * (
        np.abs(given - wanted).mean()
    )


def test_what_cannot_be_is_named(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="field is 'parameter': it is one of buffers, parameters"):
        load_module(path, field="parameter")
    with pytest.raises(ModelError, match="there is no model file"):
        load_module(tmp_path / "nowhere.npz")
    module = load_module(path)
    with pytest.raises(OutputError, match="exists"):
        save_module(module, path)
    with pytest.raises(InputError, match="latitude 91"):
        module.encode([(0, 91)])
    with torch.no_grad():
        next(module.parameters())[0] = float("nan")
    with pytest.raises(InputError, match="are not finite: nothing is written"):
        save_module(module, tmp_path / "lost.npz")


def test_the_page_s_fine_tuning_runs_and_learns(
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    small_model: Path,
    one_thread: None,
) -> None:
    code = re.search(r"## Fine-tuning.*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None
    (tmp_path / "places.csv").write_bytes((world / "places.csv").read_bytes())
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names: dict[str, object] = {}
    exec(code[1].replace('"bundled"', repr(str(small_model))), names)
    target, head, encoder = names["target"], names["head"], names["encoder"]
    with torch.no_grad():
        error = head(encoder(names["lonlat"]))[:, 0] - target  # type: ignore[operator]
    assert float(error.square().mean()) < 0.5
    tuned = read_model(tmp_path / "tuned.npz")
    assert tuned.name == "tuned"
    assert tuned.card.startswith("Trained on from small-test-model (SHA-256")
    changed = tuned.encode(POINTS) - read_model(small_model).encode(POINTS)
    assert np.abs(changed).max() > 1e-3


def test_safetensors_hold_the_weights(path: Path, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    from safetensors import safe_open

    module = load_module(path)
    export_safetensors(module, tmp_path / "m.safetensors")
    state = safetensors.load_file(tmp_path / "m.safetensors")
    assert set(state) == set(module.state_dict())
    other = load_module(path)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    other.load_state_dict(state)
    np.testing.assert_array_equal(other.encode(POINTS), module.encode(POINTS))
    with safe_open(tmp_path / "m.safetensors", "pt") as file:
        assert file.metadata()["formula"] == module.config.formula
    with pytest.raises(OutputError, match="exists"):
        export_safetensors(module, tmp_path / "m.safetensors")


@pytest.mark.parametrize("kind", ["two parts", "fourier"])
def test_onnx_gives_the_same(kind: str, tmp_path: Path) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    import onnxruntime

    path = tmp_path / "model.npz"
    write_model(path, make_encoder(legendre=3) if kind == "two parts" else fourier(depth=1))
    module = load_module(path).train()
    export_onnx(module, tmp_path / "m.onnx")
    assert module.training
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    for count in (1, 57):
        lonlat = np.concatenate([POINTS, places(57)])[:count]
        (given,) = session.run(None, {"lonlat": lonlat.astype(np.float64)})
        np.testing.assert_allclose(given, read_model(path).encode(lonlat), atol=1e-4)
