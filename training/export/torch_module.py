"""A model file as a torch module and back: for training on with, inside networks of one's own.

module = load_module("bundled")            # or a path
module(torch.tensor([[23.6, -2.9]]))       # (1, 256), with gradients
save_module(module, "tuned.npz")           # for satclip raster, QGIS, numpy
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from satclip_core.encoder import (
    EncoderConfig,
    LocationEncoder,
    ModelInfo,
    TwoPartConfig,
    TwoPartEncoder,
)
from satclip_core.encoder.field import RUN, Rows, cells_of_rows, rows_of, runs_of_rows, taps
from satclip_core.errors import InputError
from satclip_core.grid.sphere import check_lonlat
from satclip_core.models.model_file import write_model
from satclip_core.models.registry import load_encoder
from satclip_core.types import Float32

from ..objectives.location import NetworkModule, encoded

BATCH = 65_536
"""Places at a time in `encode`: harmonics of L 40 in float64 take 0.8 GB, of L 10 a sixteenth."""
LARGEST_STEP = 127
"""Values of a field are kept as int8."""
FIELDS = ("buffers", "parameters")


class EncoderModule(nn.Module):
    """A location encoder as a torch module: longitude and latitude in, embedding out.

    Positional features are computed in float64 on the device of the weights, the network runs in
    their precision. Subclasses differ in what lies behind `forward`.

    Args:
        encoder: whose weights it begins with.
    """

    def __init__(self, encoder: LocationEncoder) -> None:
        super().__init__()
        self.config: EncoderConfig = encoder.config
        self.info, self.origin, self.dim = encoder.info, encoder.sha256, encoder.dim

    @property
    def anchor(self) -> torch.Tensor:
        """A weight, for its device and precision."""
        return next(self.parameters())

    def encode(self, lonlat: ArrayLike, *, batch: int = BATCH) -> Float32:
        """Embed any number of places, a batch at a time on the module's device, without gradients.

        Args:
            lonlat: (N, 2) degrees, longitude first.
            batch: places at a time.

        Returns:
            (N, dim) float32.

        Raises:
            InputError: wrong shape, a value that is not finite, a latitude out of range.
        """
        places = torch.from_numpy(check_lonlat(lonlat))
        out = np.empty((len(places), self.dim), np.float32)
        before = self.training
        self.eval()
        try:
            with torch.inference_mode():
                for start in range(0, len(places), batch):
                    part = self(places[start : start + batch])
                    out[start : start + batch] = part.float().cpu().numpy()
        finally:
            self.train(before)
        return out

    def encoder(self, info: ModelInfo | None = None) -> LocationEncoder:
        """The core's encoder with the weights as they are now."""
        raise NotImplementedError

    def frozen(self) -> EncoderModule:
        """The module itself, with no weight to be trained, in evaluation mode."""
        return self.requires_grad_(False).eval()


class NetworkEncoder(EncoderModule):
    """An encoding and a network; the weights under their published names below `nnet`."""

    def __init__(self, encoder: LocationEncoder) -> None:
        super().__init__(encoder)
        self.arrays: Any = torch
        """The array module that features are computed with; exporting puts a plainer one there."""
        weights = {key: torch.tensor(value).float() for key, value in encoder.weights.items()}
        self.nnet = NetworkModule(self.config.network, weights, self.config.network_settings)

    def forward(self, lonlat: torch.Tensor) -> torch.Tensor:
        """(N, 2) degrees, longitude first -> (N, dim)."""
        result: torch.Tensor = self.nnet(features(lonlat, self.config, self.anchor, self.arrays))
        return result

    def encoder(self, info: ModelInfo | None = None) -> LocationEncoder:
        """The core's encoder with the weights as they are now."""
        weights = {key: _array(value) for key, value in self.nnet.named_parameters()}
        return LocationEncoder(self.config, weights, info=info or self.info)


