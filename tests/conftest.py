"""Fixtures shared by every test: where the development data lies, if it is here at all."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
from forked import Commands
from made_heads import made_heads

# Where the shell that started us ignores Ctrl-C, as for jobs in the background, the commands
# under test would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine takes any time over an example; a run of all tests is to be the same everywhere.
# --hypothesis-profile=default draws new examples.
with suppress(ImportError):  # QGIS' Python need not have it
    from hypothesis import HealthCheck, settings

    settings.register_profile(
        "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("steady")

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real development data, or a skip where it is not."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the development data (shared/data beside the repository) is not here")
    return folder


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """The folder of small files that people reported, or a skip where it is not."""
    folder = SHARED / "cases"
    if not folder.is_dir():
        pytest.skip("the reported files (shared/cases beside the repository) are not here")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder with outputs of the published code: SATCLIP_GOLDEN, or shared/golden."""
    folder = Path(os.environ.get("SATCLIP_GOLDEN") or SHARED / "golden")
    if not folder.is_dir():
        pytest.skip(f"the golden files are not here ({folder.name}): SATCLIP_GOLDEN names them")
    return folder


@pytest.fixture
def geoclip(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the package geoclip, to be found by its name, or a skip where it is not.

    Installed, or apart in the folder that SATCLIP_GEOCLIP names, as scripts/test puts it.
    """
    apart = Path(os.environ.get("SATCLIP_GEOCLIP") or REPOSITORY / ".venv-geoclip")
    if importlib.util.find_spec("geoclip") is None and (apart / "geoclip").is_dir():
        monkeypatch.syspath_prepend(str(apart))
    found = importlib.util.find_spec("geoclip")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the package geoclip is not here: scripts/test installs it")
    return Path(next(iter(found.submodule_search_locations)))


OURS = ("satclip_core", "satclip_cli", "geopandas", "pyarrow.parquet", "pyogrio", "rasterio")


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """Runs `satclip`, as processes of their own that need not start a Python."""
    with closing(Commands(*OURS)) as commands:
        yield commands


@pytest.fixture(scope="session")
def training_commands() -> Iterator[Commands]:
    """The same with torch imported, for the commands that train."""
    torch = ("satclip_training", "lightning", "matplotlib.pyplot", "optuna")
    with closing(Commands(*OURS, *torch)) as commands:
        yield commands


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of real shape (L 10, 256 dimensions) with seeded weights, for tests only.

    Heads of properties lie beside it, with seeded weights, too.
    """
    from satclip_core.encoder import EncoderConfig, LocationEncoder, ModelInfo
    from satclip_core.encoder.encodings import EncodingSettings
    from satclip_core.models.model_file import read_model, write_model
    from satclip_core.products.property_heads import heads_file

    rng = np.random.default_rng(7)
    weights = {}
    for index, (rows, width) in enumerate(((64, 100), (64, 64))):
        bound = 1 / width if index == 0 else (6 / width) ** 0.5
        weights[f"layers.{index}.weight"] = rng.uniform(-bound, bound, (rows, width))
        weights[f"layers.{index}.bias"] = rng.uniform(-bound, bound, rows)
    weights["last_layer.weight"] = rng.uniform(-0.3, 0.3, (256, 64))
    weights["last_layer.bias"] = rng.uniform(-0.3, 0.3, 256)
    config = EncoderConfig(settings=EncodingSettings(legendre_polys=10))
    path = tmp_path_factory.mktemp("model") / "small.npz"
    info = ModelInfo(name="small-test-model", licence="none", card="# Seeded weights, for tests")
    write_model(path, LocationEncoder(config, weights, info=info))
    made_heads(read_model(path)).save(heads_file(path))
    return path


@pytest.fixture(scope="session")
def fine_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file with a fine part as the bundled one has, small and of seeded weights."""
    from satclip_core.encoder import ModelInfo, TwoPartConfig, TwoPartEncoder
    from satclip_core.encoder.encodings import EncodingSettings
    from satclip_core.encoder.field import RUN, runs_of_rows
    from satclip_core.models.model_file import write_model

    rng = np.random.default_rng(11)
    shapes = {
        "smooth.layers.0.weight": (0.01, 24, 36),
        "smooth.layers.0.bias": (0.01, 24),
        "smooth.last_layer.weight": (0.3, 8, 24),
        "smooth.last_layer.bias": (0.3, 8),
        "hidden.field": (0.5, 16, 6),
        "hidden.smooth": (0.5, 16, 8),
        "hidden.bias": (0.3, 16),
        "out.hidden": (0.3, 8, 16),
        "out.smooth": (0.5, 16, 8),
        "out.bias": (0.1, 16),
    }
    weights: dict[str, np.ndarray] = {
        key: rng.normal(size=shape) * scale for key, (scale, *shape) in shapes.items()
    }
    levels = ((720, 2), (60, 4))
    for rows, channels in levels:
        kept = rng.random(int(runs_of_rows(rows)[-1])) < 0.7
        cells = rng.normal(size=(channels, int(kept.sum()) * RUN)) * 40
        weights |= {
            f"field.{rows}.values": np.clip(np.rint(cells), -127, 127).astype(np.int8),
            f"field.{rows}.kept": np.packbits(kept),
            f"field.{rows}.scale": np.full(channels, 0.005),
        }
    config = TwoPartConfig(
        settings=EncodingSettings(legendre_polys=6), levels=levels, resolution_km=40.0
    )
    path = tmp_path_factory.mktemp("model") / "fine.npz"
    info = ModelInfo(name="fine-test-model", licence="none", card="# Seeded weights, for tests")
    write_model(path, TwoPartEncoder(config, weights, info=info))
    return path
