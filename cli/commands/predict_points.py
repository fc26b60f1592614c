"""`satclip predict`: what was sampled, at the points of a table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from ..learning import Learning, learning_options, value_options
from ..messages import quiet, tell
from ..options import (
    combined,
    model_option,
    overwrite_option,
    threads_option,
    verbosity_options,
)
from ..progress import Report, progress
from ..tables import READING, output_table_option, place_options, samples_options
from .points_table import summary

_OF_SAMPLES = ("column", "classes", "missing", "weights", "groups")
_HOW = ("probabilities", "seed", "method", "folds", "transform")

_tables_options = combined(
    place_options("POINTS"),
    click.option("--samples-lon-column", metavar="NAME", help="The same of the samples."),
    click.option("--samples-lat-column", metavar="NAME", help="The same of the samples."),
    click.option("--samples-crs", metavar="CRS", help="The same of the samples."),
    click.option("--samples-layer", metavar="NAME", help="The same of the samples."),
    samples_options,
)


@click.command("predict")
@click.argument("points", metavar="POINTS")
@output_table_option()
@click.option("--samples", metavar="FILE", help="Samples to learn from, as `satclip map` reads.")
@value_options
@learning_options
@click.option(
    "--probabilities", is_flag=True, help="Classes: add a column of the probability of each."
)
@click.option(
    "--prefix", metavar="TEXT", default="", help="Of the new columns' names; none by default."
)
@_tables_options
@click.option(
    "--strict", is_flag=True, help="Fail on rows without usable coordinates; else left empty."
)
@model_option
@overwrite_option
@threads_option
@verbosity_options
def command(
    points: str,
    target: str,
    samples: str | None,
    save_model: Path | None,
    model_file: Path | None,
    covariates: tuple[Any, ...],
    prefix: str,
    model: str,
    **given: Any,
) -> None:
    """Add predictions of what was sampled to each row of POINTS.

    Learnt as `satclip map` learns, from --samples or by --model-file. The new columns are, for
    numbers, the value (NAME_predicted), its standard error, and the ends of the 90 % interval;
    for classes the most probable one and its probability; for both the dissimilarity index, 1
    inside the area of applicability or 0 outside (inside_area), and the distance to the nearest
    sample in km. Tables are read and kept as `satclip points` does.

    \b
    satclip predict plots.csv --samples stations.csv --column temperature -o predicted.csv
    satclip predict plots.gpkg --model-file rain.npz --covariate dem.tif -o predicted.gpkg
    """
    from satclip_core.files import Target, check_apart
    from satclip_core.models.registry import load_encoder
    from satclip_core.points import PointsRequest, PredictRequest, predict_points
    from satclip_core.products import save_map

    start = time.monotonic()
    learning = _learning(samples, model_file, covariates, given)
    learning.check("option '--samples'")
    table = {name: given[name] for name in (*READING, "strict", "overwrite", "threads")}
    request = PointsRequest(points, target, **table)
    _ = request.target_format  # a wrong extension is said before anything is read
    if target != "-":
        check_apart(Path(target), learning.files)
    saved = None
    if save_model is not None:
        check_apart(save_model, (points, target, model, *learning.files))
        saved = Target(save_model, given["overwrite"])
    wanted = PredictRequest(request, learning.wanted("samples"), prefix)
    encoder = load_encoder(model)
    with _bars("predicting" if target == "-" else target) as (fits, rows):
        result = predict_points(encoder, wanted, learning=fits, progress=rows)
    if saved is not None:
        save_map(result.model, saved)
    if not quiet():
        tell(result.model.summary)
        if target != "-":
            what = (
                f"predictions of {result.model.name}, {100 * result.outside:.0f} % outside the "
                "area of applicability"
            )
            tell(summary(target, result.table, what, time.monotonic() - start))


@contextmanager
def _bars(label: str) -> Iterator[tuple[Report, Report]]:
    """Progress of learning, and then of the rows: one bar gives way to the other."""
    with ExitStack() as stack:
        fits: Report = stack.enter_context(progress("learning", "fits"))
        rows: Report | None = None

        def then(done: int, total: int) -> None:
            nonlocal rows
            if rows is None:
                stack.close()
                rows = stack.enter_context(progress(label, "rows"))
            rows(done, total)

        yield fits, then


def _learning(
    samples: str | None,
    model_file: Path | None,
    covariates: tuple[Any, ...],
    given: dict[str, Any],
) -> Learning:
    """What the options say of learning."""
    table = {
        **{name: given[name] for name in _OF_SAMPLES},
        **{name: given.get(f"samples_{name}", given[name]) for name in READING},
    }
    how = {name: given[name] for name in _HOW}
    return Learning(samples, table, covariates, model_file, how)
