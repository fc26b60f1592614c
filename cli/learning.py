"""Options of the commands that learn from samples, or use what was learnt before."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from satclip_core.errors import SatclipError

from .options import combined
from .words import worded

if TYPE_CHECKING:
    from satclip_core.products import MapOf, SavedMap

log = logging.getLogger(__name__)

# Of a covariate: what stands before the first =, where that is no part of a path.
_NAMED = re.compile(r"([^=/\\:]+)=(.+)")
# Parameters of commands that say how is learnt, which a saved map leaves no room for.
_OF_LEARNING = (
    *("source", "samples", "column", "classes", "missing", "weights", "groups", "method"),
    *("folds", "seed", "transform", "save_model", "samples_crs", "samples_layer"),
    *("samples_lon_column", "samples_lat_column"),
)


class Covariate(click.ParamType):  # type: ignore[type-arg]
    """A raster, or NAME=raster."""

    name = "[NAME=]FILE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | tuple[str, str]:
        """Text to what `open_covariates` takes."""
        if isinstance(value, tuple):
            return value[0], value[1]
        named = None if os.path.exists(value) else _NAMED.fullmatch(value)
        return (named[1], named[2]) if named else str(value)


value_options = combined(
    click.option(
        "--column",
        metavar="NAME",
        help="Column to map: numbers are predicted as numbers, text as classes.",
    ),
    click.option(
        "--classes",
        is_flag=True,
        help="The column holds classes even if they are whole numbers, which stay their codes.",
    ),
    click.option(
        "--missing",
        type=float,
        multiple=True,
        metavar="VALUE",
        help="A number that stands for no value, such as -9999; repeat it for several.",
    ),
    click.option(
        "--weights",
        metavar="COLUMN",
        help="Column of weights: a sample of weight 2 counts as two, or has half the variance of "
        "noise. In scores too.",
    ),
    click.option(
        "--groups",
        metavar="COLUMN",
        help="Column of groups, such as sites or surveys: one is never parted when the map is "
        "tested.",
    ),
)

learning_options = combined(
    click.option(
        "--covariate",
        "covariates",
        type=Covariate(),
        multiple=True,
        help="A raster to learn from beside the embedding, such as heights, in any CRS; each band "
        "is one. Repeat it for several.",
    ),
    click.option(
        "--transform",
        type=click.Choice(("none", "log1p", "logit")),
        default="none",
        show_default=True,
        help="Numbers: learn log(1 + x), for skewed amounts, or log(x / (1 - x)), for shares. "
        "Predictions come back as medians, intervals as they are.",
    ),
    click.option(
        "--method",
        type=click.Choice(("auto", "linear", "kriging", "gaussian")),
        default="auto",
        show_default=True,
        help="Ridge (of classes logistic) regression on the embedding, kriging on the place, a "
        "Gaussian process on both (of classes logistic regression on their kernels), or the mean "
        "of all that errs least in cross-validation (of classes that of linear, gaussian and "
        "indicator kriging).",
    ),
    click.option(
        "--folds",
        type=click.Choice(("knndm", "blocks", "random")),
        default="knndm",
        show_default=True,
        help="Samples left out together: as far from the others as the pixels are from the "
        "samples (kNNDM), whole blocks, or at random.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Of the folds of the cross-validation.",
    ),
    click.option(
        "--save-model",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Save what was learnt, as .npz, to use it again elsewhere with --model-file.",
    ),
    click.option(
        "--model-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Use what was learnt before, saved with --save-model, in place of samples.",
    ),
)


@dataclass(frozen=True)
class Learning:
    """What was asked of learning.

    Attributes:
        samples: table of samples; None with a saved map.
        table: how it is read: arguments of `SamplesRequest` by name.
        covariates: as `Covariate` gives them.
        model_file: a saved map; None with samples.
        options: arguments of `MapOf` by name.
    """

    samples: str | None
    table: dict[str, Any]
    covariates: tuple[str | tuple[str, str], ...]
    model_file: Path | None
    options: dict[str, Any]

    @property
    def files(self) -> tuple[str | Path, ...]:
        """Files that are read, on disk or not."""
        rasters = [one[1] if isinstance(one, tuple) else one for one in self.covariates]
        given = [one for one in (self.samples, self.model_file) if one is not None]
        return (*rasters, *given)

    def check(self, what: str) -> None:
        """Whether there are either samples, with a column, or a saved map.

        Args:
            what: the samples are called: "argument 'SAMPLES'".

        Raises:
            click.UsageError: there are not.
        """
        context = click.get_current_context()
        if self.model_file is not None:
            spared = [
                "SAMPLES" if isinstance(param, click.Argument) else param.opts[0]
                for param in context.command.params
                if param.name in _OF_LEARNING
                and context.get_parameter_source(param.name)
                not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
            ]
            if spared:
                raise click.UsageError(
                    f"--model-file holds what was learnt: leave out {', '.join(spared)}"
                )
        elif self.samples is None:
            raise click.UsageError(f"Missing {what}, or give --model-file FILE")
        elif self.table["column"] is None:
            raise click.UsageError("Missing option '--column'")

    def wanted(self, command: str, *, evidence: bool = False) -> MapOf | SavedMap:
        """What predicts: a saved map, or samples with how to learn from them.

        Args:
            command: in whose words is told what is wrong with the samples.
            evidence: whether what the map was tested on is kept, for a page.

        Raises:
            SatclipError: it cannot be read.
            click.ClickException: the table of samples cannot be used.
        """
        from satclip_core.products import MapOf, SavedMap, load_map
        from satclip_core.raster import open_covariates

        bands = {
            name: value
            for name, value in self.options.items()
            if name in ("probabilities", "uncertainty")
        }
        if self.model_file is not None:
            model = load_map(self.model_file)
            return SavedMap(model, covariates=open_covariates(self.covariates), **bands)
        samples = self._read(command)
        covariates = open_covariates(self.covariates)
        return MapOf(samples, covariates=covariates, evidence=evidence, **self.options)

    def _read(self, command: str) -> Any:
        """The samples; what is odd about them is said."""
        from satclip_core.points import SamplesRequest, read_samples

        classes = self.table["classes"] or None
        try:
            samples = read_samples(
                SamplesRequest(self.samples or "", **{**self.table, "classes": classes})
            )
        except SatclipError as error:
            raise click.ClickException(worded(error, command)) from error
        for line in (*samples.account, *(worded(doubt, command) for doubt in samples.doubts)):
            log.warning(line)
        return samples
