"""`satclip reproduce unigeoclip`: retrieval, geolocation, probes, and the ablations."""

from __future__ import annotations

from pathlib import Path

import click

from ..long_runs import (
    Study,
    data_root_option,
    folder_option,
    seeds_option,
    set_option,
    table_option,
)
from ..options import combined, packed, verbosity_options

GROUPS = ("modalities", "pairs", "depth", "encoder", "continent")


_study_options = packed(
    Study,
    combined(
        data_root_option("the configuration names"),
        seeds_option("Runs of each variant"),
        set_option(" of all runs", "training.batch_size=512"),
        folder_option("runs/unigeoclip-study", "runs"),
        table_option(
            "unigeoclip.csv",
            ", with Markdown (.md) and figures (-retrieval.png, -geolocation.png, -continent.png, "
            "-ablations.png) beside it",
        ),
    ),
)


@click.command("unigeoclip")
@click.argument("config", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option(
    "--ablation", "groups", multiple=True, default=GROUPS,
    type=click.Choice([*GROUPS, "none"]),
    help="May be given again: each modality left out; contrast with coordinates alone; depth 0, 4, "
    "8; Fourier features, Siren(SH), feature grid; a continent held out.  [default: all]",
)  # fmt: skip
@click.option(
    "--epochs", type=click.IntRange(min=1), metavar="N",
    help="Budget of each run, in place of the configuration's.",
)  # fmt: skip
@click.option(
    "--points", type=click.IntRange(min=100), metavar="N",
    help="Places of each run, in place of the configuration's.",
)  # fmt: skip
@click.option(
    "--continents", default="tasks/ne_110m_admin_0_countries.json", show_default=True,
    metavar="FILE", help="Polygons, below the data root.",
)  # fmt: skip
@click.option(
    "--continent-column", default="CONTINENT", show_default=True, metavar="COLUMN",
    help="Attribute that names what they are.",
)  # fmt: skip
@click.option(
    "--continent", default="Africa", show_default=True, metavar="NAME",
    help="Of those that are held out.",
)  # fmt: skip
@click.option(
    "--gallery", default=4000, show_default=True, type=click.IntRange(min=2), metavar="N",
    help="Held-out places that are scored, at most.",
)  # fmt: skip
@_study_options
@verbosity_options
def command(
    study: Study,
    config: Path,
    groups: tuple[str, ...],
    epochs: int | None,
    points: int | None,
    continents: str,
    continent_column: str,
    continent: str,
    gallery: int,
) -> None:
    """UniGeoCLIP's evaluation on CONFIG (YAML): retrieval, geolocation, probes, ablations.

    Every ordered pair of modalities by recall at 1, 5, 10 and the median rank; geolocation by each
    modality and by every choice of them, against held-out places and those of a continent that
    nothing was learnt of; the configuration's probe tasks. All variants share places, seeds and
    budget. Prints the Markdown.
    """
    study.check("satclip reproduce unigeoclip", "matplotlib")
    from satclip_training.run.unigeoclip_study import HeldOut, StudyOptions, run_study, write_study

    budget = [f"training.epochs={epochs}"] if epochs else []
    budget += [f"points.count={points}"] if points else []
    chosen = tuple(name for name in GROUPS if name in groups)
    options = StudyOptions(
        config,
        (*study.overrides, *budget),
        tuple(range(study.seeds)),
        chosen,
        HeldOut(continents, continent_column, continent),
        gallery,
    )
    with study.running(config) as runs:
        results = run_study(options, runs)
    text, files = write_study(study.output, results)
    click.echo(text)
    click.echo("\n".join(map(str, files)))
