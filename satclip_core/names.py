"""What the dimensions of an embedding are called, as bands of a raster and columns of a table."""

from __future__ import annotations


def dimension_names(dim: int, prefix: str = "e") -> tuple[str, ...]:
    """`e000` … `e255`, with as many digits as the last one needs, three at least."""
    width = max(3, len(str(dim - 1)))
    return tuple(f"{prefix}{index:0{width}d}" for index in range(dim))
