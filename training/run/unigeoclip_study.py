"""UniGeoCLIP's evaluation: runs of one configuration and of its ablations, scored alike.

Retrieval for every ordered pair of modalities, geolocation by each and by ensembles, linear probes
of the location encoder; ablations of modalities, of depth, of the encoder, of the pairs that are
contrasted; and a continent that was held out. A run that is finished is kept, one that was stopped
goes on.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from satclip_core.analysis import unit
from satclip_core.encoder import LocationEncoder
from satclip_core.encoder.modal import COORDINATES, TextEncoder
from satclip_core.errors import CancelledError, InputError, require
from satclip_core.files import written_whole
from satclip_core.models.model_file import read_model
from satclip_core.types import Floats

from ..evaluation.geolocation import Answers, answers, score_answers, score_cells
from ..evaluation.retrieval import ensemble, score_pairs, subsets
from ..evaluation.retrieval_figures import ablation_picture, geolocation_figure, retrieval_figure
from ..evaluation.retrieval_tables import (
    CONTINENT,
    HEADER,
    WHOLE,
    CellRow,
    GeolocationRow,
    RunResult,
    compared,
    study_markdown,
    study_rows,
)
from ..modalities.modal_dataset import read_dataset
from ..modalities.opening import modality_requests, open_modality
from ..modalities.phrases import read_phrases
from ..places.reading import check_columns, read_shapes
from ..places.sampling import load_points
from ..settings.config import TrainConfig, load_config
from ..settings.modality import TextModality
from ..zoo.tables import write_csv
from .callbacks import duration
from .pretraining import RunOptions, train

log = logging.getLogger("satclip_training")

OVERRIDES: dict[str, tuple[str, ...]] = {
    "pivot": ("objective.pairs=pivot",),
    "depth-0": ("model.network.depth=0",),
    "depth-4": ("model.network.depth=4",),
    "depth-8": ("model.network.depth=8",),
    "rff": (
        "model.encoding={kind: scaledfourier, log2_scales: [0, 4, 8], frequencies: 128}",
        "model.network=mlp",
        "model.capacity=512",
    ),
    "siren-sh": (
        "model.encoding=sphericalharmonics",
        "model.network=siren",
        "model.legendre_polys=20",
        "model.capacity=512",
    ),
    "feature-grid": (
        "model.encoding=direct",
        "model.network={kind: featuregrid, rows: [720, 180, 45], channels: 8}",
    ),
}
"""Variants by name, and the settings that they change: contrast with coordinates alone, depth of
the transformer, and other encoders (GeoCLIP's three scales of Fourier features in one MLP,
SatCLIP's Siren(SH), a feature grid)."""
WITHOUT = "without-"
GROUPS = ("modalities", "pairs", "depth", "encoder", "continent")
_GROUP_OF = {
    "pairs": ("pivot",),
    "depth": ("depth-0", "depth-4", "depth-8"),
    "encoder": ("rff", "siren-sh", "feature-grid"),
}
FINISHED = "evaluation.json"


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """A continent, or any other area, that nothing is learnt of.

    Attributes:
        file: polygons, below the data root or beside the configuration.
        column: attribute that names them.
        value: of those that are held out.
    """

    file: str
    column: str
    value: str


@dataclasses.dataclass(frozen=True)
class StudyOptions:
    """What is run, and how much.

    Attributes:
        config: YAML of the whole.
        overrides: `key=value` texts for all variants: the budget, for one.
        seeds: of the runs of each variant.
        groups: of `GROUPS`, ablations beside the whole.
        held_out: for the group "continent".
        most: held-out places that are scored, at most.
    """

    config: Path
    overrides: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0, 1, 2)
    groups: tuple[str, ...] = GROUPS
    held_out: HeldOut | None = None
    most: int = 4000


