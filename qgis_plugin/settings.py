"""What users set in QGIS' options, beside the model (models.py), and where it takes effect."""

from __future__ import annotations

from qgis.core import QgsSettings

from .satclip_core.compute.threads import limit_threads
from .satclip_core.models.published import use_cache_folder

_LAND_ONLY = "satclip/land_only"
_THREADS = "satclip/threads"
_CACHE = "satclip/cache_folder"
_DOWNLOADS = "satclip/downloads"


def land_only() -> bool:
    """Whether the sea is left out of the picture: so at first, then as the user left it."""
    return bool(QgsSettings().value(_LAND_ONLY, True, bool))


def set_land_only(on: bool) -> None:
    """Remember it."""
    QgsSettings().setValue(_LAND_ONLY, on)


def threads() -> int:
    """How many threads compute at most; 0 for as many as there are processors."""
    return max(int(QgsSettings().value(_THREADS, 0, int)), 0)


def set_threads(most: int) -> None:
    """Remember it, from now on."""
    QgsSettings().setValue(_THREADS, most)
    apply()


def models_folder() -> str:
    """Where fetched models are kept; "" for the usual place."""
    return str(QgsSettings().value(_CACHE, "") or "")


def set_models_folder(folder: str) -> None:
    """Remember it, from now on; what lies in another folder stays there."""
    QgsSettings().setValue(_CACHE, folder)
    apply()


def downloads_allowed() -> bool:
    """Whether published models may be fetched when the user asks for it."""
    return bool(QgsSettings().value(_DOWNLOADS, True, bool))


def allow_downloads(allowed: bool) -> None:
    """Remember it."""
    QgsSettings().setValue(_DOWNLOADS, allowed)


def apply() -> None:
    """Tell the core, as the plugin begins and when something has changed."""
    limit_threads(threads() or None)
    use_cache_folder(models_folder() or None)
