"""`satclip train`: a configuration in, a trained and exported model out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from satclip_core.errors import require

from ..long_runs import StopOnInterrupt, data_root_option, set_option, tell_lines
from ..options import verbosity_options

if TYPE_CHECKING:
    from satclip_training.run.pretraining import RunOptions
    from satclip_training.settings.config import SourceSettings, TrainConfig


@click.command("train")
@click.argument("config", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@data_root_option("the configuration names")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the run: cache, log, checkpoint, model.  [default: runs/NAME]",
)
@click.option(
    "--resume/--fresh",
    default=None,
    help="Go on from the folder's checkpoint, or start over.  [default: go on if there is one]",
)
@set_option("")
@click.option("--dry-run", is_flag=True, help="Check settings and files, say what would be done.")
@verbosity_options
def command(
    config: Path,
    data_root: Path | None,
    output: Path | None,
    resume: bool | None,
    overrides: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Train a location encoder as CONFIG (YAML) says.

    Samples points, computes image features once into a cache, trains, and writes the model file
    with its card. Stop it with Ctrl-C and the same command goes on from there.

    \b
    satclip data example -o example && satclip train example/example.yaml -o runs/example
    satclip train mine.yaml --data-root imagery/ --dry-run
    satclip train mine.yaml --data-root imagery/ --set training.epochs=20 -o runs/mine
    """
    require("yaml", extra="train", purpose="satclip train")
    from satclip_training.fine.fine_settings import is_fine
    from satclip_training.settings.config import load_config
    from satclip_training.settings.run_files import locations

    # A wrong setting is said at once, not after the seconds that torch takes.
    settings = None if is_fine(config) else load_config(config, overrides)
    require("torch", extra="train", purpose="satclip train")
    from satclip_training.settings.packages import import_beside_torch

    import_beside_torch("lightning", extra="train", purpose="satclip train")
    from satclip_training.distributed import PeerError
    from satclip_training.run.launch import leads
    from satclip_training.run.pretraining import RunOptions, train

    if settings is None:
        click.echo(str(_train_fine(config, overrides, data_root, output, resume, dry_run)))
        return
    folder = output or Path(settings.output or f"runs/{settings.name}")
    stop = StopOnInterrupt(tells=leads())
    options = RunOptions(locations(config, data_root), folder, data_root, resume, stop.asked)
    if dry_run:
        click.echo(_plan(settings, options))
        return
    tell_lines()
    try:
        with stop:
            path = train(settings, options)
    except PeerError:  # the process that speaks for the run says why
        raise click.exceptions.Exit(1) from None
    if leads():
        click.echo(str(path))


def _train_fine(
    config: Path,
    overrides: tuple[str, ...],
    data_root: Path | None,
    output: Path | None,
    resume: bool | None,
    dry_run: bool,
) -> Path | str:
    """Fit an encoder of two parts; the model file, or what would be done."""
    from satclip_training.fine.fine_run import train_fine
    from satclip_training.fine.fine_settings import load_fine_config
    from satclip_training.settings.run_files import locations

    settings = load_fine_config(config, overrides)
    places = locations(config, data_root)
    folder = output or Path(settings.output or f"runs/{settings.name}")
    if dry_run:
        for name, eye in settings.eyes.items():
            for file in eye.files:
                places.find_all(file, f"eyes.{name}.files")
        levels = ", ".join(f"{180 / x.rows:.3g}° × {x.channels}" for x in settings.levels)
        return f"{settings.name}: {settings.predictions} predictions, field {levels}, to {folder}"
    tell_lines()
    stop = StopOnInterrupt(tells=True)
    with stop:
        model: Path = train_fine(settings, places, folder, stop.asked, resume)
    return model


def _plan(config: TrainConfig, options: RunOptions) -> str:
    """What a run would do, after every file was found."""
    from satclip_training.run.plan import plan_run

    plan = plan_run(config, options)
    lines = [f"{config.name}: {plan.places:,} points, output {options.output}"]
    for source in plan.sources:
        images = _images(source.settings, source.files)
        lines.append(f"{source.name}: {images}, cache {_megabytes(source.cache_bytes)}")
        if source.blank is not None:
            lines.append(f"{source.name}: {source.blank}")
    lines += [f"{name}: {kind}, contrasted with places" for name, kind in plan.modalities.items()]
    if plan.sources and all(source.cache_bytes for source in plan.sources):
        total = sum(source.cache_bytes for source in plan.sources)
        lines.append(f"cache {_megabytes(total)} in all")
    lines.append(f"{config.training.epochs} epochs of {plan.steps} steps")
    lines.append(
        f"licence of the weights: {config.export.licence or 'not stated (export.licence)'}"
    )
    return "\n".join(lines)


def _images(source: SourceSettings, files: int) -> str:
    if source.chip is None:
        side = source.transform.crop
        return f"{files:,} patches, {source.views} views of {side} x {side} pixels"
    side, kilometres = source.chip.pixels, source.chip.kilometres
    views = f"{source.views} views of {side} x {side} pixels ({kilometres:g} km)"
    return f"{files} alternatives, {views}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size else "as large as the network's features are many"
