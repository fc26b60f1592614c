"""What a location encoder is trained against: an objective owns its heads, loss and card line.

A new one is a module here with a subclass of `base.Objective`, a settings class with its `kind` in
`settings.config.OBJECTIVES`, and a line in `CLASSES`.
"""

from __future__ import annotations

from typing import Callable

from ..settings.config import TrainConfig
from .base import Objective
from .satclip import satclip_class

CLASSES: dict[str, Callable[[TrainConfig], type[Objective]]] = {"satclip": satclip_class}
"""By `objective.kind`: the class for a run's settings."""


def objective_class(config: TrainConfig) -> type[Objective]:
    """The objective that a run's settings ask for."""
    return CLASSES[config.objective.kind](config)
