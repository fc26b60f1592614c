"""The `satclip` command: subcommands imported when they are called, errors made into one line."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import click

from satclip_core.errors import KeptInterrupt, SatclipError
from satclip_core.version import __version__

from .lazy import LazyGroup
from .messages import tell, tracebacks
from .words import worded

COMMANDS = {
    "raster": (
        "commands.embedding_raster",
        "Write a GeoTIFF of embeddings: one band for each dimension.",
    ),
    "similarity": (
        "commands.similarity_raster",
        "Write a GeoTIFF of the similarity to one place, or several.",
    ),
    "places": (
        "commands.place_search",
        "Find the places that are most like one place, or several, as points.",
    ),
    "areas": (
        "commands.area_search",
        "Find the areas that are like one place, or several, as polygons.",
    ),
    "search": (
        "commands.word_search",
        "Find what words say: a GeoTIFF of the similarity to them, and the best places.",
    ),
    "locate": (
        "commands.image_origin",
        "Write a probability map of where an image comes from, and its best places.",
    ),
    "rgb": ("commands.rgb_raster", "Write an RGB GeoTIFF of the first three principal components."),
    "clusters": (
        "commands.cluster_raster",
        "Write a GeoTIFF of clusters: pixels whose embeddings are alike.",
    ),
    "map": (
        "commands.map_raster",
        "Write a GeoTIFF of what was sampled at points: numbers or classes.",
    ),
    "describe": ("commands.describe_places", "Say what places are like, in words and numbers."),
    "predict": (
        "commands.predict_points",
        "Predict what was sampled at the points of a table, with its error.",
    ),
    "points": ("commands.points_table", "Add embeddings to a table of points."),
    "zones": (
        "commands.zones_table",
        "Add mean embeddings to polygons and lines, by what they cover.",
    ),
    "evaluate": (
        "commands.evaluate_encoders",
        "Say what embeddings are worth: encoders on tasks or on points of yours, as a page.",
    ),
    "models": ("commands.model_files", "List, describe, fetch and convert models."),
    "data": ("commands.training_data", "Fetch and check the imagery that models are trained on."),
    "train": ("commands.train_model", "Train a model of your own from a configuration file."),
    "reproduce": (
        "reproduce.experiments",
        "Run experiments of the papers again, beside the published numbers.",
    ),
}

INTERRUPTED = 130  # 128 + SIGINT, as shells count
LONGEST = 4000  # characters of a message


class _Interrupted(Exception):
    """Ctrl-C, by another name: click would answer KeyboardInterrupt with an empty line."""

    def __init__(self, kept: bool) -> None:
        """`kept`: whether what is done stays, for the next time."""
        super().__init__()
        self.kept = kept


class _Commands(LazyGroup):
    table = COMMANDS

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SatclipError as error:
            raise click.ClickException(worded(error, ctx.invoked_subcommand)) from error
        except KeyboardInterrupt as error:
            raise _Interrupted(isinstance(error, KeptInterrupt)) from None
        except EOFError as error:  # a file that ends early: click would take it for Ctrl-D
            raise RuntimeError(f"a file ends early ({error})") from error


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="satclip")
def cli() -> None:
    """Location embeddings on the map: what a place is like, as numbers, for any lon and lat.

    \b
    satclip raster --bbox 5 45 11 48 --res 0.1 -o alps.tif
    satclip similarity --to 23.6 -2.9 --bbox -180 -60 180 75 --res 0.5
    satclip COMMAND --help
    """


def run(args: Sequence[str]) -> int:
    """Run the command line; the answer is the exit code.

    0: done; 1: it could not be done; 2: asked for wrongly; 130: interrupted. Whatever went wrong
    is one line on standard error, and a traceback only with -vv.
    """
    try:
        # The arguments are kept as `obj`, for the record in what is written.
        words = list(args) or ["--help"]
        code = cli.main(words, prog_name="satclip", standalone_mode=False, obj=words)
        return code if isinstance(code, int) else 0
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "satclip"
        return _failed(
            f"{error.format_message().rstrip(chr(46))} (see {where} --help)", error, code=2
        )
    except click.ClickException as error:
        return _failed(error.format_message(), error, code=error.exit_code)
    except (_Interrupted, KeyboardInterrupt, click.Abort) as error:
        kept = isinstance(error, _Interrupted) and error.kept
        what = "the same command goes on from there" if kept else "nothing was written"
        tell(f"Interrupted: {what}")
        return INTERRUPTED
    except MemoryError as error:
        return _failed("there is not enough memory for this", error)
    except BrokenPipeError:  # `satclip models list | head`: whoever read has gone
        sys.stdout = None
        return 1
    except Exception as error:
        kind = type(error).__name__
        return _failed(f"internal error, {kind}: {error} (-vv shows where)", error)


def main() -> NoReturn:
    """Entry point of the `satclip` script."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _stop)
    sys.exit(run(sys.argv[1:]))


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    # As an exception, so that temporary files are cleared away.
    raise SystemExit(128 + number)


def _failed(message: str, error: Exception, *, code: int = 1) -> int:
    line = " ".join(message.split())
    if len(line) > LONGEST:  # a value of a file may be of any length
        line = f"{line[:LONGEST]}… ({len(line):,} characters)"
    tell(f"Error: {line}")
    if tracebacks():
        logging.getLogger(__package__).debug("", exc_info=error)
    return code
