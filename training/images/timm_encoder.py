"""Pretrained image encoders: any network of timm, frozen, with weights that are checked.

The three of the SatCLIP release are torchgeo's Sentinel-2 MoCo weights (SSL4EO-S12, Wang et al.
2023) in timm's resnet18, resnet50 and vit_small_patch16_224.
"""

from __future__ import annotations

import difflib
import logging
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_core.errors import DownloadError, InputError
from satclip_core.models.download import download, hash_file
from satclip_core.models.published import cache_folder, hub_file
from satclip_core.types import Cancelled, Progress

from ..settings.config import SENTINEL2_ALL_MOCO, FeatureSettings
from ..settings.packages import import_beside_torch
from ..settings.run_files import Locations

log = logging.getLogger("satclip_training")

HASH_DIGITS = 8
"""Of the SHA-256, at the end of the names of torch's weight files."""
ENCODED_VALUES = {"cpu": 2**23, "cuda": 2**27}
"""Numbers of an input batch: ten images of 13 x 256 x 256 on a CPU, 157 on a GPU."""


@dataclass(frozen=True)
class MocoFile:
    """A file of weights on torchgeo's hub, named by the start of its SHA-256."""

    repository: str
    revision: str
    name: str

    @property
    def url(self) -> str:
        """Where it is fetched from."""
        return hub_file(self.repository, self.revision, self.name)

    @property
    def prefix(self) -> str:
        """First digits of the SHA-256."""
        return self.name.removesuffix(".pth").rpartition("-")[2]


MOCO_FILES = {
    model: MocoFile(
        f"torchgeo/{model}_sentinel2_all_moco",
        revision,
        f"{model}_sentinel2_all_moco-{digits}.pth",
    )
    for model, revision, digits in (
        ("resnet18", "5b8cddc9a14f3844350b7f40b85bcd32aed75918", "59bfdff9"),
        ("resnet50", "da4f3c9dbe09272eb902f3b37f46635fa4726879", "df8b932e"),
        ("vit_small_patch16_224", "1cb683f6c14739634cdfaaceb076529adf898c74", "67c9032d"),
    )
}
"""As torchgeo pins them (its ResNet18_Weights, ResNet50_Weights, ViTSmall16_Weights)."""


@dataclass(frozen=True)
class Weights:
    """Which weights a network gets.

    Attributes:
        kind: "file", "timm" or "random".
        path: of the file.
        sha256: of the file.
    """

    kind: str
    path: Path | None = None
    sha256: str = ""

    def identity(self) -> list[str]:
        """What tells these weights from others, without folders."""
        return [self.kind, self.sha256]


def import_timm(where: str) -> Any:
    """The package timm, or the one line that says how to get it."""
    return import_beside_torch("timm", extra="images", purpose=f"{where}.kind: timm")


