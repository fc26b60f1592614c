"""Modalities: what maps say of places, kept in the cache, contrasted, and read back."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from modal_world import write_modalities
from training_world import LAND_BOUNDS, field

from satclip_cli.main import run
from satclip_core import load_encoder
from satclip_core.encoder.modal import COORDINATES
from satclip_core.errors import InputError
from satclip_training.images.decoding import DecodeRequest, band_names, open_raster
from satclip_training.modalities.modal_dataset import read_dataset
from satclip_training.modalities.opening import (
    ModalityRequest,
    PhraseViews,
    hashed,
    open_modality,
)
from satclip_training.modalities.phrases import PhraseTable, read_phrases, vocabulary
from satclip_training.modalities.street import nearest_pictures, read_picture
from satclip_training.objectives import objective_class
from satclip_training.objectives.unigeoclip import Unigeoclip
from satclip_training.run.pretraining import RunOptions, train
from satclip_training.settings.config import TrainConfig, load_config
from satclip_training.settings.modality import ChipModality, TextModality
from satclip_training.settings.run_files import Locations, locations
from satclip_training.settings.schema import build

TINY = Path(__file__).parents[2] / "training" / "configs" / "unigeoclip-tiny.yaml"
MODALITIES = ("season", "image", "relief", "lights", "climate", "street", "words")


@pytest.fixture(scope="module")
def data(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_modalities(world, tmp_path_factory.mktemp("modalities") / "data")


def options(data: Path, output: Path) -> RunOptions:
    return RunOptions(locations(TINY, data), output, data)


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("run")
    assert train(load_config(TINY), options(data, folder)) == folder / "unigeoclip-tiny.npz"
    return folder


# Settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("objective=satclip", r"modalities: the objective 'satclip' has no use for them"),
        ("export.postprocess=whiten", r"export\.postprocess: 'whiten' would move places away"),
        ("export.rotation_seed=1", r"export\.rotation_seed: 1 would move places away"),
        ("model.location_head=8", r"model\.location_head: 'unigeoclip' contrasts the embedding"),
        ("modalities.season={files: [a.tif], chip: {kilometres: 1, pixels: 4}}", "called so"),
        ("modalities.coordinates={kind: values, files: [a.npz]}", "cannot be called so"),
        ("modalities.image.tower=spire", r"tower\.kind: 'spire' is not one of .*convolution"),
        ("modalities.image.kind=chip", r"image\.kind: 'chip' is not one of .*did you mean 'chips'"),
        ("modalities.image.colour=1", r"modalities\.image\.colour: unknown key"),
        ("modalities.words.phrases=[{kind: rumours}]", r"phrases\[0\]\.kind: 'rumours'"),
        (
            "modalities.words.phrases=[{kind: ranges, file: a, limits: [2, 1], names: [a, b, c]}]",
            r"phrases\[0\]: names and limits: 2 limits, which must rise",
        ),
        ("objective.pairs=some", r"objective\.pairs: 'some' is not one of all, pivot"),
    ],
)
def test_a_bad_setting_is_one_line(change: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_config(TINY, [change])
    assert "\n" not in str(caught.value)


def test_settings_survive_being_stored() -> None:
    config = load_config(TINY)
    assert build(TrainConfig, json.loads(json.dumps(config.as_plain())), "") == config
    assert objective_class(config) is Unigeoclip
    with pytest.raises(InputError, match=r"training\.loss: 'siglip' is one of satclip"):
        objective_class(load_config(TINY, ["training.loss=siglip"]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("modalities.image.files=[nowhere.tif]", r"modalities\.image\.files: 'nowhere\.tif'"),
        ("modalities.street.folder=photos", r"modalities\.street\.folder: 'photos'"),
        (
            "modalities.words.phrases=[{kind: coast, file: sea.gpkg}]",
            r"words\.phrases\[0\]\.file: 'sea\.gpkg'",
        ),
    ],
)
def test_a_missing_file_is_named_before_anything_is_computed(
    data: Path, tmp_path: Path, change: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        train(load_config(TINY, [change]), options(data, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_plan_names_the_modalities(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", str(TINY), "--data-root", str(data), "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "climate: values, contrasted with places" in lines
    assert "words: text, contrasted with places" in lines


# Grids


def test_a_grid_of_an_npz_is_read_between_its_cells(data: Path) -> None:
    """Against numpy's interpolation along one axis at a time; rows from the south."""
    with np.load(data / "climate.npz") as arrays:
        lon, lat, rain = arrays["lon"], arrays["lat"], arrays["rain"]
    raster = open_raster(DecodeRequest(data / "climate.npz"), data)
    rng = np.random.default_rng(0)
    places = np.column_stack([rng.uniform(-178, 178, 40), rng.uniform(-88, 88, 40)])
    row, col = (v[:, None, None] for v in raster.place(places[:, 0], places[:, 1]))
    got, valid = raster.gather(row, col, bilinear=True)
    rows = np.stack([np.interp(places[:, 0], lon, line) for line in rain])
    wanted = [np.interp(place[1], lat, rows[:, n]) for n, place in enumerate(places)]
    assert valid.all()
    np.testing.assert_allclose(got[:, 0, 0, 3], wanted, rtol=1e-5)
    assert band_names(data / "climate.npz", [2, 4]) == ["warmth 2", "rain"]
    # Around the antimeridian it goes on at the other edge.
    row, col = (v[:, None, None] for v in raster.place(np.array([180.0]), np.array([10.0])))
    across = raster.gather(row, col, bilinear=True)[0][0, 0, 0, 3]
    line = [np.interp(10.0, lat, rain[:, edge]) for edge in (0, -1)]
    assert across == pytest.approx(np.mean(line), rel=1e-5)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"lat": [1.0, 2.0]}, "cannot be read as grids with arrays lon and lat"),
        ({"lat": [1.0, 2.0], "lon": [1.0, 2.0, 3.0]}, "holds no grid of 2 x 3"),
        (
            {"lat": [1.0, 2.0], "lon": [1.0, 2.0, 9.0], "x": [[1, 2, 3], [4, 5, 6]]},
            "lon does not go in even steps",
        ),
    ],
)
def test_an_npz_that_is_no_grid_is_one_line(
    tmp_path: Path, arrays: dict[str, list[float]], message: str
) -> None:
    np.savez(tmp_path / "grid.npz", **arrays)
    with pytest.raises(InputError, match=rf"grid\.npz: {message}"):
        open_raster(DecodeRequest(tmp_path / "grid.npz"), tmp_path)


