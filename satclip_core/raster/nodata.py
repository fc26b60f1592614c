"""A value of the user's own where there is no data, in place of the product's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Argument, InputError
from ..products.product import Product


def check_nodata(product: Product, value: float) -> float:
    """The value as the product's type holds it.

    Args:
        product: what the bands are.
        value: asked for.

    Returns:
        The value that is written: 0.1 as float32 is another number than as float64.

    Raises:
        InputError: the type cannot hold it, or it means something else there.
    """
    if product.nodata is None:
        raise InputError(
            f"nodata {value:g}: this raster has an alpha band in place of nodata, leave out ",
            Argument("nodata"),
        )
    own = product.nodata
    if product.scale is not None and value != own:
        raise InputError(
            f"nodata {value:g}: every other whole number stands for a value in {product.dtype} "
            "embeddings, give ",
            Argument("nodata", own),
            " or another ",
            Argument("dtype"),
        )
    kind = np.dtype(product.dtype)
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            held = float(kind.type(value))
        if np.isinf(held):
            raise InputError(
                f"nodata {value:g} is no number that {kind.name} holds: give one such as ",
                Argument("nodata", -9999),
            )
        return held
    limits = np.iinfo(kind)
    if not (np.isfinite(value) and value == int(value) and limits.min <= value <= limits.max):
        raise InputError(
            f"nodata {value:g} is no value of {kind.name}: give ",
            Argument("nodata"),
            f" from {limits.min} to {limits.max}",
        )
    codes = {code for legend in product.legends.values() for code in legend.codes}
    if value in codes and value != own:
        raise InputError(
            f"nodata {value:g} is the code of a class: give ", Argument("nodata"), " another value"
        )
    return float(value)


def filled(bands: NDArray[Any], product: Product, value: float | None) -> NDArray[Any]:
    """Bands with the value where the product has its own nodata.

    Args:
        bands: of any shape, in the product's type; changed in place.
        product: what they are.
        value: of `check_nodata`; None leaves them as they are.

    Raises:
        InputError: a pixel has that very value.
    """
    own = product.nodata
    if value is None or own is None or _same(own, value):
        return bands
    missing = _equals(bands, own)
    if (bands == bands.dtype.type(value)).any():
        raise InputError(
            f"nodata {value:g} is the value of a pixel too: give ",
            Argument("nodata"),
            " a value that none has, such as ",
            Argument("nodata", -9999),
        )
    bands[missing] = value
    return bands


def unfilled(bands: NDArray[Any], product: Product, value: float | None) -> NDArray[Any]:
    """What was given to `filled`, in a new array where it is another."""
    own = product.nodata
    if value is None or own is None or _same(own, value):
        return bands
    return np.where(_equals(bands, value), bands.dtype.type(own), bands)


def _same(one: float, other: float) -> bool:
    return one == other or (np.isnan(one) and np.isnan(other))


def _equals(bands: NDArray[Any], value: float) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.isnan(bands) if np.isnan(value) else bands == value
    return found