def find_weights(
    settings: FeatureSettings,
    places: Locations,
    where: str,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Weights:
    """Find the weights of a configuration, fetching torchgeo's where they are not here.

    Raises:
        InputError: no such file, or torchgeo has none for this model.
        DownloadError: they could not be fetched, or are not what they should be.
    """
    timm = import_timm(where)
    if not timm.is_model(settings.model):
        near = difflib.get_close_matches(settings.model, timm.list_models(), n=1, cutoff=0.5)
        guess = f", did you mean {near[0]!r}?" if near else "; see timm.list_models()"
        raise InputError(f"{where}.model: timm knows no {settings.model!r}{guess}")
    if settings.weights in ("timm", "random"):
        return Weights(settings.weights)
    if settings.weights == SENTINEL2_ALL_MOCO:
        if settings.model not in MOCO_FILES:
            raise InputError(
                f"{where}.weights: there are none of {SENTINEL2_ALL_MOCO} for {settings.model!r}, "
                f"only for {', '.join(MOCO_FILES)}; name a file, timm or random"
            )
        return fetch_moco(settings.model, progress=progress, cancelled=cancelled)
    path = places.find(settings.weights, f"{where}.weights")
    return Weights("file", path, hash_file(path))


def fetch_moco(
    model: str, *, progress: Progress | None = None, cancelled: Cancelled | None = None
) -> Weights:
    """torchgeo's Sentinel-2 MoCo weights of `model`, in the folder of fetched models.

    Raises:
        DownloadError: they could not be fetched, or their hash is not the one in their name.
    """
    file = MOCO_FILES[model]
    path = cache_folder() / file.name
    if not path.is_file():
        log.info("fetching %s", file.url)
        by_hand = f"save it as {path}"
        download(file.url, path, by_hand=by_hand, progress=progress, cancelled=cancelled)
    digest = hash_file(path)
    if not digest.startswith(file.prefix):
        path.unlink()
        raise DownloadError(
            f"{path} is not the file expected (SHA-256 {digest[:HASH_DIGITS]}… instead of "
            f"{file.prefix}…): it was thrown away, start again to fetch it"
        )
    return Weights("file", path, digest)


def pick_device(accelerator: str) -> torch.device:
    """Where images are encoded: the run's accelerator; InputError where it is not here."""
    if accelerator in ("auto", "gpu") and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    apple = torch.backends.mps.is_available()
    if accelerator == "mps" and apple:
        return torch.device("mps")
    if accelerator in ("gpu", "mps") and not apple:
        raise InputError(
            f"training.accelerator: {accelerator}, but torch finds none here: set auto or cpu, or "
            "install a torch that knows it"
        )
    return torch.device("cpu")


class TimmEncoder:
    """A frozen network of timm: its pooled features, before any classifier.

    It runs in evaluation mode. The published training left it in training mode, where batch
    normalisation takes the statistics of whatever batch an image comes in; an image's features
    shall not depend on its neighbours, and inference never had them.

    Args:
        network: made with `num_classes=0`.
        model: its name in timm.
        weights: what it was loaded with.
        device: where it runs.
    """

    def __init__(
        self, network: torch.nn.Module, model: str, weights: Weights, device: torch.device
    ) -> None:
        self._network = network.eval().requires_grad_(False).to(device)
        self._model, self._weights, self._device = model, weights, device
        # Several threads encode; a GPU has no room for the activations of as many batches.
        self._alone: AbstractContextManager[Any] = threading.Lock()
        if device.type == "cpu":
            self._alone = nullcontext()
        self.width = 0

    @property
    def network(self) -> torch.nn.Module:
        """The network itself, on its device."""
        return self._network

    def encode(self, chips: torch.Tensor) -> torch.Tensor:
        """(N, bands, n, n) float32 -> (N, width) float32, both in main memory."""
        step = ENCODED_VALUES.get(self._device.type, ENCODED_VALUES["cpu"]) // chips[0].numel()
        with self._alone, torch.no_grad(), torch.autocast(self._device.type, enabled=False):
            made = [
                self._network(part.to(self._device)).float().cpu()
                for part in chips.split(max(1, step))
            ]
        return torch.cat(made)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Model and weights by name and hash: the numbers stay in their own file."""
        kind, sha256 = self._weights.identity()
        named = {"kind": "timm", "model": self._model, "weights": kind, "sha256": sha256}
        return {key: np.asarray(value) for key, value in named.items()}

    def backbone(self) -> dict[str, torch.Tensor]:
        """State of the network, in main memory."""
        return {key: value.cpu() for key, value in self._network.state_dict().items()}


def open_timm(
    settings: FeatureSettings,
    weights: Weights,
    *,
    channels: int,
    side: int,
    seed: int,
    where: str,
    device: torch.device | None = None,
) -> TimmEncoder:
    """Make a frozen network for images of `channels` bands and `side` x `side` pixels.

    Raises:
        MissingDependencyError: timm is not installed.
        InputError: bands or size do not fit, or the weights are not this network's.
    """
    timm = import_timm(where)
    if settings.in_channels != channels:
        raise InputError(
            f"{where}.in_channels: {settings.in_channels} is not the {channels} bands that the "
            "source's images have (see bands, transform.zero_band)"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _create(timm, settings, where)
    _check_size(network, side, settings.model, where)
    if weights.path is not None:
        _load(network, weights.path, where)
    if weights.kind == "random":
        log.info("%s: %s is untrained: its weights are random", where, settings.model)
    encoder = TimmEncoder(network, settings.model, weights, device or torch.device("cpu"))
    encoder.width = encoder.encode(torch.zeros(1, channels, side, side)).shape[1]
    return encoder


def _create(timm: Any, settings: FeatureSettings, where: str) -> torch.nn.Module:
    pretrained = settings.weights == "timm"
    try:
        network: torch.nn.Module = timm.create_model(
            settings.model, pretrained=pretrained, num_classes=0, in_chans=settings.in_channels
        )
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        if pretrained:
            raise DownloadError(
                f"{where}.weights: timm cannot fetch its weights of {settings.model} ({reason}); "
                "check the connection, or name a file"
            ) from None
        raise InputError(f"{where}.model: {settings.model} cannot be made ({reason})") from None
    return network


def _check_size(network: Any, side: int, model: str, where: str) -> None:
    """A network of fixed input size names it in its configuration (vision transformers do)."""
    described = getattr(network, "pretrained_cfg", None) or {}
    fixed = described.get("fixed_input_size")
    size = described.get("input_size")
    if fixed and size and size[-1] != side:
        raise InputError(
            f"{where}.model: {model} takes images of {size[-1]} pixels and gets {side}: "
            f"set transform.crop (or chip.pixels) to {size[-1]}"
        )


def _load(network: torch.nn.Module, path: Path, where: str) -> None:
    """Load a state dict strictly; only the classifier, which is not there, may differ."""
    state = read_state(path, where)
    named: Any = getattr(network, "pretrained_cfg", None) or {}
    classifiers = named.get("classifier") or ()
    classifiers = (classifiers,) if isinstance(classifiers, str) else tuple(classifiers)
    dropped = tuple(f"{name}." for name in classifiers)
    state = {key: value for key, value in state.items() if not key.startswith(dropped)}
    wanted = network.state_dict()
    problems = [
        (f"lacks {len(wanted.keys() - state.keys())}", sorted(wanted.keys() - state.keys())),
        (f"has {len(state.keys() - wanted.keys())} unknown", sorted(state.keys() - wanted.keys())),
    ]
    for what, keys in problems:
        if keys:
            raise InputError(
                f"{where}.weights: {path} is not of this network, it {what} tensors (the first is "
                f"{keys[0]})"
            )
    for key, value in wanted.items():
        if state[key].shape != value.shape:
            raise InputError(
                f"{where}.weights: {path} holds {key} of shape {tuple(state[key].shape)}, the "
                f"network's is {tuple(value.shape)} (in_channels, model?)"
            )
    network.load_state_dict(state)


def read_state(path: Path, where: str) -> dict[str, torch.Tensor]:
    """A file's state dict; plain, or under `state_dict` or `model`."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(
            f"{where}.weights: {path} cannot be read as weights ({type(error).__name__})"
        ) from None
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise InputError(f"{where}.weights: {path} holds no plain state dict")
    return dict(content)
