"""The core's errors as the command line says them: in options that there are."""

from __future__ import annotations

import os

import click
import pytest
from core_terms import argument_names, call_names, terms

from satclip_cli.main import cli
from satclip_cli.words import CALLS, OF_COMMANDS, OPTIONS, worded
from satclip_core.errors import Argument, InputError, Noun, call

# Only QGIS has a live preview.
TERMS = [term for term in terms() if not term.where.startswith("preview")]
RECORD = '{"version": "--res {bbox}"}'


def commands(group: click.Group, *names: str) -> dict[str, set[str]]:
    """ "models fetch" -> its options, for all commands below a group."""
    found: dict[str, set[str]] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found.update(commands(command, *names, name))
        else:
            words = {word for option in command.params for word in option.opts}
            found[" ".join([*names, name])] = words
    return found


def one_point():
    geopandas = pytest.importorskip("geopandas")
    places = geopandas.points_from_xy([1], [2])
    return geopandas.GeoDataFrame({"v": [1]}, geometry=places, crs="EPSG:4326")


@pytest.fixture(scope="module")
def options() -> dict[str, set[str]]:
    return commands(cli)


def test_every_term_of_the_core_has_words():
    assert set(OPTIONS) == argument_names(TERMS)
    assert set(CALLS) == call_names(TERMS)


@pytest.mark.parametrize("option", sorted(OPTIONS.values()))
def test_every_option_is_one_of_a_command(option, options):
    assert any(option in words for words in options.values())


def test_what_is_different_for_a_command_is_an_option_of_it(options):
    for command, words in OF_COMMANDS.items():
        assert set(words) <= set(OPTIONS)
        assert set(words.values()) <= options[command]


def test_every_call_is_an_option_or_a_command(options):
    for typed in CALLS.values():
        if typed.startswith("--"):
            assert any(typed in words for words in options.values())
        else:
            assert typed.startswith("satclip ")
            assert typed[len("satclip ") :] in options


@pytest.mark.parametrize(
    ("parts", "command", "text"),
    [
        ((Argument("overwrite", True), " bbox"), None, "--overwrite bbox"),
        ((Argument("bounds_crs", "EPSG:4326"),), None, "--bbox-crs EPSG:4326"),
        ((Argument("crs", "+proj=utm +zone=32"),), None, "--crs '+proj=utm +zone=32'"),
        ((Argument("crs"),), "points", "--crs"),
        ((Argument("crs"),), "map", "--samples-crs"),
        (("the ", Noun("bounds"), " bounds"), None, "the bbox bounds"),
        ((call("fetch", "a b", force=True),), None, "satclip models fetch 'a b' --force"),
        ((call("RgbBasis.save"),), None, "--save-basis"),
        ((Argument("view"), " ", Noun("view"), " ", call("f", 1)), None, "view view f 1"),
        ((InputError("a ", Argument("res")), " res"), None, "a --res res"),
    ],
)
def test_terms_are_said_as_they_are_typed(parts, command, text):
    assert worded(InputError(*parts), command) == text


def test_a_path_reaches_the_user_as_it_is(refused, tmp_path):
    """Braces, options and arguments in a value are no words of ours."""
    name = "bbox_2024 --res {overwrite} bounds_crs=1.tif"
    (tmp_path / name).touch()
    line = refused("raster", "--bbox", 5, 45, 11, 48, "--res", 1, "-o", name)
    assert line == f"Error: {name} exists: give another name, or --overwrite to replace it"


def test_a_bbox_in_the_wrong_unit_is_told_its_option(refused):
    line = refused("raster", "--bbox", 5, 45, 11, 48, "--res", 1, "--crs", "EPSG:32632", code=2)
    assert line.startswith("Error: bbox 5 45 11 48 looks like degrees, but EPSG:32632 counts in")
    assert "say what it is in with --bbox-crs EPSG:4326 (see satclip raster --help)" in line


def test_layers_are_listed_as_they_are_called(refused, tmp_path):
    table = one_point()
    for layer in ("a--res", "bbox"):
        table.to_file(tmp_path / "in.gpkg", layer=layer, engine="pyogrio")
    line = refused("points", "in.gpkg", "-o", "out.csv")
    assert line.endswith("in.gpkg has 2 layers: choose one by --layer: 'a--res', 'bbox'")


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("points", "in.gpkg", "-o", "out.csv"), "--crs"),
        (("map", "in.gpkg", "--column", "v", "--bbox", "5,45,11,48", "--res", 1), "--samples-crs"),
    ],
)
def test_the_crs_of_a_table_is_an_option_of_each_command_own(refused, tmp_path, command, option):
    table = one_point()
    table.to_file(tmp_path / "in.gpkg", engine="pyogrio")
    line = refused(*command, option, "EPSG:32632")
    assert line.endswith(f"in.gpkg has a CRS of its own: leave {option} EPSG:32632 out")


def test_a_model_that_is_not_here_names_the_command(refused, tmp_path):
    line = refused(
        *("raster", "--bbox", 5, 45, 11, 48, "--res", 1, "--model", "satclip-vit16-l40"),
        env={**os.environ, "SATCLIP_CACHE": str(tmp_path / "--cache {res}")},
    )
    assert line.endswith("is not here yet: satclip models fetch satclip-vit16-l40")


@pytest.mark.parametrize(
    ("command", "option"),
    [(("rgb", "--basis"), "--save-basis"), (("clusters", "--clusters"), "--save-model")],
)
def test_a_fitted_file_of_another_kind_names_what_writes_one(refused, tmp_path, command, option):
    (tmp_path / "a {bbox}.json").write_text(RECORD)
    line = refused(*command, "a {bbox}.json", "--bbox", "5,45,11,48", "--res", 1)
    assert "a {bbox}.json" in line
    assert line.endswith(f": give a file that {option} wrote")
