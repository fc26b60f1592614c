"""Room on the disk: what is refused before a raster is computed, and while it is written."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from satclip_core.errors import OutputError
from satclip_core.grid import Grid
from satclip_core.products import Embedding, Rgb, RgbBasis
from satclip_core.raster import RasterSpec, space

GRID = Grid.from_bounds((0, 0, 51.2, 51.2), 0.1)  # 512 x 512 pixels, four tiles
TARGET = Path("out.tif")
BLOCK = 256 * 256 * 4 * 4  # four bands of float32
TILE_OF_A_BAND = BLOCK // 4


def with_room(monkeypatch: pytest.MonkeyPatch, free: float) -> None:
    monkeypatch.setattr(space, "room", lambda path: int(free))


def handover(spec: RasterSpec) -> space.Handover:
    return space.Handover(TARGET, TARGET, spec)


def least_room(monkeypatch: pytest.MonkeyPatch, made: space.Handover, coming: int) -> int:
    """The least room that a block of so many bytes is taken with, by halving."""
    low, high = 0, 2**31
    while high - low > 1:
        middle = (low + high) // 2
        with_room(monkeypatch, middle)
        try:
            made.check(coming)
            high = middle
        except OutputError:
            low = middle
    return high


def needed(size: float) -> float:
    """Room for so many bytes that may lie there uncompressed, with 2 % and 128 KiB for a file."""
    return 1.02 * size + 131072


@pytest.mark.parametrize(
    ("handed_over", "on_its_way"),
    [
        (0, 0),
        (1000, 1000),
        (4 * TILE_OF_A_BAND, 4 * TILE_OF_A_BAND),
        (BLOCK + 1, 4 * TILE_OF_A_BAND),  # what more than its threads can hold is written
        (50 * BLOCK, 4 * TILE_OF_A_BAND),
    ],
)
def test_there_is_room_for_what_is_coming_and_what_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch, handed_over: int, on_its_way: int
) -> None:
    made = handover(RasterSpec(GRID, Embedding(4), threads=2))
    made.done(handed_over)
    found = least_room(monkeypatch, made, BLOCK)
    assert found == pytest.approx(needed(BLOCK + on_its_way), abs=1)


def test_bands_in_one_tile_are_on_their_way_together(monkeypatch: pytest.MonkeyPatch) -> None:
    zero, three = np.zeros(4), np.zeros(3)
    rgb = Rgb(RgbBasis(zero, np.zeros((3, 4)), three, three, three, "m", "0"))
    made = handover(RasterSpec(GRID, rgb, threads=1))
    tile = 256 * 256 * 4  # four bands of bytes, by pixel
    made.done(100 * tile)
    assert least_room(monkeypatch, made, tile) == pytest.approx(needed(tile + 3 * tile), abs=1)


def test_all_processors_compress_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = handover(RasterSpec(GRID, Embedding(4)))
    made.done(1000 * BLOCK)
    threads = (os.cpu_count() or 1) + 2
    expected = needed(BLOCK + threads * TILE_OF_A_BAND)
    assert least_room(monkeypatch, made, BLOCK) == pytest.approx(expected, abs=1)


def test_what_is_still_to_come_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made = handover(RasterSpec(GRID, Embedding(4), threads=2))
    for _ in range(3):
        made.done(BLOCK)
    with_room(monkeypatch, 2000)
    with pytest.raises(OutputError, match=r"out\.tif: 2 kB are free, with 1\.05 MB \(before"):
        made.check(BLOCK)


@pytest.mark.parametrize(
    ("dtype", "share"),
    [("float32", 0.1), ("float16", 0.02), ("int16", 0.01), ("uint8", 0.01), ("uint16", 0.0)],
)
def test_what_fits_however_well_it_compresses_is_not_refused(
    monkeypatch: pytest.MonkeyPatch, dtype: str, share: float
) -> None:
    with_room(monkeypatch, share * 1e9)
    space.check_room(TARGET, 10**9, dtype)
    if share:
        with_room(monkeypatch, share * 1e9 - 1)
        with pytest.raises(OutputError, match="would hold 1 GB before compression"):
            space.check_room(TARGET, 10**9, dtype)


def test_an_expected_size_may_be_a_fifth_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    with_room(monkeypatch, 800)
    space.check_share(TARGET, 1000)
    with pytest.raises(OutputError, match="would take about 1 kB, but only 800 bytes are free"):
        space.check_share(TARGET, 1001)


@pytest.mark.parametrize(
    ("free", "message"), [(1000, "no space left for out.tif: "), (10**9, "cannot write out.tif: ")]
)
def test_what_gdal_could_not_write_for_lack_of_room_says_so(
    monkeypatch: pytest.MonkeyPatch, free: int, message: str
) -> None:
    made = handover(RasterSpec(GRID, Embedding(4)))
    with_room(monkeypatch, free)
    said = str(made.refused("TIFFAppendToStrip:Write error"))
    assert said.startswith(message)
    assert "TIFFAppendToStrip:Write error" in said
