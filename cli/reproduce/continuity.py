"""`satclip reproduce continuity`: how much embeddings change per kilometre."""

from __future__ import annotations

from pathlib import Path

import click

from satclip_core.errors import require

from ..long_runs import check_named_csv
from ..options import verbosity_options
from .zoo_options import Range

BEIJING = (116.4, 39.9)


@click.command("continuity")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--places", required=True, metavar="FILE",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Where models were trained: places.npy of a run, or a CSV with lon and lat.",
)  # fmt: skip
@click.option(
    "--count", default=2000, show_default=True, type=click.IntRange(min=2), metavar="N",
    help="Places near, and as many far.",
)  # fmt: skip
@click.option(
    "--near", default=5.0, show_default=True, type=Range(min=0, min_open=True), metavar="KM",
    help="A place this near to a training place is near.",
)  # fmt: skip
@click.option(
    "--far", default=50.0, show_default=True, type=Range(min=0, min_open=True), metavar="KM",
    help="A place as far from all of them is far.",
)  # fmt: skip
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), metavar="N",
    help="Of places and directions.",
)  # fmt: skip
@click.option(
    "--around", default=BEIJING, show_default="Beijing", nargs=2, metavar="LON LAT",
    type=(Range(-180, 180), Range(-90, 90)), help="Middle of the maps of similarity.",
)  # fmt: skip
@click.option(
    "-o", "--output", default="continuity.csv", show_default=True, metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Table to write (CSV), with a figure (.png) and maps (-similarity.png) beside it.",
)  # fmt: skip
@verbosity_options
def command(
    models: tuple[str, ...],
    places: Path,
    count: int,
    near: float,
    far: float,
    seed: int,
    around: tuple[float, float],
    output: Path,
) -> None:
    """Mean change of the unit embedding per km, 1 to 100 km, near to and far from training places.

    MODELs are names or files; `identity` and `geoclip` are there too. Beside the table: a figure,
    and each model's similarity to a place around it (SatCLE, figure 8).
    """
    check_named_csv(output)
    for module in ("torch", "matplotlib", "pandas"):
        require(module, extra="reproduce", purpose="satclip reproduce continuity")
    from satclip_training.evaluation.continuity import continuity_rows, probed_places
    from satclip_training.evaluation.linear_probe import column_names, embedder
    from satclip_training.evaluation.similarity_figures import (
        continuity_picture,
        similarity_picture,
    )
    from satclip_training.places.reading import read_places
    from satclip_training.zoo.tables import aligned, write_csv

    names = column_names(models)
    embeds = {names[model]: embedder(model) for model in names}
    probed = probed_places(read_places(places), count, near_km=near, far_km=far, seed=seed)
    rows = [row for name, embed in embeds.items() for row in continuity_rows(name, embed, probed)]
    header = ["model", "where", "km", "change_per_km"]
    said = [[name, where, f"{km:g}", f"{change:.6f}"] for name, where, km, change in rows]
    write_csv(output, header, said)
    figure = output.with_suffix(".png")
    maps = output.with_name(f"{output.stem}-similarity.png")
    continuity_picture(figure, rows)
    similarity_picture(maps, embeds, around)
    click.echo(aligned([[name.upper() for name in header], *said]))
    click.echo(f"{output}\n{figure}\n{maps}")
