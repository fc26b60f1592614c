"""What each format keeps of a column: its own type, or another that loses nothing.

GeoPackage and GeoJSON, as GDAL writes them, have no unsigned 64-bit number, no decimals, no
durations, times in milliseconds and with an offset instead of the name of a zone. GDAL rounds
what does not fit, or leaves it out; here it becomes text instead, a nested value JSON, a time in a
named zone one in UTC, and a line says so.
"""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ..errors import OutputError
from .request import PARQUET
from .table import arrow

Convert = Callable[[Any], Any]
# Whether all values of the column of this name can be had as this type; asked only for types of
# which that cannot be said otherwise.
Fits = Callable[[str, Any], bool]

_JSON = {b"ARROW:extension:name": b"arrow.json"}
# GDAL keeps offsets in quarters of an hour.
_OFFSET = re.compile(r"[+-](0[0-9]|1[0-4]):(00|15|30|45)")
_UTC = frozenset({"UTC", "Etc/UTC", "Z", "GMT", "Etc/GMT", "+00:00", "-00:00"})
# Years as ISO 8601 writes them without agreement of both sides.
_YEARS = (1, 9999)
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True)
class Kept:
    """How a format keeps a column.

    Attributes:
        field: of the result (pyarrow).
        convert: from the table's column to the result's.
        note: what is to be said of it, "text" or "UTC"; None where nothing is lost by a reader who
            knows the format: JSON in text, say.
    """

    field: Any
    convert: Convert
    note: str | None = None


def kept(field: Any, kind: str, fits: Fits) -> Kept:
    """How a format keeps a column.

    Args:
        field: of the table (pyarrow).
        kind: format of the target.
        fits: looks at the values where the type does not say enough.

    Raises:
        OutputError: it has no way to.
    """
    pa = arrow()
    types = pa.types
    type_ = field.type
    if types.is_dictionary(type_) and kind != PARQUET:
        return _after(field, type_.value_type, lambda c: c.dictionary_decode(), kind, fits)
    if types.is_run_end_encoded(type_):
        from pyarrow import compute

        return _after(field, type_.value_type, compute.run_end_decode, kind, fits)
    if types.is_union(type_):
        raise OutputError(
            f"column {field.name!r} is {type_}: no format here keeps values of several types in "
            "one column; make it text or leave it out"
        )
    if kind == PARQUET:
        return _text(field) if types.is_interval(type_) else _same(field)
    if isinstance(type_, pa.BaseExtensionType):
        return _extension(field, kind, fits)
    if types.is_nested(type_):
        return Kept(_named(field, pa.string(), _JSON), json_texts)
    if types.is_null(type_) or _is_view(type_, "string"):
        return _cast(field, pa.string())
    if _is_view(type_, "binary"):
        return _cast(field, pa.binary())
    if types.is_uint64(type_):
        return _cast(field, pa.int64()) if fits(field.name, pa.int64()) else _text(field)
    if types.is_timestamp(type_):
        return _timestamp(field, fits)
    odd = (types.is_decimal, types.is_duration, types.is_time, types.is_interval)
    return _text(field) if any(is_odd(type_) for is_odd in odd) else _same(field)


def notes(columns: Sequence[Kept], kind: str) -> Iterator[str]:
    """What is to be said of columns that are not kept as they were."""
    said = {
        "text": f"kept as text, since {kind} has no such type: ",
        "UTC": f"written in UTC, since {kind} has no names of time zones: ",
    }
    for note, what in said.items():
        names = [repr(column.field.name) for column in columns if column.note == note]
        if names:
            yield what + ", ".join(names)


def fits_int64(column: Any) -> bool:
    """Whether unsigned numbers are within those with a sign."""
    from pyarrow import compute

    largest = compute.max(column).as_py()
    return largest is None or largest < 2**63


def fits_milliseconds(column: Any) -> bool:
    """Whether times are whole milliseconds of years that four digits can name."""
    from pyarrow import compute

    pa = arrow()
    local = column.cast(pa.timestamp(column.type.unit)) if column.type.tz else column
    years = compute.min_max(compute.year(local)).as_py()
    if years["min"] is not None and not _YEARS[0] <= years["min"] <= years["max"] <= _YEARS[1]:
        return False
    try:
        column.cast(pa.timestamp("ms", column.type.tz))
    except pa.ArrowInvalid:
        return False
    return True


def texts(column: Any) -> list[str | None]:
    """The values of a column as text from which they can be read again; None for null."""
    pa = arrow()
    types, type_ = pa.types, column.type
    if types.is_dictionary(type_):
        return texts(column.dictionary_decode())
    if types.is_run_end_encoded(type_):
        from pyarrow import compute

        return texts(compute.run_end_decode(column))
    if isinstance(type_, pa.BaseExtensionType):
        if type_.extension_name == "arrow.uuid":
            return [None if value is None else str(value) for value in column.to_pylist()]
        bools = type_.extension_name == "arrow.bool8"
        return texts(column.storage.cast(pa.bool_()) if bools else column.storage)
    if types.is_nested(type_):
        return list(json_texts(column).to_pylist())
    if types.is_temporal(type_) and not types.is_interval(type_):
        return _times(column)
    if types.is_float32(type_):
        return [None if value is None else f"{value:.9g}" for value in column.to_pylist()]
    return [None if value is None else _text_of(value) for value in column.to_pylist()]


