"""Pretrained networks of timm: strict weights, frozen features, errors that name the setting."""

from __future__ import annotations

import hashlib
import io
import logging
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hub import Hub, Server, hub_handler
from patch_world import moco_like
from timm_operators import timm_or_skip

from satclip_core.errors import DownloadError, InputError, MissingDependencyError
from satclip_training.images import timm_encoder
from satclip_training.images.cache import make_request
from satclip_training.images.features import extractor_from, fit_extractor
from satclip_training.images.timm_encoder import (
    MOCO_FILES,
    MocoFile,
    TimmEncoder,
    Weights,
    find_weights,
    open_timm,
)
from satclip_training.images.views import open_views
from satclip_training.places.sampling import sample_points
from satclip_training.settings.config import ChipSettings, FeatureSettings, SourceSettings
from satclip_training.settings.run_files import Locations, locations

SETTINGS = FeatureSettings(kind="timm", weights="moco.pth", dim=0)


@pytest.fixture(scope="module")
def timm() -> ModuleType:
    return timm_or_skip()


@pytest.fixture(scope="module")
def folder(timm: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights")
    moco_like(timm, made / "moco.pth")
    return made


def opened(
    folder: Path, settings: FeatureSettings = SETTINGS, *, channels: int = 13, side: int = 32
) -> TimmEncoder:
    weights = find_weights(settings, Locations((folder,)), "sources.s2.features")
    return open_timm(
        settings, weights, channels=channels, side=side, seed=3, where="sources.s2.features"
    )


def images(count: int = 5, channels: int = 13, side: int = 32) -> torch.Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0))


def test_features_are_the_networks_own_in_evaluation_mode(timm: ModuleType, folder: Path) -> None:
    network = timm.create_model("resnet18", num_classes=0, in_chans=13).eval()
    network.load_state_dict(torch.load(folder / "moco.pth", weights_only=True))
    encoder = opened(folder)
    with torch.no_grad():
        wanted = network(images())
    got = encoder.encode(images())
    assert (got.shape, got.dtype, encoder.width) == ((5, 512), torch.float32, 512)
    torch.testing.assert_close(got, wanted)
    assert not got.requires_grad


def test_an_image_does_not_see_its_neighbours(folder: Path) -> None:
    encoder = opened(folder)
    before = encoder.backbone()["bn1.running_mean"].clone()
    together = encoder.encode(images())
    alone = torch.cat([encoder.encode(image[None]) for image in images()])
    # Other sums of float32 for other batch sizes.
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(encoder.backbone()["bn1.running_mean"], before, atol=0, rtol=0)


def test_a_step_in_lower_precision_does_not_change_the_features(folder: Path) -> None:
    encoder = opened(folder)
    plain = encoder.encode(images())
    with torch.autocast("cpu", torch.bfloat16):
        mixed = encoder.encode(images())
    torch.testing.assert_close(mixed, plain, atol=0, rtol=0)


@pytest.mark.parametrize(
    ("model", "side", "width"), [("resnet50", 32, 2048), ("vit_small_patch16_224", 224, 384)]
)
def test_the_other_published_networks_have_their_widths(
    timm: ModuleType, tmp_path: Path, model: str, side: int, width: int
) -> None:
    moco_like(timm, tmp_path / "moco.pth", model)
    encoder = opened(tmp_path, replace(SETTINGS, model=model), side=side)
    assert encoder.encode(images(2, side=side)).shape == (2, width)


