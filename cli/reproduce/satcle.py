"""`satclip reproduce satcle`: the ablation of SatCLE."""

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

VARIANTS = ("neither", "spatial", "semantic", "both")


_study_options = packed(
    Study,
    combined(
        data_root_option("the configuration names"),
        seeds_option("Runs of each variant"),
        set_option(""),
        folder_option("runs/satcle", "runs"),
        table_option("satcle.csv"),
    ),
)


@click.command("satcle")
@click.argument(
    "config", required=False, metavar="[CONFIG]",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
)  # fmt: skip
@click.option(
    "--variant", "variants", multiple=True, default=VARIANTS, type=click.Choice(VARIANTS),
    help="May be given again.  [default: all]",
)  # fmt: skip
@_study_options
@verbosity_options
def command(study: Study, config: Path | None, variants: tuple[str, ...]) -> None:
    """SatCLE's ablation: neither continuity, spatial, semantic, both, by CONFIG's probe tasks.

    CONFIG (YAML) is SatCLE with both; by default a small one of the package
    (systems-satcle.yaml). All variants share places, imagery, seeds and probes. Prints
    mean and standard deviation over the seeds.
    """
    study.check("satclip reproduce satcle")
    import satclip_training
    from satclip_training.run.satcle_ablation import (
        ablation_rows,
        ablation_table,
        check_ablation,
        run_ablation,
    )
    from satclip_training.settings.config import load_config
    from satclip_training.zoo.tables import write_csv

    config = config or Path(satclip_training.__file__).parent / "configs" / "systems-satcle.yaml"
    settings = load_config(config, study.overrides)
    check_ablation(settings)
    chosen = [name for name in VARIANTS if name in variants]
    with study.running(config) as options:
        scores = run_ablation(settings, options, range(study.seeds), chosen)
    write_csv(study.output, ["variant", "task", "runs", "mean", "sd"], ablation_rows(scores))
    click.echo(ablation_table(scores))
    click.echo(f"{study.output}")