class FieldLevel(nn.Module):
    """A level of a fine field: whole numbers as a buffer, or numbers to be trained.

    Args:
        rows: from pole to pole.
        stored: its arrays in a model file: `values` (channels, cells) int8, `kept`, `scale`.
        trainable: whether the values are parameters, float32.
    """

    values: torch.Tensor
    scale: torch.Tensor

    def __init__(self, rows: int, stored: Mapping[str, NDArray[Any]], trainable: bool) -> None:
        super().__init__()
        self.rows, self.packed = rows, np.asarray(stored["kept"])
        kept = np.unpackbits(self.packed)[: int(runs_of_rows(rows)[-1])].astype(bool)
        table = rows_of(rows, kept)
        for name, array in (
            ("cells", cells_of_rows(rows)),
            ("first", np.asarray(table.first)),
            ("slots", np.asarray(table.slots)),
        ):
            self.register_buffer(name, torch.from_numpy(np.array(array)), persistent=False)
        self.register_buffer("scale", torch.tensor(stored["scale"]).float())
        values = np.ascontiguousarray(stored["values"].T)
        # What was not kept reads as zeros, the first run.
        padded = torch.from_numpy(
            np.concatenate([np.zeros((RUN, values.shape[1]), np.int8), values])
        )
        self.trainable = trainable
        if trainable:
            self.values = nn.Parameter(padded * self.scale)
            self.values.register_hook(_without_first_run)
        else:
            self.register_buffer("values", padded)

    def forward(self, lonlat: torch.Tensor) -> torch.Tensor:
        """(N, 2) degrees float64, longitudes in -180..180 -> (N, channels)."""
        table = Rows(self.rows, self.cells, self.first, self.slots)
        cells, weights = taps(lonlat[:, 0], lonlat[:, 1], table, torch)
        found = self.values[cells]
        if not self.trainable:
            found = found.to(self.scale.dtype) * self.scale
        read: torch.Tensor = (found * weights.to(found.dtype)[..., None]).sum(1)
        return read

    def stored(self) -> dict[str, NDArray[Any]]:
        """The arrays of a model file; trained numbers are rounded to 127 steps either way."""
        values, scale = self.values.detach()[RUN:], self.scale
        if self.trainable:
            scale = (values.abs().amax(0) / LARGEST_STEP).clamp_min(1e-12)
            values = (values / scale).round().to(torch.int8)
        return {
            "values": np.ascontiguousarray(values.cpu().numpy().T),
            "kept": self.packed,
            "scale": scale.float().cpu().numpy(),
        }


def _without_first_run(gradient: torch.Tensor) -> torch.Tensor:
    """No gradient for the zeros of what was not kept."""
    gradient = gradient.clone()
    gradient[:RUN] = 0
    return gradient


class TwoPartModule(EncoderModule):
    """A smooth encoder and a fine field, joined as `satclip_core.encoder.two_part` says.

    Args:
        encoder: whose weights it begins with.
        field: `buffers` keeps the field's whole numbers as they are, `parameters` trains it too.
    """

    config: TwoPartConfig

    def __init__(self, encoder: TwoPartEncoder, field: str = "buffers") -> None:
        super().__init__(encoder)
        self.smooth = NetworkEncoder(encoder.smooth)
        joined = {key: v for key, v in encoder.weights.items() if not key.startswith("smooth.")}
        for layer in ("hidden", "out"):
            parts = {key: v for key, v in joined.items() if key.startswith(f"{layer}.")}
            home = nn.Module()
            for key, value in parts.items():
                parameter = nn.Parameter(torch.tensor(value).float())
                home.register_parameter(key.partition(".")[2], parameter)
            self.add_module(layer, home)
        self.field = nn.ModuleDict(
            {
                str(rows): FieldLevel(
                    rows, _under(f"field.{rows}.", encoder.stored), field == "parameters"
                )
                for rows, _ in encoder.config.levels
            }
        )

    def forward(self, lonlat: torch.Tensor) -> torch.Tensor:
        """(N, 2) degrees, longitude first -> (N, dim)."""
        smooth = self.smooth(lonlat)
        places = _wrapped(_exact(lonlat, self.anchor))
        fine = torch.cat([level(places) for level in self.field.values()], 1).to(smooth)
        weight = dict(self.named_parameters())
        inner, out = weight["hidden.smooth"], weight["out.hidden"]
        hidden = fine @ weight["hidden.field"].T + smooth[:, : inner.shape[1]] @ inner.T
        hidden = (hidden + weight["hidden.bias"]).clamp_min(0)
        rest = smooth @ weight["out.smooth"].T + weight["out.bias"]
        led = rest[:, : len(out)] + hidden @ out.T
        return torch.cat([led, rest[:, len(out) :]], 1)

    def encoder(self, info: ModelInfo | None = None) -> TwoPartEncoder:
        """The core's encoder with the weights as they are now; a trained field in whole numbers."""
        weights = {
            key: _array(value)
            for key, value in self.named_parameters()
            if key.startswith(("hidden.", "out."))
        }
        for key, value in self.smooth.nnet.named_parameters():
            weights[f"smooth.{key}"] = _array(value)
        for rows, level in self.field.items():
            assert isinstance(level, FieldLevel)
            weights |= {f"field.{rows}.{key}": value for key, value in level.stored().items()}
        return TwoPartEncoder(self.config, weights, info=info or self.info)


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {key[len(prefix) :]: v for key, v in arrays.items() if key.startswith(prefix)}


