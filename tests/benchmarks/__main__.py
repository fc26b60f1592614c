"""How fast all of it is, each figure over a reference that is measured in the same run.

    python tests/benchmarks [--only points grids …] [--long] [--rounds 5] [--page docs]

prints JSON, and with `--page` puts it into docs/results/benchmarks.json, the table into
docs/benchmarks.md and a part of it into README.md; groups that were not measured now stay there if
they are of the same machine and versions. `--long` measures epochs of training and maps from
samples too, and counts what the suites of faults and fuzzing tried, which takes minutes. Beside it,
for one subject each: `compression.py`, `estimates.py`, `two_part.py`, `scaled.py`,
`pretraining.py`, `dock.py` (in QGIS) and `maps/`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from maps.page import replace_part
from measuring import Figure, machine, plain, table
from suite import LONG, QUICK

# Lines of the table that the README shows, by the beginning of their names.
_SHOWN = (
    "L 40, points anywhere",
    "L 40, similarity",
    "L 40, 256 dimensions",
    "bundled, similarity",
    "bundled, 256 dimensions",
    "GeoTIFF, 256 bands",
    "satclip ",
    "a raster",
    "an epoch",
)


_LOAD = "load before"
GROUPS = {**QUICK, **LONG}


def write_page(about: dict[str, Any], figures: list[Figure], docs: Path) -> None:
    """Table, JSON, and the README's part."""
    file = docs / "results" / "benchmarks.json"
    if file.exists():
        before = json.loads(file.read_text("utf-8"))
        load = max(about[_LOAD], before["machine"][_LOAD])
        if {**before["machine"], _LOAD: load} == {**about, _LOAD: load}:
            about = {**about, _LOAD: load}
            figures = joined([Figure(**one) for one in before["figures"]], figures)
    facts = (
        f"{about['processor']}, {about['cores']} cores, load {about[_LOAD]} when it "
        f"began; Python {about['python']}, numpy {about['numpy']}, {about['system']}."
    )
    replace_part(docs / "benchmarks.md", "table", f"{facts}\n\n{table(figures)}")
    shown = [figure for figure in figures if figure.name.startswith(_SHOWN)]
    replace_part(docs.parent / "README.md", "speed", f"{facts}\n\n{table(shown)}")
    content = {"machine": about, "figures": plain(figures)}
    file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def joined(before: list[Figure], now: list[Figure]) -> list[Figure]:
    """The groups of both, as the suite has them; those measured now in place of those before."""
    measured = {figure.group for figure in now}
    kept = [figure for figure in before if figure.group not in measured]
    order = list(GROUPS)
    return sorted(kept + now, key=lambda figure: order.index(figure.group.partition(",")[0]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python tests/benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=GROUPS, help="groups of figures")
    parser.add_argument("--long", action="store_true", help="training, maps, faults and fuzz too")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each, of which the least")
    parser.add_argument("--page", type=Path, metavar="DOCS", help="folder of benchmarks.md")
    options = parser.parse_args()
    wanted = options.only or (GROUPS if options.long else QUICK)
    about, figures = machine(), []
    for name in wanted:
        figures += GROUPS[name](options.rounds)
    print(json.dumps({"machine": about, "figures": plain(figures)}, indent=1))
    print(table(figures))
    if options.page is not None:
        write_page(about, figures, options.page)


if __name__ == "__main__":
    main()
