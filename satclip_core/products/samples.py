"""Samples to map from: places with a number or a class each, checked and accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..analysis import spatial_blocks
from ..errors import Argument, InputError
from ..types import Bools, Floats, Integers
from .fillvalues import doubts, is_value
from .legend import Legend

LEAST_SAMPLES = 5
MOST_CLASSES = 254
# Text that stands for a missing number; as a class, "NA" is Namibia.
_NO_NUMBER = frozenset({"na", "nan", "n/a", "null", "none", "-"})
# A longitude beyond a full turn is a projected coordinate or a slip, not a place.
_TURN = 360.0
_EXAMPLES = 5
# The minus sign, the hyphens and the en dash that stand for it.
_MINUS = dict.fromkeys((0x2212, 0x2010, 0x2011, 0x2013, 0xFE63, 0xFF0D), "-")
# Beyond it not every whole number is a float.
_LARGEST_WHOLE = 2**53
# What a raster of float32 can hold; -3.4028e38 and -1.7977e308 are what rasters have for nodata.
_LARGEST = 3.4e38
# Classes with fewer samples are named in the account.
_FEW = 5


@dataclass(frozen=True)
class Samples:
    """Places with a number or a class each.

    Attributes:
        name: of what was sampled.
        lonlat: (N, 2) degrees.
        values: (N,) numbers; for classes the index of each in the legend.
        legend: the classes; None for numbers.
        account: what was left out and what is odd, one line each.
        doubts: numbers that look like fill values or gross outliers, as errors that are not raised:
            a client says them in its words.
        weights: (N,) above 0, 1 in the mean; None where all weigh the same.
        groups: (N,) number of the group of each; None where there are none.
        rows: (N,) number of the row of the table that each came from, counted from 1, or the id
            that the table has for it; None where that is not known.
    """

    name: str
    lonlat: Floats
    values: Floats
    legend: Legend | None
    account: tuple[str, ...] = ()
    doubts: tuple[InputError, ...] = ()
    weights: Floats | None = None
    groups: Integers | None = None
    rows: Integers | None = None

    @classmethod
    def of(
        cls,
        lonlat: ArrayLike,
        values: Sequence[Any] | NDArray[Any],
        *,
        name: str = "value",
        classes: bool | None = None,
        decimal_comma: bool = False,
        missing: Sequence[float] = (),
        weights: Sequence[Any] | NDArray[Any] | None = None,
        groups: Sequence[Any] | NDArray[Any] | None = None,
        ids: Sequence[int] | None = None,
    ) -> Samples:
        """Samples from a table, without the rows that cannot be used.

        Args:
            lonlat: (N, 2) degrees; NaN where a row has no place.
            values: N numbers or texts; None, NaN and "" are no value.
            name: of the column, for messages.
            classes: whether values are classes; None takes text for classes, numbers for numbers.
                Whole numbers as classes keep their values as codes.
            decimal_comma: whether "12,5" is read as 12.5.
            missing: numbers that stand for no value, such as -9999.
            weights: N numbers, what each sample counts for, in any unit: a sample of twice the
                weight is as good as two, or has half the variance of noise. Rows without one, or
                with 0, are left out.
            groups: N values of any kind: samples of one are left out of the learning together when
                it is tested. A sample without one is a group by itself.
            ids: N whole numbers by which the table knows its rows; counted from 1 where None.

        Raises:
            InputError: values of no use: too few, all the same, neither numbers nor classes.
        """
        places = np.asarray(lonlat, np.float64).reshape(-1, 2)
        if len(places) != len(values):
            raise InputError(f"{len(places)} places with {len(values)} values: give one for each")
        numbers, texts = _read(values, name, classes, decimal_comma)
        for value in missing:
            numbers[is_value(numbers, value)] = np.nan
        known = np.isfinite(numbers) if texts is None else np.array([t != "" for t in texts], bool)
        with np.errstate(invalid="ignore"):
            located = (np.abs(places[:, 0]) <= _TURN) & (np.abs(places[:, 1]) <= 90)
        weighed = _weights(weights, places, decimal_comma)
        account = [
            *_left_out(~known, f"without a value of {name!r}", None),
            *_left_out(known & ~located, "without usable coordinates", places),
            *_left_out(known & located & ~(weighed > 0), "without a weight above 0", None),
        ]
        used = np.flatnonzero(known & located & (weighed > 0))
        if len(used) < LEAST_SAMPLES:
            which = f"{len(used)} of {len(values)} samples of {name!r}"
            raise _too_few(which, account, bool((known & ~located).any()))
        _check_places(places[used], name)
        legend = None
        if texts is None and not classes:
            _check_varied(numbers[used], name)
            found: Floats = numbers[used]
        else:
            legend, index = (
                _number_classes(numbers[used], name)
                if texts is None
                else _text_classes([texts[row] for row in used], name)
            )
            account += _rare(legend, index)
            found = index.astype(np.float64)
        doubtful = doubts(found, name) if legend is None else ()
        own = None if weights is None else weighed[used] / weighed[used].mean()
        parts = None if groups is None else _groups(groups, places, account)[used]
        rows = np.arange(1, len(values) + 1) if ids is None else np.asarray(ids, np.int64)
        told = tuple(account)
        return cls(name, places[used], found, legend, told, doubtful, own, parts, rows[used])

    def __len__(self) -> int:
        return len(self.values)

    def thinned(self, most: int, seed: int = 0) -> Samples:
        """At most so many samples, drawn at random; the account says so."""
        if len(self) <= most:
            return self
        kept = np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False))
        line = f"{most} of {len(self)} usable samples were drawn at random, to save time"
        return self.only(kept, line)

    def check(self) -> None:
        """Refuse samples that there is nothing to learn from, after some were left out.

        Raises:
            InputError: they lie at one place, or their values are all the same.
        """
        _check_places(self.lonlat, self.name)
        if self.legend is None:
            _check_varied(self.values, self.name)
        elif (self.values == self.values[0]).all():
            _check_classes([self.legend.names[int(self.values[0])]], self.name, len(self))

    def only(self, rows: Integers, *lines: str) -> Samples:
        """Some of the samples, (n,) rows, with lines in the account that say why."""
        weights = None if self.weights is None else self.weights[rows]
        return replace(
            self,
            lonlat=self.lonlat[rows],
            values=self.values[rows],
            account=(*self.account, *lines),
            weights=None if weights is None else weights / weights.mean(),
            groups=None if self.groups is None else self.groups[rows],
            rows=None if self.rows is None else self.rows[rows],
        )


def number(text: str, decimal_comma: bool = False) -> float | None:
    """A number from text, which may be NaN or infinite; None where it is none.

    The minus may be the sign that typesetters and spreadsheets use.
    """
    if not text.isascii():
        text = text.translate(_MINUS)
    if decimal_comma:
        text = text.replace(",", ".")
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def _read(
    values: Sequence[Any] | NDArray[Any], name: str, classes: bool | None, decimal_comma: bool
) -> tuple[Floats, list[str] | None]:
    """Numbers, NaN where there is none; texts beside them where values are no numbers."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        return values.astype(np.float64), None
    texts = [_text(value) for value in values]
    read = [number(text, decimal_comma) for text in texts]
    numbers = np.array([np.nan if found is None else found for found in read], np.float64)
    words = [
        row
        for row, (text, found) in enumerate(zip(texts, read))
        if found is None and text and text.lower() not in _NO_NUMBER
    ]
    if not words:
        return numbers, None
    _check_kind(name, classes, int(np.isfinite(numbers).sum()), words, texts)
    return numbers, texts


