"""`satclip data`: fetch and check the imagery that models are trained on."""

from __future__ import annotations

from pathlib import Path

import click

from satclip_core.errors import InputError

from ..main import INTERRUPTED
from ..messages import tell
from ..options import verbosity_options
from ..progress import progress

folder_type = click.Path(file_okay=False, path_type=Path)


@click.group("data")
def command() -> None:
    """Fetch and check the imagery that models are trained on."""


@command.command("fetch", short_help="Download a data set, or go on where that stopped.")
@click.argument("name", type=click.Choice(["s2-100k"]))
@click.option("-o", "--output", type=folder_type, required=True, help="Folder to fetch it into.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the first N patches; what is fetched is whole shards of 1,000 (0.8 GB).",
)
@click.option("--revision", metavar="REV", help="Another revision of the dataset's repository.")
@verbosity_options
def fetch_command(name: str, output: Path, limit: int | None, revision: str | None) -> None:
    """Download a data set; goes on where an earlier try stopped.

    s2-100k: the 100,000 Sentinel-2 patches that SatCLIP was trained on, 78 GB, as index.csv and
    images/. Proxies are taken from https_proxy and no_proxy; SATCLIP_HUB_URL names another
    server than huggingface.co.

    \b
    satclip data fetch s2-100k -o s2-100k --limit 1000
    """
    from satclip_training.images.s2100k import REVISION, fetch_s2100k

    try:
        with progress(f"fetching {name}", "patches") as report:
            count = fetch_s2100k(
                output, limit=limit, revision=revision or REVISION, progress=report
            )
    except KeyboardInterrupt:
        tell("Interrupted: the same command goes on from here")
        click.get_current_context().exit(INTERRUPTED)
    tell(f"{count:,} patches; satclip data check {output} reads them all")
    click.echo(str(output))


@command.command("example")
@click.option("-o", "--output", type=folder_type, required=True, help="Folder to make it in.")
@verbosity_options
def example_command(output: Path) -> None:
    """Make a small data set to try training with, in seconds.

    Two images, a task and a configuration, made from the bundled model and a formula: they show how
    training goes, and are good for nothing else. Then: satclip train FOLDER/example.yaml
    """
    from satclip_training.images.example import make_example

    config = make_example(output)
    tell(f"made, not measured; satclip train {config} trains on it")
    click.echo(str(config))


@command.command("check", short_help="Read every patch: which are missing or damaged.")
@click.argument("folder", type=folder_type)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@verbosity_options
def check_command(folder: Path, as_json: bool) -> None:
    """Read every patch of FOLDER: which are missing, without data, damaged.

    Patches without data (under 10 kB) are skipped in training; where any is missing or damaged,
    the exit code is 1.
    """
    from satclip_training.images.s2100k import check_folder, report_json, report_lines

    with progress(f"reading {folder}", "patches") as report_progress:
        report = check_folder(folder, progress=report_progress)
    click.echo(report_json(report) if as_json else "\n".join(report_lines(report)))
    if not report.whole:
        raise InputError(
            f"{folder}: {len(report.missing):,} patches are missing and {len(report.damaged):,} "
            f"damaged: remove the damaged ones, then satclip data fetch s2-100k -o {folder}"
        )
