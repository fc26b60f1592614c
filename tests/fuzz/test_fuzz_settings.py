"""Configurations of training that nobody means: an InputError of one line, soon."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from fuzzing import FUZZ, note
from hypothesis import example, given
from hypothesis import strategies as st

from satclip_core.errors import InputError

yaml = pytest.importorskip("yaml")
from satclip_training.settings.config import load_config  # noqa: E402
from satclip_training.settings.run_files import read_yaml  # noqa: E402

CONFIGS = sorted((Path(__file__).parents[2] / "training" / "configs").glob("*l10*.yaml"))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
              st.dates()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip
LAUGHING = "a0: &a0 [x]\n" + "".join(
    f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]\n" for i in range(1, 60)
)


def refuses_or_reads(path: Path) -> None:
    """Within ten seconds: settings, or one line."""
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(10)
    try:
        load_config(path)
    except InputError as error:
        said = str(error)
        assert "\n" not in said.strip()
        assert len(said) < 20_000
    finally:
        signal.alarm(0)


def _late(*_: Any) -> None:
    raise TimeoutError


@FUZZ
@example(LAUGHING)
@example("name: " + "[" * 5000)
@example("!!python/object/apply:os.system ['touch ran']")
@example("? [a]\n: b")
@example("a: *b")
@example("\t- a\x00")
@example("<<: {a: 1}\n<<: [1]")
@given(st.text(max_size=200))
def test_any_text(folder, text):
    note("yaml", text)
    path = folder / "c.yaml"
    path.write_text(text, "utf-8", errors="surrogatepass")
    refuses_or_reads(path)
    assert not (Path.cwd() / "ran").exists()


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where values stand in nested dicts and lists."""
    found = [path] if path else []
    if isinstance(tree, dict):
        items: Any = tree.items()
    else:
        items = enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        found += places(value, (*path, key))
    return found


@FUZZ
@given(st.data(), st.lists(VALUES, min_size=1, max_size=3))
def test_any_value_in_place_of_another(folder, data, values):
    tree = read_yaml(data.draw(st.sampled_from(CONFIGS)))
    for value in values:
        *parents, last = data.draw(st.sampled_from(places(tree)))
        place = tree
        for key in parents:  # an earlier value may have taken the place of a parent
            known = isinstance(place, dict) and key in place
            place = place[key] if known else None
        if isinstance(place, dict):
            place[last] = value
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump(tree), "utf-8")
    note("settings", path.read_text("utf-8"))
    refuses_or_reads(path)


@FUZZ
@given(VALUES)
def test_json_is_yaml_too(folder, value):
    note("json", repr(value))
    path = folder / "c.yaml"
    path.write_text(json.dumps(value, default=str), "utf-8")
    refuses_or_reads(path)
