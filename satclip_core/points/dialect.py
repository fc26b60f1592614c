"""How a CSV table is written: what stands between its fields, and whether quotes mean anything.

Quotes are the trouble. A spreadsheet puts them round fields with delimiters or line breaks in
them; downloads of GBIF, Darwin Core archives and many instruments have none, and a quote in their
text is a quote. Read the first way, such text swallows the rows up to the next quote, and nothing
need look wrong. So rows that quotes hold together are looked at twice.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

QUOTINGS = ("auto", "double", "none")
TAB = "\t"
# A space only where nothing else splits the header: R's write.table.
_DELIMITERS = (",", ";", TAB, "|", " ")
# Excel's own first line.
_SEP_LINE = re.compile(r'"?sep=(.)"?[ \t,;]*(\r\n|\r|\n)', re.IGNORECASE)
# Outlines of countries as text are longer than what the csv module allows of itself.
_LONGEST_FIELD = 1 << 30


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        delimiter: one character.
        quoted: double quotes hold delimiters and line breaks in a field, and are no part of it.
        sep_line: the first line says the delimiter, and is no header.
    """

    delimiter: str
    quoted: bool = True
    sep_line: bool = False


class Record(NamedTuple):
    """A row as it stands in the file.

    Attributes:
        fields: its texts.
        lines: the lines it was read from, with their ends; several where quotes hold them.
        first: number of the first of them, from 1.
    """

    fields: list[str]
    lines: list[str]
    first: int

    @property
    def last(self) -> int:
        """Number of its last line."""
        return self.first + len(self.lines) - 1

    def swallows_rows(self, delimiter: str, width: int) -> bool:
        """Whether each of several lines is a row by itself, so that the quotes may be text.

        Text with line breaks in it can hardly be so: each of its lines would need as many
        delimiters as a row has.
        """
        return len(self.lines) > 1 and all(
            line.count(delimiter) + 1 == width for line in self.lines
        )


def sniffed(start: str, quoting: str) -> Dialect:
    """What the beginning of a table says about how it is written.

    Args:
        start: text that holds the header.
        quoting: one of `QUOTINGS`; "auto" takes quotes for quotes.
    """
    quoted = quoting != "none"
    said = _SEP_LINE.match(start)
    if said:
        return Dialect(said[1], quoted, sep_line=True)

    def fields(delimiter: str) -> int:
        try:
            # Not only the first line: quotes may hold line breaks in a header too.
            header = next(records(io.StringIO(start, newline=""), Dialect(delimiter, quoted)))
        except (csv.Error, StopIteration):
            return 0
        return len(header.fields)

    *usual, last = _DELIMITERS
    best = max(usual, key=fields)
    return Dialect(last if fields(best) <= 1 < fields(last) else best, quoted)


def records(lines: Iterable[str], dialect: Dialect, *, strict: bool = False) -> Iterator[Record]:
    """The rows of a table, its header first; blank lines are left out.

    Args:
        lines: with their ends, whichever those are.
        dialect: how it is written.
        strict: raise where a quote closes before its field ends, or never.

    Raises:
        csv.Error: `strict` said so.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    taken: list[str] = []

    def noted() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    reader = csv.reader(
        noted(),
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE,
        strict=strict and dialect.quoted,
    )
    number = 1
    for fields in reader:
        if fields and not (dialect.sep_line and number == 1):
            yield Record(fields, taken[:], number)
        number += len(taken)
        taken.clear()


def quotes_are_text(lines: Iterable[str], again: Iterable[str], dialect: Dialect) -> bool:
    """Whether quotes in a table separated by tabs are part of its text.

    They are where the table makes no sense with them as quotes (one closes within its field or
    never, a row does not fit the header, rows are swallowed) and does without: every line then has
    as many fields as the header.

    Args:
        lines: of the table.
        again: the same, for a second reading.
        dialect: how it is written, quotes as quotes.
    """
    return not _fits(lines, dialect) and _fits(again, Dialect(dialect.delimiter, quoted=False))


def _fits(lines: Iterable[str], dialect: Dialect) -> bool:
    """Whether every row has as many fields as the header, and no quotes swallow rows."""
    width = None
    try:
        for record in records(lines, dialect, strict=True):
            width = len(record.fields) if width is None else width
            if len(record.fields) != width or record.swallows_rows(dialect.delimiter, width):
                return False
    except csv.Error:
        return False
    return True
