"""Settings and published figures of every encoding and network on iNaturalist 2018."""

from __future__ import annotations

import dataclasses

from satclip_core.encodings import EncodingSettings

NETWORKS = ("linear", "fcnet", "siren", "mlp")

# Published loss weight of the positives; not more than the number of species, λ of the loss.
POSITIVE_WEIGHT = 2048.0


@dataclasses.dataclass(frozen=True)
class PriorSettings:
    """One prior: encoding, network, and how it is trained.

    Attributes:
        encoding: a key of `satclip_core.encodings.ENCODINGS`.
        network: one of `NETWORKS`.
        features: what the encoding is told.
        hidden: width of the hidden layers.
        layers: number of hidden layers, of siren and mlp.
        learning_rate: of Adam.
        weight_decay: coupled L2, as `torch.optim.Adam` has it.
        epochs: at most.
        patience: epochs without a better validation loss before training ends.
        batch_size: observations a step; as many random places come with them.
        validation_share: of the training split, drawn at random.
        positive_weight: λ of the loss; the smaller of 2048 and the number of species where None.
    """

    encoding: str
    network: str
    features: EncodingSettings
    hidden: int
    layers: int
    learning_rate: float
    weight_decay: float
    epochs: int = 50
    patience: int = 10
    batch_size: int = 2000
    validation_share: float = 0.2
    positive_weight: float | None = None

    @property
    def name(self) -> str:
        """Encoding and network, as files are named."""
        return f"{self.encoding}-{self.network}"

    def weight(self, classes: int) -> float:
        """λ for so many species."""
        if self.positive_weight is None:
            return min(POSITIVE_WEIGHT, float(classes))
        return self.positive_weight


# Found by the authors' random search (`inat2018` in the published settings, 4 digits):
# encoding, network: learning rate, weight decay, hidden, layers, L or F, r_min, r_max.
_Row = tuple[float, float, int, int, int, float, float]


def _row(
    rate: float,
    decay: float,
    hidden: int = 0,
    layers: int = 0,
    number: int = 1,
    r_min: float = 1.0,
    r_max: float = 360.0,
) -> _Row:
    return rate, decay, hidden, layers, number, r_min, r_max