# Words


def phrases_at(data: Path, lonlat: list[tuple[float, float]]) -> tuple[str, ...]:
    words = load_config(TINY).modalities["words"]
    assert isinstance(words, TextModality)
    find = Locations((data,)).find
    return read_phrases(words.phrases, np.array(lonlat), find, "modalities.words").texts()


def test_maps_say_what_is_at_a_place(data: Path) -> None:
    east = LAND_BOUNDS[2]
    middle, edge, sea = (1.0, 5.0), (east - 1.0, 20.0), (east + 20, 20.0)
    texts = phrases_at(data, [middle, edge, sea])
    for (lon, lat), text in zip((middle, edge, sea), texts):
        # The rasters' cells: their centres, 2 degrees apart.
        cell = field(2 * np.floor(lon / 2) + 1, 2 * np.floor(lat / 2) + 1)
        assert ("cold zone" in text) == (cell < 0.1)
        assert ("warm zone" in text) == (cell >= 0.1)
    said = [set(text.split(", ")) & {"Made Land", "coast", "inland"} for text in texts]
    assert said == [{"Made Land", "inland"}, {"Made Land", "coast"}, set()]


def test_ranges_begin_at_their_limits(tmp_path: Path) -> None:
    metres = np.array([[-1, 0, 399, 400], [400, 400, 400, 400]], np.int16)
    np.savez(tmp_path / "relief.npz", lon=[0.0, 1, 2, 3], lat=[0.0, 1], metres=metres)
    settings = build(
        TextModality,
        {
            "kind": "text",
            "phrases": [
                {
                    "kind": "ranges",
                    "file": "relief.npz",
                    "limits": [0, 400],
                    "names": [None, "a", "b"],
                }
            ],
        },
        "",
    )
    lonlat = np.array([[0.0, 0], [1, 0], [2, 0], [3, 0]])
    table = read_phrases(settings.phrases, lonlat, Locations((tmp_path,)).find, "words")
    assert table.texts() == ("", "a", "a", "b")


