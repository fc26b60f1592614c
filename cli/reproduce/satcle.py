"""`satclip reproduce satcle`: the ablation of SatCLE."""

from __future__ import annotations

from pathlib import Path

import click

from satclip_core.errors import require

from ..commands.train_model import StopOnInterrupt, tell_lines
from ..options import verbosity_options
from .study_options import (
    check_can_be_written,
    check_named_csv,
    data_root_option,
    folder_option,
    seeds_option,
    set_option,
    table_option,
)

VARIANTS = ("neither", "spatial", "semantic", "both")


@click.command("satcle")
@click.argument(
    "config", required=False, metavar="[CONFIG]",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
)  # fmt: skip
@data_root_option("the configuration names")
@seeds_option("Runs of each variant")
@click.option(
    "--variant", "variants", multiple=True, default=VARIANTS, type=click.Choice(VARIANTS),
    help="May be given again.  [default: all]",
)  # fmt: skip
@set_option("")
@folder_option("runs/satcle", "runs")
@table_option("satcle.csv")
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
    check_named_csv(output)
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
    check_can_be_written(output)
    tell_lines()
    stop = StopOnInterrupt(tells=True)
    options = RunOptions(locations(config, data_root), folder, data_root, None, stop.asked)
    chosen = [name for name in VARIANTS if name in variants]
    with stop:
        scores = run_ablation(settings, options, range(seeds), chosen)
    write_csv(output, ["variant", "task", "runs", "mean", "sd"], ablation_rows(scores))
    click.echo(ablation_table(scores))
    click.echo(f"{output}")
