"""A field fitted to imagery: eyes, cells, the regression, the embedding, a whole run."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from satclip_core.encoder import EncoderConfig, LocationEncoder, TwoPartEncoder
from satclip_core.encoder.encodings import EncodingSettings
from satclip_core.errors import InputError
from satclip_core.models.model_file import read_model, write_model
from satclip_training.evaluation import resolution
from satclip_training.evaluation.resolution import resolved
from satclip_training.fine import composing, eyes, fine_run, fitting
from satclip_training.fine.cells import Cells, kept_rows, sample_places
from satclip_training.fine.composing import compose
from satclip_training.fine.eyes import Pyramid, Targets, bilinear, box_means
from satclip_training.fine.fine_run import train_fine
from satclip_training.fine.fine_settings import EmbeddingSettings, LevelSettings, load_fine_config
from satclip_training.images import decoding
from satclip_training.settings.run_files import locations

CONFIG = """
name: small
smooth: smooth.npz
land_mask: land.npz
pixel_rows: 64
eyes:
  colour: {files: [colour.png], scales: [300, 1000], deviations: [1000], differences: [1000], components: 6}
  mixed: {files: [mosaic.png, grey.png], behind: colour.png, scales: [300], components: 2}
  land: {files: [land.npz], scales: [300], components: 1, weight: 0.5}
levels:
  - {rows: 90, channels: 4, near_land: 300, south: -70, step: 0.02, places: 4}
  - {rows: 18, channels: 3, step: 0.02, places: 8}
fit: {components: 8, hidden: 32, epochs: 3, batch_size: 512, validation_places: 400, threads: 1}
embedding: {dim: 32, leading_smooth: 4, lengths: [3, 8]}
export: {resolution_images: colour.png, dtype: float32}
"""  # noqa: E501


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads on a busy machine wait for one another at every small product."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def smooth_encoder() -> LocationEncoder:
    """A small encoder of harmonics, 40 dimensions, as it is before any training."""
    random = np.random.default_rng(0)
    weights = {
        "layers.0.weight": random.normal(size=(64, 36)) * 0.03,
        "layers.0.bias": random.normal(size=64) * 0.03,
        "last_layer.weight": random.normal(size=(40, 64)),
        "last_layer.bias": random.normal(size=40),
    }
    return LocationEncoder(EncoderConfig(settings=EncodingSettings(legendre_polys=6)), weights)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    colour = np.kron(random.integers(0, 256, (32, 64, 3)), np.ones((4, 4, 1)))
    Image.fromarray(colour.astype(np.uint8)).save(tmp_path / "colour.png")
    # A mosaic with a hole, which the colours fill, and greys with one, which stays.
    colour[:, 64:] = 0
    Image.fromarray(colour.astype(np.uint8)).save(tmp_path / "mosaic.png")
    Image.fromarray(colour[..., 0].astype(np.uint8)).save(tmp_path / "grey.png")
    water = np.zeros((64, 128), bool)
    water[:, 64:] = True
    np.savez(tmp_path / "land.npz", mask=water)
    write_model(tmp_path / "smooth.npz", smooth_encoder())
    (tmp_path / "small.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole runs with fewer places and nodes."""
    monkeypatch.setattr(fitting, "_TABLE_STEP", 2.0)
    monkeypatch.setattr(fine_run, "SAMPLE", 2_000)
    monkeypatch.setattr(resolution, "_FITTED", 2_000)
    monkeypatch.setattr(resolution, "_COMPARED", 500)


def test_means_within_squares_are_those_of_the_pixels() -> None:
    raster = np.random.default_rng(0).random((180, 360)).astype(np.float32)
    means = box_means(raster, 5 * 111.195, 180)
    # At the equator five degrees are five pixels, across the antimeridian as anywhere.
    around = np.take(raster[88:93], np.arange(-2, 3), axis=1, mode="wrap")
    assert means[90, 0] == pytest.approx(around.mean(), abs=0.02)
    assert box_means(np.ones((180, 360), np.float32), 300, 60) == pytest.approx(1)


def test_bilinear_reading_goes_on_across_the_antimeridian() -> None:
    raster = np.zeros((4, 8, 1), np.float16)
    raster[:, 0], raster[:, 7] = 1, 3
    assert bilinear(raster, np.array([[180.0, 0.0], [-180.0, 0.0]])) == pytest.approx(2)


