"""What leaving SatCLE's graph behind costs: a checkpoint's encoder with and without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from satclip_core.errors import InputError
from satclip_core.types import Floats

from ..evaluation.linear_probe import Embed
from ..objectives import objective_class
from ..objectives.satcle import Satcle
from .model_export import checkpoint_weights
from .release_checkpoint import read_checkpoint

PREFIX = "model."
ROWS = 4096
SEED = 0


def satcle_encoders(checkpoint: Path) -> dict[str, Embed]:
    """Encoders of a SatCLE run, before anything that export does to embeddings.

    Args:
        checkpoint: its `last.ckpt`.

    Returns:
        `plain`, the location encoder that is exported; `averaged`, the mean of what it says of a
        place and its perturbed copies; and, where the run has a graph, `fused`, what training
        contrasts. Each is a function of (N, 2) degrees; copies are the same at every call.

    Raises:
        InputError: a checkpoint of another objective, or without spatial continuity.
    """
    weights, config = checkpoint_weights(checkpoint)
    if config.objective.kind != "satcle" or not config.objective.settings.spatial:
        raise InputError(f"checkpoint {checkpoint}: is of no SatCLE run with spatial continuity")
    state = {
        key[len(PREFIX) :]: value
        for key, value in read_checkpoint(checkpoint)["state_dict"].items()
        if key.startswith(PREFIX)
    }
    model = objective_class(config)(config, {"images": 1})
    assert isinstance(model, Satcle)
    model.location.take({key: torch.tensor(value) for key, value in weights.items()})
    found: dict[str, Embed] = {"plain": _embed(model.location)}
    fusion, model.fusion = model.fusion, None
    found["averaged"] = _embed(_around(model.double().eval()))
    if fusion is not None:
        own = {key[len("fusion.") :]: v for key, v in state.items() if key.startswith("fusion.")}
        fusion.load_state_dict(own)
        fused = objective_class(config)(config, {"images": 1})
        assert isinstance(fused, Satcle)
        fused.location, fused.fusion = model.location, fusion
        found["fused"] = _embed(_around(fused.double().eval()))
    return found


def _around(model: Satcle) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda lonlat: model.embed_around(lonlat, torch.Generator().manual_seed(SEED))


def _embed(network: Callable[[torch.Tensor], torch.Tensor]) -> Embed:
    def embed(lonlat: Floats) -> Floats:
        places = torch.from_numpy(np.array(lonlat, np.float64))
        with torch.no_grad():
            parts = [network(part).double().numpy() for part in places.split(ROWS)]
        return np.concatenate(parts)

    return embed
