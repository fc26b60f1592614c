"""The core's errors in the words of the command line: its arguments as options."""

from __future__ import annotations

import shlex

from satclip_core.errors import Argument, Call, Noun, SatclipError, Term

# The option for each argument that the core's errors name.
OPTIONS = {
    "above": "--above",
    "array": "--array",
    "bands": "--bands",
    "bounds": "--bbox",
    "bounds_crs": "--bbox-crs",
    "centroid": "--centroid",
    "classes": "--classes",
    "covariates": "--covariate",
    "creation_options": "--co",
    "crs": "--crs",
    "device": "--device",
    "dims": "--dims",
    "dtype": "--dtype",
    "encoding": "--encoding",
    "folds": "--folds",
    "force": "--force",
    "format": "--format",
    "groups": "--groups",
    "kilometres": "--kilometres",
    "lat_column": "--lat-column",
    "layer": "--layer",
    "least_km2": "--min-area",
    "lon_column": "--lon-column",
    "method": "--method",
    "missing": "--missing",
    "model": "--model",
    "nodata": "--nodata",
    "overwrite": "--overwrite",
    "percentile": "--percentile",
    "prefix": "--prefix",
    "properties": "--properties",
    "quoting": "--quoting",
    "reduce": "--reduce",
    "res": "--res",
    "strict": "--strict",
    "tolerance": "--tolerance",
    "transform": "--transform",
    "weights": "--weights",
}
# Where a command has another option for it. Errors name `crs` for tables of points alone; in
# `satclip map` the raster has a CRS too.
OF_COMMANDS = {"map": {"crs": "--samples-crs"}}
# Where a command reads two tables, of the samples.
OF_SAMPLES = {
    "crs": "--samples-crs",
    "lat_column": "--samples-lat-column",
    "layer": "--samples-layer",
    "lon_column": "--samples-lon-column",
}
# What is typed for a call: a command, or the option that makes one do it.
CALLS = {
    "ClusterModel.save": "--save-model",
    "RgbBasis.save": "--save-basis",
    "fetch": "satclip models fetch",
    "fit_properties": "satclip models properties",
    "known_words": "--known",
    "save_map": "--save-model",
}


def worded(error: SatclipError, command: str | None = None) -> str:
    """The message of an error of the core.

    Args:
        error: as it was raised.
        command: the subcommand of satclip that met it, or "samples" for the second table of one.
    """
    own = OF_SAMPLES if command == "samples" else OF_COMMANDS.get(command or "", {})
    options = {**OPTIONS, **own}

    def words(term: Term) -> str:
        if isinstance(term, Argument):
            return _typed(term, options)
        if isinstance(term, Noun):
            return options.get(term.name, term.name).lstrip("-")
        if isinstance(term, Call):
            typed = [CALLS.get(term.function, term.function)]
            typed += [shlex.quote(str(value)) for value in term.values]
            return " ".join([*typed, *(_typed(argument, options) for argument in term.arguments)])
        return str(term)

    return error.worded(words)


def _typed(argument: Argument, options: dict[str, str]) -> str:
    """An argument as it is typed; one that has no option as in Python."""
    option = options.get(argument.name)
    if option is None:
        return str(argument)
    if argument.value is None or argument.value is True:
        return option
    return f"{option} {shlex.quote(str(argument.value))}"
