"""The options that commands share, each written once, and the types that read their values."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Any, Callable

import click

from .messages import configure

_NUMBER = re.compile(r"^[+-]?(\d|\.\d|nan$|inf(inity)?$)", re.IGNORECASE)
# Options that take several numbers, as separate words too: at least, at most.
_SEVERAL = {
    "--bbox": (4, 4),
    "--bounds": (4, 4),
    "--res": (1, 2),
    "--to": (2, 2),
    "--unlike": (2, 2),
}


class Numbers(click.ParamType):  # type: ignore[type-arg]  # generic to type checkers alone
    """Numbers as text: `1 2`, `1,2` or JSON `[1, 2]`.

    Args:
        name: what they are, as in help and errors: "W S E N".
        least: how many there must be.
        most: how many there may be.
    """

    def __init__(self, name: str, least: int, most: int | None = None) -> None:
        self.name = name
        self.least = least
        self.most = most or least

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Text to a tuple of floats, or a message that names what cannot be read."""
        if isinstance(value, tuple):
            return value
        try:
            parts = json.loads(value)
            parts = parts if isinstance(parts, list) else [parts]
        except (ValueError, RecursionError):
            parts = [part for part in re.split(r"[,;\s]+", value.strip()) if part]
        numbers = []
        for part in parts:
            try:
                numbers.append(float(part))
            except (OverflowError, TypeError, ValueError):
                self.fail(f"{part!r} is not a number: give {self.name}", param, ctx)
        if not self.least <= len(numbers) <= self.most:
            self.fail(f"{value!r} is {len(numbers)} numbers: give {self.name}", param, ctx)
        return tuple(numbers)


class Source(click.ParamType):  # type: ignore[type-arg]
    """A file, or whatever else GDAL opens: an address, /vsizip/…, NETCDF:file:variable.

    As text: a path would make one slash of the two in an address.
    """

    name = "FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Text as it is."""
        return str(value)


class CreationOption(click.ParamType):  # type: ignore[type-arg]
    """One `KEY=VALUE` for GDAL's driver."""

    name = "KEY=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Text to (KEY, value)."""
        if isinstance(value, tuple):
            return value
        key, equals, rest = value.partition("=")
        if not key.strip() or not equals:
            self.fail(f"{value!r} is not KEY=VALUE, e.g. COMPRESS=DEFLATE", param, ctx)
        return key.strip().upper(), rest.strip()


class Command(click.Command):
    """A command whose options may take several numbers in a row, negative ones too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Join `--bbox -10 5 3 8` to `--bbox=-10,5,3,8`, then parse as usual."""
        return super().parse_args(ctx, join_numbers(args))


def join_numbers(args: list[str]) -> list[str]:
    """Each option of several numbers, and the words that follow it, as one word."""
    joined: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*joined, word, *rest]
        if word not in _SEVERAL:
            joined.append(word)
            continue
        least, most = _SEVERAL[word]
        values: list[str] = []
        while rest and len(values) < most and _belongs(rest[0], len(values) < least):
            values.append(rest.pop(0))
            if re.search(r"[,;\s]", values[-1]):
                break
        joined.append(f"{word}={','.join(values)}" if values else word)
    return joined


def _belongs(word: str, needed: bool) -> bool:
    if needed:  # even if it is no number, so that the message can name it
        return bool(_NUMBER.match(word)) or not word.startswith("-")
    return bool(_NUMBER.match(word))


def combined(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several decorators as one, the first on top."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def packed(kind: type[Any], shared: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Options that a command gets as its first argument, a dataclass with a field for each.

    Args:
        kind: the dataclass.
        shared: the options.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        @wraps(function)
        def with_them(**kwargs: Any) -> Any:
            given = kind(**{field.name: kwargs.pop(field.name) for field in fields(kind)})
            return function(given, **kwargs)

        return shared(with_them)

    return decorate


def _set_verbosity(ctx: click.Context, param: click.Parameter, value: int) -> None:
    # Both options call this; together they give the level.
    level: int = ctx.meta.get("satclip.verbosity", 0) + (value if param.name == "verbose" else 0)
    if param.name == "quiet" and value:
        level = -1
    ctx.meta["satclip.verbosity"] = level
    configure(level)


verbosity_options = combined(
    click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        callback=_set_verbosity,
        help="Say what is done; -vv everything, with tracebacks.",
    ),
    click.option(
        "-q",
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_set_verbosity,
        help="Only errors.",
    ),
)


def model_option_of(default: str) -> Callable[[Any], Any]:
    """The option that names a model."""
    return click.option(
        "--model",
        metavar="NAME|FILE",
        default=default,
        show_default=True,
        help="A model of `satclip models list`, or the path of an .npz, .ckpt or .pth.tar file.",
    )


