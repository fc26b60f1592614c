"""A raster as a sharded Zarr v3 store with GeoZarr's attributes, written shard by shard.

The store holds one array (band, y, x) and the coordinates of its axes. Conventions declared:
`spatial:` (UUID 689b58e2-…), `proj:` (f17cb550-…) and, of embeddings, `geoemb:` (61c12cc5-…).
"""

from __future__ import annotations

import base64
import os
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError, missing, require
from ..files import sync_folder
from ..grid import Window
from ..grid.crs import half_turn, is_lonlat, short_crs, to_wkt
from ..products.embedding import Embedding
from .formats import FORMATS, ZARR, RasterTarget, put_folder
from .spec import RasterSpec

if TYPE_CHECKING:
    from .blocks import Block

_PURPOSE = "writing a Zarr store"
# A chunk, what a reader fetches, is about a megabyte; a shard, a file, what one task computes.
_CHUNK_BANDS, _CHUNK_SIDE, _CHUNK_SIDE_OF_FEW = 64, 64, 512
_FEW_BANDS = 4
_SHARD_BYTES, _LARGEST_SHARD_SIDE = 2**27, 4096
# Blosc's levels, of which n is ZSTD's 2n - 1, but 9 its 22: that takes 25 times as long as 3.
_FAST, _THOROUGH = 2, 5

_CONVENTIONS = {
    "spatial": {
        "schema_url": "https://raw.githubusercontent.com/zarr-conventions/spatial/refs/tags/v1/"
        "schema.json",
        "spec_url": "https://github.com/zarr-conventions/spatial/blob/v1/README.md",
        "uuid": "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4",
        "name": "spatial:",
        "description": "Spatial coordinate information",
    },
    "proj": {
        "schema_url": "https://raw.githubusercontent.com/zarr-experimental/geo-proj/refs/tags/v1/"
        "schema.json",
        "spec_url": "https://github.com/zarr-experimental/geo-proj/blob/v1/README.md",
        "uuid": "f17cb550-5864-4468-aeb7-f3180cfb622f",
        "name": "proj:",
        "description": "Coordinate reference system information for geospatial data",
    },
    "geoemb": {
        "schema_url": "https://raw.githubusercontent.com/geo-embeddings/embeddings-zarr-convention/"
        "refs/tags/v1/schema.json",
        "spec_url": "https://github.com/geo-embeddings/embeddings-zarr-convention/blob/v1/README.md",
        "uuid": "61c12cc5-0e28-4056-999a-480cf3fb7e4c",
        "name": "geoemb:",
        "description": "Geoembeddings convention for geospatial embedding arrays with model "
        "provenance",
    },
}


class ZarrParts:
    """A store whose shards are written one by one, in any order.

    Args:
        folder: of the store.
        spec: what it is to be.
        target: what the user knows it as.

    Attributes:
        windows: the pixels of each shard, row by row.
        block: side of the blocks in which a shard is handed over: it is one.
    """

    def __init__(self, folder: Path, spec: RasterSpec, target: Path) -> None:
        self._folder, self._spec, self._target = folder, spec, target
        self.block = shard_side(spec)
        self.windows = tuple(spec.grid.windows(self.block))
        self._array: Any = None

    def begin(self) -> None:
        """Make the store with all that is no pixel.

        Raises:
            MissingDependencyError: zarr 3 is not installed.
            OutputError: creation options, which only GeoTIFFs have.
        """
        zarr = zarr_3()
        spec = self._spec
        store = zarr.create_group(self._folder, overwrite=True, attributes=attributes(spec))
        _create_array(zarr, store, spec, self.block)
        _create_coordinates(store, spec)

    def write(self, index: int, blocks: Iterator[Block]) -> None:
        """Write a shard: one block.

        Raises:
            OutputError: it cannot be written.
        """
        if self._array is None:
            self._array = zarr_3().open_group(self._folder, mode="r+")[array_name(self._spec)]
        window, bands = next(blocks)
        rows = slice(window.row, window.row + window.height)
        try:
            self._array[:, rows, window.col : window.col + window.width] = bands
            for file in self._files(window):
                _sync(file)
        except OSError as error:
            raise OutputError(f"cannot write {self._target}: {error.strerror or error}") from error

    def finish(self, target: RasterTarget, begun: float) -> None:
        """Gather the store's metadata in one place, so that it opens at once; give it its name."""
        zarr = zarr_3()
        for left in self._folder.rglob("*.partial"):  # of a process that was killed
            left.unlink()
        with warnings.catch_warnings():  # that not all know it yet; those that do not pass it over
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(self._folder)
        put_folder(self._folder, target)

    def _files(self, window: Window) -> Iterator[Path]:
        """The files of a shard; one of nothing but nodata has none."""
        row, col = window.row // self.block, window.col // self.block
        path = self._folder / array_name(self._spec) / "c" / "0" / str(row) / str(col)
        if path.exists():
            yield path