def changed(folder: Path, path: Path, what: str) -> None:
    state = torch.load(folder / "moco.pth", weights_only=True)
    if what == "missing":
        del state["layer1.0.conv1.weight"]
    elif what == "unknown":
        state["module.extra"] = torch.zeros(2)
    elif what == "shape":
        state["conv1.weight"] = state["conv1.weight"][:, :3]
    elif what == "classifier":
        state["fc.weight"], state["fc.bias"] = torch.zeros(9, 512), torch.zeros(9)
    elif what == "nested":
        state = {"state_dict": state, "epoch": 3}
    torch.save(state, path)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("missing", r"lacks 1 tensors \(the first is layer1\.0\.conv1\.weight\)"),
        ("unknown", r"has 1 unknown tensors \(the first is module\.extra\)"),
        ("shape", r"conv1\.weight of shape \(64, 3, 7, 7\), the network's is \(64, 13, 7, 7\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    folder: Path, tmp_path: Path, what: str, message: str
) -> None:
    changed(folder, tmp_path / "moco.pth", what)
    with pytest.raises(InputError, match=message) as error:
        opened(tmp_path)
    assert str(error.value).startswith("sources.s2.features.weights: ")


@pytest.mark.parametrize("what", ["classifier", "nested"])
def test_a_classifier_or_a_wrapping_does_not_matter(
    folder: Path, tmp_path: Path, what: str
) -> None:
    changed(folder, tmp_path / "moco.pth", what)
    torch.testing.assert_close(opened(tmp_path).encode(images()), opened(folder).encode(images()))


@pytest.mark.parametrize("content", ["text", "list"])
def test_a_file_that_holds_no_weights_is_named(
    timm: ModuleType, tmp_path: Path, content: str
) -> None:
    if content == "text":
        (tmp_path / "moco.pth").write_text("no weights")
    else:
        torch.save([1, 2], tmp_path / "moco.pth")
    with pytest.raises(InputError, match=r"moco\.pth (cannot be read|holds no plain state dict)"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("change", "given", "message"),
    [
        ({"model": "resnet81"}, {}, r"features\.model: timm knows no 'resnet81', did you mean"),
        ({"weights": "none.pth"}, {}, r"features\.weights: 'none.pth' is not there"),
        (
            {"model": "resnet34", "weights": "sentinel2-all-moco"},
            {},
            "none of sentinel2-all-moco for 'resnet34', only for resnet18, resnet50",
        ),
        ({}, {"channels": 12}, r"in_channels: 13 is not the 12 bands"),
        (
            {"model": "vit_small_patch16_224", "weights": "random"},
            {"side": 256},
            r"takes images of 224 pixels and gets 256: set transform\.crop",
        ),
    ],
)
def test_mistakes_name_the_setting(
    folder: Path, change: dict[str, str], given: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        opened(folder, replace(SETTINGS, **change), **given)
    assert "\n" not in str(error.value)


def test_random_weights_are_seeded_and_said_to_be_random(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = replace(SETTINGS, weights="random")
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with caplog.at_level(logging.INFO, "satclip_training"):
        first = opened(folder, settings).encode(images())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    torch.testing.assert_close(opened(folder, settings).encode(images()), first)
    assert "resnet18 is untrained: its weights are random" in caplog.text


def test_without_timm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingDependencyError, match=r"satclip-embeddings\[images\]"):
        find_weights(SETTINGS, Locations(()), "sources.s2.features")


def test_the_store_of_a_fit_holds_no_weights_but_knows_them(folder: Path) -> None:
    encoder = opened(folder)
    extract = fit_extractor(iter([images().numpy()]), SETTINGS, 0, encoder)
    arrays = extract.arrays()
    assert sum(np.asarray(value).nbytes for value in arrays.values()) < 2_000
    assert int(arrays["width"]) == 512
    again = extractor_from(arrays, encoder)
    valid = np.array([1, 1, 0.2, 1, 1], np.float32)
    values = again(images().numpy(), valid, 0.5)
    np.testing.assert_array_equal(values[2], 0)
    np.testing.assert_array_equal(values[[0, 1, 3, 4]], encoder.encode(images())[[0, 1, 3, 4]])
    other = opened(folder, replace(SETTINGS, weights="random"))
    with pytest.raises(InputError, match="image encoder with another weights"):
        extractor_from(arrays, other)


def test_components_of_a_network_are_fitted_batch_by_batch(folder: Path) -> None:
    settings = replace(SETTINGS, dim=6)
    encoder = opened(folder)
    every = images(40)
    batches = (part.numpy() for part in every.split(7))
    extract = fit_extractor(batches, settings, 0, encoder)
    values = extract(every.numpy(), np.ones(40, np.float32), 0.5)
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(values.T), np.eye(6), atol=0.02)
    assert extract.backbone() is None
    with pytest.raises(InputError, match=r"features\.dim: 600 is more than the 512"):
        fit_extractor(iter([every.numpy()]), replace(settings, dim=600), 0, encoder)


