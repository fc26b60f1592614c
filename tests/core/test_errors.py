"""Messages in parts: in the words of Python and of a client; the core has no others."""

from __future__ import annotations

import ast
import pickle
import re

import pytest
from core_terms import CORE, FILES, Found, argument_names, parameters, terms

from satclip_core import errors
from satclip_core.errors import (
    Argument,
    InputError,
    MissingDependencyError,
    ModelError,
    Noun,
    OutputError,
    Package,
    SatclipError,
    call,
    require,
)
from satclip_core.files import check_target

TERMS = terms()
PARAMETERS = parameters()
KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, SatclipError)
]
# An option, a command of satclip, or what a click or a dialog would be told.
CLIENTS_WORDS = re.compile(
    r"(?<![\w-])--[a-z]"
    r"|\bsatclip (raster|similarity|rgb|clusters|map|predict|points|models|data|train|reproduce)\b"
    r"|\b(click on|move the map|dialog|Processing)\b"
)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((), ""),
        (("plain",), "plain"),
        (("give ", Argument("overwrite", True), " too"), "give overwrite=True too"),
        (("give ", Argument("crs")), "give crs"),
        ((Noun("bounds"), " 1 2"), "bounds 1 2"),
        ((Argument("prefix", ""),), "prefix=''"),
        ((call("fetch", "l40", force=True),), "fetch('l40', force=True)"),
        ((call("RgbBasis.save"), " writes it"), "RgbBasis.save() writes it"),
        ((Package("x[y]", "z"),), "pip install 'x[y]'"),
        (("cannot open: ", ModelError("no ", Argument("res"))), "cannot open: no res"),
    ],
)
def test_python_says_terms_as_they_are_typed(parts, text):
    assert str(SatclipError(*parts)) == text


def test_a_client_words_the_terms_and_nothing_else():
    within = OutputError("overwrite=True {name} ", Argument("overwrite", True))
    error = InputError("--res {0} %s: ", Argument("res", "{name}"), "; ", within)
    said = error.worded(lambda term: f"<{term.name}>")
    assert said == "--res {0} %s: <res>; overwrite=True {name} <overwrite>"
    assert error.arguments == (Argument("res", "{name}"), Argument("overwrite", True))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_comes_whole_through_a_pickle(kind):
    error = kind("a ", Argument("res", 0.5), call("fetch", "x", force=True), InputError("b"))
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert copy.args[:3] == error.args[:3]
    assert str(copy) == str(error) == "a res=0.5fetch('x', force=True)b"
    assert copy.arguments == (Argument("res", 0.5),)


@pytest.mark.parametrize(
    ("extra", "requirement"), [("points", "satclip-embeddings[points]"), (None, "no_such")]
)
def test_a_missing_package_is_a_term(extra, requirement):
    with pytest.raises(MissingDependencyError) as raised:
        require("no_such.module", extra=extra, purpose="this")
    assert Package(requirement, "no_such.module") in raised.value.args
    assert str(raised.value) == (
        f"this needs no_such.module, which is not installed: pip install '{requirement}'"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORE)))
def test_no_text_of_the_core_speaks_a_clients_language(path):
    tree = ast.parse(path.read_text("utf-8"))
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    if path.parent.name == "report":  # the names of colours in style sheets are no options
        texts = [re.sub(r"(var\()?--[a-z]\w*(?=[:)])", "", text) for text in texts]
    assert not [text for text in texts if CLIENTS_WORDS.search(text)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORE)))
def test_an_error_within_another_is_a_part_of_it(path):
    """`f"…: {error}"` would say the inner one's terms in Python's words, whoever asks."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.ExceptHandler) or node.type is None:
            continue
        caught = {getattr(name, "id", "") for name in ast.walk(node.type)}
        if not caught & {kind.__name__ for kind in KINDS}:
            continue
        written = [part for part in ast.walk(node) if isinstance(part, ast.FormattedValue)]
        assert not [part for part in written if getattr(part.value, "id", None) == node.name], (
            f"{path}:{node.lineno}"
        )


@pytest.mark.parametrize("term", TERMS, ids=lambda term: f"{term.where} {term.name}")
def test_a_term_names_what_there_is(term: Found):
    assert term.name is not None, "a name that is no literal cannot be found by the clients' tests"
    if term.kind != "call":
        assert any(term.name in names for names in PARAMETERS.values())
        return
    names = PARAMETERS[term.name]
    assert set(term.keywords) <= set(names)
    assert term.values <= len(names)


def test_the_search_for_terms_finds_those_that_are_known():
    assert {"overwrite", "bounds", "crs", "force", "lat_column"} <= argument_names(TERMS)
    assert len(TERMS) > 40
    assert "overwrite" in PARAMETERS["RgbBasis.save"]
    assert "crs" in PARAMETERS["PointsRequest"]
    assert not CLIENTS_WORDS.search("a layer called x--res, satclip-embeddings")
    assert CLIENTS_WORDS.search("give (--co)")


@pytest.mark.parametrize("name", ["bbox_2024 --res", "{overwrite}", "overwrite=True", "100% bbox"])
def test_a_value_stays_as_it_is(tmp_path, name):
    target = tmp_path / name
    target.touch()
    with pytest.raises(OutputError) as raised:
        check_target(target)
    said = raised.value.worded(lambda term: f"<{term.name}>")
    assert said == f"{target} exists: give another name, or <overwrite> to replace it"
