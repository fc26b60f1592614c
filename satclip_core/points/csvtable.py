"""CSV to CSV with the standard library alone, a few thousand rows in memory at a time."""

from __future__ import annotations

import codecs
import csv
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import Argument, InputError
from ..types import Floats
from .columns import find_coordinates, new_columns
from .embedder import ROWS, Embedder, number_or_nan, to_text
from .request import STANDARD_STREAM, PointsRequest

Rows = Sequence[Sequence[str]]
Describe = Callable[[int], str]

_DELIMITERS = (",", ";", "\t", "|")
_HEADER_BYTES = 1 << 16
# Outlines of countries as text are longer than what the csv module allows of itself.
_LONGEST_FIELD = 1 << 30


class CsvSource:
    """A CSV table: its header, its delimiter, its rows.

    Args:
        stream: the bytes, with `peek`.
        request: names the source and the encoding.

    Raises:
        InputError: empty, or no text in that encoding.
    """

    def __init__(self, stream: Any, request: PointsRequest) -> None:
        self.name = "standard input" if request.source == STANDARD_STREAM else request.source
        self.encoding = _with_bom(request.encoding)
        self.request, self.stream = request, stream
        self.delimiter = _delimiter(self._first_line())
        csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
        text = io.TextIOWrapper(stream, encoding=self.encoding, newline="")
        self._reader = csv.reader(text, delimiter=self.delimiter, strict=True)
        self.header = next(self.rows(check=False), [])
        if not any(self.header):
            raise InputError(f"{self.name} is empty: a CSV table with a header line is needed")

    def rows(self, *, check: bool = True) -> Iterator[list[str]]:
        """The rows; blank lines are left out.

        Raises:
            InputError: a row that does not fit the header, or text that cannot be read.
        """
        count = 0
        try:
            for row in self._reader:
                if not row:
                    continue
                count += 1
                if check and len(row) != len(self.header):
                    raise InputError(
                        f"{self.name}: row {count} (line {self._reader.line_num}) has {len(row)} "
                        f"fields where the header has {len(self.header)}: the file is truncated "
                        "or malformed"
                    )
                yield row
        except UnicodeDecodeError as error:
            raise self._not_text(error) from error
        except csv.Error as error:
            raise InputError(
                f"{self.name}, line {self._reader.line_num}: no CSV ({error}): the file is "
                "truncated or malformed"
            ) from error
        except OSError as error:
            raise InputError(f"cannot read {self.name}: {error.strerror or error}") from error

    @property
    def total(self) -> int:
        """About how many rows there are: lines but the first; 0 where it cannot be known."""
        if self.request.source == STANDARD_STREAM or not Path(self.request.source).is_file():
            return 0
        lines = 0
        with open(self.request.source, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                lines += block.count(b"\n")
        return max(lines - 1, 0)

    @property
    def decimal_comma(self) -> bool:
        """Whether "12,5" is read as 12.5: where commas do not separate fields."""
        return self.delimiter != ","

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
            xy[axis] = [number_or_nan(row[column], self.decimal_comma) for row in rows]

        def describe(index: int) -> str:
            return ", ".join(f"{self.header[c]} {rows[index][c]!r}" for c in columns)

        return xy[0], xy[1], describe

    def _first_line(self) -> str:
        try:
            start: bytes = self.stream.peek(_HEADER_BYTES)
        except OSError as error:
            raise InputError(f"cannot read {self.name}: {error.strerror or error}") from error
        return start.decode(self.encoding, errors="replace").partition("\n")[0]

    def _not_text(self, error: UnicodeDecodeError) -> InputError:
        encoding = error.encoding.replace("_", "-")
        return InputError(
            f"{self.name} is no {encoding} text ({error.reason}): save it as UTF-8, or name its "
            "encoding, e.g. by ",
            Argument("encoding", "cp1252"),
        )


@contextmanager
def open_csv(request: PointsRequest) -> Iterator[CsvSource]:
    """Open the CSV of a request, or standard input.

    Raises:
        InputError: missing, not readable, empty.
    """
    if request.source == STANDARD_STREAM:
        yield CsvSource(standard_input(), request)
        return
    with open_bytes(request.source) as file:
        yield CsvSource(file, request)


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
    columns = find_coordinates(
        header, request.lon_column, request.lat_column, projected=request.crs is not None
    )
    added = new_columns(header, embedder.encoder.dim, array=request.array, prefix=request.prefix)
    delimiter = "\t" if Path(request.target).suffix.lower() == ".tsv" else source.delimiter
    target.write(csv_header([*header, *added], delimiter))
    for rows in batches(source.rows()):
        values = embedder.embed(*source.coordinates(rows, columns))
        target.writelines(csv_lines(rows, values, delimiter, array=request.array is not None))


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


def csv_lines(rows: Rows, values: NDArray[Any], delimiter: str, *, array: bool) -> Iterator[str]:
    """Lines of CSV: each row with its numbers after it, empty where they are NaN.

    Args:
        rows: fields as text.
        values: (N, dim) float32 or float16.
        delimiter: between fields.
        array: write the numbers as one field, a JSON array.
    """
    line = _line_writer(delimiter)
    empty = "" if array else delimiter * (values.shape[1] - 1)
    texts = to_text(values, "," if array else delimiter)
    for row, text in zip(rows, texts):
        numbers = f'"[{text}]"' if text and array else text or empty
        yield f"{line(row)}{delimiter}{numbers}\n"


class _Echo:
    """Gives csv.writer's text back instead of writing it."""

    def write(self, text: str) -> str:
        return text


def _line_writer(delimiter: str) -> Callable[[Sequence[str]], str]:
    """From fields to a line without its end."""
    # csv.writer quotes the characters of the line's end, so both have to be in it.
    writer: Any = csv.writer(_Echo(), delimiter=delimiter, lineterminator="\r\n")
    return lambda fields: str(writer.writerow(fields))[:-2]


def _delimiter(header: str) -> str:
    """The delimiter that splits the header into the most fields."""

    def fields(delimiter: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=delimiter)))
        except (csv.Error, StopIteration):
            return 0

    return max(_DELIMITERS, key=fields)


def _with_bom(encoding: str) -> str:
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def standard_input() -> io.BufferedReader:
    """Standard input as bytes with `peek`, whatever stands in for it.

    Raises:
        InputError: it is closed.
    """
    if sys.stdin is None:
        raise InputError("standard input is closed: pipe a CSV table into it, or give a file")
    stream: Any = sys.stdin.buffer
    return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)
