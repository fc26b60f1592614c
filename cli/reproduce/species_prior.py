"""`satclip reproduce inaturalist`: the geographical prior of the Siren(SH) paper, table 1."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from satclip_core.encoder.encodings import ZOO
from satclip_core.errors import InputError, require
from satclip_core.files import check_target

from ..long_runs import check_named_csv
from ..options import verbosity_options
from ..progress import progress
from .zoo_options import NETWORKS, Range, encoding_option, network_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from satclip_training.inaturalist.prior_settings import PriorSettings

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
@encoding_option(("sphericalharmonics",))
@network_option(("siren",))
@click.option("--all", "everything", is_flag=True, help="Every encoding with every network.")
@click.option(
    "--seeds",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Runs of each cell, with the seeds 0 to N - 1.",
)
@click.option("--year", type=int, help="Of the annotations, where the folder has several.")
@click.option("--epochs", type=click.IntRange(1), help="At most.  [default: 50, as published]")
@click.option("--patience", type=click.IntRange(1), help="Epochs without gain.  [default: 10]")
@click.option("--batch-size", type=click.IntRange(1), help="Observations a step.  [default: 2000]")
@click.option(
    "--learning-rate",
    type=Range(0, min_open=True),
    help="Of Adam.  [default: the published one of the cell]",
)
@click.option(
    "--positive-weight",
    type=Range(0, min_open=True),
    help="Weight of what was seen.  [default: 2048 or the number of species, the smaller]",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    help="Of training; float32 takes half the time.  [default: float64, as published]",
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
    "--folder",
    default="runs/inaturalist",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Keeps a checkpoint of each run; a second call goes on from there.",
)
@click.option(
    "-o",
    "--output",
    default="docs/results/inaturalist.csv",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Table to write (CSV), in place of what is there.",
)
@click.option("--fresh", is_flag=True, help="Start over instead of going on from checkpoints.")
@verbosity_options
def command(
    annotations: Path,
    image_logits: Path | None,
    encodings: tuple[str, ...],
    networks: tuple[str, ...],
    everything: bool,
    seeds: int,
    year: int | None,
    combine: str,
    device: str,
    threads: int | None,
    folder: Path,
    output: Path,
    fresh: bool,
    **training: Any,
) -> None:
    """Train priors of where species occur, and see what they add to image predictions.

    Reads the annotations of the iNaturalist competition of 2018 or 2017, trains each encoding
    with each network at the published settings, and prints top-k accuracy with and without the
    prior beside the gain that the paper reports. Without image predictions the prior is scored
    alone.
    """
    for module in ("torch", "yaml", "scipy"):
        require(module, extra="reproduce", purpose="satclip reproduce inaturalist")
    import torch

    from satclip_training.inaturalist.annotations import read_annotations
    from satclip_training.inaturalist.predictions import read_predictions
    from satclip_training.inaturalist.reproduction import RunOptions, reproduce, summary, write_rows
    from satclip_training.zoo.tables import make_folder

    check_named_csv(output)
    if threads is not None:
        torch.set_num_threads(threads)
    if everything:
        encodings, networks = ZOO, NETWORKS
    cells = _cells(encodings, networks, training)
    place = _device(device, cells[0].dtype)
    data = read_annotations(annotations, year)
    predictions = None
    if image_logits is not None:
        predictions = read_predictions(image_logits, data.test.ids, len(data.species))
    make_folder(output)
    check_target(output, overwrite=True)  # before the hours of training
    with progress("inaturalist", "epochs") as report:
        epochs = _Epochs(report, len(cells) * seeds)
        options = RunOptions(folder, predictions, combine, place, fresh, epochs)
        rows = reproduce(cells, seeds, data, options)
    write_rows(rows, output)
    click.echo(_table(summary(rows), image=predictions is not None))
    click.echo(str(output))


def _cells(
    encodings: Iterable[str], networks: Iterable[str], training: dict[str, Any]
) -> list[PriorSettings]:
    """Published settings of every encoding with every network, and what was asked to change."""
    from satclip_training.inaturalist.prior_settings import published_settings

    published, rate = published_settings(), training.pop("learning_rate")
    changed = {key: value for key, value in training.items() if value is not None}
    cells = [
        replace(published[encoding, network], **changed)
        for encoding in dict.fromkeys(encodings)
        for network in dict.fromkeys(networks)
    ]
    if rate is None:
        return cells
    return [replace(cell, cell=replace(cell.cell, learning_rate=rate)) for cell in cells]


def _device(name: str, dtype: str) -> str:
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available()}
    there["mps"] = torch.backends.mps.is_available()
    if name == "auto":
        return "cuda" if there["cuda"] else "cpu"
    if not there[name]:
        raise InputError(f"--device {name}: torch finds none here; use --device cpu")
    if name == "mps" and dtype == "float64":
        raise InputError("--device mps computes no float64; add --dtype float32")
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
    from satclip_training.zoo.tables import aligned

    columns = [*_IMAGE, *_GAIN] if image else list(_PRIOR)
    lines = [["encoding", "network", *(heading for heading, _ in columns), "AUC"]]
    for cell in cells:
        figures = [_figure(cell, key, signed="delta" in key) for _, key in columns]
        auc = _figure(cell, "auc", digits=3)
        lines.append([cell["encoding"], cell["network"], *figures, auc])
    text: str = aligned(lines)
    return text


def _figure(cell: dict[str, Any], key: str, *, digits: int = 1, signed: bool = False) -> str:
    if cell[key] is None:
        return "-"
    sign = "+" if signed else ""
    text = f"{cell[key]:{sign}.{digits}f}"
    # The paper's figure is one number, however many seeds there are here.
    deviation = None if key == "paper_delta" else cell[f"{key}_sd"]
    return text if deviation is None else f"{text} ± {deviation:.{digits}f}"