model_option = model_option_of("bundled")

threads_option = click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of threads; all processors by default.",
)


tolerance_option = click.option(
    "--tolerance",
    type=float,
    metavar="SHARE",
    help="Interpolate a smooth model's values where they are off by less than this share of their "
    "standard deviation, measured in every block: many times as fast. 0: evaluate every pixel. By "
    "default 0.0001 where the type does not show it (int16, uint8, float16, colours), else 0.",
)

device_option = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda", "auto"]),
    default="cpu",
    show_default=True,
    help="Where embeddings are computed: on the processors by numpy, on a GPU by torch (extra "
    "`torch`), or on a GPU where there is one.",
)

dims_option = click.option(
    "--dims",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the first N dimensions; all by default.",
)


def properties_option(default: str | None = None) -> Callable[[Any], Any]:
    """`--properties`, with what is told where it is not given."""
    return click.option(
        "--properties",
        metavar="NAME,…",
        default=default,
        show_default=default is not None,
        help="Named properties, read from the embedding: temperature, rain, elevation, land_cover "
        "and others, or all.",
    )


def property_names(given: str) -> tuple[str, ...]:
    """The names in a list such as `temperature, rain`."""
    return tuple(name.strip() for name in given.split(",") if name.strip())


quoting_option = click.option(
    "--quoting",
    type=click.Choice(["auto", "double", "none"]),
    default="auto",
    show_default=True,
    help="Of CSV text: double quotes hold a field together, or are part of it (none).",
)

overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace the output if it exists; refused otherwise."
)

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say shape, size and time; write nothing."
)

co_option = click.option(
    "--co",
    "creation_options",
    type=CreationOption(),
    multiple=True,
    metavar="KEY=VALUE",
    help="Creation option of GDAL's GeoTIFF driver, or of its COG driver; repeatable.",
)


def resume_option(always: str) -> Callable[[Any], Any]:
    """`--resume`, with what keeps parts without it."""
    return click.option(
        "--resume",
        is_flag=True,
        help="Keep what is done when interrupted (NAME.part), and go on from it with the same "
        f"command; {always}.",
    )


def scheduler_option(what: str) -> Callable[[Any], Any]:
    """`--scheduler`, with what can be made so."""
    return click.option(
        "--scheduler",
        metavar="ADDRESS|local",
        help="Compute on the workers of this Dask scheduler, or on workers of this machine: "
        f"{what}.",
    )


format_options = combined(
    click.option(
        "--format",
        type=click.Choice(["gtiff", "cog", "cogs", "zarr", "parquet"]),
        help="GeoTIFF, a cloud-optimised one, a folder of those with a VRT and a STAC catalogue, a "
        "Zarr store, a GeoParquet table of pixel centres.  [default: by the output's extension: "
        ".tif, .zarr, .parquet]",
    ),
    click.option(
        "--nodata",
        type=float,
        metavar="VALUE",
        help="Value where there is no data.  [default: NaN; of whole numbers 255, -32768 or 0]",
    ),
    click.option(
        "--stac", is_flag=True, help="Write a STAC item beside the output, NAME.stac.json."
    ),
    resume_option("zarr and cogs always do"),
    scheduler_option("zarr and cogs"),
)

region_option = click.option(
    "--region",
    metavar="FILE|COUNTRY",
    help="Only within these polygons (GeoJSON, or what GDAL opens), or this country (English name "
    "or ISO code); gives --bbox too, where that is left out.",
)


def output_option(default: str) -> Callable[[Any], Any]:
    """`-o/--output`, with the file name a command writes by default."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="FILE",
        default=default,
        show_default=True,
        help="File to write.",
    )


grid_options = combined(
    click.option(
        "--bbox",
        "--bounds",
        type=Numbers("four numbers, W S E N", 4),
        metavar="W S E N",
        help="Extent in units of --crs; also as W,S,E,N. W > E crosses the antimeridian.",
    ),
    click.option(
        "--res",
        type=Numbers("one or two numbers, X [Y]", 1, 2),
        metavar="X [Y]",
        help="Pixel size in units of --crs.",
    ),
    click.option(
        "--crs",
        metavar="CRS",
        help="CRS of the raster: EPSG code, WKT, PROJ string.  [default: EPSG:4326]",
    ),
    click.option("--bbox-crs", metavar="CRS", help="CRS of --bbox, if it is not --crs."),
    click.option(
        "--tap/--no-tap",
        default=None,
        help="Let all edges be multiples of --res, so that neighbours share one grid.  [default: "
        "with --bbox-crs]",
    ),
    click.option(
        "--like",
        type=Source(),
        metavar="FILE",
        help="Take CRS, extent and pixels from this raster, in place of --bbox and --res; anything "
        "that GDAL opens.",
    ),
)
