"""Models as the plugin uses them: the one in the settings, loaded once."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock

from qgis.core import QgsSettings

from .satclip_core.encoder import LocationEncoder
from .satclip_core.models.published import PUBLISHED
from .satclip_core.models.registry import BUNDLED, SHIPPED, find_model, load_encoder

SETTING = "satclip/model"
# A model of L = 40 takes some 40 MB in memory.
_KEPT = 3

_loaded: OrderedDict[tuple[str, int, int], LocationEncoder] = OrderedDict()
_lock = Lock()


def default_model() -> str:
    """Name or path of the model that is used where none is given.

    The one in the settings; the bundled one at first, and where that one is gone.
    """
    return BUNDLED if gone_model() else _remembered()


def gone_model() -> str:
    """Name or path of the model in the settings if it is not there any more; else ""."""
    name = _remembered()
    if name in SHIPPED:
        return ""
    path = PUBLISHED[name].path if name in PUBLISHED else Path(name)
    return "" if path.is_file() else name


def _remembered() -> str:
    return str(QgsSettings().value(SETTING, BUNDLED) or BUNDLED)


def set_default_model(name_or_path: str) -> None:
    """Keep a name or path in the settings."""
    QgsSettings().setValue(SETTING, name_or_path)


def known_models() -> list[str]:
    """Names that can be used now: those shipped, the fetched ones, and the file in the settings."""
    names = [*SHIPPED, *(name for name, model in PUBLISHED.items() if model.path.is_file())]
    chosen = default_model()
    return names if chosen in names else [*names, chosen]


def model_name(name_or_path: str | None = None) -> str:
    """Name or path of a model: the default model where None or empty."""
    return (name_or_path or "").strip() or default_model()


def encoder(name_or_path: str | None = None) -> LocationEncoder:
    """A model, from memory if it was used before; may be called from any thread.

    Args:
        name_or_path: the default model where None or empty.

    Raises:
        ModelError: unknown name, not fetched, not readable.
    """
    name = model_name(name_or_path)
    path = Path(find_model(name))
    state = path.stat()
    key = (str(path), state.st_mtime_ns, state.st_size)
    with _lock:
        if key not in _loaded:
            _loaded[key] = load_encoder(name)
            while len(_loaded) > _KEPT:
                _loaded.popitem(last=False)
        _loaded.move_to_end(key)
        return _loaded[key]
