"""Any encoding with any objective; docs/extending.md, installed from its page, trained with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from satclip_core.encoder.encodings import ENCODINGS, ZOO
from satclip_core.encoder.networks import NETWORKS
from satclip_core.errors import InputError, ModelError
from satclip_core.models.model_file import read_model
from satclip_training.export.model_export import encoder_from, finished_weights
from satclip_training.objectives import CLASSES, objective_class
from satclip_training.run.pretraining import RunOptions, train
from satclip_training.settings.config import IMAGE_ENCODERS, OBJECTIVES, TrainConfig, load_config
from satclip_training.settings.run_files import locations
from satclip_training.settings.schema import build, plain

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "extending.md"
TINY = REPOSITORY / "training" / "configs" / "tiny.yaml"
REGISTRIES = (ENCODINGS, NETWORKS, OBJECTIVES, IMAGE_ENCODERS)


def config(**model: object) -> TrainConfig:
    sizes = {"legendre_polys": 4, "capacity": 16, "embed_dim": 8}
    objective = model.pop("objective", "satclip")
    values = {
        "name": "x", "sources": {"a": {"files": ["a.tif"]}}, "model": {**sizes, **model},
        "objective": objective,
    }  # fmt: skip
    return build(TrainConfig, values, "")


def places(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.column_stack([rng.uniform(-180, 180, count), rng.uniform(-90, 90, count)])


SCALED = {"kind": "scaledfourier", "frequencies": 8, "log2_scales": [0, 3]}
TOKENS = {"kind": "transformer", "tokens": 2, "registers": 1, "depth": 1, "heads": 2}
GRIDS = {"kind": "featuregrid", "rows": [18, 6], "channels": 2, "hidden": 16}
PAIRS = [
    *((name, network) for name in ZOO for network in ("linear", "fcnet", "siren", "mlp")),
    (SCALED, TOKENS),
    (SCALED, "siren"),
    ("direct", GRIDS),
]


@pytest.mark.parametrize("objective", CLASSES)
@pytest.mark.parametrize(("encoding", "network"), PAIRS, ids=str)
def test_every_encoding_learns_with_every_objective(
    encoding: object, network: object, objective: str, one_thread: None
) -> None:
    """A few steps lower the loss, and what is exported is what was trained."""
    settings = config(encoding=encoding, network=network, objective=objective)
    torch.manual_seed(0)
    model = objective_class(settings)(settings, {"a": 3})
    lonlat = places(48)
    images = {"a": torch.randn(48, 3)}
    features = model.location.encode(torch.from_numpy(lonlat))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = model.loss(features, images)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    model.eval()
    weights = {k: v.numpy() for k, v in model.location.inference_weights().items()}
    with torch.no_grad():
        wanted = model.location(torch.from_numpy(lonlat)).numpy()
    encoder = encoder_from(weights, settings)
    assert encoder.dim == 8
    np.testing.assert_allclose(encoder.encode(lonlat), wanted, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("network", ["linear", "fcnet", "mlp", TOKENS], ids=str)
def test_what_export_does_is_folded_into_any_last_layer(network: object) -> None:
    encoding = SCALED if isinstance(network, dict) else "wrap"
    settings = config(encoding=encoding, network=network)
    values = plain(settings)
    values["export"] = {"postprocess": "standardise", "rotation_seed": 2, "embedding": "output"}
    settings = build(TrainConfig, values, "")
    model = objective_class(settings)(settings, {"a": 3})
    weights = {k: v.numpy() for k, v in model.location.inference_weights().items()}
    lonlat = places(500)
    plainly = encoder_from(weights, settings).encode(lonlat).astype(float)
    made = encoder_from(finished_weights(weights, settings, lonlat), settings).encode(lonlat)
    standard = (plainly - plainly.mean(0)) / plainly.std(0, ddof=1)
    np.testing.assert_allclose(made @ made.T, standard @ standard.T, atol=2e-3)


def test_an_encoding_is_pretrained_by_yaml(world: Path, tmp_path: Path) -> None:
    """A whole run of a zoo encoding: model file, checkpoint and card are of it."""
    few = ("points.count=500", "training.epochs=2", "probe.tasks=null")
    more = (
        "model.encoding={kind: spherecplus, frequency_num: 5, min_radius: 10}",
        "model.network=fcnet",
        "export.rotation_seed=4",
    )
    settings = load_config(TINY, (*few, *more))
    path = train(settings, RunOptions(locations(TINY, world), tmp_path, world))
    encoder = read_model(path)
    assert (encoder.config.encoding, encoder.config.network) == ("spherecplus", "fcnet")
    assert encoder.config.settings.frequency_num == 5
    checkpoint = read_model(tmp_path / "last.ckpt")
    assert checkpoint.config == encoder.config
    lonlat = places(50)
    ours, theirs = encoder.encode(lonlat), checkpoint.encode(lonlat)
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, rtol=1e-3, atol=1e-3)
    assert "fcnet(spherecplus(lon, lat)); frequency_num 5" in encoder.card


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"encoding": "spherecplu"}, r"did you mean 'spherecplus'"),
        ({"encoding": {"kind": "wrap", "min_radius": 3}}, r"unknown key; 'wrap' has none"),
        ({"encoding": {"kind": "grid", "min_radius": -1}}, r"model\.encoding: radii are -1"),
        ({"encoding": {"kind": "grid", "frequency_num": "x"}}, r"frequency_num: expected a whole"),
        ({"network": {"kind": "siren", "capacity": 3}}, r"capacity: unknown key; 'siren' has none"),
        ({"network": {"kind": "transformer", "depth": 99}}, r"network: depth is 99, outside"),
    ],
)  # fmt: skip
def test_bad_encodings_and_networks_are_named(model: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        config(**model)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["model.encoding=wrap", "model.degree_decay=1"], "degree_decay: 'wrap' has no degrees"),
        (["model.network=transformer"], r"model\.network: heads is 12, which does not divide"),
        (
            ["model.network={kind: transformer, heads: 1}", "model.feature_gain=2"],
            "feature_gain: 'transformer' has no first layer",
        ),
    ],
)
def test_what_does_not_fit_together_is_named(changes: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_config(TINY, changes)


# The package of docs/extending.md.


@dataclass(frozen=True)
class Installed:
    """A folder on the path with the package, and the configuration of the page."""

    folder: Path
    config: Path


def blocks() -> dict[str, str]:
    """The files of the page: code blocks that begin with their name."""
    found = re.findall(r"```\w+\n# ([\w./]+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return dict(found)


def install(folder: Path, name: str, version: str, entry_points: str) -> None:
    """The metadata that pip would write."""
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "entry_points.txt").write_text(entry_points)


def entry_points(toml: str) -> str:
    """Entry points of a pyproject.toml, as the metadata of an installed package has them."""
    text = re.sub(r'\[project\.entry-points\."([\w.]+)"\]', r"[\1]", toml.partition("\n\n")[2])
    return text.replace('"', "")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("site")
    files = blocks()
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    install(folder, "satclip-anchors", "1.0", entry_points(files["pyproject.toml"]))
    sys.path.insert(0, str(folder))
    yield Installed(folder, folder / "anchors.yaml")
    sys.path.remove(str(folder))
    for registry in REGISTRIES:
        for name in ("anchors", "tanh", "regression", "colours"):
            registry._known.pop(name, None)


@pytest.fixture(scope="module")
def model(installed: Installed, world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = load_config(installed.config)
    output = tmp_path_factory.mktemp("anchors")
    return train(settings, RunOptions(locations(installed.config, world), output, world))


def test_a_package_s_parts_train_together(model: Path, installed: Installed) -> None:
    from satclip_training.run.callbacks import read_log

    log = read_log(model.parent)
    # Components have variance 1: their mean is off by 0.8 * 1 + 0.2 * 0.8, about.
    assert float(log[-1]["validation_loss"]) < min(0.8, float(log[0]["validation_loss"]))
    card = model.with_suffix(".md").read_text()
    assert "Pretrained by predicting image features from places." in card
    assert "regression, absolute share 0.2" in card
    assert "tanh(anchors(lon, lat)); count 48, sharpness 6.0, width 64" in card
    assert "the image encoder colours (deviations True), 4 principal components" in card
    assert "Needs an installed package: encoding of satclip-anchors 1.0, network of" in card
    request = next((model.parent / "cache").glob("image-*/request.json")).read_text()
    assert '"image_encoder": "satclip-anchors 1.0"' in request
    again = load_config(installed.config)
    assert build(TrainConfig, again.as_plain(), "") == again


def test_the_model_of_a_package_opens_with_it(model: Path) -> None:
    encoder = read_model(model)
    assert encoder.config.settings.count == 48
    assert encoder.config.network_settings.width == 64
    # Standardised on land, and turned, which keeps the sum of the variances.
    lonlat = np.load(model.parent / "places.npy")
    assert encoder.encode(lonlat).var(0).sum() == pytest.approx(16, rel=0.02)
    grid = encoder.encode_grid([0, 10], [5, 4, 3])
    np.testing.assert_allclose(grid[2, 1], encoder.encode([(10, 3)])[0], atol=1e-4)
    checkpoint = read_model(model.parent / "last.ckpt")
    assert checkpoint.config == encoder.config


@pytest.mark.parametrize("file", ["anchors.npz", "last.ckpt"])
def test_without_the_package_the_model_says_which(model: Path, file: str) -> None:
    """In a process that has numpy and this project, and not the package; then with it."""
    code = (
        "import sys\nfrom satclip_core.models.model_file import read_model\n"
        "from satclip_core.errors import ModelError\n"
        "try:\n    print(read_model(sys.argv[1]).encode([(1, 2)]).shape)\n"
        "except ModelError as error:\n    print(error)\n"
        "assert 'torch' not in sys.modules"
    )
    # The dist-info of the session's path lies on sys.path alone: a new process has none of it.
    command = [sys.executable, "-c", code, str(model.parent / file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    assert done.stderr == ""
    assert "its encoding 'anchors' comes from the package satclip-anchors 1.0" in done.stdout
    assert "pip install 'satclip-anchors'" in done.stdout
    environment = {**os.environ, "PYTHONPATH": sys.path[0]}
    assert (Path(sys.path[0]) / "satclip_anchors").is_dir()
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    assert done.stdout.strip() == "(1, 16)", done.stderr


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("x = satclip_broken:THING", r"'x' of the package satclip-broken 2\.0 .*THING"),
        ("x = satclip_nowhere:X", r"cannot be loaded, ModuleNotFoundError: No module named"),
        ("x = satclip_broken:NUMBER", r"has no features, width, settings: it is 3, no encoding"),
    ],
)
def test_a_broken_package_is_one_line(
    entry: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "satclip_broken.py").write_text("NUMBER = 3\n")
    install(tmp_path, "satclip-broken", "2.0", f"[satclip.encodings]\n{entry}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=message):
        config(encoding="x")
    # Whoever does not ask for it is not told.
    assert config(encoding="wrap").model.encoding.kind == "wrap"


def test_two_packages_of_one_name_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("satclip-one", "satclip-two"):
        install(tmp_path / name, name, "1.0", "[satclip.networks]\nx = m:X\n")
        monkeypatch.syspath_prepend(tmp_path / name)
    with pytest.raises(InputError, match=r"'x' is brought by two packages, satclip-\w+ 1\.0 and"):
        config(network="x")


def test_an_entry_point_replaces_nothing_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "satclip-other", "1.0", "[satclip.encodings]\nwrap = m:X\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert ENCODINGS["wrap"].width(None) == 4
    assert ENCODINGS.origin("wrap") is None


def test_an_objective_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Thing:
        @dataclass(frozen=True)
        class settings:
            pass

    monkeypatch.setitem(OBJECTIVES, "thing", Thing)
    with pytest.raises(InputError, match="no subclass of Objective"):
        objective_class(config(objective="thing"))


def test_a_model_of_unknown_parts_says_so(tmp_path: Path) -> None:
    from satclip_core.models.model_file import encoder_from_state

    with pytest.raises(ModelError, match="unknown network 'gnn': it is none of linear"):
        encoder_from_state({}, {"le_type": "wrap", "pe_type": "gnn"})