def test_a_mosaic_is_filled_where_it_is_black_though_its_compression_blurs_that(
    data: Path, tmp_path: Path
) -> None:
    mosaic = np.full((32, 64, 3), 90, np.uint8)
    mosaic[:, 0] = 0
    mosaic[:, 1] = (9, 4, 0)  # as beside it in the imagery of 1.2 km, at the antimeridian
    mosaic[:, 2] = (2, 5, 20)  # deep sea
    Image.fromarray(mosaic).save(data / "dark.png")
    rasters = [
        decoding.open_raster(decoding.DecodeRequest(data / name, eyes.GLOBE), tmp_path)
        for name in ("dark.png", "colour.png")
    ]
    lons, lats = np.array([-177.2, -171.6, -165.9, -160.3]), np.array([10.0])
    found = eyes._nearest(rasters[0], rasters[1], lons, lats)[0]
    behind = eyes._nearest(rasters[1], None, lons, lats)[0]
    assert np.array_equal(found[:2], behind[:2])
    assert found[2].tolist() == [2, 5, 20]
    assert found[3].tolist() == [90, 90, 90]


def test_a_residual_eye_sees_in_each_scale_what_the_next_wider_one_does_not() -> None:
    random = np.random.default_rng(0)
    scales = tuple(random.normal(size=(n, 2 * n, 2)).astype(np.float16) for n in (16, 8, 4))
    spread = random.normal(size=(4, 8, 1)).astype(np.float16)
    at = np.array([[10.0, 20.0], [-170.0, -60.0]])
    plain = Pyramid(scales, (spread,), (), spread).at(at)
    residual = Pyramid(scales, (spread,), (), spread, residual=True).at(at)
    assert residual[:, 4:] == pytest.approx(plain[:, 4:])
    assert residual[:, :2] + residual[:, 2:4] + residual[:, 4:6] == pytest.approx(
        plain[:, :2], abs=1e-5
    )


def test_targets_are_softly_whitened_and_weigh_what_they_are_told() -> None:
    random = np.random.default_rng(0)
    numbers = (random.normal(size=(5000, 4)) @ random.normal(size=(4, 6))).astype(np.float32)
    seen = Targets.of(numbers, 4, 2.0)(numbers)
    assert seen.var(axis=0).sum() == pytest.approx(2, rel=0.02)
    assert np.corrcoef(seen.T) == pytest.approx(np.eye(4), abs=0.02)


def test_every_cell_that_no_finer_level_has_gets_its_places() -> None:
    levels = [LevelSettings(36, 1, step=1.0, places=2), LevelSettings(9, 1, step=1.0, places=3)]
    cells = [Cells.of(36), Cells.of(9)]
    wanted = [cells[0].middle[:, 0] < 0, np.ones(len(cells[1].row), bool)]
    places = sample_places(levels, cells, wanted, 0)
    assert (places[:, 0] < 0).sum() >= 2 * wanted[0].sum()
    east = cells[1].middle[:, 0] >= 0
    assert (places[:, 0] >= 0).sum() == pytest.approx(3 * east.sum(), rel=0.15)


def test_a_field_learns_what_it_is_shown() -> None:
    cells = Cells.of(36)
    rows, _ = kept_rows(cells, np.ones(len(cells.row), bool))
    level = fitting.FieldLevel(rows, 2, 0)
    random = np.random.default_rng(0)
    places = np.stack([random.uniform(-180, 180, 4000), random.uniform(-90, 90, 4000)], axis=1)
    lonlat = torch.from_numpy(places)
    shown = torch.from_numpy(np.sin(np.deg2rad(places * 2))).float()
    for _ in range(60):
        error = (level.read(lonlat) - shown).square().mean()
        error.backward()
        level.update(0.05)
    assert error.item() < 0.01
    assert not level.values[:32].any()


