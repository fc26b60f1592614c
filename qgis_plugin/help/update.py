#!/usr/bin/env python3
"""Brings the help pages up to date: docs/qgis.md, in each language, as HTML.

    .venv/bin/python qgis_plugin/help/update.py

`docs/qgis.md` becomes `index.html`, `docs/qgis.de.md` `index_de.html`, and so on. The pictures are
those of docs/images, which build.py puts beside the pages. It needs markdown-it-py.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

from markdown_it import MarkdownIt

FOLDER = Path(__file__).resolve().parent
DOCS = FOLDER.parents[1] / "docs"
_PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 46em; margin: 2em auto; padding: 0 1em; font: 16px/1.5 sans-serif; }}
h2 {{ margin-top: 2.2em; border-bottom: 1px solid #8888; }}
h3 {{ margin-top: 1.6em; }}
code {{ background: #8882; padding: 0 .2em; }}
pre {{ background: #8882; padding: .6em; overflow-x: auto; }}
pre code {{ background: none; padding: 0; }}
img {{ max-width: 100%; border: 1px solid #8888; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid #8888; padding: .2em .6em; text-align: left; vertical-align: top; }}
</style>
</head>
<body>
{body}</body>
</html>
"""


def guides() -> dict[str, Path]:
    """Languages and their guides: "en" is docs/qgis.md."""
    found = {"en": DOCS / "qgis.md"}
    for path in sorted(DOCS.glob("qgis.*.md")):
        found[path.name.split(".")[1]] = path
    return found


def page_of(language: str) -> Path:
    """Where the page of a language is."""
    return FOLDER / ("index.html" if language == "en" else f"index_{language}.html")


def page(language: str, guide: Path) -> str:
    """A guide as HTML."""
    text = guide.read_text("utf-8")
    title = re.search(r"^# (.+)$", text, re.M)
    if title is None:
        raise SystemExit(f"{guide}: it has no title")
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    return _PAGE.format(language=language, title=html.escape(title[1]), body=body)


def main() -> int:
    """Write every page."""
    for language, guide in guides().items():
        page_of(language).write_text(page(language, guide), "utf-8")
        print(page_of(language).name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
