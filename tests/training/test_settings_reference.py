"""What parsers of settings say of themselves is what they do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from satclip_core.errors import InputError
from satclip_training.fine.fine_settings import FineConfig
from satclip_training.settings.config import TrainConfig
from satclip_training.settings.schema import (
    flag,
    integer,
    optional,
    real,
    says,
    sections,
    sequence,
    text,
)


def classes(cls: type[Any]) -> Iterator[type[Any]]:
    yield cls
    for field in dataclasses.fields(cls):
        for held in sections(field.metadata.get("parse", str)).values():
            if dataclasses.is_dataclass(held):
                yield from classes(held)


@pytest.mark.parametrize(
    ("parse", "words", "taken", "refused"),
    [
        (integer(1, 9), "a whole number, 1 to 9", 9, 10),
        (integer(low=1), "a whole number, 1 or more", 1, 0),
        (real(above=0), "a number greater than 0", 0.5, 0),
        (text("a", "b"), "`a` or `b`", "b", "c"),
        (flag, "`true` or `false`", True, "yes"),
        (optional(integer(high=3)), "a whole number, at most 3, or null", None, 4),
        (sequence(real(-1, 1), length=2), "a list of 2: each a number, -1 to 1", [0, 1], [0, 2]),
    ],
)
def test_words_are_what_is_taken(parse: Any, words: str, taken: Any, refused: Any) -> None:
    assert says(parse) == words
    parse(taken, "here")
    with pytest.raises(InputError):
        parse(refused, "here")


@pytest.mark.parametrize("top", [TrainConfig, FineConfig])
def test_every_setting_says_what_it_takes(top: type[Any]) -> None:
    silent = [
        f"{cls.__name__}.{field.name}"
        for cls in classes(top)
        for field in dataclasses.fields(cls)
        if "parse" in field.metadata and not says(field.metadata["parse"])
    ]
    assert not silent
