#!/usr/bin/env python3
"""Brings the translations up to date: texts from the sources into .ts, compiled to .qm.

    python3 qgis_plugin/i18n/update.py

Texts are the literals inside `tr(…)`. What was translated stays; what is new waits as
"unfinished" and is printed, for each language; what no source uses any more goes. A new language
begins as an empty file `satclip_xx.ts`. Compiling needs lrelease (Debian: qttools5-dev-tools).
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

FOLDER = Path(__file__).resolve().parent
PLUGIN = FOLDER.parent
CONTEXT = "satclip"
_HEADER = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n'


def texts() -> list[str]:
    """All texts in the sources, in order of first use."""
    found: dict[str, None] = {}
    for path in sorted(PLUGIN.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "tr":
                argument = node.args[0]
                if isinstance(argument, ast.Constant):
                    found[argument.value] = None
                elif path.name != "text.py":
                    raise SystemExit(f"{path}:{node.lineno}: tr() takes a literal")
    return list(found)


def translations(path: Path) -> dict[str, str]:
    """Source texts of a .ts file and their finished translations."""
    if not path.exists() or not path.stat().st_size:
        return {}
    known = {}
    for message in ElementTree.parse(path).iter("message"):
        translation = message.find("translation")
        if translation is not None and translation.get("type") is None and translation.text:
            known[message.findtext("source") or ""] = translation.text
    return known


def write(path: Path, language: str, known: dict[str, str]) -> list[str]:
    """Write a .ts file; returns the texts that wait for a translation."""
    root = ElementTree.Element("TS", version="2.1", language=language, sourcelanguage="en")
    context = ElementTree.SubElement(root, "context")
    ElementTree.SubElement(context, "name").text = CONTEXT
    missing = []
    for text in texts():
        message = ElementTree.SubElement(context, "message")
        ElementTree.SubElement(message, "source").text = text
        translation = ElementTree.SubElement(message, "translation")
        if text in known:
            translation.text = known[text]
        else:
            translation.set("type", "unfinished")
            missing.append(text)
    ElementTree.indent(root, "    ")
    path.write_text(_HEADER + ElementTree.tostring(root, "unicode") + "\n", "utf-8")
    return missing


def main() -> int:
    """Update every language that has a file."""
    for path in sorted(FOLDER.glob("satclip_*.ts")):
        missing = write(path, path.stem.partition("_")[2], translations(path))
        print(f"{path.name}: {len(missing)} texts to translate")
        for text in missing:
            print(f"  {text!r}")
        lrelease = shutil.which("lrelease")
        if lrelease is None:
            print("lrelease is missing: the .qm stays as it is", file=sys.stderr)
            return 1
        target = path.with_suffix(".qm")
        subprocess.run([lrelease, "-silent", str(path), "-qm", str(target)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
