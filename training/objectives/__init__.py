"""What a location encoder is trained against: an objective owns its heads, loss and card line.

One of this project is a module here with a subclass of `base.Objective`, a line in `CLASSES`, and
its settings class in `settings.config.OBJECTIVES`; an installed package brings its own by an entry
point (docs/extending.md).
"""

from __future__ import annotations

from satclip_core.errors import InputError

from ..settings.config import OBJECTIVES, TrainConfig
from .base import Objective
from .satcle import Satcle
from .satclip import Satclip
from .unigeoclip import Unigeoclip

CLASSES: dict[str, type[Objective]] = {
    "satclip": Satclip,
    "satcle": Satcle,
    "unigeoclip": Unigeoclip,
}
"""This project's, by `objective.kind`."""


def objective_class(config: TrainConfig) -> type[Objective]:
    """The objective that a run's settings ask for.

    Raises:
        InputError: what a package brings under this name is no objective.
    """
    kind = config.objective.kind
    found = CLASSES[kind] if kind in CLASSES else OBJECTIVES.find(kind)
    if not (isinstance(found, type) and issubclass(found, Objective)):
        raise InputError(f"objective.kind: {kind!r} is {found!r}, no subclass of Objective")
    return found.for_run(config)
