"""One HTML page that holds all it shows: no scripts, no fonts, no pictures from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from ..files import written_whole
from .svg import STYLE

_PAGE_STYLE = """
* { box-sizing: border-box; }
html { color-scheme: light dark; background: var(--paper); color: var(--ink); }
body { margin: 0 auto; padding: 1rem clamp(0.9rem, 3vw, 2.5rem) 3rem; max-width: 78rem;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans",
  "DejaVu Sans", Arial, sans-serif; overflow-wrap: break-word; }
h1 { font-size: clamp(1.45rem, 4vw, 2rem); line-height: 1.2; margin: 1rem 0 0.5rem; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 0.6rem; padding-top: 0.8rem;
  border-top: 1px solid var(--grid); }
h3 { font-size: 1rem; margin: 0 0 0.4rem; }
p { margin: 0.4rem 0 0.8rem; max-width: 46rem; }
.lead { font-size: 1.2rem; line-height: 1.45; }
.warn { border-left: 4px solid var(--s1); padding: 0.4rem 0.9rem; background: var(--panel);
  max-width: 46rem; }
.cards { display: grid; gap: 0.6rem; margin: 1rem 0; padding: 0;
  grid-template-columns: repeat(auto-fit, minmax(8.4rem, 1fr)); }
.cards > div { background: var(--panel); border-radius: 6px; padding: 0.6rem 0.8rem; }
.cards dt { color: var(--soft); font-size: 0.85rem; }
.cards dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.cards dd small { display: block; font-size: 0.8rem; color: var(--soft); }
.figures { display: grid; gap: 1.6rem 2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); align-items: start; }
figure { margin: 0; min-width: 0; max-width: 40rem; break-inside: avoid; }
figcaption { color: var(--soft); font-size: 0.9rem; margin-top: 0.4rem; }
.facts { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: 0.25rem 1rem;
  margin: 0.6rem 0; max-width: 60rem; }
.facts dt { color: var(--soft); } .facts dd { margin: 0; min-width: 0; }
.scroll { overflow-x: auto; margin: 0.6rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
caption { text-align: left; color: var(--soft); padding-bottom: 0.3rem; }
caption span { display: inline-block; position: sticky; left: 0; max-width: calc(100vw - 2.5rem); }
th, td { padding: 0.25rem 0.7rem 0.25rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--grid); }
th { font-weight: 600; } td.number, th.number { text-align: right; white-space: nowrap; }
tr.marked > * { font-weight: 600; }
td.cell { padding: 0.25rem 0.55rem; text-align: right; }
code { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace;
  font-size: 0.9em; user-select: all; }
td code { white-space: nowrap; }
details { margin: 0.4rem 0; } summary { cursor: pointer; color: var(--soft); font-size: 0.9rem; }
.key { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; list-style: none; padding: 0;
  margin: 0.4rem 0 0; font-size: 0.9rem; }