def json_texts(column: Any) -> Any:
    """A column of lists, structs or maps as one of JSON text (pyarrow)."""
    pa = arrow()
    type_ = column.type
    rows = [
        None if value is None else json.dumps(plain_json(value, type_), ensure_ascii=False)
        for value in column.to_pylist()
    ]
    return pa.array(rows, pa.string())


def plain_json(value: Any, type_: Any) -> Any:
    """A value of a nested type as what JSON has; numbers that it has not, and the rest, as text."""
    types = arrow().types
    if value is None:
        return None
    if types.is_struct(type_):
        fields = [type_.field(index) for index in range(type_.num_fields)]
        return {field.name: plain_json(value[field.name], field.type) for field in fields}
    if types.is_map(type_):
        pairs = [
            (plain_json(key, type_.key_type), plain_json(item, type_.item_type))
            for key, item in value
        ]
        by_name = all(isinstance(key, str) for key, _ in pairs)
        return dict(pairs) if by_name and len(dict(pairs)) == len(pairs) else pairs
    if types.is_nested(type_):
        return [plain_json(item, type_.value_type) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, float) and types.is_float32(type_):
        return float(f"{value:.9g}")
    return value if isinstance(value, (bool, int, float, str)) else _text_of(value)


def _after(field: Any, type_: Any, decode: Convert, kind: str, fits: Fits) -> Kept:
    """How a format keeps a column whose values stand elsewhere, once they are put in place."""
    inner = kept(field.with_type(type_), kind, fits)
    return Kept(inner.field, lambda column: inner.convert(decode(column)), inner.note)


def _extension(field: Any, kind: str, fits: Fits) -> Kept:
    pa = arrow()
    name = field.type.extension_name
    if name == "arrow.json":
        return Kept(_named(field, pa.string(), _JSON), lambda c: c.storage.cast(pa.string()))
    if name == "arrow.uuid":
        return Kept(_named(field, pa.string()), lambda c: pa.array(texts(c), pa.string()))
    if name == "arrow.bool8":
        return Kept(_named(field, pa.bool_()), lambda c: c.storage.cast(pa.bool_()))
    return _after(field, field.type.storage_type, lambda c: c.storage, kind, fits)


def _timestamp(field: Any, fits: Fits) -> Kept:
    pa = arrow()
    unit, zone = field.type.unit, field.type.tz
    if unit in ("us", "ns") and not fits(field.name, pa.timestamp("ms", zone)):
        return _text(field)
    if zone is None or zone in _UTC or _OFFSET.fullmatch(zone):
        target = pa.timestamp("ms", zone if zone is None or _OFFSET.fullmatch(zone) else "UTC")
        return _same(field) if target == field.type else _cast(field, target)
    return Kept(_named(field, pa.timestamp("ms", "UTC")), _caster(pa.timestamp("ms", "UTC")), "UTC")


def _is_view(type_: Any, of: str) -> bool:
    is_view = getattr(arrow().types, f"is_{of}_view", None)  # not there before pyarrow 16
    return is_view is not None and bool(is_view(type_))


def _same(field: Any) -> Kept:
    return Kept(field, lambda column: column)


def _cast(field: Any, type_: Any) -> Kept:
    return Kept(_named(field, type_), _caster(type_))


def _caster(type_: Any) -> Convert:
    return lambda column: column.cast(type_)


def _text(field: Any) -> Kept:
    pa = arrow()
    return Kept(_named(field, pa.string()), lambda c: pa.array(texts(c), pa.string()), "text")


def _named(field: Any, type_: Any, metadata: dict[bytes, bytes] | None = None) -> Any:
    return arrow().field(field.name, type_, metadata=metadata)


def _times(column: Any) -> list[str | None]:
    """Dates, times and durations as ISO 8601, without digits that say nothing."""
    pa = arrow()
    if pa.types.is_duration(column.type):
        unit = column.type.unit
        counts = column.cast(pa.int64()).to_pylist()
        return [None if count is None else _duration(count, unit) for count in counts]
    if pa.types.is_date(column.type):
        return list(column.cast(pa.date32()).cast(pa.string()).to_pylist())
    # "2024-07-01 14:00:00.120000+0200": pyarrow's text has a space, all digits and no colon.
    found = column.cast(pa.string()).to_pylist()
    return [None if text is None else _iso(text) for text in found]


def _iso(text: str) -> str:
    text = re.sub(r"\.(\d*?)0+(?=$|[Z+-])", lambda m: f".{m[1]}" if m[1] else "", text)
    return re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text.replace(" ", "T", 1))


def _duration(count: int, unit: str) -> str:
    """ISO 8601: days, hours, minutes and seconds, e.g. "P1DT2H3M4.5S"."""
    sign, count = ("-", -count) if count < 0 else ("", count)
    seconds, rest = divmod(count, _PER_SECOND[unit])
    digits = len(str(_PER_SECOND[unit])) - 1
    fraction = f".{rest:0{digits}d}".rstrip("0").rstrip(".") if rest else ""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{sign}P{days}DT{hours}H{minutes}M{seconds}{fraction}S"


def _text_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)
