"""`satclip reproduce`: experiments of the papers again; each imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from .main import INTERRUPTED
from .messages import tell

# Name -> module and attribute, one line of help; here, so that `--help` imports none of them.
EXPERIMENTS = {
    "land-ocean": (
        "reproduce_land_ocean:command",
        "Siren(SH), table 1: land or ocean, ten encodings by three networks.",
    ),
    "checkerboard": (
        "reproduce_checkerboard:command",
        "Siren(SH), figure 4: a checkerboard on the sphere, by resolution and latitude.",
    ),
    "ablation": (
        "reproduce_ablation:command",
        "Networks on spherical harmonics by L, on land or ocean or a table of yours.",
    ),
    "inaturalist": (
        "reproduce_inaturalist:command",
        "Siren(SH), table 1: a prior of place for species in photographs.",
    ),
}


class _Experiments(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(EXPERIMENTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in EXPERIMENTS:
            return None
        module, _, attribute = EXPERIMENTS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f".{module}", __package__), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of experiments, without importing one."""
        with formatter.section("Experiments"):
            formatter.write_dl([(name, text) for name, (_, text) in EXPERIMENTS.items()])

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
