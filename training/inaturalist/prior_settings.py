"""Settings of every encoding and network on iNaturalist 2018."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..zoo.cell_settings import CellSettings, read_settings

# The authors' random search for each encoding and network, at all their digits.
PUBLISHED = Path(__file__).parent / "published.yaml"

# Published loss weight of the positives; not more than the number of species, λ of the loss.
POSITIVE_WEIGHT = 2048.0


@dataclasses.dataclass(frozen=True)
class PriorSettings:
    """One prior: encoding, network, and how it is trained; defaults as published.

    Attributes:
        encoding: a key of `satclip_core.encoder.encodings.ENCODINGS`.
        network: one of the zoo's `NETWORKS`.
        cell: sizes, learning rate and weight decay.
        epochs: at most.
        patience: epochs without a better validation loss before training ends.
        batch_size: observations a step; as many random places come with them.
        validation_share: of the training split, drawn at random.
        positive_weight: λ of the loss; the smaller of 2048 and the number of species where None.
        dtype: of weights and features, which are computed in float64 in any case.
    """

    encoding: str
    network: str
    cell: CellSettings
    epochs: int = 50
    patience: int = 10
    batch_size: int = 2000
    validation_share: float = 0.2
    positive_weight: float | None = None
    dtype: str = "float64"

    @property
    def name(self) -> str:
        """Encoding and network, as files are named."""
        return f"{self.encoding}-{self.network}"

    def weight(self, classes: int) -> float:
        """λ for so many species."""
        if self.positive_weight is None:
            return min(POSITIVE_WEIGHT, float(classes))
        return self.positive_weight


def published_settings() -> dict[tuple[str, str], PriorSettings]:
    """The published settings by (encoding, network)."""
    found = {}
    for name, cell in read_settings(PUBLISHED).items():
        encoding, _, network = name.rpartition("-")
        found[encoding, network] = PriorSettings(encoding, network, cell)
    return found
