"""Location embeddings: what a place is like, as numbers, for any longitude and latitude.

Importing this package needs numpy and the standard library alone; whatever else a
function needs (rasterio, pyproj, …) is imported when it is called.

The rooms, from the ground up; each imports only from floors below its own:

    version, errors, types      what users can mend; names of array types and callbacks
    compute, files, extensions  matrix products, threads; whole files; what other packages add
    grid, resumable             pixels, CRSs, places on the sphere; work kept in parts
    analysis, encoder           arrays in, arrays out; degrees to embeddings
    models, products, preview   names to files; functions of embeddings; the view of a canvas
    raster, points              rasters and tables in and out
    report                      pages that say how good a map is
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .encoder import LocationEncoder
    from .grid import Grid
    from .models.registry import load_encoder
    from .products import Embedding, Similarity
    from .raster import RasterRequest, raster_array, write_raster

__all__ = [
    "Embedding",
    "Grid",
    "LocationEncoder",
    "RasterRequest",
    "Similarity",
    "__version__",
    "load_encoder",
    "raster_array",
    "write_raster",
]

_HOMES = {
    "Embedding": "products",
    "Grid": "grid",
    "LocationEncoder": "encoder",
    "RasterRequest": "raster",
    "Similarity": "products",
    "load_encoder": "models.registry",
    "raster_array": "raster",
    "write_raster": "raster",
}


def __getattr__(name: str) -> Any:
    # Lazy, so that `satclip --help` does not pay for numpy.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
