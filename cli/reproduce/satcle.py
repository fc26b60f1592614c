"""`satclip reproduce satcle`: the ablation of SatCLE."""

from __future__ import annotations

from pathlib import Path

import click

from satclip_core.errors import require
from satclip_core.files import check_target

from ..commands.train_model import StopOnInterrupt, tell_lines
from ..options import verbosity_options

VARIANTS = ("neither", "spatial", "semantic", "both")


@click.command("satcle")
@click.argument(
    "config", required=False, metavar="[CONFIG]",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
)  # fmt: skip
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
    "--variant", "variants", multiple=True, default=VARIANTS, type=click.Choice(VARIANTS),
    help="May be given again.  [default: all]",
)  # fmt: skip
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE",
    help="Change a setting, as in training.epochs=5; may be given again.",
)  # fmt: skip
@click.option(
    "--folder", default="runs/satcle", show_default=True, metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keeps finished runs; a second call goes on from there.",
)  # fmt: skip
@click.option(
    "-o", "--output", default="satcle.csv", show_default=True, metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Table to write (CSV), in place of what is there.",
)  # fmt: skip
@verbosity_options
def command(
    config: Path | None,
    data_root: Path | None,
    seeds: int,
    variants: tuple[str, ...],
    overrides: tuple[str, ...],
    folder: Path,
    output: Path,
) -> None:
    """SatCLE's ablation: neither continuity, spatial, semantic, both, by CONFIG's probe tasks.

    CONFIG (YAML) is SatCLE with both; by default a small one of the package
    (systems-satcle.yaml). All variants share places, imagery, seeds and probes. Prints
    mean and standard deviation over the seeds.
    """
    if output.suffix.lower() != ".csv":
        raise click.UsageError(f"{output} must end in .csv")
    for module in ("torch", "yaml"):
        require(module, extra="train", purpose="satclip reproduce satcle")
    import satclip_training
    from satclip_training.run.pretraining import RunOptions
    from satclip_training.run.satcle_ablation import (
        ablation_rows,
        ablation_table,
        check_ablation,
        run_ablation,
    )
    from satclip_training.settings.config import load_config
    from satclip_training.settings.packages import import_beside_torch
    from satclip_training.settings.run_files import locations
    from satclip_training.zoo.tables import write_csv

    import_beside_torch("lightning", extra="train", purpose="satclip reproduce satcle")
    config = config or Path(satclip_training.__file__).parent / "configs" / "systems-satcle.yaml"
    settings = load_config(config, overrides)
    check_ablation(settings)
    target = next(parent for parent in output.absolute().parents if parent.exists())
    check_target(target / output.name, overwrite=True)
    tell_lines()
    stop = StopOnInterrupt(tells=True)
    options = RunOptions(locations(config, data_root), folder, data_root, None, stop.asked)
    chosen = [name for name in VARIANTS if name in variants]
    with stop:
        scores = run_ablation(settings, options, range(seeds), chosen)
    write_csv(output, ["variant", "task", "runs", "mean", "sd"], ablation_rows(scores))
    click.echo(ablation_table(scores))
    click.echo(f"{output}")
