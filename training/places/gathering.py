"""The places of a run together with its sources: which have imagery, and which are left out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from satclip_core.errors import InputError
from satclip_core.types import Bools, Cancelled, Floats

from ..images.cache import CacheRequest, make_request
from ..images.coverage import covered, region
from ..images.patches import PatchFolders
from ..settings.config import TrainConfig
from ..settings.run_files import Locations
from .sampling import load_points

PLACES = "places.npy"
"""In the folder of a run, the places that it was trained on."""

log = logging.getLogger("satclip_training")


@dataclass(frozen=True)
class Blank:
    """Places of a run that a source has no imagery for.

    Attributes:
        source: its name.
        count: how many places.
        places: of how many that were asked for.
        dropped: whether they are left out.
    """

    source: str
    count: int
    places: int
    dropped: bool

    def __str__(self) -> str:
        share = f"{self.count:,} of {self.places:,} places ({self.count / self.places:.0%})"
        done = "left out" if self.dropped else "trained on as blank images"
        return f"{share} have no imagery: {done}"


@dataclass(frozen=True)
class Gathered:
    """What a run trains on.

    Attributes:
        requests: the sources at the places that are left, by name.
        lonlat: (N, 2) degrees, those places.
        blanks: sources without imagery at some of the places asked for.
    """

    requests: dict[str, CacheRequest]
    lonlat: Floats
    blanks: tuple[Blank, ...]


@dataclass(frozen=True)
class Gatherer:
    """Finds the places of a run and its sources' files.

    Attributes:
        config: the run's settings.
        files: where these are looked for.
        folders: the run's folders of patches, where some have been read.
        device: where a pretrained network will run.
        root: folder of caches, where it is kept which places have imagery; None keeps nothing.
        scratch: what is too large for memory is decoded into.
        cancelled: asked now and then.
        weights: whether those of pretrained networks are found, and fetched.
    """

    config: TrainConfig
    files: Locations
    folders: PatchFolders
    scratch: Path
    device: torch.device | None = None
    root: Path | None = None
    cancelled: Cancelled | None = None
    weights: bool = True

    def places(self) -> Floats:
        """All places asked for, (N, 2) degrees, within a source's imagery where one is named."""
        return self._load({})

    def gather(self) -> Gathered:
        """Places and sources, without places for which there is no imagery.

        Raises:
            InputError: a file that is missing or cannot be read, hardly any place with imagery, or
                any without where `blank` is `refuse`.
            DownloadError: weights that are to be fetched and cannot be.
            CancelledError: stopped.
        """
        made: dict[str, CacheRequest] = {}
        lonlat = self._load(made)
        requests = {
            name: replace(made[name], lonlat=lonlat) if name in made else self._made(name, lonlat)
            for name in self.config.sources
        }
        known = {
            name: covered(request, self.root, self.scratch, self.cancelled)
            for name, request in requests.items()
        }
        blanks = tuple(self._blank(name, found) for name, found in known.items() if not found.all())
        kept = np.ones(len(lonlat), bool)
        for blank in blanks:
            if blank.dropped:
                kept &= known[blank.source]
        if kept.sum() < 2:
            raise InputError(_nowhere(known, len(lonlat)))
        requests = {name: request.at(kept) for name, request in requests.items()}
        return Gathered(requests, lonlat[kept], blanks)

    def _load(self, made: dict[str, CacheRequest]) -> Floats:
        """The places; the source that they lie within is left in `made`, its rasters decoded."""
        within, points = self.config.points.within, self.config.points
        if within is None:
            return load_points(points, self.files, self.folders)
        made[within] = self._made(within, np.empty((0, 2)))
        covers = region(made[within], self.scratch)
        return load_points(points, self.files, self.folders, covers)

    def _made(self, name: str, lonlat: Floats) -> CacheRequest:
        source, seed = self.config.sources[name], self.config.seed
        return make_request(
            name, source, lonlat, self.files, seed, self.device,
            folders=self.folders, weights=self.weights,
        )  # fmt: skip

    def _blank(self, name: str, found: Bools) -> Blank:
        rule = self.config.sources[name].blank
        blank = Blank(name, int((~found).sum()), len(found), rule == "drop")
        if rule == "refuse":
            raise InputError(
                f"sources.{name}.blank: refuse, and {blank.count:,} of {blank.places:,} places "
                f"have no imagery; sample where there is some (points.within: {name}), or set "
                "blank to drop or keep"
            )
        return blank


def _nowhere(known: Mapping[str, Bools], count: int) -> str:
    shares = ", ".join(f"{name} at {int(found.sum()):,}" for name, found in known.items())
    return (
        f"hardly any of the {count:,} places has imagery ({shares}): look at points.latitude and "
        "points.longitude, or sample where there is some (points.within: SOURCE)"
    )