def variants_of(config: TrainConfig, groups: Sequence[str]) -> list[str]:
    """The variants of some groups, the whole first.

    Raises:
        InputError: an objective that contrasts no modalities, or too few to leave one out.
    """
    if config.objective.kind != "unigeoclip":
        raise InputError(
            f"{config.name}: the objective is {config.objective.kind}, which contrasts no "
            "modalities: give a configuration of unigeoclip"
        )
    chosen = [WHOLE]
    names = list(config.modalities)
    if "modalities" in groups and len(names) + len(config.sources) > 1:
        chosen += [f"{WITHOUT}{name}" for name in names]
    for group in ("pairs", "depth", "encoder"):
        chosen += _GROUP_OF[group] if group in groups else ()
    if "depth" in groups and config.model.network.kind != "transformer":
        raise InputError(
            f"{config.name}: depth is one of model.network: transformer, not of "
            f"{config.model.network.kind}; leave that ablation out"
        )
    return [*chosen, CONTINENT] if CONTINENT in groups else chosen


def variant_config(options: StudyOptions, variant: str, seed: int) -> TrainConfig:
    """The configuration of a variant; that of the continent lacks its places as yet.

    Raises:
        InputError: settings that do not go together.
    """
    changed = OVERRIDES.get(variant, ())
    config = load_config(options.config, (*options.overrides, *changed, f"seed={seed}"))
    if variant.startswith(WITHOUT):
        name = variant[len(WITHOUT) :]
        rest = {key: value for key, value in config.modalities.items() if key != name}
        config = dataclasses.replace(config, modalities=rest)
    return config


def run_study(options: StudyOptions, runs: RunOptions) -> dict[str, list[RunResult]]:
    """Train and score every variant with every seed.

    Args:
        options: what is run.
        runs: where files are looked for; `output` has a folder for each run, named by what shapes
            it, and a cache that they share.

    Returns:
        Variant -> results in the order of the seeds.

    Raises:
        InputError: settings or files that cannot be used.
        CancelledError: stopped; the same call goes on from there.
    """
    first = variant_config(options, WHOLE, options.seeds[0])
    variants = variants_of(first, options.groups)
    if CONTINENT in variants and options.held_out is None:
        raise InputError("no area to hold out: name its polygons, or leave continent out")
    for variant in variants:  # whatever is wrong is said before hours of training
        variant_config(options, variant, options.seeds[0])
    runs = dataclasses.replace(runs, cache=runs.features)
    started, trained = time.monotonic(), 0
    found: dict[tuple[int, str], RunResult] = {}
    # Seed by seed, so that what is finished can be compared early.
    todo = [(seed, variant) for seed in options.seeds for variant in variants]
    for number, (seed, variant) in enumerate(todo):
        left = ""
        if trained:
            each = (time.monotonic() - started) / trained
            left = f", about {duration(each * (len(todo) - number))} left"
        log.info("run %d of %d: %s, seed %d%s", number + 1, len(todo), variant, seed, left)
        found[seed, variant], fresh = _finished(options, runs, variant, seed)
        trained += fresh
        if not trained:
            started = time.monotonic()
    return {variant: [found[seed, variant] for seed in options.seeds] for variant in variants}


def write_study(path: Path, results: Mapping[str, Sequence[RunResult]]) -> tuple[str, list[Path]]:
    """Write the table (CSV), the same as Markdown, and figures beside it.

    Args:
        path: of the CSV; what is there is replaced.
        results: of `run_study`.

    Returns:
        The Markdown, and the files.
    """
    whole = results[WHOLE]
    write_csv(path, HEADER, study_rows(results))
    text, markdown = study_markdown(results), path.with_suffix(".md")
    with written_whole(markdown, overwrite=True) as partial:
        partial.write_text(text, encoding="utf-8")
    figures = [path.with_name(f"{path.stem}-{what}.png") for what in ("retrieval", "geolocation")]
    retrieval_figure(figures[0], whole)
    geolocation_figure(figures[1], whole[0].geolocation, whole[0].cells)
    if CONTINENT in results:
        figures.append(path.with_name(f"{path.stem}-continent.png"))
        held = results[CONTINENT][0]
        geolocation_figure(figures[-1], held.geolocation, held.cells)
    if len(compared(results)) > 1:
        figures.append(path.with_name(f"{path.stem}-ablations.png"))
        ablation_picture(figures[-1], compared(results))
    return text, [path, markdown, *figures]


