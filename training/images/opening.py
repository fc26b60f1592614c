"""Opening image files that need not be georeferenced, from as many threads as read them."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# `warnings.catch_warnings` changes the filters of the whole process: where two threads are inside
# at once, the first to leave lets the other's warning through, or the last leaves its filter on.
_FILTERS = threading.Lock()


@contextmanager
def opened(rasterio: Any, path: Path) -> Iterator[Any]:
    """A dataset of rasterio, opened without its warning where the file is not georeferenced.

    Args:
        rasterio: the package, which need not be installed.
        path: any raster or plain image.

    Raises:
        rasterio.errors.RasterioError: not readable.
    """
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        dataset = rasterio.open(path)
    with dataset:
        yield dataset
