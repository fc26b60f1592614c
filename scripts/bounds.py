#!/usr/bin/env python3
"""Prints a constraints file of pip: the lowest version that pyproject.toml allows of each package.

    python scripts/bounds.py > constraints.txt

Of what is installed with the package and with the extras `points`, `zarr` and `dask`, as far as
their markers hold for this Python. Needs nothing installed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
EXTRAS = ("points", "zarr", "dask")
# zarr 3 needs numpy 1.25 and Python 3.11: it cannot stand beside the lowest numpy.
APART = {"zarr"}
_BOUND = re.compile(r'"([A-Za-z0-9_.-]+)>=([0-9.]+)"')


def bounds(text: str) -> dict[str, str]:
    """Package -> lowest version, of the lists that are installed by users.

    Args:
        text: of pyproject.toml.
    """
    found = {}
    for name in ("dependencies", *EXTRAS):
        listed = re.search(rf"^{name} = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
        if listed is None:
            raise SystemExit(f"bounds.py: {PROJECT} has no list {name}")
        found.update(_BOUND.findall(listed[1]))
    return {package: version for package, version in found.items() if package not in APART}


def main() -> int:
    """Command line."""
    for package, version in bounds(PROJECT.read_text("utf-8")).items():
        print(f"{package}=={version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
