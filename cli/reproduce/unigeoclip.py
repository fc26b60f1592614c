"""`satclip reproduce unigeoclip`: retrieval, geolocation, probes, and the ablations."""

from __future__ import annotations

from pathlib import Path

import click

from satclip_core.errors import require
from satclip_core.files import check_target

from ..commands.train_model import StopOnInterrupt, tell_lines
from ..options import verbosity_options

GROUPS = ("modalities", "pairs", "depth", "encoder", "continent")


@click.command("unigeoclip")
@click.argument("config", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option(
    "--data-root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the files that the configuration names (or SATCLIP_DATA).",
)
@click.option(
    "--seeds", default=3, show_default=True, type=click.IntRange(min=1), metavar="N",
    help="Runs of each variant, with the seeds 0 to N - 1.",
)  # fmt: skip
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
    "--set", "overrides", multiple=True, metavar="KEY=VALUE",
    help="Change a setting of all runs, as in training.batch_size=512; may be given again.",
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
@click.option(
    "--folder", default="runs/unigeoclip-study", show_default=True, metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keeps finished runs; a second call goes on from there.",
)  # fmt: skip
@click.option(
    "-o", "--output", default="unigeoclip.csv", show_default=True, metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Table to write (CSV), in place of what is there, with Markdown (.md) and figures "
    "(-retrieval.png, -geolocation.png, -continent.png, -ablations.png) beside it.",
)  # fmt: skip
@verbosity_options
def command(
    config: Path,
    data_root: Path | None,
    seeds: int,
    groups: tuple[str, ...],
    epochs: int | None,
    points: int | None,
    overrides: tuple[str, ...],
    continents: str,
    continent_column: str,
    continent: str,
    gallery: int,
    folder: Path,
    output: Path,
) -> None:
    """UniGeoCLIP's evaluation on CONFIG (YAML): retrieval, geolocation, probes, ablations.

    Every ordered pair of modalities by recall at 1, 5, 10 and the median rank; geolocation by each
    modality and by every choice of them, against held-out places and those of a continent that
    nothing was learnt of; the configuration's probe tasks. All variants share places, seeds and
    budget. Prints the Markdown.
    """
    if output.suffix.lower() != ".csv":
        raise click.UsageError(f"{output} must end in .csv")
    purpose = "satclip reproduce unigeoclip"
    for module in ("torch", "yaml", "matplotlib"):
        require(module, extra="reproduce" if module == "matplotlib" else "train", purpose=purpose)
    from satclip_training.run.pretraining import RunOptions
    from satclip_training.run.unigeoclip_study import HeldOut, StudyOptions, run_study, write_study
    from satclip_training.settings.packages import import_beside_torch
    from satclip_training.settings.run_files import locations

    import_beside_torch("lightning", extra="train", purpose=purpose)
    budget = [f"training.epochs={epochs}"] if epochs else []
    budget += [f"points.count={points}"] if points else []
    chosen = tuple(name for name in GROUPS if name in groups)
    options = StudyOptions(
        config,
        (*overrides, *budget),
        tuple(range(seeds)),
        chosen,
        HeldOut(continents, continent_column, continent),
        gallery,
    )
    target = next(parent for parent in output.absolute().parents if parent.exists())
    check_target(target / output.name, overwrite=True)
    tell_lines()
    stop = StopOnInterrupt(tells=True)
    runs = RunOptions(locations(config, data_root), folder, data_root, None, stop.asked)
    with stop:
        results = run_study(options, runs)
    text, files = write_study(output, results)
    click.echo(text)
    click.echo("\n".join(map(str, files)))
