"""Numbers of the Siren(SH) paper (Rußwurm et al., ICLR 2024), to stand beside ours."""

from __future__ import annotations

_LAND_OCEAN = {
    "direct": (71.4, 90.3, 95.1),
    "cartesian3d": (70.5, 92.7, 92.8),
    "wrap": (74.4, 93.2, 95.2),
    "grid": (81.7, 95.1, 95.5),
    "theory": (86.9, 94.9, 95.5),
    "spherec": (79.6, 95.0, 95.2),
    "spherecplus": (84.6, 95.3, 95.5),
    "spherem": (74.0, 89.1, 88.3),
    "spheremplus": (81.9, 92.1, 93.7),
    "sphericalharmonics": (94.4, 95.9, 95.8),
}

LAND_OCEAN = {
    (encoding, network): value
    for encoding, row in _LAND_OCEAN.items()
    for network, value in zip(("linear", "fcnet", "siren"), row)
}
"""Accuracy in percent on the land-ocean task (table 1): (encoding, network) -> number."""
