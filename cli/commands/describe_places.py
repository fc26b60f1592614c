"""`satclip describe`: what places are like, in words and in named properties."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from satclip_core.errors import InputError

from ..options import (
    Numbers,
    model_option,
    properties_option,
    property_names,
    verbosity_options,
)
from ..words import worded

if TYPE_CHECKING:
    from satclip_core.encoder import LocationEncoder
    from satclip_core.products.place_words import Comparison, Difference, PlaceDescription, Reading

log = logging.getLogger(__name__)

_COORDINATES = re.compile(r"^[+-]?(\d|\.\d)[\d.,;eE+-]*$")
# Of a number where decimals have a comma, or of a place of whole degrees.
_DECIMAL_COMMA = re.compile(r"^[+-]?\d+,\d+$")
_PLACES = Numbers("two numbers, LON LAT", 2, 1_000_000)


class _Places(click.Command):
    """A command whose arguments are coordinates, negative ones too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the numbers behind the options: -60 is no option."""
        before = args[: args.index("--")] if "--" in args else args
        numbers = [word for word in before if _COORDINATES.match(word)]
        others = [word for word in before if not _COORDINATES.match(word)]
        rest = args[len(before) + 1 :]
        return super().parse_args(ctx, [*others, "--", *numbers, *rest])


@click.command("describe", cls=_Places)
@click.argument("numbers", metavar="LON LAT …", nargs=-1, required=True)
@properties_option(default="all")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@model_option
@verbosity_options
def command(numbers: tuple[str, ...], properties: str, as_json: bool, model: str) -> None:
    """Say what one place is like, or several; of two also what they share and what not.

    Temperature, rain, elevation, land cover and more are read from the embedding by small models
    that were fitted to public maps. They are predictions, not measurements: each comes with the
    range that holds 8 of 10 labels, or the probability of the class, and its error at places that
    were left out. docs/properties.md tells their sources.

    \b
    satclip describe 23.6 -2.9
    satclip describe 11.6 48.1 -104.9 39.7
    satclip describe 11.6,48.1 --properties temperature,rain --json
    """
    from satclip_core.models.registry import load_encoder
    from satclip_core.products.place_words import compare, describe

    values = _PLACES.convert(" ".join(numbers), None, click.get_current_context())
    if len(values) % 2:
        raise click.UsageError(f"{len(values)} numbers: give LON LAT for each place")
    places = list(zip(values[::2], values[1::2]))
    if len(numbers) == 2 and all(_DECIMAL_COMMA.match(word) for word in numbers):
        log.warning("%s %s is read as two places: decimals take a point", *numbers)
    encoder = load_encoder(model)
    try:
        described = describe(encoder, places, property_names(properties))
    except InputError as error:
        raise click.ClickException(worded(error, "describe")) from error
    comparison = compare(*described) if len(described) == 2 else None
    if as_json:
        click.echo(
            json.dumps(_as_json(encoder, described, comparison), ensure_ascii=False, indent=1)
        )
    else:
        click.echo("\n\n".join(_in_words(encoder, described, comparison)))


def _in_words(
    encoder: LocationEncoder, described: list[PlaceDescription], comparison: Comparison | None
) -> list[str]:
    """Paragraphs."""
    parts = []
    for place in described:
        rows = [
            (reading.facts.title, reading.said(), reading.margin(), reading.facts.error)
            for reading in place.readings
        ]
        parts.append("\n".join([f"{_named(place)}: {place.said()}", *_columns(rows)]))
    if comparison is not None:
        parts.append(_compared(comparison))
    side = described[0].readings[0].facts.block_degrees
    parts.append(
        f"Predicted from the embedding of the model {encoder.name}, not measured. A range holds 8 "
        f"of 10 labels at places left out, whole blocks of {side:g}° at a time; per cent are the "
        "probability of a class."
    )
    return parts


def _compared(comparison: Comparison) -> str:
    lines = [f"Cosine similarity of the two places {comparison.cosine:.2f}"]
    for title, differences in (("alike in", comparison.shared), ("apart in", comparison.apart)):
        if differences:
            rows = [_row(difference) for difference in differences]
            lines += [title, *_columns(rows)]
    return "\n".join(lines)


def _row(difference: Difference) -> tuple[str, ...]:
    first, second = difference.first, difference.second
    what = "of the probability" if first.class_name is not None else "spreads of all land"
    told = f"{difference.distance:.1f} {what}"
    if first.class_name is not None:
        told = f"{100 * difference.distance:.0f} % {what} not shared"
    return (first.facts.title, first.said(), second.said(), told)


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        ("  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths))).rstrip()
        for row in rows
    ]


def _named(place: PlaceDescription) -> str:
    north, east = "S" if place.lat < 0 else "N", "W" if place.lon < 0 else "E"
    return f"{abs(place.lat):.3f}° {north}, {abs(place.lon):.3f}° {east}"


def _as_json(
    encoder: LocationEncoder, described: list[PlaceDescription], comparison: Comparison | None
) -> dict[str, Any]:
    from satclip_core.products.properties import PREDICTED

    content: dict[str, Any] = {
        "model": encoder.name,
        "weights_sha256": encoder.sha256,
        "values": PREDICTED,
        "properties": {
            reading.facts.name: {
                "title": reading.facts.title,
                "unit": reading.facts.unit,
                "error": reading.facts.error,
                "scores": dict(reading.facts.scores),
                "block_degrees": reading.facts.block_degrees,
                "source": reading.facts.source,
                "licence": reading.facts.licence,
            }
            for reading in described[0].readings
        },
        "places": [
            {
                "lon": place.lon,
                "lat": place.lat,
                "words": place.said(),
                "on_water": place.on_water,
                "predicted": {reading.facts.name: _values(reading) for reading in place.readings},
            }
            for place in described
        ],
    }
    if comparison is not None:
        content["comparison"] = {
            "cosine": comparison.cosine,
            "shared": {one.first.facts.name: one.distance for one in comparison.shared},
            "apart": {one.first.facts.name: one.distance for one in comparison.apart},
        }
    return content


def _values(reading: Reading) -> dict[str, Any]:
    if reading.facts.legend is not None:
        code = None if reading.value is None else int(reading.value)
        return {
            "code": code, "class": reading.class_name, "probability": reading.probability
        }  # fmt: skip
    return {"value": reading.value, "low": reading.low, "high": reading.high}
