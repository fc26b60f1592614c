"""`satclip predict`: what was sampled, at the points of a table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..learning import Learning, learning_options, value_options
from ..messages import quiet, tell
from ..options import (
    combined,
    model_option,
    overwrite_option,
    quoting_option,
    threads_option,
    verbosity_options,
)
from ..progress import Report, duration, progress, quantity

if TYPE_CHECKING:
    from satclip_core.points import PredictResult

_HOW = ("probabilities", "seed", "method", "folds", "transform")

_tables_options = combined(
    click.option("--lon-column", metavar="NAME", help="Column of longitudes of POINTS, or of x."),
    click.option("--lat-column", metavar="NAME", help="Column of latitudes of POINTS, or of y."),
    click.option(
        "--crs",
        metavar="CRS",
        help="CRS of POINTS, where it does not say.  [default: EPSG:4326]",
    ),
    click.option("--layer", metavar="NAME", help="Layer to read, where POINTS has several."),
    click.option("--samples-lon-column", metavar="NAME", help="The same of the samples."),
    click.option("--samples-lat-column", metavar="NAME", help="The same of the samples."),
    click.option("--samples-crs", metavar="CRS", help="The same of the samples."),
    click.option("--samples-layer", metavar="NAME", help="The same of the samples."),
    click.option("--centroid", is_flag=True, help="Take the centroids of lines and polygons."),
    click.option("--encoding", default="utf-8", show_default=True, help="Of CSV text."),
    quoting_option,
)


@click.command("predict")
@click.argument("points", metavar="POINTS")
@click.option(
    "-o",
    "--output",
    "target",
    metavar="OUT",
    required=True,
    help="CSV, GeoJSON, GeoPackage or GeoParquet by its extension; - for CSV on standard output.",
)
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
    table = {name: given[name] for name in _OF_POINTS}
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
            tell(_summary(target, result, time.monotonic() - start))


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


_OF_POINTS = (
    *("lon_column", "lat_column", "crs", "layer", "centroid", "encoding", "quoting"),
    *("strict", "overwrite", "threads"),
)


def _learning(
    samples: str | None,
    model_file: Path | None,
    covariates: tuple[Any, ...],
    given: dict[str, Any],
) -> Learning:
    """What the options say of learning."""
    table = {
        "column": given["column"],
        "classes": given["classes"],
        "missing": given["missing"],
        "weights": given["weights"],
        "groups": given["groups"],
        "lon_column": given["samples_lon_column"],
        "lat_column": given["samples_lat_column"],
        "crs": given["samples_crs"],
        "layer": given["samples_layer"],
        "centroid": given["centroid"],
        "encoding": given["encoding"],
        "quoting": given["quoting"],
    }
    how = {name: given[name] for name in _HOW}
    return Learning(samples, table, covariates, model_file, how)


def _summary(target: str, result: PredictResult, seconds: float) -> str:
    rows = "1 row" if result.table.rows == 1 else f"{result.table.rows:,} rows"
    size = ""
    with suppress(OSError):
        size = f", {quantity(Path(target).stat().st_size, 'B')}"
    return (
        f"{target}: {rows} with predictions of {result.model.name}, "
        f"{100 * result.outside:.0f} % outside the area of applicability{size}, in "
        f"{duration(seconds)}"
    )
