"""The options of commands that read tables, or write one: each written once."""

from __future__ import annotations

from typing import Any, Callable

import click

from .options import combined, quoting_option


def output_table_option(
    formats: str = "CSV, GeoJSON, GeoPackage or GeoParquet", more: str = ""
) -> Callable[[Any], Any]:
    """`-o/--output`, of a table in the format that its extension says.

    Args:
        formats: that there are, the usual one first.
        more: what else may be given.
    """
    told = [f"{formats} by its extension", more, "- for CSV on standard output."]
    return click.option(
        "-o",
        "--output",
        "target",
        metavar="OUT",
        required=True,
        help="; ".join(one for one in told if one),
    )


def layer_option(of: str) -> Callable[[Any], Any]:
    """`--layer`, of the table that is read.

    Args:
        of: what the command calls the table.
    """
    return click.option("--layer", metavar="NAME", help=f"Layer to read, where {of} has several.")


def place_options(of: str, crs: str = "--crs") -> Callable[[Any], Any]:
    """Where the places of a table stand: columns, CRS, layer.

    Args:
        of: what the command calls the table.
        crs: the option of its CRS.
    """
    return combined(
        click.option(
            "--lon-column", metavar="NAME", help=f"Column of longitudes of {of}, or of x."
        ),
        click.option("--lat-column", metavar="NAME", help=f"Column of latitudes of {of}, or of y."),
        click.option(
            crs,
            metavar="CRS",
            help=f"CRS of the coordinates of {of}, where the file does not say.  "
            "[default: EPSG:4326]",
        ),
        layer_option(of),
    )


# What the options below give, by which `PointsRequest` and `SamplesRequest` read a table.
READING = ("lon_column", "lat_column", "crs", "layer", "centroid", "encoding", "quoting")

text_options = combined(
    click.option("--encoding", default="utf-8", show_default=True, help="Of CSV text."),
    quoting_option,
)

samples_options = combined(
    click.option("--centroid", is_flag=True, help="Take the centroids of lines and polygons."),
    text_options,
)

array_option = click.option(
    "--array",
    metavar="NAME",
    help="The embedding as one array column of this name (JSON text in CSV and GeoPackage, which "
    "have no lists).",
)


def prefix_option(also: str = "") -> Callable[[Any], Any]:
    """`--prefix` of the columns of an embedding.

    Args:
        also: what else it stands before.
    """
    return click.option(
        "--prefix",
        metavar="TEXT",
        default="e",
        show_default=True,
        help=f"Of the new columns' names: e000, e001, …{also}",
    )
