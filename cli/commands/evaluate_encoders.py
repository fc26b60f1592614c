"""`satclip evaluate`: encoders on tasks, or on points of one's own, by the papers' protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from satclip_core.errors import require

from ..long_runs import (
    StopOnInterrupt,
    check_can_be_written,
    data_root_option,
    folder_option,
    tell_lines,
)
from ..messages import tell
from ..options import verbosity_options
from ..progress import duration, progress
from ..tables import READING, place_options, samples_options


@click.command("evaluate")
@click.argument("encoders", nargs=-1, metavar="[ENCODER]...")
@click.option("--points", metavar="FILE", help="Points of yours, in place of the tasks.")
@click.option(
    "--target",
    "--column",
    "target",
    metavar="COLUMN",
    help="Column of --points: numbers or classes.",
)
@click.option(
    "--classes", is_flag=True, help="The column holds classes even if it is whole numbers."
)
@place_options("FILE")
@samples_options
@click.option(
    "--settings", "settings_file", metavar="YAML",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Tasks, splits, heads, encoders.  [default: evaluation.yaml of the package]",
)  # fmt: skip
@click.option("--task", "tasks", multiple=True, metavar="NAME", help="Only this task; repeatable.")
@data_root_option("the tasks name")
@click.option(
    "--split", "splits", multiple=True, metavar="NAME",
    help="random, blocks-DEGREES or knndm; repeatable.  [default: random, blocks-10; of --points "
    "random and blocks as large as they allow]",
)  # fmt: skip
@click.option(
    "--head", "heads", multiple=True,
    type=click.Choice(("mlp", "ridge", "knn", "gaussian", "range")),
    help="What reads the target from an embedding; repeatable.  [default: all]",
)  # fmt: skip
@click.option("--seeds", type=click.IntRange(min=2), metavar="N", help="Runs.  [default: 5]")
@click.option(
    "--most", type=click.IntRange(min=50), metavar="N", help="Samples of a task.  [default: 3200]"
)
@click.option("--no-adaptation", is_flag=True, help="Hold no continent out.")
@click.option(
    "--no-intrinsic", is_flag=True, help="Leave out what needs no labels, and world maps."
)
@click.option("--finished", is_flag=True, help="Report the scores that are kept; compute none.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(min=1), metavar="N",
              help="Processes at a time.")  # fmt: skip
@folder_option("runs/evaluate", "scores, splits and embeddings")
@click.option(
    "-o", "--output", default="evaluation.html", show_default=True, metavar="FILE.html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Page to write, in place of what is there; a CSV and a JSON of its name stand beside it.",
)  # fmt: skip
@click.option(
    "--table", "texts", multiple=True, metavar="FILE.md",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Fill the tables of this text between its marks (docs/evaluation.md); repeatable.",
)  # fmt: skip
@verbosity_options
def command(
    encoders: tuple[str, ...],
    points: str | None,
    target: str | None,
    output: Path,
    jobs: int,
    folder: Path,
    no_intrinsic: bool,
    finished: bool,
    texts: tuple[Path, ...],
    **values: Any,
) -> None:
    """What is an embedding worth for a task, and against what?

    ENCODERs are models (names or files, also checkpoints of SatCLIP, TorchSpatial and CSP),
    `fetched` (SatCLIP's published ones in the cache), `geoclip` where its package is installed,
    `identity`, `onehot`, `sinusoid`, `untrained`, `mosaiks`, any positional encoding such as
    `wrap`, or a folder of GPS2Vec's weights; LABEL=ENCODER gives one another name in the tables.
    The first is the one that the others are tested against. Without one, those of the settings.

    Frozen embeddings are read by an MLP with random search, by ridge regression, nearest neighbours
    and a Gaussian process, on random and on blocked splits, with continents held out. What is
    finished is kept in the folder: the same command goes on from there. docs/evaluation.md tells
    the protocol.

    \b
    satclip evaluate --data-root DATA -o report.html
    satclip evaluate bundled mine.npz geoclip identity --task elevation --data-root DATA
    satclip evaluate --points plots.csv --target biomass -o biomass.html
    """
    for module in ("torch", "yaml", "pandas", "geopandas", "scipy"):
        require(module, extra="train", purpose="satclip evaluate")
    if (points is None) != (target is None):
        raise click.UsageError("--points and --target belong together")
    if output.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"{output} must end in .html")
    from satclip_training.evaluation.protocol.asking import DEFAULT, Wishes, ask, named_encoders
    from satclip_training.evaluation.protocol.suite import evaluate
    from satclip_training.evaluation.protocol.suite_report import look_closer, write_report
    from satclip_training.evaluation.protocol.suite_tables import Tables, put_tables

    others = [output.with_suffix(suffix) for suffix in (".csv", ".json")]
    check_can_be_written(output, *others)
    tell_lines()
    asked = ask(
        Wishes(
            named_encoders(encoders), values["settings_file"] or DEFAULT, values["tasks"],
            values["data_root"],
            _samples(points, target, **values) if points and target else None,
            _changes(**values), not values["no_adaptation"],
        )
    )  # fmt: skip
    stop = StopOnInterrupt(tells=True)
    with stop, progress("evaluating", "cells") as report:
        results = evaluate(
            asked, folder, jobs=jobs, finished=finished, progress=report, cancelled=stop.asked
        )
    if not no_intrinsic:
        with stop, progress("looking into embeddings", "encoders") as report:
            look_closer(
                asked, results, folder, data_root=values["data_root"], progress=report,
                cancelled=stop.asked,
            )  # fmt: skip
    write_report(asked, results, folder, output)
    for path in texts:
        put_tables(path, Tables(results))
    seconds = sum(record["seconds"] for record in results["records"])
    tell(f"{len(results['records'])} scores, {duration(seconds)} of computing")
    for path in (output, *others):
        click.echo(str(path))


def _samples(points: str, target: str, **values: Any) -> Any:
    from satclip_core.points import SamplesRequest

    return SamplesRequest(
        points,
        target,
        classes=values["classes"] or None,
        **{name: values[name] for name in READING},
    )


def _changes(**values: Any) -> dict[str, Any]:
    """Settings that were given."""
    named = ("splits", "heads", "seeds", "most")
    return {name: values[name] for name in named if values[name]}
