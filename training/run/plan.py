"""What a run would do, found out without doing it: places, sources, sizes, steps."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..images.patches import PatchFolders
from ..places.batches import held_out
from ..places.gathering import Blank, Gatherer
from ..settings.config import SourceSettings, TrainConfig
from .pretraining import RunOptions, check_files


@dataclass(frozen=True)
class SourcePlan:
    """One source of imagery.

    Attributes:
        name: its name.
        settings: its settings.
        files: alternatives of a source of rasters, number of patches of one of patches.
        cache_bytes: size of its cache; 0 where that follows from a network that is not opened.
        blank: places that it has no imagery for; None where it has for all.
    """

    name: str
    settings: SourceSettings
    files: int
    cache_bytes: int
    blank: Blank | None


@dataclass(frozen=True)
class RunPlan:
    """A run: `places` trained on or held out, sources, kinds of modalities, `steps` an epoch."""

    places: int
    sources: tuple[SourcePlan, ...]
    steps: int
    modalities: dict[str, str]


def plan_run(config: TrainConfig, options: RunOptions) -> RunPlan:
    """Find every file, sample the places, and look where there is imagery; nothing is written.

    Raises:
        InputError: settings or files that cannot be used.
    """
    folders = PatchFolders()
    files = check_files(config, options.places, folders)
    with tempfile.TemporaryDirectory() as scratch:
        gatherer = Gatherer(config, options.places, folders, Path(scratch), weights=False)
        gathered = gatherer.gather()
    count, blanks = len(gathered.lonlat), {blank.source: blank for blank in gathered.blanks}
    sources = tuple(
        SourcePlan(
            name,
            source,
            files[name],
            source.views * count * source.features.dim * 2,
            blanks.get(name),
        )
        for name, source in config.sources.items()
    )
    held_out(count, config.training.validation_fraction)
    steps = int(count * (1 - config.training.validation_fraction)) // config.training.batch_size
    kinds = {name: str(one.kind) for name, one in config.modalities.items()}
    return RunPlan(count, sources, max(1, steps), kinds)