TABLE = PhraseTable(
    ("cold coast", "Made Land", "the zone of zones"), np.array([[0, 1], [2, -1], [-1, -1], [0, 2]])
)


def test_the_vocabulary_is_what_enough_places_have() -> None:
    assert vocabulary(TABLE, 1, "") == ("coast", "cold", "land", "made", "zone", "zones")
    assert vocabulary(TABLE, 2, "") == ("coast", "cold", "zone", "zones")
    with pytest.raises(InputError, match=r"words: no word .* of 3 places or more"):
        vocabulary(TABLE, 3, "words")


def test_views_of_words_keep_some_phrases() -> None:
    facts = {"vocabulary": ("coast", "cold", "zone")}  # nothing of "Made Land" is known
    views = PhraseViews(TABLE, facts, 0.0, seed=7)
    full = views.take(np.zeros(4, int), np.arange(4))
    np.testing.assert_array_equal(full[[0, 1, 3]], [[1, 1, 0], [0, 0, 1], [1, 1, 1]])
    assert np.isnan(full[2]).all()
    drawn = np.stack([views.take(np.full(4, view), np.arange(4)) for view in range(1, 200)])
    # One phrase at least, each of two alone at times, both at times.
    assert (drawn[:, :2] == full[:2]).all()
    kinds, counts = np.unique(drawn[:, 3], axis=0, return_counts=True)
    np.testing.assert_array_equal(kinds, [[0, 0, 1], [1, 1, 0], [1, 1, 1]])
    assert counts.min() > 30
    # The same for a place whatever else is asked.
    again = views.take(np.array([5, 9]), np.array([3, 3]))
    np.testing.assert_array_equal(again, drawn[[4, 8], 3])


def test_hashed_numbers_are_uniform_and_differ() -> None:
    numbers = hashed(3, np.full((500, 1), 2), np.arange(500)[:, None], 4)
    assert numbers.shape == (500, 4)
    assert ((numbers >= 0) & (numbers < 1)).all()
    np.testing.assert_allclose(numbers.mean(0), 0.5, atol=0.05)
    np.testing.assert_allclose(np.corrcoef(numbers.T), np.eye(4), atol=0.15)
    others = [hashed(4, np.full((500, 1), 2), np.arange(500)[:, None], 4)]
    others.append(hashed(3, np.full((500, 1), 3), np.arange(500)[:, None], 4))
    for other in others:
        assert abs(np.corrcoef(numbers[:, 0], other[:, 0])[0, 1]) < 0.15


# Pictures


def test_the_nearest_pictures_within_reach_are_a_place_s() -> None:
    rng = np.random.default_rng(2)
    taken = np.column_stack([rng.uniform(-180, 180, 40), rng.uniform(-90, 90, 40)])
    places = np.column_stack([rng.uniform(-180, 180, 30), rng.uniform(-90, 90, 30)])
    taken[0], places[0] = (179.99, 10), (-179.99, 10)
    taken[1] = (-179.989, 10.0)
    found = nearest_pictures(places, taken, 1500, 3)
    for place, numbers in zip(np.radians(places), found.tolist()):
        km = [
            6371.0088 * 2 * np.arcsin(np.sqrt(
                np.sin((lat - place[1]) / 2) ** 2
                + np.cos(lat) * np.cos(place[1]) * np.sin((lon - place[0]) / 2) ** 2
            ))
            for lon, lat in np.radians(taken)
        ]  # fmt: skip
        near = [n for n in np.argsort(km) if km[n] <= 1500][:3]
        assert numbers == (list(np.resize(near, 3)) if near else [-1] * 3)
    assert found[0].tolist()[:2] == [1, 0]
    assert (found == -1).all(1).any()


def test_a_picture_is_its_middle_square(data: Path, tmp_path: Path) -> None:
    import rasterio

    wide = np.zeros((3, 8, 20), np.uint8)
    wide[:, :, 6:14] = (
        np.arange(8).repeat(8).reshape(8, 8) * 10 + np.array([0, 1, 2])[:, None, None]
    )
    profile = {"driver": "PNG", "width": 20, "height": 8, "count": 3, "dtype": "uint8"}
    with rasterio.open(tmp_path / "wide.png", "w", **profile) as out:
        out.write(wide)
    picture = read_picture(tmp_path / "wide.png", 4)
    np.testing.assert_array_equal(picture[:, 0, 0], [5, 25, 45, 65])
    np.testing.assert_array_equal(picture[0, 0], [5, 6, 7])
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(InputError, match=r"no\.png: cannot be read"):
        read_picture(tmp_path / "no.png", 4)