def zarr_3() -> Any:
    """The package zarr.

    Raises:
        MissingDependencyError: it is not installed, or older than 3.
    """
    zarr = require("zarr", extra=FORMATS[ZARR].extra, purpose=_PURPOSE)
    if int(zarr.__version__.split(".")[0]) < 3:
        raise missing(
            "zarr",
            f"{_PURPOSE} needs zarr 3, installed is {zarr.__version__}",
            extra=FORMATS[ZARR].extra,
        )
    return zarr


def array_name(spec: RasterSpec) -> str:
    """Name of the array: what the raster shows."""
    return spec.product.tags.get("product", "raster").replace(" ", "_")


def chunk_shape(spec: RasterSpec) -> tuple[int, int, int]:
    """(bands, rows, cols) of what a reader fetches at a time."""
    count = len(spec.product.bands)
    side = _CHUNK_SIDE_OF_FEW if count <= _FEW_BANDS else _CHUNK_SIDE
    return min(count, _CHUNK_BANDS), side, side


def shard_side(spec: RasterSpec) -> int:
    """Pixels along the side of a shard: a number of chunks, all bands, a bounded memory."""
    side = chunk_shape(spec)[1]
    largest = max(spec.grid.shape)
    while (
        2 * side <= _LARGEST_SHARD_SIDE
        and spec.pixel_bytes * (2 * side) ** 2 <= _SHARD_BYTES
        and side < largest
    ):
        side *= 2
    return side


def attributes(spec: RasterSpec) -> dict[str, Any]:
    """Of the store's group: GeoZarr's conventions, and what the tags of a GeoTIFF say."""
    grid = spec.grid
    names = ["spatial", "proj"]
    found: dict[str, Any] = {
        "spatial:dimensions": ["y", "x"],
        "spatial:bbox": list(grid.bounds),
        "spatial:transform_type": "affine",
        "spatial:transform": list(grid.transform),
        "spatial:shape": list(grid.shape),
        "spatial:registration": "pixel",
        **_projection(grid.crs),
    }
    if isinstance(spec.product, Embedding):
        names.append("geoemb")
        found.update(_geoemb(spec, spec.product))
    return {
        "zarr_conventions": [_CONVENTIONS[name] for name in names],
        **found,
        **spec.tags,
        **spec.product.tags,
    }


def _projection(crs: str) -> dict[str, str]:
    """The CRS by its code where it has one, else in full."""
    code = "EPSG:4326" if is_lonlat(crs) else short_crs(crs)
    return {"proj:code": code} if code.startswith("EPSG:") else {"proj:wkt2": to_wkt(crs)}