def _text(value: Any) -> str:
    """A value as text; "" for None, NaN, pandas.NA and NaT."""
    return "" if value is None or _is_missing(value) else str(value).strip()


def _check_kind(
    name: str, classes: bool | None, count: int, words: list[int], texts: list[str]
) -> None:
    """Refuse words where numbers are wanted, or where most values are numbers.

    Args:
        name: of the column.
        classes: whether values are classes, if that was said.
        count: of numbers.
        words: rows whose value is none.
        texts: of all rows.
    """
    shown = f"row {words[0] + 1} is {texts[words[0]]!r}"
    if classes is False:
        raise InputError(f"{name!r} holds no numbers: {shown}")
    if classes is None and count > len(words):
        raise InputError(
            f"{name!r} is neither numbers nor classes: {count} values are numbers, but {shown}; "
            "mend that, or say that all are classes: ",
            Argument("classes", True),
        )


def _is_missing(value: Any) -> bool:
    """Whether a value does not equal itself, or has no truth, as pandas.NA."""
    try:
        return bool(value != value)
    except TypeError:
        return True


def _weights(
    weights: Sequence[Any] | NDArray[Any] | None, places: Floats, decimal_comma: bool
) -> Floats:
    """Weights of rows, NaN where there is none; 1 for all where none are given.

    Raises:
        InputError: one is below 0 or infinite, or text.
    """
    if weights is None:
        return np.ones(len(places))
    if len(weights) != len(places):
        raise InputError(
            f"{len(places)} samples with {len(weights)} weights: give one for each as ",
            Argument("weights"),
        )
    texts = [_text(value) for value in weights]
    read = [number(text, decimal_comma) for text in texts]
    for row, (text, found) in enumerate(zip(texts, read)):
        word = found is None and text and text.lower() not in _NO_NUMBER
        if word or (found is not None and (found < 0 or np.isinf(found))):
            raise InputError(
                f"row {row + 1} has the weight {text!r}: give numbers of 0 and above as ",
                Argument("weights"),
            )
    return np.array([np.nan if found is None else found for found in read], np.float64)


