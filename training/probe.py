"""Linear probes of models on tasks, as a command: `python -m satclip_training.probe`."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from satclip_core.errors import SatclipError

from .evaluation.linear_probe import (
    PROTOCOLS,
    Embed,
    column_names,
    embedder,
    known_leaks,
    run_probes,
    table,
    write_scores,
)
from .evaluation.tasks import load_tasks
from .export.model_export import untrained
from .export.satcle_encoders import satcle_encoders
from .images.patches import PatchFolders
from .places.gathering import Gatherer
from .settings.config import load_config
from .settings.run_files import locations

_GREATEST_BLOCK = 90


def positive(text: str) -> float:
    """A number of degrees above 0."""
    value = float(text)
    if not 0 < value <= _GREATEST_BLOCK:
        raise argparse.ArgumentTypeError(f"{text}: give degrees above 0, at most 90")
    return value


def positive_whole(text: str) -> int:
    """A number of dimensions, 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: give 1 or more")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Score models on tasks: prints a table, writes JSON or CSV."""
    parser = argparse.ArgumentParser(prog="python -m satclip_training.probe", description=__doc__)
    parser.add_argument("--model", action="append", default=[], metavar="NAME|PATH",
                        help="a model, or one of geoclip, identity, onehot, sinusoid; may be "
                        "given again")  # fmt: skip
    default = Path(__file__).parent / "configs" / "tasks.yaml"
    parser.add_argument("--tasks", type=Path, default=default, help="tasks file (YAML)")
    parser.add_argument("--task", action="append", metavar="NAME", help="only this task")
    parser.add_argument("--data-root", help="folder of the tasks' data (or SATCLIP_DATA)")
    parser.add_argument("--untrained", type=Path, metavar="CONFIG.yaml",
                        help="score the encoder of this run before training as well")  # fmt: skip
    parser.add_argument("--satcle", type=Path, metavar="LAST.ckpt",
                        help="score the encoder of a SatCLE run as it is exported, averaged over "
                        "perturbations, and with its graph")  # fmt: skip
    parser.add_argument("--split-seed", type=int, default=0, metavar="N",
                        help="seed of the first of three splits (default 0); compare settings on "
                        "other splits than those reported")  # fmt: skip
    parser.add_argument("--protocol", choices=PROTOCOLS, default="ours",
                        help="range: as published linear probes are (80/20, min-max scaling, "
                        "seeds 42-46)")  # fmt: skip
    parser.add_argument("--blocks", type=positive, metavar="DEGREES",
                        help="hold out whole blocks of so many degrees, not points")  # fmt: skip
    parser.add_argument("--dims", type=positive_whole, metavar="N",
                        help="read the first N numbers of each embedding only")  # fmt: skip
    parser.add_argument("--output", type=Path, help="write scores to this .json or .csv")
    options = parser.parse_args(arguments)
    if not options.model and options.satcle is None:
        parser.error("one of --model and --satcle is required")
    logging.basicConfig(level=logging.WARNING)
    try:
        tasks = load_tasks(
            options.tasks,
            data_root=options.data_root,
            names=tuple(options.task) if options.task else None,
        )
        labels = column_names(options.model)
        embeds = {labels[name]: embedder(name) for name in labels}
        if options.untrained:
            embeds["untrained"] = _untrained(options.untrained, options.data_root)
        if options.satcle:
            embeds.update(satcle_encoders(options.satcle))
        scores = {
            name: run_probes(
                embed,
                tasks,
                split_seed=options.split_seed,
                protocol=options.protocol,
                block_degrees=options.blocks,
                dims=options.dims,
            )
            for name, embed in embeds.items()
        }
        leaks = {label: known_leaks(name) for name, label in labels.items()}
    except SatclipError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(table(scores, tasks, leaks))
    if options.output:
        write_scores(scores, options.output)
    return 0


def _untrained(path: Path, data_root: str | None) -> Embed:
    """The encoder of a training configuration, as it is before training."""
    config = load_config(path)
    with tempfile.TemporaryDirectory() as scratch:
        gatherer = Gatherer(config, locations(path, data_root), PatchFolders(), Path(scratch))
        return untrained(config, gatherer.places())


if __name__ == "__main__":
    sys.exit(main())
