"""`satclip reproduce smoothing`: what SatCLE's semantic smoothing does to one image."""

from __future__ import annotations

from pathlib import Path

import click

from satclip_core.errors import require

from ..long_runs import tell_lines
from ..options import verbosity_options
from .zoo_options import Range


@click.command("smoothing")
@click.argument("config", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option(
    "--at", "place", required=True, nargs=2, metavar="LON LAT",
    type=(Range(-180, 180), Range(-90, 90)),
    help="The image of the run's nearest place.",
)  # fmt: skip
@click.option("--source", metavar="NAME", help="Of CONFIG.  [default: the first smoothed one]")
@click.option(
    "--data-root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the files that the configuration names (or SATCLIP_DATA).",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE",
    help="Change a setting, as in sources.image.smoothing.threshold=0.3; may be given again.",
)  # fmt: skip
@click.option(
    "--folder", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path),
    help="Of the run, whose trained attention is used.  [default: runs/NAME]",
)  # fmt: skip
@click.option(
    "-o", "--output", default="smoothing.png", show_default=True, metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path), help="Picture to write (PNG).",
)  # fmt: skip
@verbosity_options
def command(
    config: Path,
    place: tuple[float, float],
    source: str | None,
    data_root: Path | None,
    overrides: tuple[str, ...],
    folder: Path | None,
    output: Path,
) -> None:
    """A picture of one image: as it is, its attention, what is not causal in it, smoothed.

    CONFIG (YAML) is a run with a smoothed source. Attention that is to be trained is trained on the
    run's places, and kept in its folder for the run itself.
    """
    if output.suffix.lower() != ".png":
        raise click.UsageError(f"{output} must end in .png")
    for module in ("torch", "yaml", "matplotlib"):
        require(module, extra="reproduce", purpose="satclip reproduce smoothing")
    from satclip_training.run.smoothing_figure import write_smoothing
    from satclip_training.settings.config import load_config
    from satclip_training.settings.run_files import locations

    tell_lines()
    settings = load_config(config, overrides)
    run = folder or Path(settings.output or f"runs/{settings.name}")
    lon, lat = write_smoothing(
        output, settings, locations(config, data_root), run, place=place, source=source
    )
    click.echo(f"image at {lon:.4f} {lat:.4f}")
    click.echo(f"{output}")