def _groups(groups: Sequence[Any] | NDArray[Any], places: Floats, account: list[str]) -> Integers:
    """Numbers of groups; each row without one has its own. The account says how many those are."""
    if len(groups) != len(places):
        raise InputError(
            f"{len(places)} samples with {len(groups)} groups: give one for each as ",
            Argument("groups"),
        )
    texts = [_text(value) for value in groups]
    known = {text: index for index, text in enumerate(sorted({text for text in texts if text}))}
    blank = texts.count("")
    if blank:
        account.append(f"{blank} of {len(texts)} samples have no group: each is one by itself")
    numbers = [known[text] if text else len(known) + row for row, text in enumerate(texts)]
    return np.array(numbers, np.int64)


def _left_out(rows: Bools, why: str, places: Floats | None) -> list[str]:
    index = np.flatnonzero(rows)
    if len(index) == 0:
        return []
    shown = [f"row {row + 1}" for row in index[:_EXAMPLES].tolist()]
    if places is not None:
        shown = [
            f"{text} ({places[row, 0]:.6g} {places[row, 1]:.6g})"
            for text, row in zip(shown, index.tolist())
        ]
    more = ", …" if len(index) > _EXAMPLES else ""
    return [f"{len(index)} of {len(rows)} samples left out, {why}: {', '.join(shown)}{more}"]


def _too_few(which: str, account: list[str], odd_places: bool) -> InputError:
    reason = f" ({'; '.join(account)})" if account else ""
    hint = (", and if they are projected give ", Argument("crs")) if odd_places else ()
    return InputError(f"{which} can be used{reason}: give at least {LEAST_SAMPLES}", *hint)


def _check_places(lonlat: Floats, name: str) -> None:
    if spatial_blocks(lonlat, 2).max() == 0:
        raise InputError(
            f"all {len(lonlat)} samples of {name!r} lie at one place, "
            f"{lonlat[0, 0]:.6g} {lonlat[0, 1]:.6g}: there is nothing to learn from them"
        )


def _check_varied(numbers: Floats, name: str) -> None:
    if (numbers == numbers[0]).all():
        raise InputError(
            f"all {len(numbers)} samples of {name!r} have the value {numbers[0]:g}: "
            "there is nothing to learn from them"
        )
    largest = numbers[np.abs(numbers).argmax()]
    if abs(largest) >= _LARGEST:
        raise InputError(
            f"{name!r} holds {largest:g}, which no map can: if it stands for a missing value, as "
            "in rasters, leave such rows empty"
        )


def _number_classes(numbers: Floats, name: str) -> tuple[Legend, Integers]:
    broken = numbers[(numbers != np.rint(numbers)) | (np.abs(numbers) > _LARGEST_WHOLE)]
    if len(broken):
        raise InputError(
            f"{name!r} holds {broken[0]:g}, which is no class: classes are texts or whole numbers"
        )
    codes, index = np.unique(numbers.astype(np.int64), return_inverse=True)
    names = [str(code) for code in codes.tolist()]
    _check_classes(names, name, len(numbers))
    own = codes[0] >= 0 and codes[-1] <= 65534
    return Legend.of(names, codes.tolist() if own else None), index.reshape(-1)


def _text_classes(texts: list[str], name: str) -> tuple[Legend, Integers]:
    names = sorted(set(texts))
    _check_classes(names, name, len(texts))
    code = {text: index for index, text in enumerate(names)}
    return Legend.of(names), np.array([code[text] for text in texts], np.int64)


def _check_classes(names: list[str], name: str, count: int) -> None:
    if len(names) == 1:
        raise InputError(
            f"all {count} samples of {name!r} are of one class, {names[0]!r}: give at least two"
        )
    if len(names) > MOST_CLASSES:
        raise InputError(
            f"{name!r} has {len(names)} different values in {count} samples, e.g. {names[0]!r} "
            f"and {names[-1]!r}: at most {MOST_CLASSES} classes can be mapped"
        )


def _rare(legend: Legend, index: Integers) -> list[str]:
    sizes = np.bincount(index, minlength=len(legend.names))
    rare = [f"{legend.names[i]!r} ({sizes[i]})" for i in np.flatnonzero(sizes < _FEW)]
    if not rare:
        return []
    more = ", …" if len(rare) > _EXAMPLES else ""
    shown = ", ".join(rare[:_EXAMPLES])
    return [f"{len(rare)} of {len(sizes)} classes have fewer than {_FEW} samples: {shown}{more}"]
