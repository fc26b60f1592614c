"""What is asked of a raster, and the one road from there to a file or an array.

    options → RasterRequest → prepare: model, mask and pixels found, the product fitted
            → RasterJob → blocks → writer, array or estimate

Whoever asks, the command line, QGIS or Python, hands over a `RasterRequest`. That of a job has its
product fitted and names its model by hash too: pickled, it gives the same bytes in another process.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Generic, cast

import numpy as np
from numpy.typing import NDArray

from ..encoder.devices import CPU, on_device
from ..errors import Argument, InputError, ModelError
from ..files import Target
from ..grid import Grid, Window
from ..grid.land import LAND
from ..grid.outlines import pixel_areas
from ..grid.pixels import Locator
from ..models.registry import BUNDLED, load_encoder, settled
from ..products.product import Fitting, P, Product, Rounded, Wanted
from ..resumable import work_folder
from ..types import Cancelled, Mask, Progress
from ..version import __version__
from .blocks import BLOCK, Block, blocks
from .dask_tasks import make_in_parts
from .datasets import is_path
from .estimate import Estimate, estimate
from .formats import FORMATS, GTIFF, RasterTarget, raster_target
from .interpolation import is_smooth
from .mask import opened_mask
from .nodata import check_nodata, filled
from .region import both, is_country, open_region
from .space import check_room, check_share, room
from .spec import RasterSpec
from .stac import item_target, write_item
from .writer import open_writer

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

log = logging.getLogger(__name__)

# Times by which pixels may be finer than what the model resolves before that is worth a warning.
_FINE = 20


@dataclass(frozen=True)
class WriteOptions:
    """How a raster is written.

    Attributes:
        overwrite: whether an existing file may be replaced.
        creation_options: of GDAL's GeoTIFF driver, in place of ours.
        threads: number of threads; all available processors where None.
        tags: for the file, beside the provenance of the model, e.g. the command.
        format: one of `FORMATS`; by the extension of the target where None.
        nodata: value where there is no data; the product's own where None.
        stac: whether a STAC item is written beside it, NAME.stac.json.
        resume: whether what is done is kept when it is interrupted, and taken up again. Zarr stores
            and folders always are.
    """

    overwrite: bool = False
    creation_options: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    format: str | None = None
    nodata: float | None = None
    stac: bool = False
    resume: bool = False


@dataclass(frozen=True)
class RasterRequest(Generic[P]):
    """A raster that is wanted: all that has to be said of it, in a form that can be pickled.

    Attributes:
        grid: its pixels.
        product: what it shows, with its dtype: a description such as `EmbeddingOf("uint8")`, which
            is fitted on the way, or a product.
        model: name or path.
        sha256: hash of the model, where it has to be that very one.
        mask: which places are wanted, the others become nodata: path of a raster or of polygons, or
            "land", the field that comes with the package.
            A function (lon, lat) -> wanted will do as far as it can be pickled itself.
        options: how it is written.
        region: polygons outside of which pixels become nodata too: a file or a country, as of
            `open_region`.
        tolerance: error within which an encoder of harmonics is interpolated, in standard
            deviations of the embedding over the globe; every block is measured (`interpolation`).
            0: every pixel is evaluated. None: what the type of the values does not show
            (`Rounded`), which is 0 for float32, whose digits all count, and for classes, where a
            pixel between two may change sides. Encoders with a fine part are read as ever.

        device: where embeddings are computed, one of `DEVICES`.

    Raises:
        InputError: a tolerance that is none.
    """

    grid: Grid
    product: Wanted[P]
    model: str | os.PathLike[str] = BUNDLED
    sha256: str | None = None
    mask: str | os.PathLike[str] | Mask | None = None
    options: WriteOptions = field(default_factory=WriteOptions)
    region: str | os.PathLike[str] | None = None
    tolerance: float | None = None
    device: str = CPU

    def __post_init__(self) -> None:
        if self.tolerance is not None and not 0 <= self.tolerance < 1:
            raise InputError(
                f"tolerance is {self.tolerance}, no share of a standard deviation: give 0 to 1, "
                "such as ",
                Argument("tolerance", 1e-4),
                ", or ",
                Argument("tolerance", 0),
                " for every pixel by itself",
            )
        # As text, so that requests for the same raster are equal and hold anywhere.
        object.__setattr__(self, "model", os.fspath(self.model))
        if isinstance(self.mask, os.PathLike):
            object.__setattr__(self, "mask", os.fspath(self.mask))
        if isinstance(self.region, os.PathLike):  # a path is a file, whatever its name
            object.__setattr__(self, "region", os.path.abspath(self.region))

    def prepare(
        self,
        *,
        encoder: LocationEncoder | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> RasterJob[P]:
        """Open model and mask, find the pixels, fit the product: each once.

        Args:
            encoder: the model, where it is open already.
            progress: of the fit, where it is one of many steps: called with (done, in all).
                Steps are fits, or pixels where the product takes an integral over the raster.
            cancelled: asked now and then.

        Raises:
            ModelError: the model cannot be opened, or is not the one of `sha256`.
            InputError: the mask cannot be read, the product cannot be fitted, or there is no such
                device.
            CancelledError: `cancelled` said so.
        """
        encoder = on_device(encoder or load_encoder(self.model), self.device)
        if self.sha256 not in (None, encoder.sha256):
            raise ModelError(
                f"the model {self.model} ({encoder.sha256[:12]}…) is not the one of the request "
                f"({self.sha256 and self.sha256[:12]}…): use that model, or ask anew"
            )
        region = None if self.region is None else open_region(self.region)
        locator = Locator(self.grid, both(opened_mask(self.mask), region))
        threads = self.options.threads
        hooks: dict[str, Any] = {"progress": progress, "cancelled": cancelled}

        def integral(product: Product, model: LocationEncoder = encoder) -> float:
            made = blocks(
                locator, model, product, threads=threads, tolerance=self._allowed(product), **hooks
            )
            return integrated(self.grid, made)

        fitting = Fitting(
            encoder,
            locator.sample,
            threads,
            progress,
            cancelled,
            holds=locator.holds,
            integral=integral,
        )
        product = self.product.fit(fitting)
        if self.options.nodata is not None:
            check_nodata(product, self.options.nodata)
        if not locator.finds_any():
            wanting = [f"the mask {self.mask!r}"] if isinstance(self.mask, str) else []
            wanting += [] if self.region is None else [f"the region {self.region!r}"]
            log.warning(
                "no pixel was found that %s wants: the raster will be empty",
                " and ".join(wanting) or "the mask",
            )
        # A product is itself wanted, as it fits itself; the type system is not told so.
        request = self._fitted(cast("Wanted[P]", product), encoder)
        return RasterJob(request, product, encoder, locator)

    def _fitted(self, product: Wanted[P], encoder: LocationEncoder) -> RasterRequest[P]:
        """The same request with all that is known now, to be carried out from any folder."""
        mask = self.mask
        if isinstance(mask, str) and mask != LAND and is_path(mask):
            mask = os.path.abspath(mask)
        region = self.region
        if isinstance(region, str) and is_path(region) and not is_country(region):
            region = os.path.abspath(region)
        return replace(
            self,
            product=product,
            model=settled(self.model),
            sha256=encoder.sha256,
            mask=mask,
            region=region,
            tolerance=self._allowed(product),
            device=CPU if encoder.device == CPU else self.device,
        )

    def _allowed(self, product: object) -> float:
        """The tolerance, where it was left to the product too."""
        if self.tolerance is not None:
            return self.tolerance
        return product.tolerance if isinstance(product, Rounded) else 0.0


@dataclass(frozen=True)
class RasterJob(Generic[P]):
    """A request with all that it takes: nothing is left to do but to compute the pixels.

    Attributes:
        request: with the product fitted and the model's hash, to be pickled and carried out
            elsewhere.
        product: what the raster shows, with what was found by fitting it.
        encoder: what embeds.
        locator: of the pixels that are wanted.
    """

    request: RasterRequest[P]
    product: P
    encoder: LocationEncoder
    locator: Locator

    @property
    def tolerance(self) -> float:
        """Error that is allowed, in standard deviations."""
        return self.request.tolerance or 0.0

    @property
    def _interpolates(self) -> bool:
        return self.tolerance > 0 and is_smooth(self.encoder)

    @property
    def spec(self) -> RasterSpec:
        """What the file is to be, with all that a reader should know."""
        options = self.request.options
        tags = {
            **self.encoder.provenance,
            "software": f"satclip-embeddings {__version__}",
            "sampling": "pixel centres",
            **options.tags,
        }
        if self._interpolates:
            tags["interpolation"] = (
                f"of few places in each block, within {self.tolerance:g} standard deviations at "
                "random pixels, or every pixel evaluated"
            )
        nodata = options.nodata
        return RasterSpec(
            self.request.grid,
            self.product,
            tags,
            options.creation_options,
            options.threads,
            options.format or GTIFF,
            None if nodata is None else check_nodata(self.product, nodata),
        )

    def write(
        self,
        path: str | os.PathLike[str],
        *,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
        seen: Callable[[Window, NDArray[Any]], None] | None = None,
        scheduler: str | None = None,
    ) -> Path:
        """Write the raster to a file or folder, in memory that does not grow with its size.

        Args:
            path: the file or folder; what `raster_target` gave is not looked at again.
            progress: called with (pixels done, pixels in all).
            cancelled: asked before each block.
            seen: called with each block of the raster, for whoever looks for something in it.
            scheduler: address of a Dask scheduler whose workers compute it, or "local" for workers
                on this machine; in this process where None. For Zarr stores and folders.

        Returns:
            The path.

        Raises:
            OutputError: it cannot be written, there is no room for it, or another raster was begun
                there.
            InputError: creation options that make no raster, a CRS that a GeoTIFF cannot hold, or
                a nodata value that a pixel has.
            CancelledError: `cancelled` said so; nothing was left behind, but for what `resume`
                keeps.
        """
        options = self.request.options
        target = raster_target(path, format=options.format, overwrite=options.overwrite)
        item = None if not options.stac else item_target(target)
        spec = replace(self.spec, format=target.format)
        self._check_room(target, spec)
        begun = time.time()
        if options.resume or scheduler is not None or FORMATS[target.format].is_folder:
            begun, unseen = make_in_parts(
                self, target, progress=progress, cancelled=cancelled, seen=seen, scheduler=scheduler
            )
            if seen is not None and unseen:  # made before, or elsewhere
                with closing(self.blocks(windows=unseen, cancelled=cancelled)) as made:
                    for window, bands in made:
                        seen(window, bands)
        else:
            self._write_whole(target, spec, progress, cancelled, seen)
        if item is not None:
            write_item(item, spec, target.path, begun)
        return target.path

    def _write_whole(
        self,
        target: RasterTarget,
        spec: RasterSpec,
        progress: Progress | None,
        cancelled: Cancelled | None,
        seen: Callable[[Window, NDArray[Any]], None] | None,
    ) -> None:
        """Write a single file, which is there as a whole or not at all."""
        with open_writer(target, spec) as writer:
            made = self.blocks(size=spec.block, progress=progress, cancelled=cancelled)
            with closing(made):
                for window, bands in made:
                    writer.write(window, bands)
                    if seen is not None:
                        seen(window, bands)
                    del bands  # before the next is made: two blocks at a time, not three

    def array(
        self, *, progress: Progress | None = None, cancelled: Cancelled | None = None
    ) -> NDArray[Any]:
        """The same raster as an array, (bands, rows, cols).

        Args:
            progress: called with (pixels done, pixels in all).
            cancelled: asked before each block.

        Raises:
            CancelledError: `cancelled` said so.
        """
        out = np.empty((len(self.product.bands), *self.request.grid.shape), self.product.dtype)
        with closing(self.blocks(progress=progress, cancelled=cancelled)) as made:
            for window, bands in made:
                rows = slice(window.row, window.row + window.height)
                out[:, rows, window.col : window.col + window.width] = bands
        return out

    def blocks(
        self,
        *,
        size: int = BLOCK,
        windows: Sequence[Window] | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Generator[Block, None, None]:
        """The raster block after block; see `blocks`. Says once if its pixels are far too fine."""
        self._warn_if_fine()
        nodata = self.spec.given_nodata
        made = blocks(
            self.locator,
            self.encoder,
            self.product,
            size=size,
            windows=windows,
            threads=self.request.options.threads,
            tolerance=self.tolerance,
            progress=progress,
            cancelled=cancelled,
        )
        return made if nodata is None else _filled(made, self.product, nodata)

    def estimate(self, format: str | None = None) -> Estimate:
        """How long it would take and how large it would be, by making a small part of it.

        Args:
            format: of the target, where that says it; of the options where None.
        """

        def make(windows: Sequence[Window]) -> Generator[Block, None, None]:
            return blocks(
                self.locator,
                self.encoder,
                self.product,
                windows=windows,
                threads=self.request.options.threads,
                tolerance=self.tolerance,
            )

        return estimate(replace(self.spec, format=format or self.spec.format), self.locator, make)

    def _check_room(self, target: Target, spec: RasterSpec) -> None:
        """Refuse what the disk cannot hold; a part is compressed where that may decide it."""
        # What is done of a raster in parts is on the disk already.
        if work_folder(target.path).is_dir():
            return
        check_room(target.path, spec.bytes, spec.product.dtype)
        if self.locator.mask is None and spec.bytes > room(target.path):
            check_share(target.path, self.estimate(spec.format).bytes)

    def _warn_if_fine(self) -> None:
        """Say where pixels are far finer than what the model can tell apart."""
        pixel = self.locator.pixel_degrees()
        resolved = self.encoder.resolution_degrees
        if resolved is not None and pixel is not None and pixel * _FINE < resolved:
            log.warning(
                "pixels of %.3g degrees are far finer than the %.3g degrees that the model %s "
                "resolves: between them the raster is smooth interpolation",
                pixel,
                resolved,
                self.encoder.name,
            )


def integrated(grid: Grid, made: Generator[Block, None, None]) -> float:
    """The sum of the first band of blocks, each value by the square kilometres of its pixel.

    Args:
        grid: of the blocks.
        made: the blocks; pixels of NaN do not count.
    """
    total = 0.0
    with closing(made):
        for window, bands in made:
            total += float(np.nansum(bands[0] * pixel_areas(grid, window)))
    return total


def _filled(
    made: Generator[Block, None, None], product: Product, nodata: float
) -> Generator[Block, None, None]:
    """Blocks with a value of the user's own where there is no data."""
    with closing(made):
        for window, bands in made:
            yield window, filled(bands, product, nodata)
            del bands