def _finished(
    options: StudyOptions, runs: RunOptions, variant: str, seed: int
) -> tuple[RunResult, bool]:
    """The result of a run, kept or made now, and whether it was made."""
    config = variant_config(options, variant, seed)
    held: Floats | None = None
    if variant == CONTINENT and options.held_out is not None:
        config, held = _without_area(config, options.held_out, runs)
    # The whole has ensembles of every choice of modalities, ablations those that compare.
    marks = f"{options.most}{'-all' if variant == WHOLE else ''}"
    folder = runs.output / f"{config.name}-{seed}-{config.digest()[:8]}"
    kept = folder / f"{marks}-{FINISHED}"
    if kept.is_file():
        return RunResult.from_plain(json.loads(kept.read_text(encoding="utf-8"))), False
    path = folder / f"{config.name}.npz"
    # Equal settings by another name, or a run that was trained and not scored.
    if not (path.is_file() and _is_trained(folder)):
        train(config, dataclasses.replace(runs, output=folder))
        with written_whole(folder / _TRAINED, overwrite=True) as partial:
            partial.write_text(config.digest(), encoding="utf-8")
    result = _scored(config, runs, folder, path, held, options, every=variant == WHOLE)
    with written_whole(kept, overwrite=True) as partial:
        partial.write_text(json.dumps(result.as_plain(), indent=1), encoding="utf-8")
    return result, True


_TRAINED = "trained.txt"


def _is_trained(folder: Path) -> bool:
    return (folder / _TRAINED).is_file()


def _scored(
    config: TrainConfig,
    runs: RunOptions,
    folder: Path,
    path: Path,
    held: Floats | None,
    options: StudyOptions,
    *,
    every: bool,
) -> RunResult:
    """Retrieval, geolocation and probes of a run that is trained."""
    encoder = read_model(path)
    if held is None:
        lonlat, embedded = _of_run(encoder, folder)
    else:
        lonlat, embedded = held, _at(encoder, config, held, runs)
    keep = _some(len(lonlat), options.most)
    lonlat = lonlat[keep]
    embedded = {name: np.asarray(values[keep], np.float64) for name, values in embedded.items()}
    scores = folder / "scores.json"
    probes: dict[str, float] = {}
    if scores.is_file():
        probes = json.loads(scores.read_text(encoding="utf-8"))[config.name]
    _check_cancelled(runs)
    rows, best = geolocation_rows(lonlat, embedded, every=every)
    cells = [CellRow(cell.bounds, cell.queries, cell.median_km) for cell in score_cells(best)]
    return RunResult(tuple(score_pairs(embedded)), tuple(rows), tuple(cells), probes)


def geolocation_rows(
    lonlat: Floats, embedded: dict[str, Floats], *, every: bool = True
) -> tuple[list[GeolocationRow], Answers]:
    """Geolocation by each modality and by ensembles, the gallery being the places themselves.

    Args:
        lonlat: (N, 2) degrees.
        embedded: (N, dim) by modality, coordinates among them.
        every: all choices of modalities, and not only each one and all of them.

    Returns:
        The scores, and the answers of all modalities together.

    Raises:
        InputError: there are no other modalities.
    """
    names = [name for name in embedded if name != COORDINATES]
    if not names:
        raise InputError("coordinates are the only modality: there is nothing to geolocate")
    chosen = list(subsets(names)) if every else [*((name,) for name in names), tuple(names)]
    rows: list[GeolocationRow] = []
    for group in dict.fromkeys(chosen):
        found = answers(ensemble(embedded, group), lonlat, embedded[COORDINATES], lonlat)
        if len(found.asked.lonlat):
            rows.append(GeolocationRow(group, score_answers(found)))
    # The last choice is always that of all of them.
    return rows, found


