"""A grid, an encoder and a product to blocks, in order: threads, progress, cancel, little memory.

Only the product's bands of two blocks are held at a time: the one handed out and the next,
which is computed while the caller writes. Embeddings exist for a few rows at a time. Blocks of few
bytes that are interpolated leave nothing to share among threads: each thread has its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from math import ceil
from threading import Event
from typing import TYPE_CHECKING, Any, Callable, cast

import numpy as np
from numpy.typing import NDArray

from ..compute.threads import available_threads, for_each, one_blas_thread
from ..encoder.devices import CPU
from ..errors import CancelledError
from ..grid import Window
from ..grid.pixels import Locator, Places
from ..products.product import LinearProduct, PlacedProduct
from ..types import Cancelled, Float32, Progress
from .interpolation import Interpolation, Surface, is_smooth, smooth_values

if TYPE_CHECKING:
    from ..encoder import LocationEncoder, Projection
    from ..products.product import Product

Block = tuple[Window, NDArray[Any]]

# Pixels along the side of a block.
BLOCK = 256
# Rows of a block worked on at a time by one thread: the grid path folds as many at once.
_ROWS = 16
# Bytes of a block below which several are made at once: 256 x 256 pixels of 16 numbers.
_LIGHT = 2**22
# Values interpolated at a time by one thread: 4 MB.
_VALUES = 2**20
# Seconds between two questions whether to stop.
_PATIENCE = 0.1


def blocks(
    locator: Locator,
    encoder: LocationEncoder,
    product: Product,
    *,
    size: int = BLOCK,
    windows: Sequence[Window] | None = None,
    threads: int | None = None,
    tolerance: float = 0.0,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Generator[Block, None, None]:
    """Compute a product over a grid, block after block.

    Close the generator (`contextlib.closing`) where it may not be used up: it has a thread.

    Args:
        locator: of the pixels; those that are not wanted become nodata.
        encoder: what embeds.
        product: what is made of the embeddings.
        size: pixels along the side of a block.
        windows: the blocks, at least one, where not all of the grid is wanted.
        threads: number of threads; all available processors where None.
        tolerance: see `BlockMaker`.
        progress: called with (pixels done, pixels in all) after each block.
        cancelled: asked before each block, and while one is waited for.

    Yields:
        The window and its bands, (bands, rows, cols), row by row from the top left.

    Raises:
        CancelledError: `cancelled` said so.
    """
    maker = BlockMaker(locator, encoder, product, threads=threads, tolerance=tolerance)
    todo = iter(locator.grid.windows(size) if windows is None else windows)
    total = sum(window.height * window.width for window in windows or [])
    total, done = total or locator.grid.pixels, 0
    with maker.threads_of_blocks(), ThreadPoolExecutor(maker.at_once) as ahead:
        try:
            coming = deque(ahead.submit(maker.make, one) for one in islice(todo, maker.at_once))
            while done < total:
                window, bands = _awaited(coming.popleft(), cancelled)
                coming.extend(ahead.submit(maker.make, one) for one in islice(todo, 1))
                yield window, bands
                del bands
                done += window.height * window.width
                if progress is not None:
                    progress(done, total)
        finally:
            maker.stopped.set()


def _awaited(coming: Future[Block], cancelled: Cancelled | None) -> Block:
    """The next block, or CancelledError as soon as `cancelled` says so."""
    while cancelled is not None:
        if cancelled():
            raise CancelledError("stopped on request: nothing was left behind")
        if wait([coming], timeout=_PATIENCE).done:
            break
    return coming.result()


class BlockMaker:
    """Computes single blocks of a product.

    Args:
        locator: of the pixels; those that are not wanted become nodata.
        encoder: what embeds.
        product: what is made of the embeddings.
        threads: number of threads; all available processors where None.
        tolerance: error, in standard deviations of the embedding, within which a smooth encoder is
            interpolated (`interpolation`); 0 where every pixel is evaluated.

    Attributes:
        stopped: set it to give up the block at work, which then ends early and unfinished.
        interpolates: whether blocks may be interpolated.
        at_once: blocks to make at a time, each in a thread.
    """

    def __init__(
        self,
        locator: Locator,
        encoder: LocationEncoder,
        product: Product,
        *,
        threads: int | None = None,
        tolerance: float = 0.0,
    ) -> None:
        self.stopped = Event()
        self._locator = locator
        self._product = product
        # A GPU takes a block as a whole.
        self._elsewhere = encoder.device != CPU
        self._threads = 1 if self._elsewhere else threads or available_threads()
        self._encoder: LocationEncoder | Projection = encoder
        self._of: Callable[[Float32], NDArray[Any]] = product
        if isinstance(product, LinearProduct) and product.directions is not None:
            self._encoder = encoder.projected(product.directions)
            self._of = product.of_projections
        self._placed = self._of is product and isinstance(product, PlacedProduct)
        self.interpolates = tolerance > 0 and is_smooth(encoder)
        if self.interpolates:
            values, self._of_values = smooth_values(product)
            self._interpolation = Interpolation(locator, encoder, values, tolerance)
        heavy = len(product.bands) * np.dtype(product.dtype).itemsize * BLOCK**2 > _LIGHT
        self.at_once = 1 if heavy or not self.interpolates else self._threads

    def threads_of_blocks(self) -> AbstractContextManager[object]:
        """Hold BLAS to a thread while blocks are made at once: each would let go of it for all."""
        return nullcontext() if self.at_once == 1 else one_blas_thread()

    def make(self, window: Window) -> Block:
        """The window itself and the product there, (bands, rows, cols)."""
        places = self._locator.places(window)
        shape = (len(self._product.bands), window.height, window.width)
        out = np.empty(shape, self._product.dtype)
        step = window.height
        if not self._elsewhere:
            step = max(1, min(_ROWS, ceil(window.height / self._threads)))
        surface = None
        if self.interpolates and (places.valid is None or places.valid.any()):
            surface = self._interpolation.surface(window)
        if surface is not None:
            step = max(1, _VALUES // (window.width * surface.count))

        def work(start: int) -> None:
            if self.stopped.is_set():
                return
            rows = slice(start, start + step)
            if surface is None:
                self._fill(places, rows, out[:, rows])
            else:
                out[:, rows] = self._interpolated(surface, places, rows)

        for_each(work, range(0, window.height, step), self._threads)
        return window, out

    def _fill(self, places: Places, rows: slice, out: NDArray[Any]) -> None:
        """Put the product of some rows of a window into (bands, rows, cols)."""
        if self._placed or not places.separable:
            put(self._made(places, rows), (slice(None), slice(None)), out)
            return
        valid = None if places.valid is None else places.valid[rows]
        if valid is not None and not valid.all():
            # One value for all that is not valid, whatever the product makes of it.
            missing = np.full((1, 1, self._encoder.dim), np.nan, np.float32)
            out[:] = self._of(missing)
        for at, values in self._encoder.grid_parts(places.lons, places.lats[rows], valid):
            if valid is not None:
                values[~valid[at]] = np.nan
            put(self._of(values), at, out)

    def _interpolated(self, surface: Surface, places: Places, rows: slice) -> NDArray[Any]:
        """The product of some rows of a window, (bands, rows, cols), of interpolated values."""
        values = surface.rows(rows)
        if places.valid is not None:
            values[~places.valid[rows]] = np.nan
        if self._placed:
            return self._placed_product(values, places, rows)
        return self._of_values(values)

    def _made(self, places: Places, rows: slice) -> NDArray[Any]:
        """The product of some rows of a window, (bands, rows, cols)."""
        embeddings = embed(self._encoder, places, rows)
        if not self._placed:
            return self._of(embeddings)
        return self._placed_product(embeddings, places, rows)

    def _placed_product(self, embeddings: Float32, places: Places, rows: slice) -> NDArray[Any]:
        product = cast("PlacedProduct", self._product)
        lats = places.lats[rows]
        if places.separable:
            return product.at(embeddings, *np.broadcast_arrays(places.lons, lats[:, None]))
        return product.at(embeddings, places.lons[rows], lats)


def put(bands: NDArray[Any], at: tuple[Any, Any], out: NDArray[Any]) -> None:
    """Put a part, (bands, rows, cols), where it lies in the rows and columns of a whole.

    Bands of embeddings lie side by side in memory. Row by row, which fits into a core's cache, they
    are taken apart in half the time.
    """
    rows, cols = at
    if not isinstance(rows, slice):
        out[:, rows, cols] = bands
        return
    target = out[:, rows, cols]
    for row in range(bands.shape[1]):
        target[:, row] = bands[:, row]


def embed(encoder: LocationEncoder | Projection, places: Places, rows: slice) -> Float32:
    """Embed some rows of a window, in the calling thread.

    Returns:
        (rows, cols, dim) float32, NaN where a place is not valid.
    """
    valid = None if places.valid is None else places.valid[rows]
    lats = places.lats[rows]
    shape = (len(lats), places.lons.shape[-1])
    out = np.full((*shape, encoder.dim), np.nan, np.float32)
    if places.separable:
        for at, values in encoder.grid_parts(places.lons, lats, valid):
            out[at] = values
        if valid is not None:
            out[~valid] = np.nan
        return out
    wanted = np.ones(shape, bool) if valid is None else valid
    if wanted.any():
        points = np.stack([places.lons[rows][wanted], lats[wanted]], axis=1)
        out[wanted] = encoder.encode(points, threads=1, single=True)
    return out