@pytest.mark.parametrize("dim", [0, 8])
def test_chips_of_rasters_go_through_a_network_too(
    timm: ModuleType, world: Path, tmp_path: Path, dim: int
) -> None:
    features = replace(SETTINGS, weights="random", in_channels=3, dim=dim, samples=60)
    settings = SourceSettings(
        files=("image_1.tif",), chip=ChipSettings(kilometres=800, pixels=32), features=features
    )
    points = sample_points(70, seed=0)
    request = make_request("image", settings, points, locations(world / "run.yaml", world), 7)
    views = open_views(request, tmp_path)
    assert (views.count, views.width) == (2, dim or 512)
    first = views.take(np.zeros(70, np.int64), np.arange(70))
    assert np.isfinite(first).all()
    assert first.std(0).max() > 0
    again = open_views(request, tmp_path)  # from the cache, without the network
    np.testing.assert_array_equal(again.take(np.zeros(70, np.int64), np.arange(70)), first)
    state = again.backbone()
    assert (state is None) is bool(dim)
    if state is not None:
        assert state["conv1.weight"].shape == (64, 3, 7, 7)


class TestFetching:
    """torchgeo's weights, from a hub on this machine."""

    @pytest.fixture
    def hub(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
        body = (folder / "moco.pth").read_bytes()
        digest = hashlib.sha256(body).hexdigest()
        file = MocoFile("torchgeo/resnet18", "main", f"resnet18-{digest[:8]}.pth")
        monkeypatch.setitem(timm_encoder.MOCO_FILES, "resnet18", file)
        made = Hub(files={file.name: body})
        with Server(hub_handler(made)) as server:
            made.url = server.url
            monkeypatch.setenv("SATCLIP_HUB_URL", server.url)
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            monkeypatch.setenv("SATCLIP_CACHE", str(tmp_path / "cache"))
            yield made

    def find(self) -> Weights:
        settings = replace(SETTINGS, weights="sentinel2-all-moco")
        return find_weights(settings, Locations(()), "sources.s2.features")

    def test_they_are_fetched_once_and_checked(self, hub: Hub, tmp_path: Path) -> None:
        hub.faults = ["cut:100000"]  # the connection breaks, the next goes on from there
        found = self.find()
        assert found.path is not None
        assert found.path.parent == tmp_path / "cache"
        asked = len(hub.log)
        assert self.find() == found
        assert len(hub.log) == asked

    def test_a_changed_file_is_thrown_away(self, hub: Hub, tmp_path: Path) -> None:
        path = self.find().path
        assert path is not None
        buffer = io.BytesIO()
        torch.save({"a": torch.zeros(1)}, buffer)
        path.write_bytes(buffer.getvalue())
        with pytest.raises(DownloadError, match="not the file expected"):
            self.find()
        assert not path.exists()

    def test_without_a_connection_the_address_is_named(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SATCLIP_HUB_URL", "http://127.0.0.1:9")
        with pytest.raises(DownloadError, match=r"cannot reach 127\.0\.0\.1:9"):
            self.find()


def test_torchgeos_files_are_named_by_their_hash() -> None:
    for file in MOCO_FILES.values():
        assert len(file.revision) == 40
        assert len(file.prefix) == 8
        assert int(file.prefix, 16) > 0
        assert file.url.endswith(f"/{file.repository}/resolve/{file.revision}/{file.name}")
