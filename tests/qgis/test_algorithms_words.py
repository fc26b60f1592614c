"""The core's errors as QGIS says them: in what its dialogs call their parameters."""

from __future__ import annotations

import re

import pytest
from core_terms import argument_names, call_names, terms

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")

TERMS = terms()
PYTHONS_OR_A_SHELLS = re.compile(r"--[a-z]|\w=\w|\w_\w|\bsatclip [a-z]|\(\)")


@pytest.fixture(scope="module")
def words(plugin):
    from satclip_qgis import words

    return words


@pytest.fixture(scope="module")
def errors(plugin):
    from satclip_qgis.satclip_core import errors

    return errors


def test_every_term_of_the_core_has_words(words):
    wanted = argument_names(TERMS) - {"force"}  # "fetch again" has words of its own
    assert set(words.arguments()) == wanted
    assert set(words.calls()) == call_names(TERMS) | {"fetch again"}
    assert set(words.forms()) <= wanted


def test_no_words_are_those_of_python_or_a_shell(words):
    said = [*words.arguments().values(), *words.calls().values()]
    assert not [text for text in said if PYTHONS_OR_A_SHELLS.search(text)]


@pytest.mark.parametrize("name", sorted(argument_names(TERMS) - {"force"}))
def test_a_value_stays_as_it_is(name, words, errors):
    value = "bbox {name} --res {0} %1 overwrite=True"
    error = errors.InputError(f"{value}: give ", errors.Argument(name, value), f" for {value}")
    said = words.worded(error)
    assert said.startswith(f"{value}: give ")
    assert said.endswith(f" for {value}")
    assert said.count(value) == 3
    assert said != str(error)


def test_terms_are_said_as_the_dialogs_say_them(words, errors):
    def said(*parts):
        return words.worded(errors.InputError(*parts))

    assert said(errors.Noun("bounds"), " 5 45 bbox") == "extent 5 45 bbox"
    assert said(errors.Argument("bounds_crs", "EPSG:4326")) == "[EPSG:4326] after its numbers"
    assert said(errors.Argument("classes", True)) == "The field holds: classes"
    assert said(errors.call("fetch", "x")) == "fetch it under SatCLIP > Models"
    assert said(errors.call("fetch", "x", force=True)) == "fetch it again under SatCLIP > Models"
    assert said(errors.call("RgbBasis.save")) == "Save basis"
    missing = errors.missing("pyogrio.raw", "no pyogrio", extra="points")
    assert words.worded(missing) == (
        "no pyogrio: install the package pyogrio for the Python of QGIS"
    )
    assert words.worded(ValueError("--res bbox")) == "--res bbox"


# (algorithm, its parameters, what is said of them); the values hold words that are no terms.
TRICKY = [
    (
        "embeddingraster",
        {"EXTENT": "5,11,45,48 [EPSG:4326]", "RESOLUTION": 90},
        "resolution 90 is coarser than the height of the extent (3, unit degree): give at most 3, "
        "or enlarge the extent",
    ),
    (
        "embeddingraster",
        {"EXTENT": "5,11,45,48 [EPSG:32632]", "CRS": "EPSG:32632", "RESOLUTION": 1},
        "extent 5 45 11 48 looks like degrees, but EPSG:32632 counts in metre: say what it is in "
        "with [EPSG:4326] after its numbers",
    ),
    (
        "embeddingraster",
        {"MODEL": "satclip-vit16-l40"},
        "satclip-vit16-l40 is not here yet: fetch it under SatCLIP > Models",
    ),
    (
        "embeddingraster",
        {"MODEL": "/bbox_2024 --res {resolution}/overwrite=True.npz"},
        "there is no model file /bbox_2024 --res {resolution}/overwrite=True.npz; ",
    ),
    (
        "embeddingraster",
        {"OUTPUT": "/bbox_2024 --res {0}/out.tif"},
        "the folder /bbox_2024 --res {0} does not exist: create it, or write elsewhere",
    ),
    (
        "embeddingrgb",
        {"BASIS": "bbox --save-basis {}.json"},
        "bbox --save-basis {}.json is no basis: give a file that Save basis wrote",
    ),
    (
        "clusters",
        {"CLUSTERS": "bbox --save-model {}.json"},
        "bbox --save-model {}.json holds no clusters: give a file that Save clusters wrote",
    ),
]


@pytest.mark.parametrize(("name", "change", "said"), TRICKY, ids=[said[:40] for *_, said in TRICKY])
def test_a_user_reads_no_option_and_every_value(
    name, change, said, run, project, tmp_path, monkeypatch
):
    from qgis.core import QgsProcessingException

    monkeypatch.setenv("SATCLIP_CACHE", str(tmp_path / "--cache {res}"))
    for key in ("BASIS", "CLUSTERS"):
        if key in change:
            path = tmp_path / change[key]
            path.write_text("{}")
            change = {**change, key: str(path)}
    given = {
        "EXTENT": "5,11,45,48 [EPSG:4326]",
        "RESOLUTION": 1,
        "OUTPUT": str(tmp_path / "out.tif"),
        **change,
    }
    with pytest.raises(QgsProcessingException) as raised:
        run(name, given)
    assert said in str(raised.value)


def test_the_dock_says_it_in_the_same_words(plugin, tmp_path, monkeypatch):
    from gui_window import wait
    from satclip_qgis.gui.save import SaveTask
    from satclip_qgis.gui.session import Session
    from satclip_qgis.satclip_core.grid import Grid
    from satclip_qgis.satclip_core.products import SimilarityTo
    from satclip_qgis.satclip_core.raster import RasterRequest

    monkeypatch.setenv("SATCLIP_CACHE", str(tmp_path / "cache"))
    view = Grid.from_bounds((5, 45, 11, 48), 0.1)
    told: list[str] = []
    session = Session("satclip-vit16-l40")
    session.failed.connect(told.append)
    session.show(view)
    wait(lambda: told)
    wanted = SimilarityTo.of([(7, 46)])

    def write(progress, cancelled):
        request = RasterRequest(view, wanted, model="satclip-vit16-l40")
        request.prepare(cancelled=cancelled).write(tmp_path / "a.tif", progress=progress)

    saving = SaveTask("Saving", str(tmp_path / "a.tif"), write)
    saving.ended.connect(lambda _path, error: told.append(error))
    saving.start()
    wait(lambda: len(told) == 2)
    assert told == ["satclip-vit16-l40 is not here yet: fetch it under SatCLIP > Models"] * 2
