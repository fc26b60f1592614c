"""`satclip reproduce inaturalist`: the geographical prior of the Siren(SH) paper, table 1."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from satclip_core.encodings import ENCODINGS
from satclip_core.errors import CancelledError, InputError, require

from .options import verbosity_options
from .progress import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satclip_training.inaturalist.settings import PriorSettings

NETWORKS = ("linear", "fcnet", "siren", "mlp")
TABLE = "inaturalist.csv"

# The printed columns: heading and key.
_PRIOR = (("prior top-1", "prior_top1"), ("top-3", "prior_top3"), ("top-5", "prior_top5"))
_IMAGE = tuple(
    (heading, f"{key}{k}")
    for k in (1, 3, 5)
    for heading, key in ((f"top-{k}", "image_top"), ("with prior", "top"))
)
_GAIN = (("gain", "delta"), ("paper", "paper_delta"))


@click.command("inaturalist")
@click.option(
    "--annotations",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of train2018.json, train2018_locations.json and the same of val2018.",
)
@click.option(
    "--image-logits",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Predictions of an image classifier for the val images (.npy or .npz).",
)
@click.option(
    "-E",
    "--encoding",
    "encodings",
    multiple=True,
    default=("sphericalharmonics",),
    show_default=True,
    type=click.Choice([*ENCODINGS, "all"]),
    help="Positional encoding; may be given again.",
)
@click.option(
    "-N",
    "--network",
    "networks",
    multiple=True,
    default=("siren",),
    show_default=True,
    type=click.Choice([*NETWORKS, "all"]),
    help="Network; may be given again.",
)
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1), help="Runs each.")
@click.option("--year", type=int, help="Of the annotations, where the folder has several.")
@click.option("--epochs", type=click.IntRange(1), help="At most.  [default: 50, as published]")
@click.option("--patience", type=click.IntRange(1), help="Epochs without gain.  [default: 10]")
@click.option("--batch-size", type=click.IntRange(1), help="Observations a step.  [default: 2000]")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    help="Of Adam.  [default: the published one of the cell]",
)
@click.option(
    "--positive-weight",
    type=click.FloatRange(0, min_open=True),
    help="Weight of what was seen.  [default: 2048 or the number of species, the smaller]",
)
@click.option(
    "--combine",
    default="product",
    show_default=True,
    type=click.Choice(["product", "sum"]),
    help="Multiply the probabilities, or add the logits as the published code does.",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    help="Where torch computes.",
)
@click.option("--threads", type=click.IntRange(1), help="Of torch.  [default: all cores]")
@click.option(
    "-o",
    "--output",
    default="runs/inaturalist",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the table and the checkpoints.",
)
@click.option("--fresh", is_flag=True, help="Start over instead of going on from checkpoints.")
@verbosity_options
def command(
    annotations: Path,
    image_logits: Path | None,
    encodings: tuple[str, ...],
    networks: tuple[str, ...],
    seeds: int,
    year: int | None,
    combine: str,
    device: str,
    threads: int | None,
    output: Path,
    fresh: bool,
    **training: Any,
) -> None:
    """Train priors of where species occur, and see what they add to image predictions.

    Reads the annotations of the iNaturalist competition of 2018 or 2017, trains each encoding
    with each network at the published settings, and prints top-k accuracy with and without the
    prior beside the gain that the paper reports. Without image predictions the prior is scored
    alone. Stop it with Ctrl-C and the same command goes on from there.
    """
    for module in ("torch", "lightning", "sklearn"):
        require(module, extra="train", purpose="satclip reproduce inaturalist")
    import torch

    from satclip_training.inaturalist.annotations import read_annotations
    from satclip_training.inaturalist.predictions import read_predictions
    from satclip_training.inaturalist.run import RunOptions, reproduce, summary, write_rows

    if threads is not None:
        torch.set_num_threads(threads)
    cells = _cells(encodings, networks, training)
    place = _device(device)
    data = read_annotations(annotations, year)
    predictions = None
    if image_logits is not None:
        predictions = read_predictions(image_logits, data.test.ids, len(data.species))
    try:
        with progress("inaturalist", "epoch") as report:
            epochs = _Epochs(report, len(cells) * seeds)
            options = RunOptions(output, predictions, combine, place, fresh, epochs)
            rows = reproduce(cells, seeds, data, options)
    except KeyboardInterrupt:
        raise CancelledError("stopped; the same command goes on after the last epoch") from None
    write_rows(rows, output / TABLE)
    click.echo(_table(summary(rows), image=predictions is not None))
    click.echo(str(output / TABLE))


def _cells(
    encodings: Sequence[str], networks: Sequence[str], training: dict[str, Any]
) -> list[PriorSettings]:
    """Published settings of every encoding with every network, and what was asked to change."""
    from satclip_training.inaturalist.settings import published_settings

    changed = {key: value for key, value in training.items() if value is not None}
    return [
        replace(published_settings(encoding, network), **changed)
        for encoding in (ENCODINGS if "all" in encodings else dict.fromkeys(encodings))
        for network in (NETWORKS if "all" in networks else dict.fromkeys(networks))
    ]


def _device(name: str) -> str:
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available()}
    there["mps"] = torch.backends.mps.is_available()
    if name == "auto":
        return "cuda" if there["cuda"] else "cpu"
    if not there[name]:
        raise InputError(f"--device {name}: torch finds none here; use --device cpu")
    return name


class _Epochs:
    """Epochs over all runs as one number, a run that ends early counting in full.

    Args:
        report: told (epochs done, epochs at most).
        runs: how many priors are trained.
    """

    def __init__(self, report: Any, runs: int) -> None:
        self._report, self._runs = report, runs
        self._seen: list[str] = []

    def __call__(self, name: str, done: int, total: int) -> None:
        """Note an epoch of the run called `name`."""
        if name not in self._seen:
            self._seen.append(name)
        self._report((len(self._seen) - 1) * total + done, self._runs * total)


def _table(cells: list[dict[str, Any]], *, image: bool) -> str:
    """The figures as text, mean ± standard deviation where there are several seeds."""
    columns = [*_IMAGE, *_GAIN] if image else list(_PRIOR)
    lines = [["encoding", "network", *(heading for heading, _ in columns), "AUC"]]
    for cell in cells:
        figures = [_figure(cell, key, signed="delta" in key) for _, key in columns]
        auc = _figure(cell, "auc", digits=3)
        lines.append([cell["encoding"], cell["network"], *figures, auc])
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join(
            word.ljust(width) if index < 2 else word.rjust(width)
            for index, (word, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )


def _figure(cell: dict[str, Any], key: str, *, digits: int = 1, signed: bool = False) -> str:
    if cell[key] is None:
        return "-"
    sign = "+" if signed else ""
    text = f"{cell[key]:{sign}.{digits}f}"
    # The paper's figure is one number, however many seeds there are here.
    deviation = None if key == "paper_delta" else cell[f"{key}_sd"]
    return text if deviation is None else f"{text} ± {deviation:.{digits}f}"