def _geoemb(spec: RasterSpec, product: Embedding) -> dict[str, Any]:
    tags = spec.tags
    found: dict[str, Any] = {
        "geoemb:type": "pixel",
        "geoemb:dimensions": product.dim,
        "geoemb:model": model_address(tags),
        "geoemb:source_data": source_data(tags),
        "geoemb:data_type": product.dtype,
        "geoemb:build_version": tags.get("software", ""),
    }
    if product.quantisation is not None:
        found["geoemb:quantization"] = {
            "method": "linear",
            "original_dtype": "float32",
            "quantized_dtype": product.dtype,
            "scale": {"type": "scalar", "scale": product.scale, "offset": product.offset or 0.0},
        }
    west, _, east, _ = spec.grid.bounds
    half = half_turn(spec.grid.crs)
    if half is not None and east - west >= 2 * half:  # the convention: the full Earth, in one group
        found["geoemb:spatial_layout"] = "global"
    return found


def model_address(tags: Any) -> str:
    """An address that names the model and its weights: where it was published, or a URN."""
    source = tags.get("training_source", "")
    if source.startswith(("http://", "https://")):
        return str(source)
    repository, at, revision = source.partition("@")
    if at and repository.count("/") == 1:
        return f"https://huggingface.co/{repository}/tree/{revision}"
    return f"urn:sha256:{tags.get('weights_sha256', '')}"


def source_data(tags: Any) -> list[str]:
    """What the model was trained on, as its card says."""
    return [tags[key] for key in ("training_data", "training_imagery") if key in tags] or [
        "not stated by the model"
    ]


def _create_array(zarr: Any, store: Any, spec: RasterSpec, side: int) -> None:
    product = spec.product
    chunk = chunk_shape(spec)
    bands = -(-len(product.bands) // chunk[0]) * chunk[0]
    kind = np.dtype(product.dtype)
    said: dict[str, Any] = {"band_names": list(product.bands)}
    if product.scale is not None:
        said.update(scale_factor=product.scale, add_offset=product.offset or 0.0)
    if spec.nodata is not None and not np.isnan(spec.nodata):
        said["_FillValue"] = _as_xarray_has_it(spec.nodata, kind)
    if product.units:
        said["units"] = list(product.units)
    codecs = zarr.codecs
    store.create_array(
        array_name(spec),
        shape=(len(product.bands), *spec.grid.shape),
        chunks=chunk,
        shards=(bands, side, side),
        dtype=kind,
        # A shuffle lets floats shrink as predictor 3 does in a GeoTIFF.
        compressors=codecs.BloscCodec(
            cname="zstd",
            clevel=_FAST if spec.bulky else _THOROUGH,
            shuffle="shuffle",
            typesize=kind.itemsize,
        ),
        fill_value=0 if spec.nodata is None else kind.type(spec.nodata).item(),
        dimension_names=("band", "y", "x"),
        attributes=said,
    )


def _as_xarray_has_it(nodata: float, kind: np.dtype[Any]) -> Any:
    """A value for the attribute _FillValue: xarray has whole numbers plain, floats in base64."""
    if kind.kind in "iu":
        return int(nodata)
    return base64.standard_b64encode(struct.pack("<d", nodata)).decode()


def _create_coordinates(store: Any, spec: RasterSpec) -> None:
    """Names of bands, and centres of pixels where rows and columns go along the axes."""
    grid = spec.grid
    _, b, _, d, _, _ = grid.transform
    axes: dict[str, tuple[str, NDArray[Any]]] = {
        "band": ("band", np.arange(1, len(spec.product.bands) + 1, dtype=np.int32))
    }
    if b == 0 and d == 0:
        height, width = grid.shape
        axes["x"] = "x", grid.centres(np.zeros(1, np.int64), np.arange(width))[0]
        axes["y"] = "y", grid.centres(np.arange(height), np.zeros(1, np.int64))[1]
    for name, (axis, values) in axes.items():
        array = store.create_array(
            name,
            shape=values.shape,
            dtype=values.dtype,
            chunks=values.shape,
            dimension_names=(axis,),
        )
        array[:] = values


def _sync(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
    sync_folder(path.parent)