def write_raster(
    path: str | os.PathLike[str],
    grid: Grid,
    product: Wanted[P],
    encoder: LocationEncoder,
    *,
    options: WriteOptions | None = None,
    mask: Mask | None = None,
    tolerance: float | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Path:
    """Write a product over a grid to a file, in memory that does not grow with its size.

    Pixels hold the value at their centres. The file appears whole or not at all.

    Args:
        path: the file or folder.
        grid: where.
        product: what is made of the embeddings; one that is still to be fitted is.
        encoder: what embeds.
        options: how it is written.
        mask: which places are wanted; the others become nodata.
        tolerance: as in a `RasterRequest`.
        progress: called with (pixels done, pixels in all).
        cancelled: asked before each block.

    Returns:
        The path.

    Raises:
        OutputError: it cannot be written.
        InputError: creation options that make no raster, an unknown CRS, or a product of another
            model.
        CancelledError: `cancelled` said so; nothing was left behind.
    """
    options = options or WriteOptions()
    target = raster_target(path, format=options.format, overwrite=options.overwrite)
    request = RasterRequest(
        grid, product, encoder.name, mask=mask, options=options, tolerance=tolerance
    )
    job = request.prepare(encoder=encoder, cancelled=cancelled)
    return job.write(target, progress=progress, cancelled=cancelled)


def raster_array(
    grid: Grid,
    product: Wanted[P],
    encoder: LocationEncoder,
    *,
    threads: int | None = None,
    mask: Mask | None = None,
    tolerance: float | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> NDArray[Any]:
    """The same raster as an array, (bands, rows, cols), by the same road.

    Args:
        grid: where.
        product: what is made of the embeddings; one that is still to be fitted is.
        encoder: what embeds.
        threads: number of threads; all available processors where None.
        mask: which places are wanted; the others become nodata.
        tolerance: as in a `RasterRequest`.
        progress: called with (pixels done, pixels in all).
        cancelled: asked before each block.

    Raises:
        InputError: an unknown CRS, or a product of another model.
        CancelledError: `cancelled` said so.
    """
    options = WriteOptions(threads=threads)
    request = RasterRequest(
        grid, product, encoder.name, mask=mask, options=options, tolerance=tolerance
    )
    job = request.prepare(encoder=encoder, cancelled=cancelled)
    return job.array(progress=progress, cancelled=cancelled)