def _array(value: torch.Tensor) -> NDArray[Any]:
    array: NDArray[Any] = value.detach().float().cpu().numpy()
    return array


def _exact(lonlat: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Places in float64 on a device that knows it: Apple's GPUs do not."""
    home = torch.device("cpu") if like.device.type == "mps" else like.device
    return lonlat.to(home).double()


def _wrapped(lonlat: torch.Tensor) -> torch.Tensor:
    """The same places with longitudes in -180..180, those already there bit by bit."""
    lon, lat = lonlat[:, 0], lonlat[:, 1]
    inside = (lon >= -180) & (lon < 180)
    return torch.stack([torch.where(inside, lon, torch.remainder(lon + 180, 360) - 180), lat], 1)


def features(
    lonlat: torch.Tensor, config: EncoderConfig, like: torch.Tensor, arrays: Any = torch
) -> torch.Tensor:
    """Positional features of places (N, 2), on the device and in the precision of `like`."""
    values: torch.Tensor = encoded(_wrapped(_exact(lonlat, like)), config, arrays)
    return values.to(like.dtype).to(like.device)


def load_module(
    source: str | os.PathLike[str],
    *,
    field: str = "buffers",
    frozen: bool = False,
    device: str | torch.device = "cpu",
) -> EncoderModule:
    """A model as a torch module: (N, 2) degrees, longitude first, in, (N, dim) embeddings out.

    Args:
        source: `bundled`, the name of a published model, or the path of a model file or checkpoint.
        field: of an encoder of two parts: `buffers` keeps its fine field as it is, `parameters`
            trains that too (four times the memory, and gradients of its size).
        frozen: whether no weight is to be trained; the module is then in evaluation mode.
        device: as torch names it.

    Raises:
        ModelError: no such model, or one that cannot be read.
        InputError: another word for `field`.
    """
    if field not in FIELDS:
        raise InputError(f"field is {field!r}: it is one of {', '.join(FIELDS)}")
    encoder = load_encoder(os.fspath(source))
    module: EncoderModule
    if isinstance(encoder, TwoPartEncoder):
        module = TwoPartModule(encoder, field)
    else:
        module = NetworkEncoder(encoder)
    module.to(device)
    return module.frozen() if frozen else module


def save_module(
    module: EncoderModule,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    card: str | None = None,
    overwrite: bool = False,
) -> LocationEncoder:
    """Write a module as a model file, which everything here opens without torch.

    Args:
        module: from `load_module`, as it is now.
        path: usually ending in `.npz`.
        name: of the model; the file's own where None.
        card: Markdown; that of the model it came from, with a line on top, where None.
        overwrite: whether an existing file may be replaced.

    Returns:
        The encoder that was written. Its licence is that of the model it came from.

    Raises:
        InputError: weights that are not finite.
        OutputError: the file exists or cannot be written.
    """
    lost = [key for key, value in module.state_dict().items() if not _finite(value)]
    if lost:
        raise InputError(f"the weights {lost[0]!r} are not finite: nothing is written")
    before = module.info
    note = f"Trained on from {before.name} (SHA-256 {module.origin})."
    info = replace(
        before,
        name=name or Path(path).stem,
        training={**before.training, "trained_on_from": f"{before.name} {module.origin}"},
        card=f"{note}\n\n{before.card}" if card is None else card,
    )
    encoder = module.encoder(info)
    write_model(path, encoder, overwrite=overwrite)
    return encoder


def _finite(value: torch.Tensor) -> bool:
    return not value.is_floating_point() or math.isfinite(float(value.detach().abs().sum()))