def _of_run(encoder: LocationEncoder, folder: Path) -> tuple[Floats, dict[str, Floats]]:
    """Places that a run held out, and their embeddings in each modality."""
    data = read_dataset(folder)
    embedded = {COORDINATES: unit(encoder.encode(data.places).astype(np.float64))}
    for name, rows in data.features.items():
        embedded[name] = encoder.modalities[name].embed(rows).astype(np.float64)
    return data.places, embedded


def _at(
    encoder: LocationEncoder, config: TrainConfig, lonlat: Floats, runs: RunOptions
) -> dict[str, Floats]:
    """Embeddings of other places in each modality; features of frozen encoders are left out."""
    embedded = {COORDINATES: unit(encoder.encode(lonlat).astype(np.float64))}
    for name, request in modality_requests(config, lonlat, runs.places).items():
        modal = encoder.modalities[name]
        if isinstance(request.settings, TextModality) and isinstance(modal, TextEncoder):
            phrases = request.settings.phrases
            texts = read_phrases(phrases, lonlat, runs.places.find, request.where).texts()
            embedded[name] = _embedded_texts(modal, texts)
            continue
        views, _ = open_modality(request, runs.features, runs.cancelled)
        rows = views.take(np.zeros(len(lonlat), np.int64), np.arange(len(lonlat)))
        embedded[name] = modal.embed(rows).astype(np.float64)
    return embedded


def _embedded_texts(modal: TextEncoder, texts: Sequence[str]) -> Floats:
    """(N, dim); NaN for texts of which no word is known."""
    out = np.full((len(texts), modal.dim), np.nan)
    for row, text in enumerate(texts):
        try:
            out[row] = modal.encode([text])[0]
        except InputError:  # of a country that was held out with all its words
            continue
    return out


def _without_area(
    config: TrainConfig, area: HeldOut, runs: RunOptions
) -> tuple[TrainConfig, Floats]:
    """A configuration that is trained outside an area, and the places in it."""
    points = config.points
    if points.patches is not None or points.within is not None:
        raise InputError(
            f"{config.name}: points of patches or within a source cannot be held out by area: "
            "sample them over land, or name a file"
        )
    lonlat = load_points(points, runs.places)
    inside = _in_area(lonlat, area, runs)
    if not inside.any() or inside.all():
        raise InputError(
            f"{area.file}: {'all' if inside.any() else 'none'} of {len(lonlat):,} places lie in "
            f"{area.column} {area.value!r}: hold out another area"
        )
    runs.output.mkdir(parents=True, exist_ok=True)
    name = f"places-{len(lonlat)}-{points.seed}-without-{area.value.replace(os.sep, '_')}.npy"
    path = (runs.output / name).absolute()
    with written_whole(path, overwrite=True) as partial, partial.open("wb") as out:
        np.save(out, lonlat[~inside])
    outside = dataclasses.replace(
        points, file=str(path), count=int((~inside).sum()), land_mask=None, sea_share=0.0
    )
    return dataclasses.replace(config, points=outside), lonlat[inside]


def _in_area(lonlat: Floats, area: HeldOut, runs: RunOptions) -> Any:
    geopandas = require("geopandas", extra="train", purpose="holding out an area")
    path = runs.places.find(area.file, "the area to hold out")
    shapes = read_shapes(path, "the area to hold out")
    check_columns(shapes, [area.column], f"the area to hold out: {path}")
    wanted = shapes[shapes[area.column] == area.value]
    if not len(wanted):
        known = ", ".join(sorted({str(value) for value in shapes[area.column]})[:12])
        raise InputError(f"{path}: no {area.column} is {area.value!r}; there are {known}")
    places = geopandas.GeoSeries(geopandas.points_from_xy(lonlat[:, 0], lonlat[:, 1]), crs=4326)
    return places.within(wanted.geometry.union_all()).to_numpy()


def _some(count: int, most: int) -> Any:
    """Numbers of at most so many places, the same ones each time."""
    return np.sort(np.random.default_rng(0).permutation(count)[:most])


def _check_cancelled(runs: RunOptions) -> None:
    if runs.cancelled is not None and runs.cancelled():
        raise CancelledError("stopped: the same command goes on from what is finished")
