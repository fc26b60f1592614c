"""CSV to CSV with the standard library alone, a few thousand rows in memory at a time."""

from __future__ import annotations

import codecs
import csv
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import IO, Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import Argument, InputError
from ..types import Floats
from .adding import Adding, texts_of
from .columns import find_coordinates
from .dialect import TAB, Record, quotes_are_text, records, sniffed
from .embedder import ROWS, Embedder
from .numerals import number_or_nan, to_text
from .request import STANDARD_STREAM, PointsRequest

Rows = Sequence[Sequence[str]]
Describe = Callable[[int], str]

ROW_NAME = "row_name"
_HEADER_BYTES = 1 << 16
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DECIMAL_COMMA = re.compile(r"\D?[0-9]+,[0-9]+")
# 500,000 metres are five hundred thousand, or five hundred.
_THOUSANDS = re.compile(r"\D?[1-9][0-9]{0,2}(,[0-9]{3})+")


class CsvSource:
    """A CSV table: its header, how it is written, its rows.

    Args:
        stream: the bytes, with `peek`; from their beginning.
        request: names the source, the encoding and the quoting.

    Attributes:
        header: names of the columns; `row_name` where R left the first without one.
        dialect: how it is written.
        decimal_comma: whether "12,5" is 12.5: where commas do not separate fields, and once a
            coordinate was written so.

    Raises:
        InputError: empty, or no text in that encoding.
    """

    def __init__(self, stream: Any, request: PointsRequest) -> None:
        self.name = "standard input" if request.source == STANDARD_STREAM else request.source
        self.request, self.stream = request, stream
        start = self._peek()
        self.encoding = _actual_encoding(request.encoding, start)
        text = start.decode(self.encoding, errors="replace")
        self.dialect = sniffed(text, request.quoting)
        if request.quoting == "auto" and self.dialect.delimiter == TAB and stream.seekable():
            self._look_at_quotes()
        self.decimal_comma = self.dialect.delimiter != ","
        self._records = self._from_here()
        header = next(self._records, None)
        if header is None or not any(header.fields):
            raise InputError(f"{self.name} is empty: a CSV table with a header line is needed")
        self.header = header.fields
        self._first = next(self._records, None)
        if self._first is not None and _has_row_names(header, self._first):
            self.header = [ROW_NAME, *self.header]

    @property
    def delimiter(self) -> str:
        """What stands between fields."""
        return self.dialect.delimiter

    def rows(self) -> Iterator[list[str]]:
        """The rows; blank lines are left out.

        Raises:
            InputError: a row that does not fit the header, quotes that swallow rows, or text that
                cannot be read.
        """
        first = [] if self._first is None else [self._first]
        width = len(self.header)
        for count, record in enumerate(chain(first, self._records), 1):
            if len(record.fields) != width or len(record.lines) > 1:
                self._check(record, count)
            yield record.fields

    def again(self) -> None:
        """Go back to the first row, in a stream that can."""
        self._records.close()
        self.stream.seek(0)
        self._records = self._from_here()
        next(self._records, None)
        self._first = next(self._records, None)

    @property
    def total(self) -> int:
        """About how many rows there are: lines but the first; 0 where it cannot be known."""
        if self.request.source == STANDARD_STREAM or not Path(self.request.path).is_file():
            return 0
        ends = {b"\n": 0, b"\r": 0}
        with open(self.request.path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                for end in ends:
                    ends[end] += block.count(end)
        return max(max(ends.values()) - 1, 0)

    def coordinates(self, rows: Rows, columns: tuple[int, int]) -> tuple[Floats, Floats, Describe]:
        """Coordinates of rows of text.

        Args:
            rows: of this table.
            columns: positions of longitude (x) and latitude (y).

        Returns:
            x, y (N,), NaN where the text is no number, and what says what a row has instead.
        """
        xy = np.empty((2, len(rows)))
        for axis, column in enumerate(columns):
            xy[axis] = [self.number(row[column]) for row in rows]

        def describe(index: int) -> str:
            return ", ".join(f"{self.header[c]} {rows[index][c]!r}" for c in columns)

        return xy[0], xy[1], describe

    def number(self, text: str) -> float:
        """A coordinate, which between quotes may have a decimal comma where commas separate."""
        if "," in text and self.delimiter == ",":
            # A longitude has no thousands; the easting "500,000" may, so it is not guessed at.
            unclear = self.request.crs is not None and _THOUSANDS.fullmatch(text.strip())
            if not _DECIMAL_COMMA.fullmatch(text.strip()) or unclear:
                return np.nan
            self.decimal_comma = True
        return number_or_nan(text, self.decimal_comma)

    def _check(self, record: Record, count: int) -> None:
        """Refuse a row that does not fit the header, or whose quotes swallow others."""
        width = len(self.header)
        if self.request.quoting == "auto" and record.swallows_rows(self.delimiter, width):
            raise InputError(
                f"{self.name}, line {record.first}: a quote opens here and swallows the rows down "
                f"to line {record.last}: if quotes are part of the text, say ",
                Argument("quoting", "none"),
                "; if a field really holds these lines, ",
                Argument("quoting", "double"),
            )
        if len(record.fields) != width:
            raise InputError(
                f"{self.name}: row {count} (line {record.last}) has {len(record.fields)} fields "
                f"where the header has {width}: ",
                *self._why(record),
            )

    def _why(self, record: Record) -> Sequence[str | Argument]:
        """What may be wrong with a row that does not fit."""
        if len(record.lines) > 1 or (self.dialect.quoted and '"' in record.lines[0]):
            held = f", and quotes hold it since line {record.first}" if record.lines[1:] else ""
            return (
                f"the file is truncated or malformed{held}; if quotes are part of the text, say ",
                Argument("quoting", "none"),
            )
        return ("the file is truncated or malformed",)

    def _from_here(self) -> Generator[Record, None, None]:
        """Header and rows from where the stream is, each error one line."""
        text = io.TextIOWrapper(self.stream, encoding=self.encoding, newline="")
        record = None
        try:
            for record in records(text, self.dialect, strict=True):
                yield record
        except UnicodeDecodeError as error:
            raise self._not_text(error) from error
        except csv.Error as error:
            line = 1 if record is None else record.last + 1
            raise InputError(
                f"{self.name}, line {line}: no CSV ({error}): the file is truncated or malformed; "
                "if quotes are part of the text, say ",
                Argument("quoting", "none"),
            ) from error
        except OSError as error:
            raise InputError(f"cannot read {self.name}: {error.strerror or error}") from error
        finally:
            with suppress(ValueError):  # closed already
                text.detach()

    def _look_at_quotes(self) -> None:
        """Read a whole table separated by tabs to see whether quotes are part of its text."""

        def lines() -> Iterator[str]:
            self.stream.seek(0)
            text = io.TextIOWrapper(self.stream, encoding=self.encoding, newline="")
            try:
                # `yield from` would close what it is stopped in.
                for line in text:  # noqa: UP028
                    yield line
            finally:
                text.detach()

        try:
            if quotes_are_text(lines(), lines(), self.dialect):
                self.dialect = replace(self.dialect, quoted=False)
        except UnicodeDecodeError as error:
            raise self._not_text(error) from error
        self.stream.seek(0)

    def _peek(self) -> bytes:
        try:
            start: bytes = self.stream.peek(_HEADER_BYTES)
        except OSError as error:
            raise InputError(f"cannot read {self.name}: {error.strerror or error}") from error
        return start

    def _not_text(self, error: UnicodeDecodeError) -> InputError:
        encoding = error.encoding.replace("_", "-")
        return InputError(
            f"{self.name} is no {encoding} text ({error.reason}): save it as UTF-8, or name its "
            "encoding, e.g. by ",
            Argument("encoding", "cp1252"),
        )


@contextmanager
def open_csv(request: PointsRequest, *, twice: bool = False) -> Iterator[CsvSource]:
    """Open the CSV of a request, or standard input.

    Args:
        request: names it.
        twice: it will be read `again`: a stream that cannot be is copied to disk first. So is one
            separated by tabs, whose quotes are looked at beforehand.

    Raises:
        InputError: missing, not readable, empty.
    """
    with ExitStack() as stack:
        stream: Any
        if request.source == STANDARD_STREAM and request.local is None:
            stream = standard_input()
        else:
            stream = stack.enter_context(open_bytes(request.path))
        if not stream.seekable() and (twice or TAB.encode() in stream.peek(_HEADER_BYTES)):
            copy = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(stream, copy)
            copy.seek(0)
            stream = copy
        yield CsvSource(stream, request)


@contextmanager
def open_bytes(path: str) -> Iterator[Any]:
    """A file of bytes with a buffer that a header fits into.

    Raises:
        InputError: missing, or not readable.
    """
    try:
        raw = io.FileIO(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    with raw, io.BufferedReader(raw, _HEADER_BYTES) as file:
        yield file


def embed_csv(source: CsvSource, target: IO[str], embedder: Embedder) -> None:
    """Copy a table, adding the embedding's columns.

    Args:
        source: the table.
        target: text stream opened with newline="".
        embedder: embeds and keeps account.

    Raises:
        InputError: no coordinates found, columns already there, a malformed row.
        CancelledError: the caller asked to stop.
    """
    request, header = embedder.request, source.header
    columns = coordinate_columns(source)
    adding = embedder.adding
    added = adding.names(header)
    delimiter = "\t" if Path(request.target).suffix.lower() == ".tsv" else source.delimiter
    target.write(csv_header([*header, *added], delimiter))
    for rows in batches(source.rows()):
        values = embedder.embed(*source.coordinates(rows, columns))
        target.writelines(csv_lines(rows, values, delimiter, adding))


def coordinate_columns(source: CsvSource) -> tuple[int, int]:
    """The positions of longitude (x) and latitude (y) among the columns.

    Raises:
        InputError: there are none.
    """
    request = source.request
    return find_coordinates(
        source.header,
        request.lon_column,
        request.lat_column,
        projected=request.crs is not None,
    )


def batches(rows: Iterator[list[str]], size: int = ROWS) -> Iterator[list[list[str]]]:
    """Rows in lists of at most `size`."""
    batch: list[list[str]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def csv_header(names: Sequence[str], delimiter: str) -> str:
    """The first line of a CSV table."""
    return _line_writer(delimiter)(names) + "\n"


def csv_lines(rows: Rows, values: NDArray[Any], delimiter: str, adding: Adding) -> Iterator[str]:
    """Lines of CSV: each row with its numbers after it, empty where they are NaN.

    Args:
        rows: fields as text.
        values: (N, width) float32 or float16.
        delimiter: between fields.
        adding: says what the numbers are, and which of them are one field, a JSON array.
    """
    line, array, dim = _line_writer(delimiter), adding.array, adding.dimensions
    others = texts_of(values[:, dim:], adding.meanings)
    if not dim:
        for row, cells in zip(rows, others):
            yield f"{line([*row, *cells])}\n"
        return
    empty = "" if array else delimiter * (dim - 1)
    texts = to_text(values[:, :dim], "," if array else delimiter)
    for row, text, cells in zip(rows, texts, others):
        numbers = f'"[{text}]"' if text and array else text or empty
        more = delimiter + line(cells) if cells else ""
        yield f"{line(row)}{delimiter}{numbers}{more}\n"


class _Echo:
    """Gives csv.writer's text back instead of writing it."""

    def write(self, text: str) -> str:
        return text


def _line_writer(delimiter: str) -> Callable[[Sequence[str]], str]:
    """From fields to a line without its end."""
    # csv.writer quotes the characters of the line's end, so both have to be in it.
    writer: Any = csv.writer(_Echo(), delimiter=delimiter, lineterminator="\r\n")
    return lambda fields: str(writer.writerow(fields))[:-2]


def _has_row_names(header: Record, row: Record) -> bool:
    """Whether rows begin with a name that the header has no field for, as R's write.table does.

    R puts quotes round names of rows and columns. Without them a field too many is as likely a
    slip.
    """
    extra = len(row.fields) == len(header.fields) + 1
    return extra and all(record.lines[0].startswith('"') for record in (header, row))


def _actual_encoding(encoding: str, start: bytes) -> str:
    """The encoding, where the first bytes do not say another; marks of byte order are no text."""
    if codecs.lookup(encoding).name != "utf-8":
        return encoding
    return "utf-16" if start.startswith(_UTF16_MARKS) else "utf-8-sig"


def standard_input() -> io.BufferedReader:
    """Standard input as bytes with `peek`, whatever stands in for it.

    Raises:
        InputError: it is closed.
    """
    if sys.stdin is None:
        raise InputError("standard input is closed: pipe a CSV table into it, or give a file")
    stream: Any = sys.stdin.buffer
    return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)
