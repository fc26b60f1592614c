"""Reading the published annotations: ids matched, nulls left out, mistakes named in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inaturalist_world import NAMES, read_json, write_json, write_world

from satclip_core.errors import InputError
from satclip_training.inaturalist.annotations import read_annotations


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_world(tmp_path / "inat", train=6, val=4)


def test_labels_and_places_belong_to_their_images(folder: Path) -> None:
    data = read_annotations(folder)
    assert (data.year, data.species) == (2018, NAMES)
    content = read_json(folder / "val2018.json")
    places = {entry["id"]: entry for entry in read_json(folder / "val2018_locations.json")}
    assert data.test.ids.tolist() == [image["id"] for image in content["images"]]
    labels = {entry["image_id"]: entry["category_id"] for entry in content["annotations"]}
    for image, label, lonlat in zip(data.test.ids, data.test.labels, data.test.lonlat):
        assert label == labels[image]
        wanted = [places[image]["lon"], places[image]["lat"]]
        np.testing.assert_array_equal(lonlat, np.array(wanted, np.float64))


def test_images_without_coordinates_have_no_place(folder: Path) -> None:
    file = folder / "train2018_locations.json"
    entries = read_json(file)
    for entry in entries:
        entry.update(lon=10.0, lat=50.0)
    entries[0].update(lon=None, lat=None)
    entries[1]["lat"] = None  # half a place is none
    write_json(file, entries)
    training = read_annotations(folder).training
    assert (~training.located).sum() == 2
    missing = {entries[0]["id"], entries[1]["id"]}
    assert set(training.ids[~training.located].tolist()) == missing
    assert len(training.with_place().ids) == len(training.ids) - 2
    assert np.isfinite(training.with_place().lonlat).all()


def test_category_ids_need_not_count_from_zero(folder: Path) -> None:
    before = read_annotations(folder)
    for split in ("train", "val"):
        content = read_json(folder / f"{split}2018.json")
        for category in content["categories"]:
            category["id"] = 7 * category["id"] + 100
        for entry in content["annotations"]:
            entry["category_id"] = 7 * entry["category_id"] + 100
        content["categories"].reverse()
        write_json(folder / f"{split}2018.json", content)
    after = read_annotations(folder)
    assert after.species == before.species
    np.testing.assert_array_equal(after.training.labels, before.training.labels)


def test_two_years_need_one_to_be_named(folder: Path) -> None:
    write_world(folder, train=3, val=2, year=2017)
    with pytest.raises(InputError, match=r"2017 and 2018; say which with --year"):
        read_annotations(folder)
    assert len(read_annotations(folder, 2017).test.ids) == 2 * len(NAMES)


Change = Callable[[Any], Any]


def drop(*keys: str | int) -> Change:
    def change(content: Any) -> Any:
        place = content
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]
        return content

    return change


def put(value: object, *keys: str | int) -> Change:
    def change(content: Any) -> Any:
        place = content
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
        return content

    return change


def repeated(*keys: str, **changes: object) -> Change:
    """The first entry of a list again at its end, with changes."""

    def change(content: Any) -> Any:
        place = content
        for key in keys:
            place = place[key]
        place.append({**place[0], **changes})
        return content

    return change


def nowhere(content: Any) -> Any:
    return [{**entry, "lat": None, "lon": None} for entry in content]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("train2018.json", drop("categories"), r"train2018.json: has no 'categories'"),
        ("val2018.json", drop("images"), r"val2018.json: has no 'images'"),
        ("val2018.json", drop("annotations"), r"val2018.json: has no 'annotations'"),
        ("train2018.json", drop("images", 3, "id"), r"images: entry 3 has no 'id'"),
        ("train2018.json", put(5, "images"), r"images: expected a list"),
        ("train2018.json", drop("annotations", 0, "category_id"), r"entry 0 has no 'category_id'"),
        ("train2018.json", drop("annotations", 0), r"1 of 48 images have no annotation"),
        ("train2018.json", put([], "images"), r"holds no images"),
        ("val2018.json", put(99, "annotations", 0, "category_id"), r"category_id 99 is none of"),
        ("train2018_locations.json", drop(4, "lon"), r"entry 4 has no 'lon'"),
        ("train2018_locations.json", drop(0), r"1 of 48 images have no entry in train2018_loc"),
        ("train2018_locations.json", lambda _: {"id": 1}, r"expected a list of objects"),
        ("train2018_locations.json", nowhere, r"no image of train2018.json has coordinates"),
        ("val2018_locations.json", nowhere, r"no image of val2018.json has coordinates"),
        ("val2018_locations.json", put(95.0, 2, "lat"), r"lat 95.0 is no place"),
        ("val2018_locations.json", put("north", 2, "lat"), r"numbers or null"),
        ("train2018.json", put("a", "images", 3, "id"), r"images, id: entry 3 is 'a', expected"),
        ("train2018.json", put(None, "categories", 1, "id"), r"categories, id: entry 1 is None"),
        ("val2018.json", put([1], "annotations", 2, "category_id"), r"category_id: entry 2 is \[1"),
        ("val2018.json", put("7", "annotations", 2, "image_id"), r"image_id: entry 2 is '7'"),
        ("val2018_locations.json", put(None, 2, "id"), r"locations.json, id: entry 2 is None"),
        ("val2018.json", repeated("images"), r"images: an id occurs twice"),
        ("val2018.json", repeated("annotations", category_id=99), r"occurs twice, with \d and 99"),
        ("val2018_locations.json", repeated(lat=1.5, lon=2.5), r"occurs twice, with .* 1.5\)"),
    ],
)
def test_mistakes_are_named_in_one_line(
    folder: Path, name: str, change: Change, message: str
) -> None:
    content = change(read_json(folder / name))
    if message.endswith("no place"):
        content = put(1.0, 2, "lon")(content)  # a null would make it no place at all
    write_json(folder / name, content)
    with pytest.raises(InputError, match=message) as caught:
        read_annotations(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["train2018.json", "val2018.json", "val2018_locations.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        read_annotations(folder)


def test_a_folder_without_annotations_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no trainYEAR_locations.json there"):
        read_annotations(tmp_path)
    with pytest.raises(InputError, match=r"is not a folder"):
        read_annotations(tmp_path / "nowhere")


def test_a_torn_file_is_named(folder: Path) -> None:
    (folder / "train2018.json").write_text('{"images": [')
    with pytest.raises(InputError, match=r"train2018.json: is not JSON"):
        read_annotations(folder)
