"""What the dock shows as text that a project keeps, and back."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from qgis.core import QgsProject

from ..satclip_core.models.published import PUBLISHED
from ..satclip_core.models.registry import BUNDLED
from ..satclip_core.products import JOINS
from .places import Place
from .session import AGAINST, VIEW

VERSION = 1
# Where a project keeps it.
_SCOPE, _KEY = "satclip", "similar_places"
# More than anybody picks: a file of others may hold anything.
_MOST_PLACES = 10_000


@dataclass(frozen=True)
class State:
    """The dock without the map.

    Attributes:
        model: name or path.
        places: examples and counter-examples, in order.
        reduce: how several are joined, of `JOINS`.
        land_only: whether the sea is left out.
        percentile: the threshold, per cent of land.
        limited: whether it is on.
        against: the land that similarities are held against, of `AGAINST`.
        opacity: of the layer, 0..1.
        collect: whether each click adds a place.
    """

    model: str
    places: tuple[Place, ...] = ()
    reduce: str = "classifier"
    land_only: bool = True
    percentile: float = 95.0
    limited: bool = False
    against: str = VIEW
    opacity: float = 0.75
    collect: bool = False


def to_json(state: State) -> str:
    """The state as text."""
    return json.dumps({"version": VERSION, **asdict(state)}, ensure_ascii=False)


def from_json(text: str) -> State:
    """The state that a text holds.

    Raises:
        ValueError: it holds none, or one of a later version.
    """
    made = json.loads(text)
    if not isinstance(made, dict) or not isinstance(made.get("version"), int):
        raise ValueError("no state of the dock")
    if made["version"] > VERSION:
        raise ValueError(f"version {made['version']}")
    places = made.get("places", [])
    if not isinstance(places, list) or len(places) > _MOST_PLACES:
        raise ValueError("places")
    known = {field.name for field in fields(State)}
    values = {name: value for name, value in made.items() if name in known}
    values["places"] = tuple(_place(place) for place in places)
    state = State(**values)  # without a model: TypeError
    _check(state)
    return state


def write(project: QgsProject, state: State) -> None:
    """Keep the state in a project; the path of a model as the project keeps paths."""
    values = asdict(state)
    values["model"] = state.model if _is_name(state.model) else project.writePath(state.model)
    values["places"] = state.places
    project.writeEntry(_SCOPE, _KEY, to_json(State(**values)))


def forget(project: QgsProject) -> None:
    """Take the state out of a project."""
    if project.readEntry(_SCOPE, _KEY)[0]:
        project.removeEntry(_SCOPE, _KEY)


def read(project: QgsProject) -> State | None:
    """The state that a project keeps; None where it keeps none.

    Raises:
        ValueError: what it keeps is damaged, or of a later version.
    """
    text = project.readEntry(_SCOPE, _KEY)[0]
    if not text:
        return None
    try:
        state = from_json(text)
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if _is_name(state.model):
        return state
    return State(**{**vars(state), "model": project.readPath(state.model)})


def _is_name(model: str) -> bool:
    return model == BUNDLED or model in PUBLISHED


def _place(made: Any) -> Place:
    lon, lat = float(made["lon"]), float(made["lat"])
    if not (math.isfinite(lon) and abs(lat) <= 90):  # also of NaN
        raise ValueError(f"lon {lon}, lat {lat}")
    return Place(lon, lat, bool(made.get("unlike")), str(made.get("name") or ""))


def _check(state: State) -> None:
    fine = {
        "model": isinstance(state.model, str) and bool(state.model),
        "reduce": state.reduce in JOINS,
        "land_only": isinstance(state.land_only, bool),
        "percentile": isinstance(state.percentile, (int, float)) and 0 <= state.percentile < 100,
        "limited": isinstance(state.limited, bool),
        "against": state.against in AGAINST,
        "opacity": isinstance(state.opacity, (int, float)) and 0 <= state.opacity <= 1,
        "collect": isinstance(state.collect, bool),
    }
    wrong = [name for name, is_fine in fine.items() if not is_fine]
    if wrong:
        raise ValueError(", ".join(wrong))
