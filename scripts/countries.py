"""Derive the outlines of countries that come with the package from Natural Earth, and measure them.

    python scripts/countries.py ne_50m_admin_0_countries.gpkg --names ne_110m_admin_0_countries.json

Both files are Natural Earth's (public domain); the first gives outlines, ADMIN and ISO_A3, the
second the further names of the larger countries. Outlines are simplified together, so that
neighbours still share their borders (`shapely.coverage_simplify`; shapely 2.1, GEOS 3.12).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from satclip_core.files import npy_bytes, write_zip
from satclip_core.raster.countries import FILE, PER_DEGREE

# Degrees: square root of the area of a triangle that is left out. Borders are off by about as much.
_TOLERANCE = 0.08
# Square degrees (3,700 square kilometres at the equator) below which a country is left as it is.
_SMALL = 0.3
# ISO 3166-1 alpha-2 of what the coarser file lacks, and of those for which it says -99.
_TWO = """
ABW AW AIA AI ALA AX AND AD ASM AS ATG AG BHR BH BLM BL BMU BM BRB BB COK CK COM KM CPV CV CUW CW
CYM KY DMA DM FRO FO FSM FM GGY GG GRD GD GUM GU HKG HK HMD HM IMN IM IOT IO JEY JE KIR KI KNA KN
LCA LC LIE LI MAC MO MAF MF MCO MC MDV MV MHL MH MLT MT MNP MP MSR MS MUS MU NFK NF NIU NU NRU NR
PCN PN PLW PW PYF PF SGP SG SGS GS SHN SH SMR SM SPM PM STP ST SXM SX SYC SC TCA TC TON TO VAT VA
VCT VC VGB VG VIR VI WLF WF WSM WS FRA FR NOR NO KOS XK
"""
_OTHERS = {
    "CIV": ["Côte d'Ivoire"],
    "CPV": ["Cape Verde"],
    "CZE": ["Czech Republic"],
    "COD": ["DR Congo", "DRC", "Congo-Kinshasa"],
    "COG": ["Congo-Brazzaville"],
    "GBR": ["UK", "Great Britain", "Britain"],
    "HKG": ["Hong Kong"],
    "MAC": ["Macao", "Macau"],
    "MKD": ["North Macedonia"],
    "MMR": ["Burma"],
    "NLD": ["Holland"],
    "RUS": ["Russian Federation"],
    "SRB": ["Serbia"],
    "SWZ": ["Eswatini"],
    "TLS": ["Timor-Leste"],
    "TUR": ["Türkiye"],
    "USA": ["USA", "United States", "America"],
    "VAT": ["Vatican City", "Holy See"],
    "FSM": ["Micronesia"],
    "TZA": ["Tanzania"],
}


def names(table: Any, coarse: Path) -> list[list[str]]:
    """Of each country: its name in English, ISO codes, and what else it is called."""
    words = _TWO.split()
    two = dict(zip(words[::2], words[1::2]))
    known = {}
    for feature in json.loads(coarse.read_text("utf-8"))["features"]:
        facts = feature["properties"]
        known[facts["ADM0_A3"]] = facts
    found = []
    for admin, iso, own in zip(table["ADMIN"], table["ISO_A3"], table["ADM0_A3"]):
        facts = known.get(own, {})
        code = iso if iso != "-99" else own
        said = [admin, code, two.get(code) or facts.get("ISO_A2")]
        said += [facts.get(key) for key in ("NAME", "NAME_LONG", "FORMAL_EN")]
        said += _OTHERS.get(code, [])
        kept = [name for name in said if name and name != "-99"]
        found.append(list(dict.fromkeys(kept)))
    return found


def rings(shapes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Rings of polygons: (R, 3) country, whether it is an outline, positions; and all positions."""
    heads, positions = [], []
    for country, shape in enumerate(shapes):
        for polygon in getattr(shape, "geoms", [shape]):
            for number, ring in enumerate([polygon.exterior, *polygon.interiors]):
                steps = np.rint(np.asarray(ring.coords)[:, :2] * PER_DEGREE).astype(np.int64)
                moved = np.append(True, (np.diff(steps, axis=0) != 0).any(axis=1))
                steps = steps[moved]
                if len(steps) < 4:
                    continue
                heads.append((country, number == 0, len(steps)))
                positions.append(steps)
    return np.array(heads), np.concatenate(positions)


def main() -> None:
    """Simplify, write, measure."""
    import geopandas
    import shapely

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("countries", type=Path)
    parser.add_argument("--names", type=Path, required=True)
    parser.add_argument("--tolerance", type=float, default=_TOLERANCE)
    parser.add_argument("--check", action="store_true", help="measure only")
    given = parser.parse_args()
    table = geopandas.read_file(given.countries)
    shapes = table.geometry.to_numpy()
    small = shapely.area(shapes) < _SMALL
    simple = np.where(small, shapes, shapely.coverage_simplify(shapes, given.tolerance))
    heads, positions = rings(simple)
    steps = np.diff(positions, axis=0, prepend=0).T
    # Signs in the lowest bit, and apart by byte: nearly all of the upper bytes are 0, and deflate.
    folded = np.where(steps < 0, -2 * steps - 1, 2 * steps).astype("<u4")
    members = {
        "names": np.frombuffer(
            json.dumps(names(table, given.names), ensure_ascii=False).encode(), np.uint8
        ),
        "rings": heads.astype("<i4"),
        "steps": folded.copy().view(np.uint8).reshape(2, -1, 4).swapaxes(1, 2),
    }
    if not given.check:
        write_zip(FILE, {f"{name}.npy": npy_bytes(array) for name, array in members.items()})
    print(f"{len(table)} countries, {len(heads)} rings, {len(positions)} positions")
    if FILE.exists():
        print(f"{FILE.stat().st_size:,} bytes")
    apart = shapely.area(shapely.symmetric_difference(shapes, simple)) / shapely.area(shapes)
    print(f"area apart: median {np.median(apart):.2%}, worst {apart.max():.0%}")


if __name__ == "__main__":
    main()