def test_what_a_level_costs_is_the_entropy_of_its_whole_numbers() -> None:
    cells = Cells.of(90)
    rows, _ = kept_rows(cells, np.ones(len(cells.row), bool))
    level = fitting.FieldLevel(rows, 3, 0)
    random = np.random.default_rng(0)
    spreads = np.array([0.2, 0.7, 3.0])
    level.values[32:] = torch.from_numpy(
        random.laplace(size=(len(level.values) - 32, 3)) * spreads
    ).float()
    lonlat = torch.from_numpy(cells.middle)
    for _ in range(300):
        level.read(lonlat)
        cost = level.megabytes(0.5)
    whole = torch.round(level.values[32:] / 0.5).long().numpy()
    bits = 0.0
    for channel in whole.T:
        shares = np.unique(channel, return_counts=True)[1] / len(channel)
        bits -= float((shares * np.log2(shares)).sum()) * len(channel)
    assert cost.item() == pytest.approx(bits / 8e6, rel=0.03)


def test_rounding_in_a_fit_passes_its_gradient_through_and_leaves_zeros_alone() -> None:
    cells = Cells.of(36)
    wanted = cells.middle[:, 0] < 0
    level = fitting.FieldLevel(kept_rows(cells, wanted)[0], 2, 0)
    level.values[32:] = 0.26
    west, east = torch.tensor([[-90.0, 10.0]]), torch.tensor([[170.0, 10.0]])
    assert level.read(west.double(), 0.5).detach() == pytest.approx(0.5)
    found = level.read(west.double(), 0.5)
    found.sum().backward()
    assert level._batch is not None
    gradient = level._batch[1].grad
    assert gradient is not None
    assert gradient.sum().item() == pytest.approx(2, rel=1e-5)
    blurred = level.read(west.double(), 0.5, blurred=True).detach()
    assert blurred.min() > 0.01
    assert blurred.max() < 0.51
    assert not (blurred == 0.26).any()
    assert not level.read(east.double(), 0.5, blurred=True).any()


def test_the_first_dimensions_say_most() -> None:
    random = np.random.default_rng(0)
    found = random.normal(size=(3000, 10)) * np.linspace(2, 0.1, 10)
    smooth = random.normal(size=(3000, 6)) * np.linspace(1, 0.3, 6)
    made = compose(found, smooth, EmbeddingSettings(leading_smooth=2, lengths=(3, 6)), 0)
    embedding = smooth @ made.smooth
    embedding[:, :12] += found @ made.predictions
    embedding += made.offset
    variances = embedding.var(axis=0)
    assert variances[:3].min() > variances[3:12].max()
    assert embedding[:, :12].mean(axis=0) == pytest.approx(0, abs=0.05)
    assert np.linalg.matrix_rank(made.smooth) == 6


def test_what_is_resolved_is_where_half_is_explained() -> None:
    assert resolved({1.0: 0.1, 10.0: 0.4, 100.0: 0.6}) == pytest.approx(31.62)
    assert resolved({1.0: 0.7}) == 1.0
    assert resolved({1.0: 0.1, 10.0: 0.2}) is None


