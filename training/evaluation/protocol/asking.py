"""From what a user asks to what is evaluated: settings read, tasks loaded, encoders found."""

from __future__ import annotations

import dataclasses
import logging
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from satclip_core.errors import InputError, ModelError
from satclip_core.models.published import PUBLISHED
from satclip_core.points.read_samples import SamplesRequest

from ...settings.run_files import Locations, locations
from ..continents import Continents
from ..linear_probe import blocks_of, column_names
from ..tasks import Task, TaskSettings, load_tasks, read_tasks
from .candidates import Candidate, candidate, check_names
from .own_points import own_task
from .splits import LEAST_BLOCKS, RANDOM
from .suite import Asked, SuiteSettings, read_suite

log = logging.getLogger("satclip_training")

CONFIGS = Path(__file__).parents[2] / "configs"
DEFAULT = CONFIGS / "evaluation.yaml"
# Of points of one's own: sides of blocks, degrees; the largest is taken that leaves enough.
_SIDES = (10.0, 2.0, 0.5, 0.1, 0.02)
_OF_POINTS = ("bundled", "geoclip", "fetched", "untrained", "sinusoid", "onehot", "identity")
FETCHED = "fetched"
"""Stands for those of SatCLIP's published checkpoints that are in the cache."""


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What a user says.

    Attributes:
        encoders: their names in tables, and how each is asked for; the settings' where empty.
        settings: file of an evaluation.
        tasks: only these of its tasks.
        data_root: folder of files; SATCLIP_DATA where None.
        points: a table of the user's own, in place of tasks.
        changes: settings of `SuiteSettings` in place of the file's.
        adaptation: whether continents are held out.
    """

    encoders: Mapping[str, str] = dataclasses.field(default_factory=dict)
    settings: Path = DEFAULT
    tasks: Sequence[str] = ()
    data_root: Path | None = None
    points: SamplesRequest | None = None
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    adaptation: bool = True


def ask(wishes: Wishes) -> Asked:
    """Find and read all that an evaluation needs; encoders are not opened yet.

    Raises:
        InputError: a bad setting, a missing file, a task or table that cannot be used.
        ModelError: an encoder that was named and is not there.
    """
    settings = dataclasses.replace(read_suite(wishes.settings), **wishes.changes)
    places = locations(wishes.settings, wishes.data_root)
    if not wishes.adaptation or wishes.points is not None:
        settings = dataclasses.replace(
            settings, adaptation=dataclasses.replace(settings.adaptation, continents=())
        )
    # The user's table first: what is wrong with it is told before anything else is opened.
    own = None if wishes.points is None else own_task(wishes.points, settings.most)
    candidates = _candidates(wishes, settings, places)
    if own is not None and wishes.points is not None:
        task, account = own
        for line in account:
            log.warning(line)
        if "splits" not in wishes.changes:
            settings = dataclasses.replace(settings, splits=_splits_for(task))
        about = {
            task.name: TaskSettings("table", wishes.points.source, source=f"{wishes.points.source}")
        }
        where = _continents(settings, places, quiet=True)
        file, column = wishes.points.source, wishes.points.column
        return Asked(
            settings, candidates, [task], about, where, wishes.settings,
            command=shlex.join(["satclip", "evaluate", "--points", f"{file}", "--target", column]),
        )  # fmt: skip
    tasks, about = _tasks(wishes, settings, places)
    where = _continents(settings, places)
    drawn = () if wishes.encoders else _those_there(settings.globes, settings, places)
    return Asked(settings, candidates, tasks, about, where, wishes.settings, drawn=drawn)


def _unfolded(names: Sequence[str]) -> list[str]:
    """Names with those of the published checkpoints in the cache for `fetched`."""
    fetched = [name for name, model in PUBLISHED.items() if model.path.is_file()]
    return [name for one in names for name in (fetched if one == FETCHED else [one])]


def named_encoders(arguments: Sequence[str]) -> dict[str, str]:
    """What encoders are called in tables, and how each is asked for, in their order.

    Args:
        arguments: names or files, or `LABEL=NAME`; `fetched` for all published ones in the cache.

    Raises:
        InputError: a label twice.
    """
    parts = {one: one.partition("=") for one in dict.fromkeys(_unfolded(arguments))}
    own = {one for one, (label, _, name) in parts.items() if label and name}
    own = {one for one in own if not Path(one).exists()}
    names = column_names([one for one in parts if one not in own])
    labels = [parts[one][0] if one in own else names[one] for one in parts]
    check_names(labels)
    return {label: parts[one][2] if one in own else one for label, one in zip(labels, parts)}


def _candidates(wishes: Wishes, settings: SuiteSettings, places: Locations) -> list[Candidate]:
    """The encoders; of those that nobody named, the ones that are there."""
    if wishes.encoders:
        check_names(list(wishes.encoders))
        return [
            candidate(name, settings.encoders, places, label)
            for label, name in wishes.encoders.items()
        ]
    compared = _OF_POINTS if wishes.points is not None else settings.compared
    found = _those_there(compared, settings, places)
    if not found:
        raise InputError("none of the encoders is there; name one")
    return found


def _those_there(
    names: Sequence[str], settings: SuiteSettings, places: Locations
) -> list[Candidate]:
    found = []
    for name in _unfolded(names):
        try:
            found.append(candidate(name, settings.encoders, places))
        except (ModelError, InputError) as error:
            log.warning("%s is left out: %s", name, error)
    return found


def _tasks(
    wishes: Wishes, settings: SuiteSettings, places: Locations
) -> tuple[list[Task], dict[str, TaskSettings]]:
    """The tasks of all files that were asked for, and what is said of them."""
    wanted = tuple(wishes.tasks) or settings.names
    about: dict[str, TaskSettings] = {}
    files: dict[Path, tuple[str, ...]] = {}
    for name in settings.tasks:
        file = places.find(name, f"{wishes.settings}: tasks")
        own = read_tasks(file).tasks
        twice = sorted(set(own) & set(about))
        if twice:
            raise InputError(f"{wishes.settings}: {twice[0]} is a task of two files")
        about.update(own)
        files[file] = tuple(own)
    unknown = [name for name in wanted if name not in about]
    if unknown:
        raise InputError(f"no task {unknown[0]!r}; there are {', '.join(about)}")
    tasks = []
    for file, names in files.items():
        chosen = tuple(name for name in names if name in wanted or not wanted)
        if chosen:
            tasks += load_tasks(file, data_root=wishes.data_root, names=chosen, most=settings.most)
    if not tasks:
        raise InputError("none of the tasks has its files here; see --data-root")
    return tasks, about


def _continents(
    settings: SuiteSettings, places: Locations, *, quiet: bool = False
) -> Continents | None:
    """Where continents lie, where their polygons are there."""
    try:
        return Continents(places.find(settings.countries, "continents"))
    except InputError as error:
        if not quiet:
            log.warning("scores are not told apart by continent: %s", error)
        return None


def _splits_for(task: Task) -> tuple[str, ...]:
    """Random, and blocks as large as the samples' extent allows."""
    for side in _SIDES:
        if len(set(blocks_of(task.lonlat, side).tolist())) >= 5 * LEAST_BLOCKS:
            return RANDOM, f"blocks-{side:g}"
    return (RANDOM,)
