#!/usr/bin/env python3
"""Makes the plugin that QGIS installs: `satclip_qgis-VERSION.zip`, the same bytes each time.

    python qgis_plugin/build.py --out DIR     the zip
    python qgis_plugin/build.py --link DIR    DIR/satclip_qgis, linked to this checkout, to develop

The folder inside has the plugin with help pages and an example project, metadata.txt, LICENSE, and
`satclip_core` with its model.
"""

from __future__ import annotations

import argparse
import configparser
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

PLUGIN = Path(__file__).resolve().parent
ROOT = PLUGIN.parent
PACKAGE = "satclip_qgis"
CORE = "satclip_core"
# The plugin repository of QGIS takes 25 MB; a slow line has to take it too.
LARGEST = 20_000_000
_SUFFIXES = {
    *(".py", ".html", ".svg", ".qm", ".csv", ".npz", ".md", ".json", ".typed", ".txt"),
    *(".qgs", ".gpkg", ".tif"),  # of the example project
}
# Compressed already: zlib's versions differ in their bytes.
_STORED = {".npz", ".png", ".tif"}
# What only developers need.
_LEFT_OUT = {"build.py", "i18n/update.py", "help/update.py"}
_HELP = PLUGIN / "help"
_PICTURE = re.compile(r'<img src="(images/[\w-]+\.png)"')
_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


class BuildError(Exception):
    """The plugin cannot be built; the message says what is missing."""


def version() -> str:
    """The version of the core, which is the plugin's.

    Raises:
        BuildError: it is not there, or metadata.txt says another.
    """
    found = re.search(r'^__version__ = "(.+)"$', (ROOT / CORE / "version.py").read_text(), re.M)
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read_string((ROOT / "metadata.txt").read_text("utf-8"))
    said = metadata["general"]["version"]
    if found is None or said != found[1]:
        raise BuildError(f"metadata.txt says version {said}, {CORE} {found and found[1]}")
    return said


def contents() -> Iterator[tuple[str, Path]]:
    """Names within the package and the files behind them, in order.

    Raises:
        BuildError: a file that the plugin cannot do without is missing.
    """
    files = {
        "metadata.txt": ROOT / "metadata.txt",
        "LICENSE": PLUGIN / "LICENSE",
        f"{CORE}/LICENSE": ROOT / "LICENSE",
    }
    for folder, prefix in ((PLUGIN, ""), (ROOT / CORE, f"{CORE}/")):
        for path in folder.rglob("*"):
            name = prefix + path.relative_to(folder).as_posix()
            if path.is_file() and path.suffix in _SUFFIXES and name not in _LEFT_OUT:
                files[name] = path
    for page in _HELP.glob("*.html"):
        for picture in _PICTURE.findall(page.read_text("utf-8")):
            files[f"help/{picture}"] = ROOT / "docs" / picture
    for name, path in files.items():
        if not path.is_file():
            raise BuildError(f"{name} is missing: {path}")
    for name in ("metadata.txt", "LICENSE", f"{CORE}/LICENSE", f"{CORE}/models/bundled.npz"):
        if name not in files or not files[name].is_file():
            raise BuildError(f"{name} is missing")
    yield from sorted((name, path) for name, path in files.items() if "__pycache__" not in name)


def build(out: Path) -> Path:
    """Write the zip into a folder.

    Raises:
        BuildError: something is missing, or it is larger than the plugin repository takes.
    """
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{PACKAGE}-{version()}.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for name, path in contents():
            entry = zipfile.ZipInfo(f"{PACKAGE}/{name}", _DATE)
            entry.external_attr = _MODE
            entry.create_system = 3  # as on Unix, wherever it is built
            stored = path.suffix in _STORED
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes(), compresslevel=9)
    if target.stat().st_size > LARGEST:
        raise BuildError(f"{target} has {target.stat().st_size:,} bytes, more than {LARGEST:,}")
    return target


def link(out: Path) -> Path:
    """Make a folder `satclip_qgis` of links to the files of this checkout.

    Raises:
        BuildError: something is missing.
    """
    package = out / PACKAGE
    for name, path in contents():
        place = package / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(path)
    return package


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, metavar="DIR", help="write the zip into this folder")
    what.add_argument("--link", type=Path, metavar="DIR", help="link the plugin into this folder")
    options = parser.parse_args()
    try:
        print(build(options.out) if options.out else link(options.link))
    except (BuildError, OSError) as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
