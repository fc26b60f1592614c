"""Strict settings: plain YAML values checked field by field into frozen dataclasses.

A field declares how its value is read (`setting(integer(low=1), 20)`); `build` walks a
mapping, and every mistake is one line with the file, the dotted key, the value and the fix.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable, TypeVar

from satclip_core.errors import InputError
from satclip_core.extensions import Registry, default_of

T = TypeVar("T")
Parser = Callable[[Any, str], Any]
"""(value, dotted key with the file in front) -> checked value, or InputError."""

REQUIRED = dataclasses.MISSING


def says(parse: Parser) -> str:
    """What a parser takes, in a few words of the settings reference; "" where it does not say."""
    return str(getattr(parse, "says", ""))


def sections(parse: Parser) -> dict[str, type[Any]]:
    """The settings classes that a parser reads into, by `kind`; "" where there is only one."""
    return dict(getattr(parse, "sections", {}))


def saying(parse: Parser, words: str, held: Mapping[str, type[Any]] | None = None) -> Parser:
    """Have a parser say what it takes, and which settings classes it reads."""
    vars(parse).update(says=words, sections=held or {})
    return parse


def _bounded(words: str, low: object, high: object, above: object = None) -> str:
    """Words of a number with the bounds that it has."""
    if low is not None and high is not None:
        return f"{words}, {low} to {high}"
    if high is not None:
        return f"{words}, at most {high}"
    if above is not None:
        return f"{words} greater than {above:g}"
    return words if low is None else f"{words}, {low} or more"


def setting(
    parse: Parser,
    default: Any = REQUIRED,
    *,
    later: bool = False,
    counted: bool = True,
    former: Any = REQUIRED,
) -> Any:
    """Declare a dataclass field that is read by `parse`; without a default it must be given.

    The digests of older configurations stay what they were:

    Args:
        parse: reads the value.
        default: where it is not given.
        later: the setting came after models were shipped: it counts in a digest only where it
            differs from its default.
        counted: whether it counts in a digest at all.
        former: what the default was before; in a digest the default is written so.
    """
    metadata = {"parse": parse, "later": later, "counted": counted, "former": former}
    if default is REQUIRED:
        return dataclasses.field(metadata=metadata)
    if isinstance(default, (list, dict)) or callable(default):
        factory = default if callable(default) else lambda: type(default)(default)
        return dataclasses.field(default_factory=factory, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def build(cls: type[T], values: Any, where: str) -> T:
    """Read a mapping into the dataclass `cls`.

    Args:
        cls: a dataclass whose fields were made by `setting`, or are plain ones with defaults, which
            say by their types how values are read (`by_default`).
        values: what the YAML file holds at this place.
        where: file and dotted key, for messages.

    Raises:
        InputError: not a mapping, an unknown key (names the nearest), a missing key, a bad value.
    """
    if values is None:
        values = {}
    if not isinstance(values, Mapping):
        raise InputError(f"{where.removesuffix(': ')}: expected keys and values, got {values!r}")
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise InputError(f"{_at(where, key)}: unknown key{_nearest(str(key), fields)}")
    read: dict[str, Any] = {}
    for name, field in fields.items():
        if name in values:
            parse = field.metadata.get("parse") or by_default(default_of(field))
            read[name] = parse(values[name], _at(where, name))
        elif field.default is REQUIRED and field.default_factory is REQUIRED:
            raise InputError(f"{_at(where, name)}: missing, it has no default")
    try:
        return cls(**read)
    except InputError as error:  # of a class that checks its values itself
        raise InputError(f"{where.removesuffix(': ')}: ", error) from error


def by_default(default: Any) -> Parser:
    """The parser of a plain dataclass field: values are of the type of its default."""
    if isinstance(default, bool):
        return flag
    if isinstance(default, int):
        return integer()
    if isinstance(default, float):
        return real()
    if isinstance(default, str):
        return text()
    if isinstance(default, (tuple, list)):
        return sequence(by_default(default[0]) if default else anything)
    return anything


def _at(where: str, key: object) -> str:
    return f"{where}{key}" if where.endswith(": ") else f"{where}.{key}"


def _nearest(key: str, known: Mapping[str, Any]) -> str:
    match = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    return f", did you mean {match[0]!r}?" if match else f"; known: {', '.join(sorted(known))}"


def integer(low: int | None = None, high: int | None = None) -> Parser:
    """Parser of a whole number in [low, high]."""

    def parse(value: Any, where: str) -> int:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole:
            raise InputError(f"{where}: expected a whole number, got {value!r}")
        _check_range(value, where, low, high)
        return int(value)

    return saying(parse, _bounded("a whole number", low, high))


def real(
    low: float | None = None, high: float | None = None, *, above: float | None = None
) -> Parser:
    """Parser of a finite number in [low, high], or greater than `above`."""

    def parse(value: Any, where: str) -> float:
        if isinstance(value, str):  # YAML 1.1 reads 1e-4 (no dot) as text
            try:
                value = float(value)
            except ValueError:
                raise InputError(f"{where}: expected a number, got {value!r}") from None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InputError(f"{where}: expected a number, got {value!r}")
        if not math.isfinite(value):
            raise InputError(f"{where}: expected a finite number, got {value!r}")
        if above is not None and value <= above:
            raise InputError(f"{where}: must be greater than {above}, got {value}")
        _check_range(value, where, low, high)
        return float(value)

    return saying(parse, _bounded("a number", low, high, above))


def _check_range(value: float, where: str, low: float | None, high: float | None) -> None:
    if low is not None and value < low:
        raise InputError(f"{where}: must be at least {low}, got {value}")
    if high is not None and value > high:
        raise InputError(f"{where}: must be at most {high}, got {value}")


def text(*choices: str) -> Parser:
    """Parser of a text, one of `choices` where any are given."""

    def parse(value: Any, where: str) -> str:
        if not isinstance(value, str) or not value:
            raise InputError(f"{where}: expected text, got {value!r}")
        if choices and value not in choices:
            raise InputError(
                f"{where}: {value!r} is not one of {', '.join(choices)}"
                + (
                    f"; did you mean {match[0]!r}?"
                    if (match := difflib.get_close_matches(value, choices, 1))
                    else ""
                )
            )
        return value

    return saying(parse, " or ".join(f"`{choice}`" for choice in choices) or "text")


def file_stem(value: Any, where: str) -> str:
    """Read a text that files can be called by: no folders in it."""
    name: str = text()(value, where)
    if name in (".", "..") or any(char in "/\\" or not char.isprintable() for char in name):
        raise InputError(f"{where}: {name!r} cannot be the name of a file; leave out folders")
    return name


saying(file_stem, "text without folders")


def flag(value: Any, where: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise InputError(f"{where}: expected true or false, got {value!r}")
    return value


saying(flag, "`true` or `false`")


def anything(value: Any, where: str) -> Any:
    """Read any scalar as it is (for codes that may be numbers or text)."""
    if isinstance(value, (Mapping, list)):
        raise InputError(f"{where}: expected a single value, got {value!r}")
    return value


saying(anything, "a single value")


def optional(parse: Parser) -> Parser:
    """Parser that lets null through."""
    return saying(
        lambda value, where: None if value is None else parse(value, where),
        f"{says(parse)}, or null",
        sections(parse),
    )


def sequence(parse: Parser, *, length: int | None = None, least: int = 0) -> Parser:
    """Parser of a list, every item read by `parse`, into a tuple."""

    def read(value: Any, where: str) -> tuple[Any, ...]:
        if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
            raise InputError(f"{where}: expected a list, got {value!r}")
        if length is not None and len(value) != length:
            raise InputError(f"{where}: expected {length} values, got {len(value)}")
        if len(value) < least:
            raise InputError(f"{where}: expected at least {least} values, got {len(value)}")
        return tuple(parse(item, f"{where}[{i}]") for i, item in enumerate(value))

    counted = "a list" if length is None else f"a list of {length}"
    words = says(parse)
    return saying(read, f"{counted}: each {words}" if words else counted, sections(parse))


def mapping(parse: Parser, *, least: int = 0) -> Parser:
    """Parser of named items, every value read by `parse`."""

    def read(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: expected names and values, got {value!r}")
        if len(value) < least:
            raise InputError(f"{where}: expected at least {least} entries")
        return {str(name): parse(item, _at(where, name)) for name, item in value.items()}

    words = says(parse)
    return saying(read, "names, each with " + (words or "a value"), sections(parse))


def section(cls: type[Any]) -> Parser:
    """Parser of a nested dataclass."""
    return saying(lambda value, where: build(cls, value, where), "settings", {"": cls})


def variant(kinds: Mapping[str, type[Any]], default: str) -> Parser:
    """Parser of a nested dataclass, the one that the key `kind` names (`default` without it)."""

    def parse(value: Any, where: str) -> Any:
        kind = value.get("kind", default) if isinstance(value, Mapping) else default
        return build(kinds[text(*kinds)(kind, f"{where}.kind")], value, where)

    return saying(parse, _kinds(kinds, default), kinds)


def _kinds(names: Iterable[str], default: str) -> str:
    """Words of settings that one of several names decides about."""
    listed = ", ".join(f"`{name}`" for name in names)
    return f"settings of a `kind`: {listed} (`{default}` where none is named)"


@dataclasses.dataclass(frozen=True)
class Chosen:
    """One of a registry, and the settings it was chosen with.

    Attributes:
        kind: its name.
        settings: of its settings class.
        keys: those of its settings that a configuration may say; None for all.
    """

    kind: str
    settings: Any
    keys: tuple[str, ...] | None = None

    def as_plain(self, *, digest: bool = False) -> dict[str, Any]:
        """Name and settings side by side, as a configuration has them."""
        values = plain(self.settings, digest=digest)
        kept = values if self.keys is None else {key: values[key] for key in self.keys}
        return {**kept, "kind": self.kind}


Keys = Callable[[str, Any], "tuple[str, ...] | None"]


def chosen(registry: Registry[Any], default: str, keys: Keys = lambda name, entry: None) -> Parser:
    """Parser of a name, or of `kind` with settings beside it; into a `Chosen`.

    Args:
        registry: whose entries have a class of `settings`.
        default: where no kind is named.
        keys: (name, entry) -> the settings that a configuration may say; None for all.
    """

    def parse(value: Any, where: str) -> Chosen:
        given = {"kind": value} if isinstance(value, str) else value
        if not isinstance(given, Mapping):
            raise InputError(f"{where}: expected keys and values, got {value!r}")
        name = given.get("kind", default)
        if not isinstance(name, str) or name not in registry:
            text(*registry)(name, f"{where}.kind")
        entry = _entry(registry, name, f"{where}.kind")
        known, rest = keys(name, entry), {k: v for k, v in given.items() if k != "kind"}
        for key in rest:
            if known is not None and key not in known:
                said = ", ".join(known) or "none"
                raise InputError(f"{where}.{key}: unknown key; {name!r} has {said}")
        return Chosen(name, build(entry.settings, rest, where), known)

    held = {
        name: entry.settings
        for name in registry.built_in
        if (entry := registry[name]) is not None  # a kind without an entry of its own
    }
    return saying(parse, _kinds(registry.built_in, default), held)


def _entry(registry: Registry[Any], name: str, where: str) -> Any:
    try:
        return registry.find(name)
    except InputError as error:
        raise InputError(f"{where}: ", error) from error


def either(first: Parser, second: Parser) -> Parser:
    """Parser that takes a list with `second` and anything else with `first`."""
    return saying(
        lambda value, where: (
            second(value, where) if isinstance(value, list) else first(value, where)
        ),
        f"{says(first)}, or {says(second)}",
        {**sections(first), **sections(second)},
    )


def plain(settings: Any, *, digest: bool = False) -> Any:
    """Turn settings back into plain dicts, lists and scalars.

    Args:
        settings: a dataclass of settings, or what one holds.
        digest: leave out what does not count in a digest (see `setting`).
    """
    if isinstance(settings, Chosen):
        return settings.as_plain(digest=digest)
    if dataclasses.is_dataclass(settings):
        return {
            field.name: plain(_value(settings, field, digest=digest), digest=digest)
            for field in dataclasses.fields(settings)
            if not (digest and _uncounted(settings, field))
        }
    if isinstance(settings, Mapping):
        return {key: plain(value, digest=digest) for key, value in settings.items()}
    if isinstance(settings, (list, tuple)):
        return [plain(item, digest=digest) for item in settings]
    return settings


def _value(settings: Any, field: dataclasses.Field[Any], *, digest: bool) -> Any:
    former = field.metadata.get("former", REQUIRED)
    changed = digest and former is not REQUIRED and _at_default(settings, field)
    return former if changed else getattr(settings, field.name)


def _uncounted(settings: Any, field: dataclasses.Field[Any]) -> bool:
    if not field.metadata.get("counted", True):
        return True
    return bool(field.metadata.get("later")) and _at_default(settings, field)


def _at_default(settings: Any, field: dataclasses.Field[Any]) -> bool:
    return bool(getattr(settings, field.name) == default_of(field))
