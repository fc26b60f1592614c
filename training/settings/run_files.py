"""The files of a run: YAML read strictly, and where the files that it names are looked for.

They are relative: looked for below the data root (`--data-root`, or the environment variable
SATCLIP_DATA), then beside the YAML file.
"""

from __future__ import annotations

import dataclasses
import glob
import os
from pathlib import Path
from typing import Any

from satclip_core.errors import InputError, require

DATA_ROOT_VARIABLE = "SATCLIP_DATA"


@dataclasses.dataclass(frozen=True)
class Locations:
    """Where relative file names of a configuration are looked for, in order."""

    roots: tuple[Path, ...]

    def find(self, name: str, what: str) -> Path:
        """The path of an existing file; InputError names it and the folders tried."""
        return self.find_all(name, what)[0]

    def find_all(self, name: str, what: str) -> list[Path]:
        """The files that a name or a glob pattern stands for, sorted."""
        for root in self.roots:
            if (root / name).exists():  # brackets may be part of a name
                return [root / name]
            found = sorted(Path(p) for p in glob.glob(os.path.join(glob.escape(str(root)), name)))
            if found:
                return found
        tried = ", ".join(str(root) for root in self.roots)
        raise InputError(
            f"{what}: {name!r} is not there (looked in {tried}); "
            f"name the data folder with --data-root or {DATA_ROOT_VARIABLE}"
        )


def locations(config_file: Path, data_root: str | os.PathLike[str] | None = None) -> Locations:
    """Folders for a configuration's files: the data root where one is named, then its own."""
    root = data_root or os.environ.get(DATA_ROOT_VARIABLE)
    if root and not Path(root).is_dir():
        raise InputError(f"data root {str(root)!r} is not a folder")
    beside = config_file.resolve().parent
    return Locations((Path(root).resolve(), beside) if root else (beside,))


def _strict_loader(yaml: Any) -> Any:
    """YAML's safe loader, which takes the last of two equal keys in silence: this one refuses."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue  # no key of ours: the safe loader refuses it
                if key.value in seen:
                    problem = f"the key {key.value!r} occurs twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    return Loader


def read_yaml(path: Path) -> Any:
    """Parse a YAML file; InputError names file and line where it is not YAML."""
    yaml = require("yaml", extra="train", purpose="reading configurations")
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _strict_loader(yaml))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise InputError(f"{path}: not valid YAML{line}: {problem}") from None
    except RecursionError:
        raise InputError(f"{path}: not valid YAML: it is nested without end") from None
    except (ArithmeticError, ValueError) as error:  # a date or number that does not exist
        raise InputError(f"{path}: not valid YAML: {error}") from None


def override(values: Any, text_: str) -> None:
    """Change a value of what a YAML file holds, by `key.subkey=value` as `--set` takes it."""
    key, equals, value = text_.partition("=")
    if not equals or not key:
        raise InputError(f"--set {text_!r}: expected KEY=VALUE, as in training.epochs=5")
    yaml = require("yaml", extra="train", purpose="reading configurations")
    *parents, last = key.strip().split(".")
    place = values
    for parent in parents:
        place = place.setdefault(parent, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict):
        raise InputError(f"--set {text_!r}: {key!r} is no key of the configuration")
    try:
        place[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise InputError(f"--set {text_!r}: {value!r} is not a YAML value") from None
