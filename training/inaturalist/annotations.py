"""The published annotations of the iNaturalist competitions 2017 and 2018, read into arrays.

Two JSON files a split: `train2018.json` in COCO's form (lists `images`, `annotations` and
`categories`), and `train2018_locations.json`, a list of one entry an image with `id`, `lat` and
`lon` (null where the observer kept them back) and also `date`, `date_c`, `user_id` and
`loc_uncert`, which this task does without. `val2018…` is the test set of the published figures.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from satclip_core.errors import InputError
from satclip_core.types import Bools, Floats, Integers

log = logging.getLogger("satclip_training")

TRAINING, TEST = "train", "val"


@dataclass(frozen=True)
class Observations:
    """Images of one split, in the order of its file.

    Attributes:
        ids: (N,) ids of the images.
        lonlat: (N, 2) degrees, NaN where the place is not told.
        labels: (N,) index of the species.
    """

    ids: Integers
    lonlat: Floats
    labels: Integers

    @property
    def located(self) -> Bools:
        """Whether an image has a place: (N,)."""
        return np.asarray(np.isfinite(self.lonlat).all(1))

    def with_place(self) -> Observations:
        """Those images alone that have a place."""
        keep = self.located
        return Observations(self.ids[keep], self.lonlat[keep], self.labels[keep])


@dataclass(frozen=True)
class Annotations:
    """Both splits of one year.

    Attributes:
        year: of the competition.
        species: names in the order of their category ids; a label is an index into them.
        training: what the prior is trained and stopped on.
        test: what it is judged by.
    """

    year: int
    species: tuple[str, ...]
    training: Observations
    test: Observations

    def digest(self) -> str:
        """SHA-256 of the places and species that a prior is trained on."""
        found = hashlib.sha256("\n".join(self.species).encode())
        found.update(self.training.lonlat.tobytes())
        found.update(self.training.labels.tobytes())
        return found.hexdigest()


def read_annotations(folder: Path, year: int | None = None) -> Annotations:
    """Read the training and the test split of a folder.

    Args:
        folder: holds `trainYEAR.json`, `trainYEAR_locations.json`, and the same of `val`.
        year: which one, where the folder has several.

    Raises:
        InputError: a file is missing or is not of this form, ids of images and locations or of
            species do not match, or no image of a split has a place.
    """
    if not folder.is_dir():
        raise InputError(f"annotations {str(folder)!r} is not a folder")
    year = year or _only_year(folder)
    training_file, test_file = (folder / f"{split}{year}.json" for split in (TRAINING, TEST))
    names = _species(_read(training_file), training_file)
    index = {identifier: position for position, identifier in enumerate(names)}
    training, test = (_observations(file, index) for file in (training_file, test_file))
    return Annotations(year, tuple(names.values()), training, test)


def _only_year(folder: Path) -> int:
    pattern = re.compile(rf"{TRAINING}(\d{{4}})_locations\.json")
    found = sorted(int(m[1]) for m in map(pattern.fullmatch, _names(folder)) if m)
    if not found:
        raise InputError(
            f"annotations {folder}: no {TRAINING}YEAR_locations.json there, as in "
            f"{TRAINING}2018_locations.json of inat2018_locations.zip"
        )
    if len(found) > 1:
        years = " and ".join(map(str, found))
        raise InputError(f"annotations {folder}: holds {years}; say which with --year")
    return found[0]


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError as error:
        raise InputError(f"annotations {folder}: cannot be read ({error.strerror})") from None


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"annotations {path.parent}: {path.name} is missing; unpack the competition's "
            "archives of annotations and locations there"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:  # not JSON, not UTF-8
        raise InputError(f"{path}: is not JSON ({error})") from None


def _column(entries: Any, key: str, where: str) -> list[Any]:
    """One value of each entry of a list of objects."""
    if not isinstance(entries, list):
        raise InputError(f"{where}: expected a list of objects")
    try:
        return [entry[key] for entry in entries]
    except (KeyError, TypeError):
        bad = next(i for i, e in enumerate(entries) if not isinstance(e, dict) or key not in e)
        raise InputError(f"{where}: entry {bad} has no {key!r}") from None


def _ids(values: list[Any], where: str) -> list[int]:
    """Values that are ids, whole numbers; InputError names the first that is none."""
    for number, value in enumerate(values):
        if not isinstance(value, int):
            raise InputError(f"{where}: entry {number} is {value!r}, expected a whole number")
    return values


def _by_id(ids: list[int], values: Iterable[Any], where: str) -> dict[int, Any]:
    """Values by id; InputError where an id occurs twice and says two things."""
    found: dict[int, Any] = {}
    for identifier, value in zip(ids, values):
        if found.setdefault(identifier, value) != value:
            raise InputError(
                f"{where}: id {identifier} occurs twice, with {found[identifier]} and {value}"
            )
    return found


def _part(content: Any, part: str, keys: tuple[str, ...], path: Path) -> tuple[list[Any], ...]:
    """Columns of one of the lists of a COCO file."""
    if not isinstance(content, dict) or part not in content:
        raise InputError(f"{path}: has no {part!r}; expected images, annotations and categories")
    return tuple(_column(content[part], key, f"{path}, {part}") for key in keys)


def _species(content: Any, path: Path) -> dict[int, str]:
    """Names by category id, in the order of the ids."""
    ids, names = _part(content, "categories", ("id", "name"), path)
    _ids(ids, f"{path}, categories, id")
    if len(set(ids)) < len(ids):
        raise InputError(f"{path}, categories: an id occurs twice")
    if len(ids) < 2:
        raise InputError(f"{path}, categories: {len(ids)} species; a prior needs two at least")
    return dict(sorted(zip(ids, map(str, names))))


def _observations(path: Path, index: dict[int, int]) -> Observations:
    content = _read(path)
    (ids,) = _part(content, "images", ("id",), path)
    of_image, categories = _part(content, "annotations", ("image_id", "category_id"), path)
    _ids(ids, f"{path}, images, id")
    _ids(of_image, f"{path}, annotations, image_id")
    _ids(categories, f"{path}, annotations, category_id")
    if len(set(ids)) < len(ids):
        raise InputError(f"{path}, images: an id occurs twice")
    category_of = _by_id(of_image, categories, f"{path}, annotations")
    unknown = sorted(set(categories) - set(index))
    if unknown:
        raise InputError(
            f"{path}, annotations: category_id {unknown[0]} is none of the {len(index)} "
            f"categories of the {TRAINING} file"
        )
    label = {image: index[category] for image, category in category_of.items()}
    _check_known(ids, label, path, "annotation")
    lonlat = _places(path.with_name(f"{path.stem}_locations.json"), ids, path)
    labels = np.array([label[image] for image in ids], np.int64)
    found = Observations(np.array(ids, np.int64), lonlat, labels)
    located = int(found.located.sum())
    if not located:
        raise InputError(f"{path.stem}_locations.json: no image of {path.name} has coordinates")
    log.info("%s: %s images, %s with a place", path.name, f"{len(ids):,}", f"{located:,}")
    return found


def _places(path: Path, ids: list[int], images: Path) -> Floats:
    """(N, 2) lon, lat of the images; NaN where either is null."""
    entries = _read(path)
    known, lon, lat = (_column(entries, key, str(path)) for key in ("id", "lon", "lat"))
    _by_id(_ids(known, f"{path}, id"), zip(lon, lat), str(path))
    row = {identifier: position for position, identifier in enumerate(known)}
    _check_known(ids, row, images, f"entry in {path.name}")
    try:
        values = np.array(list(zip(lon, lat)), np.float64)  # None becomes NaN
    except (TypeError, ValueError):
        raise InputError(f"{path}: lon and lat are to be numbers or null") from None
    values[~np.isfinite(values).all(1)] = np.nan
    wrong = (np.abs(values) > (360.0, 90.0)).any(1)
    if wrong.any():
        bad = int(wrong.argmax())
        raise InputError(f"{path}: id {known[bad]}: lon {lon[bad]}, lat {lat[bad]} is no place")
    return values[[row[image] for image in ids]]


def _check_known(ids: list[int], known: dict[int, int], path: Path, what: str) -> None:
    missing = [image for image in ids if image not in known]
    if missing:
        raise InputError(
            f"{path}: {len(missing):,} of {len(ids):,} images have no {what}, first id "
            f"{missing[0]}; the files are not of one release"
        )
    if not ids:
        raise InputError(f"{path}: holds no images")
