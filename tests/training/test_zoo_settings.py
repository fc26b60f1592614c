"""Settings of the zoo's cells: what comes with the package, what is written and read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from satclip_core.encoder.encodings import ZOO
from satclip_core.errors import InputError
from satclip_training.zoo.cell_settings import (
    NETWORKS,
    CellSettings,
    read_settings,
    relevant,
    stored_settings,
    write_settings,
)

STORED = ("land-ocean", "checkerboard")


@pytest.mark.parametrize("name", STORED)
def test_the_authors_settings_of_every_cell_come_with_the_package(name: str) -> None:
    wanted = {f"{encoding}-{network}" for encoding in ZOO for network in NETWORKS}
    assert set(stored_settings(name)) == wanted


def test_what_our_search_found_comes_with_the_package() -> None:
    found = stored_settings("land-ocean-searched")
    assert {"cartesian3d-linear", "cartesian3d-siren"} <= set(found)
    # The authors' rate of this cell, 0.0003, does not reach the end in 500 epochs.
    assert found["cartesian3d-linear"].learning_rate > 0.01


def test_the_published_settings_of_spherical_harmonics() -> None:
    stored = stored_settings("land-ocean")
    siren = stored["sphericalharmonics-siren"]
    assert (siren.legendre_polys, siren.dim_hidden, siren.num_layers) == (10, 64, 2)
    assert siren.learning_rate == pytest.approx(1.42e-4, rel=0.01)
    assert siren.weight_decay == pytest.approx(3.67e-3, rel=0.01)
    assert stored["sphericalharmonics-linear"].legendre_polys == 20
    assert stored["sphericalharmonics-fcnet"].legendre_polys == 15


@pytest.mark.parametrize(
    ("encoding", "network", "names"),
    [
        ("wrap", "linear", ()),
        ("grid", "linear", ("frequency_num", "min_radius")),
        ("sphericalharmonics", "fcnet", ("legendre_polys", "dim_hidden")),
        ("direct", "siren", ("dim_hidden", "num_layers")),
    ],
)
def test_a_cell_has_the_settings_that_it_uses(
    encoding: str, network: str, names: tuple[str, ...]
) -> None:
    assert relevant(encoding, network) == (*names, "learning_rate", "weight_decay")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    cells = {"theory-siren": CellSettings(1.5e-4, 2e-8, 96, 3, 10, 48, 19.0)}
    write_settings(tmp_path / "own.yaml", cells, "a test")
    assert read_settings(tmp_path / "own.yaml") == cells


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("cells: {grid-rnn: {learning_rate: 0.1, weight_decay: 0}}", "'grid-rnn' is no cell"),
        ("cells: {grid-siren: {learning_rate: 0, weight_decay: 0}}", "learning_rate"),
        ("cells: {grid-siren: {learning_rate: 1, weight_decay: 0, hidden: 3}}", "unknown key"),
    ],
)
def test_a_bad_settings_file_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=named):
        read_settings(path)


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: no such file"):
        read_settings(tmp_path / "none.yaml")


@pytest.mark.parametrize(("value", "right"), [(1, True), (64, True), (0, False), (-3, False)])
def test_an_encoding_has_one_frequency_at_least(tmp_path: Path, value: int, right: bool) -> None:
    path = tmp_path / "cells.yaml"
    path.write_text(
        "cells:\n  grid-linear: {learning_rate: 0.1, weight_decay: 0, min_radius: 1, "
        f"frequency_num: {value}}}\n"
    )
    if right:
        assert read_settings(path)["grid-linear"].frequency_num == value
    else:
        with pytest.raises(InputError, match=rf"frequency_num: must be at least 1, got {value}"):
            read_settings(path)
