"""The errors a user can cause: each message names the bad value and what to do about it.

Everything raised on purpose is a `SatclipError`. Its message is made of parts: text, and the
terms that each client has words of its own for. An argument of a function is an option on the
command line and the label of a parameter in QGIS:

    raise OutputError(f"{path} exists: give another name, or ", Argument("overwrite", True),
                      " to replace it")

`str(error)` says it in Python's words (`overwrite=True`), `error.worded(words)` in those of a
client. Text is never searched, so whatever values stand in it reach the user as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Callable, Union


@dataclass(frozen=True)
class Argument:
    """An argument of the function or request that was asked, as what mends the error.

    Attributes:
        name: as Python spells it.
        value: to give it; None where that is for the user to know.
    """

    name: str
    value: object = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value!r}"


@dataclass(frozen=True)
class Noun:
    """An argument as the name of a thing, in the middle of a sentence: "the bounds", "the res"."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Call:
    """A call that mends the error; made by `call`.

    Attributes:
        function: its name, or Class.method.
        values: given by position.
        arguments: given by name.
    """

    function: str
    values: tuple[object, ...] = ()
    arguments: tuple[Argument, ...] = ()

    def __str__(self) -> str:
        given = [*map(repr, self.values), *map(str, self.arguments)]
        return f"{self.function}({', '.join(given)})"


@dataclass(frozen=True)
class Package:
    """A package to install.

    Attributes:
        requirement: for pip.
        module: that is missing.
    """

    requirement: str
    module: str

    def __str__(self) -> str:
        return f"pip install '{self.requirement}'"


Term = Union[Argument, Noun, Call, Package]
Words = Callable[[Term], str]


def call(function: str, *values: object, **arguments: object) -> Call:
    """The term for a call, written as the call is."""
    return Call(function, values, tuple(Argument(*item) for item in arguments.items()))


class SatclipError(Exception):
    """Base of every failure that a user can mend.

    Args:
        parts: of the message, in order: text, terms, and other errors of this kind, which are
            told in the same words.
    """

    def __init__(self, *parts: str | Term | SatclipError) -> None:
        super().__init__(*parts)

    def __str__(self) -> str:
        return self.worded(str)

    def worded(self, words: Words) -> str:
        """The message.

        Args:
            words: gives a client's words for a term.
        """
        said = []
        for part in self.args:
            if isinstance(part, SatclipError):
                said.append(part.worded(words))
            else:
                said.append(words(part) if isinstance(part, _TERMS) else str(part))
        return "".join(said)

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The arguments that mend the error, in the order of the message."""
        found: list[Argument] = []
        for part in self.args:
            if isinstance(part, Argument):
                found.append(part)
            elif isinstance(part, SatclipError):
                found.extend(part.arguments)
        return tuple(found)


_TERMS = (Argument, Noun, Call, Package)


class InputError(SatclipError, ValueError):
    """A value that was handed in cannot be used: bounds, a resolution, coordinates, a column."""


class ModelError(SatclipError):
    """A model file or checkpoint cannot be read, or a model name is not known."""


class DownloadError(SatclipError):
    """A file could not be fetched, or what came is not what was expected."""


class OutputError(SatclipError):
    """A result cannot be written: it exists, the disk is full, the folder is read-only."""


class CancelledError(SatclipError):
    """The caller asked to stop; nothing was left behind."""


class KeptInterrupt(KeyboardInterrupt):
    """Ctrl-C in the middle of what goes on from there when it is asked for again."""


class MissingDependencyError(SatclipError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""


def require(module: str, *, extra: str | None = None, purpose: str) -> ModuleType:
    """Import `module`, or say which extra installs it.

    Args:
        module: dotted module name.
        extra: the extra of this project that installs it; None where the plain install does.
        purpose: what it is needed for, to complete the sentence "… needs <module>".

    Raises:
        MissingDependencyError: the module is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise missing(
            module, f"{purpose} needs {module}, which is not installed", extra=extra
        ) from error


def missing(
    module: str, what: str, *, extra: str | None = None, otherwise: str = ""
) -> MissingDependencyError:
    """The error for a package that is not installed.

    Args:
        module: dotted module name.
        what: is the matter.
        extra: the extra of this project that installs it; None where the plain install does.
        otherwise: another way out, to follow that of installing it.
    """
    requirement = f"satclip-embeddings[{extra}]" if extra else module.partition(".")[0]
    return MissingDependencyError(f"{what}: ", Package(requirement, module), otherwise)