# The objective


FOURIER = {"kind": "scaledfourier", "frequencies": 8}
TRANSFORMER = {"kind": "transformer", "depth": 1, "heads": 2}
GRID = {"kind": "featuregrid", "rows": [18, 9], "channels": 2}


@pytest.mark.parametrize(
    "model",
    [
        {"encoding": FOURIER, "network": TRANSFORMER},
        {"encoding": FOURIER, "network": "mlp", "capacity": 8},
        {"legendre_polys": 4, "capacity": 8},
        {"encoding": "direct", "network": GRID},
    ],
    ids=["scaled", "random Fourier", "Siren(SH)", "feature grid"],
)
@pytest.mark.parametrize("count", [6, 1])
def test_any_location_encoder_is_contrasted(model: dict[str, object], count: int) -> None:
    """One sample alone has nothing to be told from: its loss is 0, and so are the gradients."""
    values = {"name": "x", "model": {**model, "embed_dim": 8}, "objective": "unigeoclip"}
    values["modalities"] = {
        "a": {"kind": "values", "files": ["a.npz"]},
        "b": {"files": ["b.tif"], "chip": {"kilometres": 1, "pixels": 4}},
    }
    torch.manual_seed(0)
    objective = Unigeoclip(build(TrainConfig, values, ""), {"a": 3, "b": 16})
    lonlat = torch.rand(count, 2, dtype=torch.float64) * 60
    rows = {"a": torch.rand(count, 3), "b": torch.full((count, 16), float("nan"))}
    loss = objective.loss_at(lonlat, rows)
    loss.backward()
    found = [parameter.grad for parameter in objective.location.parameters()]
    if count == 1:
        assert loss.item() == 0
    else:
        assert loss.item() > 0.5
        assert max(float(gradient.abs().max()) for gradient in found) > 0
    # Nothing of what is missing everywhere is learnt, and nothing of it is undefined.
    assert all(float(p.grad.abs().max()) == 0 for p in objective.towers[1].parameters())


# Runs


def test_the_model_file_holds_the_towers_of_training(finished: Path) -> None:
    """What numpy makes of rows is what torch makes of them with the averaged weights."""
    encoder = load_encoder(str(finished / "unigeoclip-tiny.npz"))
    assert tuple(encoder.modalities) == MODALITIES
    assert [one.kind for one in encoder.modalities.values()] == [
        "features", "chips", "chips", "chips", "values", "pictures", "text",
    ]  # fmt: skip
    image, lights = encoder.modalities["image"], encoder.modalities["lights"]
    assert (image.pixels, image.kilometres, len(image.bands)) == (8, 400, 3)
    assert (lights.bands, lights.least_value) == (("lights",), 60)
    assert encoder.modalities["climate"].names == ("warmth 1", "warmth 2", "warmth 3", "rain")
    config = load_config(TINY)
    model = Unigeoclip(config, {name: one.width for name, one in encoder.modalities.items()})
    state = torch.load(finished / "last.ckpt", weights_only=True)["state_dict"]
    state = {key.removeprefix("model."): value for key, value in state.items()}
    model.load_state_dict(state, strict=False)
    rng = np.random.default_rng(0)
    for (name, one), tower in zip(encoder.modalities.items(), model.towers):
        rows = rng.integers(0, 200, (6, one.width)).astype(np.float32)
        with torch.no_grad():
            made = torch.nn.functional.normalize(tower(torch.from_numpy(rows)), dim=1)
        np.testing.assert_allclose(one.embed(rows), made.numpy(), atol=2e-5, err_msg=name)
    scales = encoder.modalities.scales
    assert len(scales) == 8 * 7 // 2
    kept = state["logit_scale"].exp().tolist()
    assert encoder.modalities.scale(COORDINATES, "season") == pytest.approx(kept[0])
    assert len({round(value, 6) for value in scales.values()}) > 20


