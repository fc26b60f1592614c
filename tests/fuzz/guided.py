#!/usr/bin/env python3
"""Fuzzing led by coverage (atheris, libFuzzer): the readers of files that others made.

    python tests/fuzz/guided.py TARGET [-runs=100000] [-max_len=4096] [FOLDER OF INPUTS]

TARGET: pickle (the machine that follows a checkpoint's pickle), npy (arrays), header (a model's
JSON), zip (a whole model file), numbers (what --bbox takes), yaml (settings of a training). Ends
with the input that broke it, if one does: anything but the errors that are meant.
"""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

import atheris

with atheris.instrument_imports(include=["satclip_core", "satclip_cli", "pickletools", "zipfile"]):
    import click

    from satclip_cli.options import Numbers
    from satclip_core.errors import InputError, ModelError
    from satclip_core.files import npy_array
    from satclip_core.models.checkpoint import PickleReader, plain_values
    from satclip_core.models.model_file import read_model

_FOLDER = Path(tempfile.mkdtemp(prefix="satclip-fuzz-"))


def _model(members: dict[str, bytes]) -> None:
    file = _FOLDER / "model.npz"
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    read_model(file)


def _pickle(data: bytes) -> None:
    repr(plain_values(PickleReader(data).read()))


def _npy(data: bytes) -> None:
    npy_array(b"\x93NUMPY\x01\x00" + data, ("float16", "float32", "float64", "int8"))


def _header(data: bytes) -> None:
    given = atheris.FuzzedDataProvider(data)
    words = {"format": "satclip-model", "version": 1, "settings": {}, "training": {}}
    for _ in range(given.ConsumeIntInRange(1, 6)):
        key = given.PickValueInList(
            ["encoding", "network", "settings", "network_settings", "name", "levels", "modalities"]
        )
        text = given.ConsumeUnicodeNoSurrogates(30)
        try:
            words[key] = json.loads(text)
        except ValueError:
            words[key] = text
    _model({"model.json": json.dumps(words).encode()})


def _zip(data: bytes) -> None:
    file = _FOLDER / "whole.npz"
    file.write_bytes(b"PK" + data)
    read_model(file)


def _numbers(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    Numbers("four numbers, W S E N", 4).convert(text, None, None)


def _yaml(data: bytes) -> None:
    from satclip_training.settings.config import load_config

    file = _FOLDER / "c.yaml"
    file.write_bytes(data)
    load_config(file)


TARGETS: dict[str, tuple[Callable[[bytes], None], tuple[type[Exception], ...]]] = {
    "pickle": (_pickle, (ModelError,)),
    "npy": (_npy, (ValueError,)),
    "header": (_header, (ModelError,)),
    "zip": (_zip, (ModelError,)),
    "numbers": (_numbers, (click.BadParameter,)),
    "yaml": (_yaml, (InputError,)),
}


def main() -> Any:
    """Command line; libFuzzer ends the process."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        print(__doc__, file=sys.stderr)
        return 2
    function, meant = TARGETS[sys.argv.pop(1)]

    def once(data: bytes) -> None:
        with suppress(*meant):
            function(data)

    # What takes as long hangs, what takes as much fills the memory.
    atheris.Setup([*sys.argv, "-timeout=20", "-rss_limit_mb=2048"], once)
    return atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