.key li { display: flex; align-items: center; gap: 0.4rem; }
.swatch { width: 1.1rem; height: 0.8rem; flex: none; border: 1px solid var(--soft); }
footer { margin-top: 3rem; color: var(--soft); font-size: 0.85rem; }
@media print { body { max-width: none; font-size: 9.5pt; padding: 0; } h2 { break-after: avoid; }
  .figures { grid-template-columns: 1fr 1fr; gap: 1rem; } details > * { display: block; }
  .cards { grid-template-columns: repeat(5, 1fr); }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
SUFFIXES = (".html", ".htm")


def text(words: str) -> str:
    """Words as HTML has them, whatever signs stand in them."""
    return escape(words)


def code(words: str) -> str:
    """Something to copy, as it is."""
    return f"<code>{escape(words)}</code>"


@dataclass
class Page:
    """A page that is written from top to bottom.

    Attributes:
        title: of the page.
        style: CSS beside that of all pages and plots.
    """

    title: str
    style: str = ""
    _parts: list[str] = field(default_factory=list)
    _figures: list[str] = field(default_factory=list)

    def heading(self, words: str) -> Page:
        """A new section."""
        return self._add(f"<h2>{escape(words)}</h2>")

    def paragraph(self, words: str, style: str = "") -> Page:
        """A paragraph of plain words; of the style "lead" or "warn" where that is said."""
        return self._add(f"<p{_style(style)}>{escape(words)}</p>")

    def facts(self, rows: Sequence[tuple[str, str]]) -> Page:
        """Names with what is said of each; the latter is HTML, see `text` and `code`."""
        made = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in rows)
        return self._add(f'<dl class="facts">{made}</dl>')

    def cards(self, rows: Sequence[tuple[str, str, str]]) -> Page:
        """Names, numbers, and a few words on each."""
        made = "".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(words)}</small></dd>"
            "</div>"
            for name, value, words in rows
        )
        return self._add(f'<dl class="cards">{made}</dl>')

    def figure(self, heading: str, picture: str, caption: str, below: str = "") -> Page:
        """A picture beside others.

        Args:
            heading: what it shows.
            picture: SVG, which says itself what is to be seen.
            caption: plain words below it.
            below: HTML beneath these: a key, a table.
        """
        self._figures.append(
            f"<figure><h3>{escape(heading)}</h3>{picture}"
            f"<figcaption>{escape(caption)}</figcaption>{below}</figure>"
        )
        return self

    def html(self, made: str) -> Page:
        """What is HTML already."""
        return self._add(made)

    def render(self) -> str:
        """The whole page."""
        self._settle()
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            f"<title>{escape(self.title)}</title>\n<style>{STYLE}{_PAGE_STYLE}{self.style}</style>\n</head>\n"
            f"<body>\n<main>\n<h1>{escape(self.title)}</h1>\n"
            # A number and its per cent sign stay in one line.
            + "\n".join(self._parts).replace(" %", "\N{NO-BREAK SPACE}%")
            + "\n</main>\n</body>\n</html>\n"
        )

    def write(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the page, whole or not at all.

        Raises:
            OutputError: it cannot be written, or exists and may not be replaced.
        """
        with written_whole(path, overwrite=overwrite) as temporary:
            temporary.write_text(self.render(), "utf-8")
        return Path(path)

    def _add(self, made: str) -> Page:
        self._settle()
        self._parts.append(made)
        return self

    def _settle(self) -> None:
        """Figures in a row stand beside each other."""
        if self._figures:
            self._parts.append(f'<div class="figures">{"".join(self._figures)}</div>')
            self._figures = []


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: at its head.
        number: whether it holds numbers, which stand right.
    """

    name: str
    number: bool = True


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    caption: str = "",
    marked: Sequence[int] = (),
) -> str:
    """A table that scrolls by itself where it is wider than the page.

    Args:
        columns: of the table; the first names the rows.
        rows: HTML of each cell, see `text` and `code`.
        caption: above it, plain words.
        marked: rows that stand out.
    """
    head = "".join(
        f'<th scope="col"{_style("number" if column.number else "")}>{escape(column.name)}</th>'
        for column in columns
    )
    body = []
    for index, row in enumerate(rows):
        cells = [
            f"<{tag}{_style('number' if column.number else '')}>{cell}</{tag[:2]}>"
            for column, cell, tag in zip(
                columns, row, ['th scope="row"', *["td"] * (len(columns) - 1)]
            )
        ]
        body.append(f"<tr{_style('marked' if index in marked else '')}>{''.join(cells)}</tr>")
    title = f"<caption><span>{escape(caption)}</span></caption>" if caption else ""
    return (
        f'<div class="scroll" tabindex="0"><table>{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def details(summary: str, made: str) -> str:
    """HTML that is shown on request."""
    return f"<details><summary>{escape(summary)}</summary>{made}</details>"


def key(entries: Sequence[tuple[str, str]]) -> str:
    """Colours (CSS) with their names."""
    made = "".join(
        f'<li><span class="swatch" style="background:{colour}"></span>{escape(name)}</li>'
        for colour, name in entries
    )
    return f'<ul class="key">{made}</ul>'


def _style(name: str) -> str:
    return f' class="{name}"' if name else ""
