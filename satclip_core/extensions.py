"""Registries by name: what this project brings, and what installed packages add by entry points.

A package adds an encoding, say, without a change here by a line of its metadata:

    [project.entry-points."satclip.encodings"]
    spiral = "spiral_package:SPIRAL"

Installed packages are looked at only for a name that is not known otherwise, so that nothing of
theirs is imported, and nothing searched, unless it is asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import metadata
from typing import Any, Generic, TypeVar

from .errors import InputError, ModelError, Package

T = TypeVar("T")
S = TypeVar("S")


@dataclasses.dataclass(frozen=True)
class Origin:
    """The installed package that brings something.

    Attributes:
        package: as pip calls it.
        version: that is installed.
    """

    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


class Registry(MutableMapping[str, T], Generic[T]):
    """Things of one kind by name; a mapping.

    Args:
        group: of the entry points, e.g. `satclip.encodings`.
        kind: what one of them is called in messages, e.g. `encoding`.
        wanted: attributes that each must have.
        known: those that this project brings; an entry point of the same name does not replace one.
    """

    def __init__(
        self, group: str, kind: str, wanted: tuple[str, ...], known: Mapping[str, T]
    ) -> None:
        self.group, self.kind, self._wanted = group, kind, wanted
        self.built_in = tuple(known)
        self._known: dict[str, T] = dict(known)

    def __getitem__(self, name: str) -> T:
        if name in self._known:
            return self._known[name]
        found = self._installed().get(name)
        if found is None:
            raise KeyError(name)
        self._known[name] = self._loaded(name, found)
        return self._known[name]

    def __setitem__(self, name: str, value: T) -> None:
        self._known[name] = value

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(
            [*self._known, *(name for name in self._installed() if name not in self._known)]
        )

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in self._installed()

    def find(self, name: str) -> T:
        """What a name stands for.

        Raises:
            InputError: nothing; or a package brings it that is broken.
        """
        try:
            return self[name]
        except KeyError:
            raise InputError(
                f"unknown {self.kind} {name!r}: it is none of {', '.join(self)}"
            ) from None

    def origin(self, name: str) -> Origin | None:
        """The installed package that brings it; None where this project does."""
        if name in self.built_in:
            return None
        found = self._installed().get(name)
        return None if found is None else found[1]

    def _installed(self) -> dict[str, tuple[metadata.EntryPoint, Origin]]:
        """Entry points of the group by name.

        Raises:
            InputError: two packages bring the same name.
        """
        found: dict[str, tuple[metadata.EntryPoint, Origin]] = {}
        seen = set()
        packages = list(metadata.distributions())
        # Most often none brings any; to read the names and versions of all takes ten times as long.
        if not any(entry.group == self.group for one in packages for entry in one.entry_points):
            return {}
        for package in packages:
            origin = Origin(package.metadata["Name"] or "?", package.version or "?")
            if origin.package in seen:  # the one earlier on the path counts
                continue
            seen.add(origin.package)
            for entry in package.entry_points:
                if entry.group != self.group:
                    continue
                if entry.name in found:
                    raise InputError(
                        f"the {self.kind} {entry.name!r} is brought by two packages, "
                        f"{found[entry.name][1]} and {origin}: remove one of them"
                    )
                found[entry.name] = entry, origin
        return found

    def _loaded(self, name: str, found: tuple[metadata.EntryPoint, Origin]) -> T:
        entry, origin = found
        where = f"the {self.kind} {name!r} of the package {origin} ({entry.value})"
        try:
            value: Any = entry.load()
        except Exception as error:  # whatever somebody else's module raises
            reason = " ".join(str(error).split())
            raise InputError(
                f"{where} cannot be loaded, {type(error).__name__}: {reason}; mend or remove it"
            ) from error
        lacking = [attribute for attribute in self._wanted if not hasattr(value, attribute)]
        if lacking:
            raise InputError(
                f"{where} has no {', '.join(lacking)}: it is {value!r}, no {self.kind} as "
                "docs/extending.md describes one"
            )
        loaded: T = value
        return loaded


def missing_package(kind: str, name: str, requires: str) -> ModelError:
    """The error for a model whose encoding or network nothing here brings.

    Args:
        kind: encoding or network.
        name: of it.
        requires: the package that brought it when the model was written, and its version.
    """
    package = requires.partition(" ")[0]
    return ModelError(
        f"its {kind} {name!r} comes from the package {requires}, which is not installed here: ",
        Package(package, package),
    )


def settings_from(cls: type[S], values: Mapping[str, Any]) -> S:
    """Plain values, as JSON has them, as the settings class `cls`.

    Absent ones keep their defaults, values that are no fields are left alone, and each must be of
    the type of its default; a whole number may stand for a float, a list for a tuple.

    Raises:
        InputError: a value of another type, one that is missing, or one that the class refuses.
    """
    chosen: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        value = values.get(field.name)
        if value is not None:
            chosen[field.name] = _as_default(field.name, value, default_of(field))
        elif default_of(field) is dataclasses.MISSING:
            raise InputError(f"{field.name} is missing")
    return cls(**chosen)


def default_of(field: dataclasses.Field[Any]) -> Any:
    """The default of a dataclass' field; MISSING where it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _as_default(name: str, value: Any, default: Any) -> Any:
    kind = type(default)
    if default is None or default is dataclasses.MISSING:
        return value
    if kind is tuple and isinstance(value, (list, tuple)):
        return tuple(value)
    if kind is float and type(value) is int:
        return value
    if type(value) is not kind:
        raise InputError(f"{name} is {value!r}, which is no {kind.__name__}")
    return value
