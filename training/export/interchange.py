"""A module in formats of others: its weights as safetensors, the whole encoder as ONNX."""

from __future__ import annotations

import json
import math
import os
import struct
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from satclip_core.errors import require
from satclip_core.files import written_whole

from .torch_module import EncoderModule, NetworkEncoder

OPSET = 18
# From an angle that is off by 0.08 at most: 3e-3, 6e-6, 2e-11, rounding.
_NEWTON_STEPS = 5
_TYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int8: "I8", torch.uint8: "U8",
}  # fmt: skip
_ALIGNED = 8


def export_safetensors(
    module: EncoderModule, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write the weights of a module as safetensors, under the names of its `state_dict`.

    The format is a length (u64, little-endian), a JSON header, and the numbers one after the other
    (huggingface/safetensors, format of 2022). `load_state_dict(safetensors.torch.load_file(path))`
    takes them up again; the header's `__metadata__` says the architecture.

    Args:
        module: from `load_module`.
        path: usually ending in `.safetensors`.
        overwrite: whether an existing file may be replaced.

    Raises:
        OutputError: the file exists or cannot be written.
    """
    state = {k: v.detach().cpu().contiguous() for k, v in sorted(module.state_dict().items())}
    entries: dict[str, object] = {
        "__metadata__": {
            "model": module.info.name,
            "origin_sha256": module.origin,
            "formula": module.config.formula,
            "architecture": json.dumps(asdict(module.config)),
            "coordinates": "longitude, latitude in degrees (EPSG:4326)",
            "licence": module.info.licence,
        }
    }
    offset = 0
    for name, value in state.items():
        size = value.numel() * value.element_size()
        entries[name] = {
            "dtype": _TYPES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % _ALIGNED)
    with written_whole(path, overwrite=overwrite) as partial, partial.open("wb") as file:
        file.write(struct.pack("<Q", len(header)))
        file.write(header)
        for value in state.values():
            file.write(value.reshape(-1).view(torch.uint8).numpy().tobytes())


def export_onnx(
    module: EncoderModule, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write a module as an ONNX graph, `lonlat` (N, 2) float64 degrees to `embedding` (N, dim).

    Positional features are in the graph, in float64 as everywhere; longitudes may be any.

    Args:
        module: from `load_module`; written as in evaluation, whatever its mode.
        path: usually ending in `.onnx`; weights go into the same file.
        overwrite: whether an existing file may be replaced.

    Raises:
        MissingDependencyError: onnx or onnxscript is not installed.
        OutputError: the file exists or cannot be written.
    """
    for package in ("onnx", "onnxscript"):
        require(package, extra="onnx", purpose="exporting to ONNX")
    before, home = module.training, module.anchor.device
    example = torch.tensor([[23.6, -2.9], [-60.0, -3.0], [179.0, 60.0]], dtype=torch.float64)
    with written_whole(path, overwrite=overwrite) as partial, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module.cpu().eval()
        parts = [part for part in module.modules() if isinstance(part, NetworkEncoder)]
        for part in parts:
            part.arrays = _Plainer()
        try:
            with torch.no_grad():
                program = torch.onnx.export(
                    module,
                    (example,),
                    input_names=["lonlat"],
                    output_names=["embedding"],
                    opset_version=OPSET,
                    dynamic_shapes={"lonlat": {0: torch.export.Dim("places", min=1)}},
                    dynamo=True,
                    verbose=False,
                    optimize=False,  # who runs it optimises; here it takes minutes at L 30
                )
            assert program is not None
            program.save(str(Path(partial)), external_data=False)
        finally:
            for part in parts:
                part.arrays = torch
            module.to(home).train(before)


class _Plainer:
    """torch without what onnxruntime has not in float64.

    arcsin is made of sines and cosines; deg2rad is translated to a factor in single precision,
    which at ten thousand turns is a thousandth of one.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    @staticmethod
    def deg2rad(x: torch.Tensor) -> torch.Tensor:
        """Degrees to radians in the precision of `x`."""
        return x * torch.tensor(math.pi / 180, dtype=x.dtype)

    @staticmethod
    def arcsin(x: torch.Tensor) -> torch.Tensor:
        """arcsin by Newton's method; to rounding for |x| < 0.9, as Equal Earth asks for."""
        angle = x + x**3 / 6
        for _ in range(_NEWTON_STEPS):
            angle = angle + (x - torch.sin(angle)) / torch.cos(angle)
        return angle
