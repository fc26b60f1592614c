"""The terms in the core's errors, found in its source: what every client needs words for."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

CORE = Path(__file__).resolve().parents[1] / "satclip_core"
FILES = sorted(CORE.rglob("*.py"))
BESIDE = [CORE.parent / "training" / "export" / "heads.py"]
KINDS = ("Argument", "Noun", "call")


@dataclass(frozen=True)
class Found:
    """A term as it is written.

    Attributes:
        where: file:line.
        kind: "Argument", "Noun" or "call".
        name: of the argument or function; None where that is no literal.
        values: how many are given by position, after the name.
        keywords: names of those given by name.
    """

    where: str
    kind: str
    name: str | None
    values: int
    keywords: tuple[str, ...]


def terms() -> list[Found]:
    """All of them."""
    found = []
    for path in FILES:
        tree = ast.parse(path.read_text("utf-8"))
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "errors"
            for alias in node.names
        }
        for node in ast.walk(tree):
            kind = getattr(getattr(node, "func", None), "id", None)
            if not isinstance(node, ast.Call) or kind not in imported & set(KINDS):
                continue
            name = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            where = f"{path.relative_to(CORE)}:{node.lineno}"
            keywords = tuple(str(keyword.arg) for keyword in node.keywords)
            found.append(Found(where, kind, name, len(node.args) - 1, keywords))
    return found


def argument_names(found: list[Found]) -> set[str]:
    """Names of the arguments among them, those of calls included."""
    own = {term.name for term in found if term.kind in ("Argument", "Noun") and term.name}
    return own | {name for term in found if term.kind == "call" for name in term.keywords}


def call_names(found: list[Found]) -> set[str]:
    """Names of the functions that are to be called."""
    return {term.name for term in found if term.kind == "call" and term.name}


def parameters() -> dict[str, list[str]]:
    """Public functions, methods (Class.method) and dataclasses of the core -> their parameters.

    Also those of `BESIDE`, by which errors of the core are mended.

    The parameters of a function start after `self` or `cls`.
    """
    known: dict[str, list[str]] = {}
    for path in (*FILES, *BESIDE):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                known[node.name] = _of(node)
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                fields = [item.target for item in node.body if isinstance(item, ast.AnnAssign)]
                known[node.name] = [item.id for item in fields if isinstance(item, ast.Name)]
                for item in node.body:
                    if isinstance(item, ast.FunctionDef) and not item.name.startswith("_"):
                        known[f"{node.name}.{item.name}"] = _of(item)[1:]
    return known


def _of(function: ast.FunctionDef) -> list[str]:
    given = function.args
    return [item.arg for item in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
