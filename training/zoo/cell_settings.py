"""The settings of a cell of the zoo, an encoding with a network, and the files they are kept in."""

# ruff: noqa: RUF009 - `setting` makes dataclass fields, as dataclasses.field does
from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from satclip_core.encoder.encodings import ZOO, EncodingSettings
from satclip_core.errors import InputError, require
from satclip_core.files import written_whole

from ..settings.run_files import read_yaml
from ..settings.schema import build, integer, mapping, plain, real, section, setting, text

NETWORKS = ("linear", "fcnet", "siren")
MULTI_SCALE = ("grid", "theory", "spherec", "spherecplus", "spherem", "spheremplus")
"""Encodings with F frequencies between two radii."""

FOLDER = Path(__file__).parent / "cells"


@dataclasses.dataclass(frozen=True)
class CellSettings:
    """Sizes and optimiser settings; an encoding and a network each use what concerns them."""

    learning_rate: float = setting(real(above=0))
    weight_decay: float = setting(real(0))
    dim_hidden: int = setting(integer(low=1), 64)
    num_layers: int = setting(integer(low=1), 2)
    legendre_polys: int = setting(integer(low=1), 10)
    frequency_num: int = setting(integer(low=1), 16)
    min_radius: float = setting(real(above=0), 1.0)
    max_radius: float = setting(real(above=0), 360.0)

    @property
    def encoding(self) -> EncodingSettings:
        """The part that the positional encodings read."""
        return EncodingSettings(
            legendre_polys=self.legendre_polys,
            frequency_num=self.frequency_num,
            min_radius=self.min_radius,
            max_radius=self.max_radius,
        )


@dataclasses.dataclass(frozen=True)
class SettingsFile:
    """Settings of many cells, under `encoding-network`, and where they come from."""

    cells: dict[str, CellSettings] = setting(mapping(section(CellSettings)))
    source: str = setting(text(), "not said")


def relevant(encoding: str, network: str) -> tuple[str, ...]:
    """Names of the settings that a cell uses, in the order of the files."""
    names: list[str] = []
    if encoding in MULTI_SCALE:
        names += ["frequency_num", "min_radius"]
    elif encoding == "sphericalharmonics":
        names += ["legendre_polys"]
    if network != "linear":
        names += ["dim_hidden"]
    if network == "siren":
        names += ["num_layers"]
    return (*names, "learning_rate", "weight_decay")


def split(cell: str) -> tuple[str, str]:
    """`encoding-network` as its two names.

    Raises:
        InputError: no such encoding or network.
    """
    encoding, _, network = cell.rpartition("-")
    if encoding not in ZOO or network not in NETWORKS:
        raise InputError(
            f"{cell!r} is no cell: an encoding ({', '.join(ZOO)}), a hyphen, and a network "
            f"({', '.join(NETWORKS)})"
        )
    return encoding, network


def read_settings(path: Path) -> dict[str, CellSettings]:
    """The cells of a settings file.

    Raises:
        InputError: no such file, no such cell, or a bad value in it.
    """
    return _read(path).cells


def _read(path: Path) -> SettingsFile:
    if not path.is_file():
        raise InputError(f"settings {path}: no such file")
    content = build(SettingsFile, read_yaml(path), f"{path}: ")
    for cell in content.cells:
        split(cell)
    return content


def stored_settings(name: str) -> dict[str, CellSettings]:
    """The settings that come with the package: `land-ocean`, `land-ocean-searched`, …"""
    return read_settings(FOLDER / f"{name}.yaml")


def add_settings(path: Path, cells: Mapping[str, CellSettings], source: str) -> None:
    """Write cells beside those that the file has from the same source; others are replaced."""
    try:
        kept = _read(path)
    except InputError:  # not there, or edited: it is written anew
        kept = SettingsFile({})
    write_settings(path, {**(kept.cells if kept.source == source else {}), **cells}, source)


def write_settings(path: Path, cells: Mapping[str, CellSettings], source: str) -> None:
    """Write a settings file, each cell with the settings that it uses."""
    yaml = require("yaml", extra="train", purpose="writing settings")
    entries: dict[str, Any] = {}
    for cell, settings in cells.items():
        values = plain(settings)
        entries[cell] = {name: values[name] for name in relevant(*split(cell))}
    content = yaml.safe_dump({"source": source, "cells": entries}, sort_keys=False, width=1000)
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_text(content, encoding="utf-8")
