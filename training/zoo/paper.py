"""Numbers of the Siren(SH) paper (Rußwurm et al., ICLR 2024, table 1), to stand beside ours."""

from __future__ import annotations

from .cell_settings import NETWORKS

# Encoding -> land-ocean accuracy in percent, points that an iNaturalist prior adds; of linear,
# fcnet, siren.
_TABLE = {
    "direct": ((71.4, 90.3, 95.1), (-5.9, 9.3, 12.1)),
    "cartesian3d": ((70.5, 92.7, 92.8), (0.8, 11.8, 12.0)),
    "wrap": ((74.4, 93.2, 95.2), (-0.1, 12.1, 12.1)),
    "grid": ((81.7, 95.1, 95.5), (11.2, 11.8, 11.6)),
    "theory": ((86.9, 94.9, 95.5), (11.5, 10.8, 11.4)),
    "spherec": ((79.6, 95.0, 95.2), (11.2, 12.0, 12.3)),
    "spherecplus": ((84.6, 95.3, 95.5), (11.1, 11.5, 10.3)),
    "spherem": ((74.0, 89.1, 88.3), (7.2, 11.3, 10.6)),
    "spheremplus": ((81.9, 92.1, 93.7), (11.6, 12.0, 10.7)),
    "sphericalharmonics": ((94.4, 95.9, 95.8), (10.5, 12.0, 12.3)),
}


def _column(number: int) -> dict[tuple[str, str], float]:
    return {
        (encoding, network): value
        for encoding, columns in _TABLE.items()
        for network, value in zip(NETWORKS, columns[number])
    }


LAND_OCEAN = _column(0)
"""Accuracy in percent on the land-ocean problem: (encoding, network) -> number."""
INATURALIST = _column(1)
"""Points of top-1 accuracy that the prior adds on iNaturalist: (encoding, network) -> number."""