def test_what_is_explained_within_boxes_is_what_a_plain_regression_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An encoder of waves, and what is there the same waves with finer ones, box by box by hand."""
    monkeypatch.setattr(resolution, "_FITTED", 4_000)
    monkeypatch.setattr(resolution, "_BOXES_OF_A_SIZE", 60)

    def embed(lonlat: np.ndarray) -> np.ndarray:
        return np.stack([np.sin(np.deg2rad(8 * x)) for x in lonlat.T], axis=1)

    def show(lonlat: np.ndarray) -> np.ndarray:
        seen = embed(lonlat)
        seen[:, 1] += np.sin(np.deg2rad(400 * lonlat[:, 0]))
        return seen

    reading = resolution.Reading(embed, show, lambda places: np.ones(len(places), bool))
    shares = reading.explained_in_boxes((3.0, 0.1))
    assert shares[3.0] < 0.6  # waves of 0.9 degrees fill boxes of 3
    by_distance = reading.explained_by_distance((1.0, 2000.0))
    assert by_distance[2000.0] > by_distance[1.0]
    only = resolution.Reading(embed, lambda x: embed(x)[:, :1], lambda x: np.ones(len(x), bool))
    assert only.explained_in_boxes((1.0,))[1.0] == pytest.approx(1, abs=1e-6)
    numbers = np.random.default_rng(0).normal(size=(30, 2))
    box = np.repeat([0, 2, 3], 10)
    centred = np.concatenate([part - part.mean(axis=0) for part in np.split(numbers, 3)])
    assert resolution._within(numbers, box) == pytest.approx(centred)


def test_a_configuration_without_room_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="no room"):
        load_fine_config(data / "small.yaml", ["embedding.dim=10"])
    with pytest.raises(InputError, match="finest level comes first"):
        load_fine_config(data / "small.yaml", ["levels=[{rows: 9, channels: 1, step: 1},"
                                               "{rows: 18, channels: 1, step: 1}]"])  # fmt: skip


def test_a_run_makes_a_model_that_sees_more_than_its_smooth_part(data: Path, quick: None) -> None:
    config = load_fine_config(data / "small.yaml")
    path = train_fine(config, locations(data / "small.yaml"), data / "run")
    encoder = read_model(path)
    assert isinstance(encoder, TwoPartEncoder)
    assert encoder.dim == 32
    assert float(encoder.info.training["unseen_error"]) < 0.6
    assert "resolves" in encoder.card
    assert path.with_suffix(".md").is_file()


def test_a_run_that_was_stopped_goes_on_to_the_same_model(data: Path, quick: None) -> None:
    config = load_fine_config(data / "small.yaml", ["fit.size_weight=0.1"])
    places = locations(data / "small.yaml")
    whole = read_model(train_fine(config, places, data / "whole"))
    asked = iter([False] * 25 + [True])
    train_fine(config, places, data / "run", lambda: next(asked))
    looked = (data / "run/seen/targets.npy").stat().st_mtime_ns
    resumed = read_model(train_fine(config, places, data / "run"))
    assert (data / "run/seen/targets.npy").stat().st_mtime_ns == looked
    for name, value in whole.stored.items():
        assert np.array_equal(value, resumed.stored[name]), name
    with pytest.raises(InputError, match="nothing to resume"):
        train_fine(config, places, data / "new", resume=True)
    # Other settings of the fit take what was seen, and start the fit anew.
    other = load_fine_config(data / "small.yaml", ["fit.size_weight=0.2"])
    smaller = read_model(train_fine(other, places, data / "run"))
    assert (data / "run/seen/targets.npy").stat().st_mtime_ns == looked
    field = "field.90.values"
    assert np.abs(smaller.stored[field]).mean() < np.abs(whole.stored[field]).mean()


def test_a_model_file_weighs_what_it_may(data: Path, quick: None) -> None:
    places = locations(data / "small.yaml")

    def made(*settings: str) -> tuple[Path, int]:
        config = load_fine_config(data / "small.yaml", list(settings))
        path = train_fine(config, places, data / "run")
        with zipfile.ZipFile(path) as archive:
            fields = [m for m in archive.infolist() if m.filename.endswith(".values.npy")]
            return path, sum(member.compress_size for member in fields)

    path, field = made()
    before = read_model(path)
    # A file this small is mostly room for the card.
    limit = path.stat().st_size + 30_000 - 0.3 * field
    smaller, cut = made(f"export.megabytes={limit / 1e6:f}")
    assert smaller.stat().st_size <= limit
    assert cut < 0.95 * field
    after = read_model(smaller)
    steps = {key: value[0] for key, value in before.stored.items() if key.endswith(".scale")}
    longer = {key: after.stored[key][0] / step for key, step in steps.items()}
    assert min(longer.values()) > 1.05
    assert max(longer.values()) == pytest.approx(min(longer.values()))
    told = "unseen_error_rounded"
    assert float(after.info.training[told]) > float(before.info.training[told])
    assert float(after.info.training[told]) < 0.8
    with pytest.raises(InputError, match=r"export\.megabytes"):
        made("export.megabytes=0.001")


def test_trimmed_weights_differ_by_half_of_the_last_bit_kept() -> None:
    weights = np.random.default_rng(0).normal(size=1000)
    trimmed = composing.trimmed(weights, 6)
    assert np.abs(trimmed / weights - 1).max() <= 2**-7 + 2**-11
    assert len(np.unique(np.abs(np.frexp(trimmed)[0]))) <= 2**6 + 1
    assert composing.trimmed(weights, 10) is weights
