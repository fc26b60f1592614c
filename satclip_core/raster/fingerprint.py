"""Whether two requests ask for the same raster: what decides its bytes, as facts."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..resumable import source_fact
from ..version import __version__
from .covariates import RasterCovariate

if TYPE_CHECKING:
    from .request import RasterRequest


def facts_of(request: RasterRequest[Any], format: str) -> dict[str, str]:
    """What decides the bytes of a raster, each thing as a short text or a hash.

    Args:
        request: of a job: with the product fitted and the model's hash.
        format: one of `FORMATS`.
    """
    options, grid = request.options, request.grid
    # Of a function nobody can tell whether it is the same: it is another each time.
    lasting = cast("str | None", request.mask)
    mask = source_fact(lasting) if is_lasting(request) else secrets.token_hex(8)
    height, width = grid.shape
    return {
        "format": format,
        "model": str(request.sha256),
        "size": f"{width} x {height} pixels",
        "transform": " ".join(repr(float(value)) for value in grid.transform),
        "crs": grid.crs,
        "product": _hashed(request.product),
        "mask": mask,
        "region": source_fact(request.region),
        "nodata": repr(options.nodata),
        "tolerance": repr(float(request.tolerance or 0)),
        "device": request.device,
        "creation options": json.dumps(dict(sorted(options.creation_options.items()))),
        "software": __version__,
    }


def is_lasting(request: RasterRequest[Any]) -> bool:
    """Whether a request means the same in another process: its mask is no function."""
    return request.mask is None or isinstance(request.mask, str)


def _hashed(value: Any) -> str:
    digest = hashlib.sha256()
    _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    """Put a value into a hash: its type, and what it is made of.

    Not by pickling it: equal values need not be equal pickles.
    """
    digest.update(f"<{type(value).__name__}>".encode())
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, RasterCovariate):
        _feed(digest, (source_fact(value.path), value.names))
    elif is_dataclass(value):
        for field in fields(value):
            digest.update(field.name.encode())
            _feed(digest, getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key in sorted(value, key=repr):
            _feed(digest, key)
            _feed(digest, value[key])
    elif isinstance(value, (list, tuple)):
        for item in value:
            _feed(digest, item)
    elif isinstance(value, (set, frozenset)):
        for item in sorted(value, key=repr):
            _feed(digest, item)
    elif value is None or isinstance(value, (str, bytes, bool, int, float, np.generic)):
        digest.update(repr(value).encode())
    elif hasattr(value, "__dict__"):
        _feed(digest, vars(value))
    else:
        digest.update(repr(type(value)).encode())
