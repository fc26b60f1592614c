"""What compressing embeddings costs and saves, by GDAL's compressions, levels and predictors.

    python tests/benchmarks/compression.py [--rounds 3] [--page docs]

Rasters of 256 × 256 pixels of 0.02° and 256 bands, of the bundled model and of harmonics to degree
40, by type. Each way takes its turn; of each the fastest run counts. `--page` puts the
table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from functools import partial
from pathlib import Path

from maps.page import replace_part
from measuring import in_turn
from suite import Written, encoders

from satclip_core.products.embedding import EmbeddingOf


def _ways(predictor: int, others: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Ways to compress, the default first: creation options by what the table calls them."""
    by = f"predictor {predictor}"
    return {
        f"ZSTD 1, {by}": {},
        "the same in tiles of 256": {"BLOCKXSIZE": "256", "BLOCKYSIZE": "256"},
        **others,
        "ZSTD 1, no predictor": {"PREDICTOR": "1"},
        f"ZSTD 3, {by}": {"ZSTD_LEVEL": "3"},
        f"ZSTD 9, {by}": {"ZSTD_LEVEL": "9"},
        f"DEFLATE 1, {by}": {"COMPRESS": "DEFLATE", "ZLEVEL": "1"},
        f"DEFLATE 6, {by}": {"COMPRESS": "DEFLATE", "ZLEVEL": "6"},
        "LERC_ZSTD, without loss": {"COMPRESS": "LERC_ZSTD", "ZSTD_LEVEL": "1"},
        "none": {"COMPRESS": "NONE"},
    }


_FLOATS = _ways(3, {"ZSTD 1, predictor 2": {"PREDICTOR": "2"}})
_WHOLE = _ways(2, {})
_MODELS = ("bundled", "L 40")
_PIXELS = 256


def cells(dtype: str, ways: dict[str, dict[str, str]], rounds: int) -> dict[str, list[str]]:
    """Of each way: MB a core and second and the share of the bytes, by raster."""
    found: dict[str, list[str]] = {way: [] for way in ways}
    known = encoders()
    for name in _MODELS:
        made = Written(known[name], EmbeddingOf(dtype), _PIXELS)
        with tempfile.TemporaryDirectory() as folder:
            sizes, runs = {}, {}
            for way, options in ways.items():
                runs[way] = partial(made.write, Path(folder), **options)
                sizes[way] = runs[way]().stat().st_size
            taken = in_turn(runs, rounds)
        size = made.spec.bytes
        for way, one in taken.items():
            found[way].append(f"{size / 1e6 / one.processors:.0f}, {100 * sizes[way] / size:.0f} %")
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, of which the least")
    parser.add_argument("--page", type=Path, metavar="DOCS", help="folder of benchmarks.md")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # that pixels are finer than what the model resolves
    lines = [f"| | | {' | '.join(_MODELS)} |", "|---|---" + "|---:" * len(_MODELS) + "|"]
    for dtype, ways in (("float32", _FLOATS), ("int16", _WHOLE), ("uint8", _WHOLE)):
        shown = dtype
        for way, row in cells(dtype, ways, options.rounds).items():
            lines.append(f"| {shown} | {way} | {' | '.join(row)} |")
            shown = ""
    print("\n".join(lines))
    if options.page is not None:
        replace_part(options.page / "benchmarks.md", "compression", "\n".join(lines))


if __name__ == "__main__":
    main()