def test_held_out_places_are_found_by_what_is_known_of_them(finished: Path) -> None:
    encoder, held = load_encoder(str(finished / "unigeoclip-tiny.npz")), read_dataset(finished)
    training, every = (read_dataset(finished, which=which) for which in ("training", "all"))
    assert len(held.places) == 60
    assert len(held.places) + len(training.places) == len(every.places) == 600
    assert not set(map(tuple, held.places)) & set(map(tuple, training.places))
    assert set(held.features) == set(MODALITIES) - {"season"}
    assert 0.1 < held.present["lights"].mean() < 0.9
    assert held.texts["words"][0].startswith("Made Land")
    places = encoder.encode(held.places)
    places /= np.linalg.norm(places, axis=1, keepdims=True)
    ranks = {}
    for name, rows in held.features.items():
        there = held.present[name]
        similarity = encoder.modalities[name].embed(rows[there]) @ places.T
        own = similarity[np.arange(len(similarity)), np.flatnonzero(there)]
        ranks[name] = float((similarity > own[:, None]).mean())
    # Chance is 0.5; the world's one field is the same at many places, so it cannot be near 0.
    assert np.mean(list(ranks.values())) < 0.44, ranks
    assert ranks["climate"] < 0.42, ranks


def test_texts_are_encoded_as_the_run_s_own(finished: Path) -> None:
    encoder, held = load_encoder(str(finished / "unigeoclip-tiny.npz")), read_dataset(finished)
    words = encoder.modalities["words"]
    np.testing.assert_allclose(
        words.encode(held.texts["words"]), words.embed(held.features["words"]), atol=1e-6
    )


def test_what_the_cache_holds_is_what_the_rasters_say(finished: Path, data: Path) -> None:
    """A climate's numbers, interpolated again by numpy."""
    every = read_dataset(finished, which="all")
    with np.load(data / "climate.npz") as arrays:
        lon, lat, rain = arrays["lon"], arrays["lat"], arrays["rain"]
    for place, row in list(zip(every.places, every.features["climate"]))[:20]:
        line = [np.interp(place[0], lon, cells) for cells in rain]
        assert row[3] == pytest.approx(np.interp(place[1], lat, line), rel=1e-4)


def test_the_card_names_objective_and_modalities(finished: Path) -> None:
    card = (finished / "unigeoclip-tiny.md").read_text()
    assert "all with all (UniGeoCLIP, EarthVision 2026): coordinates, season, image" in card
    assert "InfoNCE of all pairs of modalities on batches of 90, a scale for each pair" in card


def test_towers_and_objective_may_change_without_computing_anew(
    finished: Path, data: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    changes = [
        "modalities.image.tower={kind: pooled}",
        "objective.pairs=pivot",
        "training.epochs=1",
    ]
    again = replace(options(data, tmp_path / "run"), cache=finished / "cache")
    with caplog.at_level(logging.INFO, "satclip_training"):
        path = train(load_config(TINY, changes), again)
    assert "modality" not in caplog.text
    encoder = load_encoder(str(path))
    assert encoder.modalities["image"].tower == "pooled"
    assert set(encoder.modalities.scales) == {
        tuple(sorted((COORDINATES, name))) for name in MODALITIES
    }
    assert read_dataset(tmp_path / "run").features["image"].shape == (60, 192)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"least_value": 300}, r"modalities\.image: is missing at all of the 50 places"),
        ({"bands": (9,)}, r"has 3 bands, no band 9"),
    ],
)
def test_rasters_that_say_nothing_are_one_line(
    data: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    image = load_config(TINY).modalities["image"]
    assert isinstance(image, ChipModality)
    lonlat = np.random.default_rng(0).uniform(-40, 40, (50, 2))
    request = ModalityRequest("image", replace(image, **change), lonlat, Locations((data,)), 1)
    with pytest.raises(InputError, match=message):
        open_modality(request, tmp_path)
    assert not list(tmp_path.rglob("facts.json"))


def test_a_folder_without_modalities_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"modalities\.json is not there: name the folder of a run"
    ):
        read_dataset(tmp_path)
    with pytest.raises(InputError, match="which is 'test': give one of held-out, training, all"):
        read_dataset(tmp_path, which="test")
