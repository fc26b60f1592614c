"""Derive the land mask that comes with the package from NOAA's GLOBE, and measure it.

    python scripts/land_mask.py globe_combined_mask_compressed.npz --towns FILE    write, measure
    python scripts/land_mask.py globe_combined_mask_compressed.npz --check         measure

Atolls are smaller than GLOBE's cells: the towns of Natural Earth (public domain; a CSV of its
populated places, with lon and lat) stand on land, and the cells around them.

The file is that of the package global-land-mask: `mask`, (21600, 43200), True for water, 30
arc-seconds, from NOAA's GLOBE (public domain). It takes 2 GB of memory.
"""

from __future__ import annotations

import argparse
import csv
import io
import zipfile
from pathlib import Path

import numpy as np

from satclip_core.grid.land import CELLS_PER_DEGREE, FIELD, LandMask

# Cells of GLOBE for a degree, and along the side of one of ours.
_GLOBE = 120
_SIDE = _GLOBE // CELLS_PER_DEGREE
# Cells of GLOBE that have to be land for one of ours to be: islands are to stay.
_LEAST = 1


def coarse(land: np.ndarray) -> np.ndarray:
    """(21600, 43200) of GLOBE -> (7200, 14400), land where enough of it is."""
    rows, cols = (size // _SIDE for size in land.shape)
    blocks = land.reshape(rows, _SIDE, cols, _SIDE)
    return blocks.sum(axis=3, dtype=np.uint8).sum(axis=1, dtype=np.uint8) >= _LEAST


def with_towns(cells: np.ndarray, path: Path) -> np.ndarray:
    """The cells, and nine around each town that none of them is near: atolls."""
    with path.open(encoding="utf-8", newline="") as text:
        places = [(float(row["lon"]), float(row["lat"])) for row in csv.DictReader(text)]
    found = cells.copy()
    for lon, lat in places:
        row = int((90 - lat) * CELLS_PER_DEGREE)
        col = int((lon + 180) * CELLS_PER_DEGREE)
        rows = np.arange(row - 1, row + 2).clip(0, cells.shape[0] - 1)
        around = np.ix_(rows, np.arange(col - 1, col + 2) % cells.shape[1])
        if not cells[around].any():
            found[around] = True
    return found


def write(cells: np.ndarray, path: Path) -> None:
    """Write cells as bytes of eight rows each: so they deflate best of the ways tried."""
    content = io.BytesIO()
    np.save(content, np.packbits(cells, axis=0))
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("land.npy", (1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, content.getvalue(), compresslevel=9)


def report(land: np.ndarray, cells: np.ndarray) -> list[str]:
    """How far the cells agree with GLOBE, each of its cells weighed by its area."""
    fine = cells.repeat(_SIDE, axis=0).repeat(_SIDE, axis=1)
    weights = np.cos(np.deg2rad(90 - (np.arange(len(land)) + 0.5) / _GLOBE))

    def share(chosen: np.ndarray) -> float:
        return float((chosen.mean(axis=1) * weights).sum() / weights.sum())

    on_land, at_sea = share(land), 1 - share(land)
    return [
        f"agrees on {100 * share(fine == land):.2f} % of the Earth's surface",
        f"land taken for sea: {100 * share(land & ~fine) / on_land:.3f} % of the land",
        f"sea taken for land: {100 * share(~land & fine) / at_sea:.3f} % of the sea",
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("globe", type=Path, metavar="FILE")
    parser.add_argument("--towns", type=Path, metavar="CSV", help="where there is land too")
    parser.add_argument("--check", action="store_true", help="measure the field that is there")
    options = parser.parse_args()
    with np.load(options.globe) as file:
        land = ~file["mask"]
    if not options.check:
        found = coarse(land)
        write(with_towns(found, options.towns) if options.towns else found, FIELD)
    print(f"{FIELD.name}: {FIELD.stat().st_size:,} bytes, cells of 1/{CELLS_PER_DEGREE} degree")
    lats = 90 - (np.arange(180 * CELLS_PER_DEGREE) + 0.5) / CELLS_PER_DEGREE
    lons = (np.arange(360 * CELLS_PER_DEGREE) + 0.5) / CELLS_PER_DEGREE - 180
    with np.load(FIELD) as file:
        mask = LandMask(file["land"])
    cells = np.stack([mask(lons, np.full(len(lons), lat)) for lat in lats])
    print(*report(land, cells), sep="\n")


if __name__ == "__main__":
    main()
