"""The prior: an encoding and a network of the zoo with one logit for each species."""

from __future__ import annotations

import torch

from satclip_core.encoder.encodings import encoding_dim
from satclip_core.types import Float32, Floats

from ..zoo.cell_training import encode
from ..zoo.network import initial_weights, outputs
from .prior_settings import PriorSettings


class GeoPrior:
    """P(y | place) for every species, each for itself: the sigmoid of a logit.

    Starts from torch's global seed.

    Args:
        settings: encoding, network and sizes.
        classes: C, the number of species.
        device: as torch names it.
    """

    def __init__(self, settings: PriorSettings, classes: int, device: str = "cpu") -> None:
        self.settings, self.classes, self.device = settings, classes, device
        width = encoding_dim(settings.encoding, settings.cell.encoding)
        start = initial_weights(
            settings.network,
            width,
            classes,
            dim_hidden=settings.cell.dim_hidden,
            num_layers=settings.cell.num_layers,
        )
        dtype = getattr(torch, settings.dtype)
        self.weights = {
            name: value.detach().to(device, dtype).requires_grad_() for name, value in start.items()
        }

    def logits(self, lonlat: Floats, *, training: bool = False) -> torch.Tensor:
        """Places (N, 2) in degrees, lon first -> (N, C); with dropout while training."""
        features = encode(lonlat, self.settings.encoding, self.settings.cell)
        features = features.to(self.device, getattr(torch, self.settings.dtype))
        return outputs(self.settings.network, self.weights, features, training=training)

    def predict(self, lonlat: Floats) -> Float32:
        """Logits without gradients: (N, 2) degrees -> (N, C)."""
        with torch.no_grad():
            values: Float32 = self.logits(lonlat).float().cpu().numpy()
        return values

    def state(self) -> dict[str, torch.Tensor]:
        """Copies of the weights, by their published names."""
        return {name: value.detach().clone() for name, value in self.weights.items()}

    @torch.no_grad()
    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Take up weights that `state` gave."""
        for name, value in self.weights.items():
            value.copy_(state[name])
