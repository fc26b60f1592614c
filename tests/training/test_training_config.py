"""Settings: typos, wrong types and ranges are one line that names file, key and fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from satclip_core.errors import InputError
from satclip_training.fine.fine_settings import is_fine, load_fine_config
from satclip_training.settings.config import load_config
from satclip_training.settings.run_files import locations
from satclip_training.settings.schema import plain

CONFIGS = Path(__file__).parents[2] / "training" / "configs"

BASE = """
name: x
sources:
  a:
    files: [a.tif]
    chip: {kilometres: 50, pixels: 8}
"""


def load(tmp_path: Path, text: str, *overrides: str) -> object:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    return load_config(file, overrides)


@pytest.mark.parametrize(
    "name",
    sorted(
        p.name
        for p in CONFIGS.glob("*.yaml")
        if not {"tasks", "properties", "evaluation"} & set(p.stem.split("-"))
    ),
)
def test_shipped_configurations_are_valid(name: str) -> None:
    if is_fine(CONFIGS / name):
        assert load_fine_config(CONFIGS / name).eyes
    else:
        config = load_config(CONFIGS / name)
        assert config.sources or config.modalities


def test_defaults_fill_what_is_not_said(tmp_path: Path) -> None:
    config = load(tmp_path, BASE)
    assert config.training.epochs == 20
    assert config.sources["a"].features.filters == 256


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.learning_rat=1", "learning_rat: unknown key, did you mean 'learning_rate'"),
        ("sources.a.chip.kilometers=3", "sources.a.chip.kilometers: unknown key, did you mean"),
        ("zzz=1", "zzz: unknown key; known: export, modalities, model"),
        ("training.epochs=many", "training.epochs: expected a whole number, got 'many'"),
        ("training.epochs=2.5", "training.epochs: expected a whole number, got 2.5"),
        ("training.epochs=true", "training.epochs: expected a whole number, got True"),
        ("training.epochs=0", "training.epochs: must be at least 1, got 0"),
        ("training.learning_rate=0", "training.learning_rate: must be greater than 0"),
        ("training.learning_rate=.inf", "training.learning_rate: expected a finite number"),
        ("model.dropout=1", "model.dropout: must be at most 0.95, got 1"),
        ("training.schedule=cosinus", "'cosinus' is not one of cosine, constant; did you mean"),
        ("points.latitude=[10]", "points.latitude: expected 2 values, got 1"),
        ("points.latitude=[10, -10]", "south 10.0 is not below north -10.0"),
        ("points.latitude=12", "points.latitude: expected a list, got 12"),
        ("sources.a.features.patch=9", "larger than the chip (8 pixels)"),
        ("sources.a.features.dim=9999", "more than the 768 responses"),
        ("sources.a.bounds=[10, 0, -10, 5]", "expected west south east north"),
        ("sources={}", "sources: expected at least 1 entries"),
        ("sources.a.chip.flip=2", "sources.a.chip.flip: expected true or false, got 2"),
        ("model=3", "model: expected keys and values, got 3"),
        ("name=", "name: expected text, got None"),
        ("name.x=1", "'name.x' is no key"),
        ("name=a/b", "name: 'a/b' cannot be the name of a file"),
        ("name=..", "name: '..' cannot be the name of a file"),
        ("seed=.inf", "seed: expected a whole number, got inf"),
        ("seed=.nan", "seed: expected a whole number, got nan"),
        ("seed=1e30", "seed: expected a whole number, got '1e30'"),
        ("seed=9223372036854775808", "seed: must be at most 9223372036854775807"),
        ("export.rotation_seed=4294967296", "export.rotation_seed: must be at most 4294967295"),
    ],
)  # fmt: skip
def test_mistakes_name_the_key(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, BASE, override)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_mistakes_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run\.yaml: nam: unknown key, did you mean 'name'"):
        load(tmp_path, BASE.replace("name: x", "nam: x"))


def test_missing_keys_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sources\.a\.chip\.pixels: missing"):
        load(tmp_path, BASE.replace(", pixels: 8", ""))


def test_broken_yaml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not valid YAML at line"):
        load(tmp_path, "name: [x\nsources: {")


@pytest.mark.parametrize(
    ("more", "line"),
    [("training: {epochs: 3}\ntraining: {}", 2), ("model: {dropout: 0, dropout: 1}", 1)],
)
def test_a_key_given_twice_names_the_line(tmp_path: Path, more: str, line: int) -> None:
    first = len(BASE.rstrip("\n").splitlines())
    with pytest.raises(InputError, match=rf"at line {first + line}: the key '\w+' occurs twice"):
        load(tmp_path, f"{BASE.rstrip()}\n{more}\n")


@pytest.mark.parametrize("key", ["? [a, b]", "? {a: b}", "7", "null", "2026-11-21", "'9 9'"])
def test_a_key_that_is_no_word_is_one_line(tmp_path: Path, key: str) -> None:
    with pytest.raises(InputError, match=r"not valid YAML|unknown key") as caught:
        load(tmp_path, f"{BASE.rstrip()}\n{key}\n: 1\n" if "?" in key else f"{BASE}\n{key}: 1\n")
    assert "\n" not in str(caught.value)


def test_keys_are_shared_by_anchors(tmp_path: Path) -> None:
    shared = "training: &t {epochs: 3}\nmodel: {<<: {dropout: 0.5}, capacity: 8}\n"
    config = load(tmp_path, f"{BASE.rstrip()}\n{shared}")
    assert (config.model.dropout, config.model.capacity) == (0.5, 8)


def test_numbers_in_exponent_form_without_a_dot_are_numbers(tmp_path: Path) -> None:
    assert load(tmp_path, BASE, "training.learning_rate=1e-4").training.learning_rate == 1e-4


def test_data_root_comes_before_the_configurations_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, root = tmp_path / "beside", tmp_path / "root"
    for folder in (beside, root):
        folder.mkdir()
        (folder / "both.tif").touch()
    (beside / "one.tif").touch()
    found = locations(beside / "run.yaml", root)
    assert found.find("both.tif", "x") == root / "both.tif"
    assert found.find("one.tif", "x") == beside / "one.tif"
    monkeypatch.setenv("SATCLIP_DATA", str(root))
    assert locations(beside / "run.yaml").find("both.tif", "x") == root / "both.tif"
    with pytest.raises(InputError, match=r"'none\.tif' is not there .*--data-root"):
        found.find("none.tif", "points.file")


def test_digest_ignores_where_output_goes_and_nothing_else(tmp_path: Path) -> None:
    first = load(tmp_path, BASE).digest()
    assert load(tmp_path, BASE, "output=elsewhere").digest() == first
    assert load(tmp_path, BASE, "model.dropout=0.1").digest() != first


def test_settings_added_later_leave_older_digests_alone(tmp_path: Path) -> None:
    config = load(tmp_path, BASE)
    assert "location_head" in config.as_plain()["model"]
    assert "location_head" not in plain(config, digest=True)["model"]
    assert load(tmp_path, BASE, "model.location_head=0").digest() == config.digest()
    assert load(tmp_path, BASE, "model.location_head=8").digest() != config.digest()


def test_folders_and_files_may_have_brackets_in_their_names(tmp_path: Path) -> None:
    root = tmp_path / "Bänder [2021] *"
    root.mkdir()
    for name in ("a[1].tif", "a1.tif", "b1.tif", "b2.tif"):
        (root / name).touch()
    found = locations(root / "run.yaml", root)
    assert found.find("a[1].tif", "files") == root / "a[1].tif"
    assert found.find_all("b*.tif", "files") == [root / "b1.tif", root / "b2.tif"]


def test_a_configuration_that_is_a_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run\.yaml: expected keys and values, got \[1\]"):
        load(tmp_path, "- 1")
