"""What a raster file is to be, and what it is written with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..grid import Grid, Window
from ..products.product import Coarsened, Product
from .formats import COG, GTIFF

# Side of a tile; small rasters get smaller ones, since a tile is written whole. With many bands,
# each in tiles of its own, smaller ones halve the time to read all bands at scattered points and
# cost 2 % more bytes.
TILE = 256
_TILE_OF_MANY, _MANY_BANDS = 128, 16
# Rasters of few bands get overviews down to this side; GeoTIFFs of embeddings none, as they are for
# computing, cloud-optimised ones those of `Coarsened`.
_SMALLEST_OVERVIEW, _FEW_BANDS = 512, 4
# GDAL wants tiles in multiples of this.
_TILE_STEP = 16
# One tile of all bands, the unit that is computed and written. With bands interleaved by pixel
# GDAL holds several whole, in memory.
_LARGEST_TILE_BYTES = {"BAND": 2**27, "PIXEL": 2**24}
_PREDICTED = ("ZSTD", "DEFLATE", "LZW")


@dataclass(frozen=True)
class RasterSpec:
    """What a raster file is to be.

    Attributes:
        grid: its pixels.
        product: names, types and meaning of its bands.
        tags: what a reader should know, beyond the product's own tags.
        creation_options: of GDAL's GeoTIFF driver, in place of ours.
        threads: for compression; all available processors where None.
        format: one of `FORMATS`.
        given_nodata: the value where there is no data, of `check_nodata`; the product's own where
            None.
        smallest_overview: rows and columns that the coarsest overview may have.
    """

    grid: Grid
    product: Product
    tags: Mapping[str, str] = field(default_factory=dict)
    creation_options: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    format: str = GTIFF
    given_nodata: float | None = None
    smallest_overview: int = _SMALLEST_OVERVIEW

    @property
    def nodata(self) -> float | None:
        """Value where there is no data; None where an alpha band says so."""
        return self.product.nodata if self.given_nodata is None else self.given_nodata

    @property
    def bytes(self) -> int:
        """Size of the pixels without compression."""
        return self.grid.pixels * self.pixel_bytes

    @property
    def pixel_bytes(self) -> int:
        """Size of all bands of one pixel."""
        return len(self.product.bands) * np.dtype(self.product.dtype).itemsize

    @property
    def block(self) -> int:
        """Side of the blocks in which the raster is best written: whole tiles."""
        tile = int(self.options["BLOCKXSIZE"])
        return TILE if TILE % tile == 0 else tile

    @property
    def options(self) -> dict[str, str]:
        """Creation options: ours, with those of the user in their place.

        Raises:
            InputError: tiles that cannot be, or would take too much memory.
        """
        given = {key.upper(): str(value) for key, value in self.creation_options.items()}
        interleave = given.get("INTERLEAVE", "PIXEL" if self.product.colours else "BAND").upper()
        if interleave not in _LARGEST_TILE_BYTES:
            raise InputError(f"creation option INTERLEAVE={interleave}: give BAND or PIXEL")
        options = {**self._defaults(interleave), **given}
        compression = options["COMPRESS"].upper()
        if compression not in _PREDICTED and "PREDICTOR" not in given:
            del options["PREDICTOR"]
        if compression != "ZSTD" and "ZSTD_LEVEL" not in given:
            del options["ZSTD_LEVEL"]
        self._check_tiles(options)
        return options

    @property
    def levels(self) -> int:
        """Number of overviews, each of half the rows and columns of the one before.

        A GeoTIFF of many bands has none; a cloud-optimised one has whatever it is of.
        """
        if self.format != COG and len(self.product.bands) > _FEW_BANDS:
            return 0
        levels = 0
        while max(self.grid.shape) > self.smallest_overview * 2**levels:
            levels += 1
        return levels

    @property
    def bulky(self) -> bool:
        """Whether it has many bytes, which are compressed fast; the others thoroughly."""
        return np.dtype(self.product.dtype).kind == "f" or len(self.product.bands) >= _MANY_BANDS

    @property
    def zstd_level(self) -> int:
        """Level of ZSTD in a GeoTIFF.

        Level 9 takes four to six times as long as 1. It saves 3 to 7 % of embeddings of the bundled
        model, whatever their type (docs/benchmarks.md), and 12 % of classes.
        """
        return 1 if self.bulky else 9

    @property
    def overviews(self) -> tuple[int, ...]:
        """Factors of the overviews that GDAL makes, (2, 4, …); () where it makes none."""
        if isinstance(self.product, Coarsened):
            return ()
        return tuple(2 ** (level + 1) for level in range(self.levels))

    @property
    def overview_resampling(self) -> str:
        """How GDAL makes them: means of numbers, the commonest of codes, one of four colours.

        Where numbers and codes stand side by side it is one of four, too.
        """
        if self.product.legend is not None:
            return "mode"
        codes = bool(self.product.colours or self.product.legends)
        return "nearest" if codes else "average"

    def _defaults(self, interleave: str) -> dict[str, str]:
        product = self.product
        kind = np.dtype(product.dtype).kind
        many = interleave == "BAND" and len(product.bands) >= _MANY_BANDS
        side = -(-max(self.grid.shape) // _TILE_STEP) * _TILE_STEP
        side = min(_TILE_OF_MANY if many else TILE, side)
        while self.pixel_bytes * side**2 > _LARGEST_TILE_BYTES[interleave] and side > _TILE_STEP:
            # Half of 48 is no multiple of 16.
            side = max(_TILE_STEP, side // 2 // _TILE_STEP * _TILE_STEP)
        options = {
            "TILED": "YES",
            "BLOCKXSIZE": str(side),
            "BLOCKYSIZE": str(side),
            "INTERLEAVE": interleave,
            "COMPRESS": "ZSTD",
            "PREDICTOR": "3" if kind == "f" else "2",
            "ZSTD_LEVEL": str(self.zstd_level),
            "BIGTIFF": "IF_SAFER",
            "NUM_THREADS": str(self.threads or "ALL_CPUS"),
        }
        if product.dtype == "float16":
            options["NBITS"] = "16"
        if product.colours:
            options.update(PHOTOMETRIC="RGB", ALPHA="YES")
        elif product.legends and len(product.bands) > 1:
            options["PHOTOMETRIC"] = "MINISBLACK"  # or GDAL takes three or four bands for colours
        return options

    def _check_tiles(self, options: Mapping[str, str]) -> None:
        width, height = options["BLOCKXSIZE"], options["BLOCKYSIZE"]
        if options["TILED"].upper() not in ("YES", "TRUE", "ON", "1"):
            raise InputError(f"creation option TILED={options['TILED']}: rasters are tiled here")
        if width != height or not width.isdecimal() or int(width) % _TILE_STEP or width == "0":
            raise InputError(
                f"creation options BLOCKXSIZE={width} and BLOCKYSIZE={height}: give both the "
                f"same multiple of {_TILE_STEP}"
            )
        largest = _LARGEST_TILE_BYTES[options["INTERLEAVE"].upper()]
        most = int((largest / self.pixel_bytes) ** 0.5)
        if int(width) > max(most, _TILE_STEP):
            raise InputError(
                f"creation option BLOCKXSIZE={width}: tiles of {len(self.product.bands)} bands "
                f"would take too much memory, give at most {most // _TILE_STEP * _TILE_STEP}"
            )


class RasterWriter(Protocol):
    """An open raster that takes blocks."""

    def write(self, window: Window, bands: NDArray[Any]) -> None:
        """Write (bands, rows, cols) into a window."""
