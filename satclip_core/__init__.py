"""Location embeddings: what a place is like, as numbers, for any longitude and latitude.

Importing this package needs numpy and the standard library alone; whatever else a
function needs (rasterio, pyproj, …) is imported when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .encoder import LocationEncoder
    from .registry import load_encoder

__all__ = ["LocationEncoder", "__version__", "load_encoder"]

_HOMES = {"LocationEncoder": "encoder", "load_encoder": "registry"}


def __getattr__(name: str) -> Any:
    # Lazy, so that `satclip --help` does not pay for numpy.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
