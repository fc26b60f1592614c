"""`satclip reproduce`: experiments of the papers again; each imported when it is called."""

from __future__ import annotations

from typing import Any

import click

from ..lazy import LazyGroup
from ..main import INTERRUPTED
from ..messages import tell

EXPERIMENTS = {
    "land-ocean": (
        "reproduce.land_ocean",
        "Siren(SH), table 1: land or ocean, ten encodings by three networks.",
    ),
    "checkerboard": (
        "reproduce.checkerboard",
        "Siren(SH), figure 4: a checkerboard on the sphere, by resolution and latitude.",
    ),
    "ablation": (
        "reproduce.ablation",
        "Networks on spherical harmonics by L, on land or ocean or a table of yours.",
    ),
    "inaturalist": (
        "reproduce.species_prior",
        "Siren(SH), table 1: a prior of place for species in photographs.",
    ),
    "satcle": (
        "reproduce.satcle",
        "SatCLE, its ablation: neither continuity, spatial, semantic, both.",
    ),
    "downstream": (
        "reproduce.downstream",
        "SatCLE, its downstream tasks: a small network on embeddings, continents left out.",
    ),
    "unigeoclip": (
        "reproduce.unigeoclip",
        "UniGeoCLIP: retrieval, geolocation, probes; modalities, depth and encoders ablated.",
    ),
    "smoothing": (
        "reproduce.smoothing",
        "SatCLE, one image: attention, what is not causal, smoothed.",
    ),
    "continuity": (
        "reproduce.continuity",
        "SatCLE, figure 8, and how much embeddings change per kilometre.",
    ),
    "systems": (
        "reproduce.systems",
        "SatCLIP, SatCLE and UniGeoCLIP on the same data with the same budget.",
    ),
}


class _Experiments(LazyGroup):
    table, heading = EXPERIMENTS, "Experiments"

    def invoke(self, ctx: click.Context) -> Any:
        """Run the experiment; what it has finished stays when it is interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            tell("Interrupted: the same command goes on from what is finished")
            ctx.exit(INTERRUPTED)


@click.command("reproduce", cls=_Experiments, subcommand_metavar="EXPERIMENT [ARGS]...")
def command() -> None:
    """Run an experiment of a paper again, and set our numbers beside the published ones.

    What is finished is kept in the run folder: stopped with Ctrl-C, the same command goes on.
    """
