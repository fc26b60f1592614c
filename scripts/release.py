#!/usr/bin/env python3
"""Makes what is released: the wheel, the zip of the plugin, and a bill of materials of each.

    python scripts/release.py --out dist

The same bytes each time, wherever: the sources are copied without what lies beside them, with equal
modes and the date of SOURCE_DATE_EPOCH, else of the last commit. Needs `build`, `setuptools` and
`cyclonedx-bom` (extra `dev`). The bills are CycloneDX 1.6: of the wheel, what it asks for; of the
zip, what is inside.
"""

from __future__ import annotations

import argparse
import email
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("satclip_core", "cli", "training")
FILES = ("pyproject.toml", "README.md", "LICENSE")
# The first date that a zip can hold.
_EARLIEST = 315532800
_PLUGIN_LICENCE = "GPL-2.0-or-later"


def epoch() -> str:
    """Seconds since 1970 that stand for now: SOURCE_DATE_EPOCH, or the last commit's."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return given
    asked = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    said = subprocess.run(asked, capture_output=True, text=True)
    return said.stdout.strip() or str(_EARLIEST)


def copied(folder: Path) -> None:
    """The sources alone, with the modes and times that a release has."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored, copy_function=shutil.copyfile)
    for name in FILES:
        shutil.copyfile(ROOT / name, folder / name)
    for path in sorted(folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def wheel(out: Path) -> Path:
    """Build the wheel into a folder."""
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary, "source")
        source.mkdir()
        copied(source)
        built = Path(temporary, "built")
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch()}
        said = subprocess.run(
            [*command, str(built), str(source)],
            capture_output=True,
            text=True,
            env=environment,
        )
        if said.returncode:
            raise SystemExit(f"release.py: the wheel was not built:\n{said.stdout}{said.stderr}")
        (made,) = built.glob("*.whl")
        return Path(shutil.move(str(made), out / made.name))


def plugin(out: Path) -> Path:
    """Build the zip of the plugin into a folder."""
    command = [sys.executable, str(ROOT / "qgis_plugin" / "build.py"), "--out", str(out)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    return Path(said.stdout.strip())


def required(made: Path) -> Iterator[tuple[str, str, bool]]:
    """What a wheel asks for: name, versions, whether always."""
    with zipfile.ZipFile(made) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    seen = set()
    for line in metadata.get_all("Requires-Dist", []):
        package, versions, marker = re.fullmatch(  # type: ignore[union-attr]
            r"([A-Za-z0-9_.-]+)\s*([^;]*?)\s*(?:;\s*(.*))?", line
        ).groups()
        extra = "extra ==" in (marker or "")
        if package not in seen and "'dev'" not in (marker or "").replace('"', "'"):
            seen.add(package)
            yield package, versions, not extra


def bill(made: Path, licence: str, parts: list[Any]) -> Path:
    """Write the bill of materials of a file beside it: NAME.cdx.json.

    Args:
        made: the file.
        licence: of it, SPDX.
        parts: its components, of the library `cyclonedx`.
    """
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    version = re.search(r"-(\d[^-]*?)(?:-py3.*)?\.(?:whl|zip)$", made.name)
    whole = Component(
        name=made.name.partition("-")[0].replace("_", "-"),
        version=version[1] if version else None,
        type=ComponentType.LIBRARY,
        bom_ref=made.name,
        licenses=[LicenseFactory().make_from_string(licence)],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )
    bom = Bom(components=parts)
    bom.metadata.component = whole
    bom.register_dependency(whole, parts)
    # Equal bytes for equal content: the serial number is of the content, the time that of the date.
    bom.serial_number = UUID(digest[:32])
    bom.metadata.timestamp = datetime.fromtimestamp(int(epoch()), timezone.utc)
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise SystemExit(f"release.py: the bill of {made.name} is not valid: {problem}")
    path = made.with_name(f"{made.name}.cdx.json")
    path.write_text(text + "\n", "utf-8")
    return path


def bill_of_wheel(made: Path) -> Path:
    """The bill of the wheel: the packages that it asks for, the optional ones too."""
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentScope, ComponentType
    from packageurl import PackageURL

    parts = [
        Component(
            name=package,
            type=ComponentType.LIBRARY,
            bom_ref=f"pkg:pypi/{package.lower()}",
            purl=PackageURL("pypi", None, package.lower()),
            scope=ComponentScope.REQUIRED if always else ComponentScope.OPTIONAL,
            properties=[Property(name="satclip:versions", value=versions)],
        )
        for package, versions, always in required(made)
    ]
    return bill(made, "MIT", parts)


def bill_of_plugin(made: Path) -> Path:
    """The bill of the zip: each file in it that is code of another licence, a model or data."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType

    parts = []
    with zipfile.ZipFile(made) as archive:
        for name in sorted(archive.namelist()):
            data = name.endswith(".npz")
            core = "/satclip_core/" in name
            parts.append(
                Component(
                    name=name,
                    type=ComponentType.DATA if data else ComponentType.FILE,
                    bom_ref=name,
                    licenses=[
                        LicenseFactory().make_from_string("MIT" if core else _PLUGIN_LICENCE)
                    ],
                    hashes=[
                        HashType(
                            alg=HashAlgorithm.SHA_256,
                            content=hashlib.sha256(archive.read(name)).hexdigest(),
                        )
                    ],
                )
            )
    return bill(made, _PLUGIN_LICENCE, parts)


def main() -> int:
    """Command line."""
    os.umask(0o022)  # modes are part of the wheel
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--wheel-only", action="store_true", help="no zip of the plugin, no bills")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    made = wheel(options.out)
    print(made)
    if not options.wheel_only:
        print(bill_of_wheel(made))
        zipped = plugin(options.out)
        print(zipped)
        print(bill_of_plugin(zipped))
    return 0


if __name__ == "__main__":
    sys.exit(main())