_PUBLISHED: dict[tuple[str, str], _Row] = {
    ("direct", "linear"): _row(2.159e-2, 4.031e-8),
    ("direct", "mlp"): _row(9.538e-4, 5.134e-7, 128, 3),
    ("direct", "siren"): _row(1.466e-3, 1.496e-6, 96, 3),
    ("direct", "fcnet"): _row(2.355e-3, 2.122e-6, 96),
    ("cartesian3d", "linear"): _row(7.177e-2, 1.266e-8),
    ("cartesian3d", "mlp"): _row(3.792e-3, 1.135e-6, 128, 2),
    ("cartesian3d", "siren"): _row(4.328e-4, 3.913e-7, 128, 3),
    ("cartesian3d", "fcnet"): _row(2.155e-3, 5.463e-7, 128),
    ("wrap", "linear"): _row(7.490e-2, 1.395e-8),
    ("wrap", "mlp"): _row(2.609e-3, 2.108e-7, 96, 2),
    ("wrap", "siren"): _row(1.164e-3, 2.385e-7, 96, 3),
    ("wrap", "fcnet"): _row(1.655e-3, 1.031e-8, 128),
    ("grid", "linear"): _row(7.335e-4, 2.635e-7, number=48),
    ("grid", "mlp"): _row(2.284e-3, 3.688e-5, 96, 2, 32),
    ("grid", "siren"): _row(9.243e-4, 2.035e-7, 96, 3, 32, 19),
    ("grid", "fcnet"): _row(2.636e-3, 4.336e-8, 96, 0, 32, 1, 10),
    ("theory", "linear"): _row(6.490e-4, 2.240e-7, number=48),
    ("theory", "mlp"): _row(4.576e-4, 1.432e-5, 96, 2, 32, 73),
    ("theory", "siren"): _row(2.193e-3, 6.090e-7, 128, 2, 16, 55),
    ("theory", "fcnet"): _row(7.095e-4, 1.416e-6, 64, 0, 32, 46),
    ("spherec", "linear"): _row(9.735e-4, 1.141e-8, number=48),
    ("spherec", "mlp"): _row(8.910e-4, 6.833e-8, 32, 2, 64),
    ("spherec", "siren"): _row(1.138e-3, 1.765e-8, 96, 3, 16),
    ("spherec", "fcnet"): _row(1.122e-3, 4.124e-6, 96, 0, 32),
    ("spherecplus", "linear"): _row(2.124e-3, 4.037e-8, number=16),
    ("spherecplus", "mlp"): _row(3.739e-4, 1.137e-8, 64, 3, 16),
    ("spherecplus", "siren"): _row(4.386e-4, 1.108e-8, 128, 2, 32, 55),
    ("spherecplus", "fcnet"): _row(2.884e-3, 1.787e-7, 96, 0, 32, 28),
    ("spherem", "linear"): _row(1.808e-3, 8.866e-8, number=48),
    ("spherem", "mlp"): _row(3.910e-4, 1.899e-7, 64, 3, 48),
    ("spherem", "siren"): _row(7.807e-4, 5.720e-8, 96, 3, 16, 73),
    ("spherem", "fcnet"): _row(6.414e-4, 7.736e-6, 128, 0, 64),
    ("spheremplus", "linear"): _row(2.124e-4, 3.735e-7, number=32),
    ("spheremplus", "mlp"): _row(8.984e-4, 1.120e-4, 128, 2, 64),
    ("spheremplus", "siren"): _row(3.814e-4, 1.328e-8, 96, 2, 16, 10),
    ("spheremplus", "fcnet"): _row(3.555e-4, 2.085e-6, 96, 0, 48),
    ("sphericalharmonics", "linear"): _row(1.196e-3, 3.722e-8, number=20),
    ("sphericalharmonics", "mlp"): _row(3.420e-4, 4.763e-6, 128, 2, 20),
    ("sphericalharmonics", "siren"): _row(5.751e-4, 6.707e-8, 128, 3, 25),
    ("sphericalharmonics", "fcnet"): _row(5.494e-4, 6.666e-7, 64, 0, 30),
}

# Rußwurm et al. 2024, table 1: points of top-1 accuracy that the prior adds (linear, fcnet, siren).
_PAPER_DELTA: dict[str, tuple[float, float, float]] = {
    "direct": (-5.9, 9.3, 12.1),
    "cartesian3d": (0.8, 11.8, 12.0),
    "wrap": (-0.1, 12.1, 12.1),
    "grid": (11.2, 11.8, 11.6),
    "theory": (11.5, 10.8, 11.4),
    "spherec": (11.2, 12.0, 12.3),
    "spherecplus": (11.1, 11.5, 10.3),
    "spherem": (7.2, 11.3, 10.6),
    "spheremplus": (11.6, 12.0, 10.7),
    "sphericalharmonics": (10.5, 12.0, 12.3),
}


def published_settings(encoding: str, network: str) -> PriorSettings:
    """The published settings of a cell; a key of the core's `ENCODINGS` and one of `NETWORKS`."""
    rate, decay, hidden, layers, number, r_min, r_max = _PUBLISHED[encoding, network]
    features = EncodingSettings(
        legendre_polys=number, frequency_num=number, min_radius=r_min, max_radius=r_max
    )
    return PriorSettings(encoding, network, features, hidden, layers, rate, decay)


def paper_delta(encoding: str, network: str) -> float | None:
    """Published gain of a cell in points of top-1 accuracy; None where the paper has none."""
    columns = NETWORKS[:3]
    return _PAPER_DELTA[encoding][columns.index(network)] if network in columns else None
