"""A raster as a folder: cloud-optimised GeoTIFFs, a mosaic of them (VRT) and their STAC catalogue.

NAME/r00c00.tif       a piece, with overviews of its own
NAME/r00c00.json      its STAC item
NAME/NAME.vrt         all of them as one raster, which GDAL and QGIS open
NAME/NAME.gti.gpkg    the same for GDAL 3.9 on, with overviews; and a layer of the pieces' outlines
NAME/collection.json  what they are
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import sync_folder, written_whole
from ..grid import Window
from .formats import COG, RasterTarget, put_folder
from .mosaics import vrt, write_gti
from .spec import RasterSpec
from .stac import stac_collection, stac_item, write_json
from .writer import open_writer

if TYPE_CHECKING:
    from .blocks import Block

# Pixels along the side of a piece: some 100 MB of embeddings before compression, and of one band.
_SIDE, _SIDE_OF_MANY, _MANY_BANDS = 4096, 1024, 16


class CogParts:
    """A folder whose pieces are written one by one, in any order.

    Args:
        folder: of the pieces.
        spec: what they are together.
        target: what the user knows it as.

    Attributes:
        windows: the pixels of each piece, row by row.
        block: side of the blocks in which a piece is handed over.
    """

    def __init__(self, folder: Path, spec: RasterSpec, target: Path) -> None:
        self._folder, self._spec, self._target = folder, spec, target
        self.block = spec.block
        many = len(spec.product.bands) >= _MANY_BANDS
        side = _SIDE_OF_MANY if many else _SIDE
        self._side = max(self.block, side // self.block * self.block)
        self.windows = tuple(spec.grid.windows(self._side))

    def begin(self) -> None:
        """Make the folder."""
        self._folder.mkdir(exist_ok=True)

    def write(self, index: int, blocks: Iterator[Block]) -> None:
        """Write a piece.

        Raises:
            OutputError: it cannot be written.
        """
        window, path = self.windows[index], self._folder / f"{self._name(index)}.tif"
        with open_writer(path, self._piece(index), overwrite=True) as writer:
            for inside, bands in blocks:
                row, col = inside.row - window.row, inside.col - window.col
                writer.write(Window(row, col, inside.height, inside.width), bands)
        sync_folder(self._folder)

    def finish(self, target: RasterTarget, begun: float) -> None:
        """Write mosaic and catalogue, and give the folder its name."""
        name, spec = target.path.name, self._spec
        links = [
            {"rel": "collection", "href": "./collection.json", "type": "application/json"},
            {"rel": "parent", "href": "./collection.json", "type": "application/json"},
        ]
        links[0]["title"] = name
        for index in range(len(self.windows)):
            piece, address = self._name(index), f"./{self._name(index)}.tif"
            item = stac_item(self._piece(index), f"{name}-{piece}", address, begun, links=links)
            self._put(f"{piece}.json", item)
        items = [f"./{self._name(index)}.json" for index in range(len(self.windows))]
        self._put("collection.json", stac_collection(spec, name, items, begun))
        pieces = {f"{self._name(i)}.tif": window for i, window in enumerate(self.windows)}
        levels = self._piece(0).levels
        with written_whole(self._folder / f"{name}.vrt", overwrite=True) as temporary:
            temporary.write_text(vrt(spec, pieces), "utf-8")
        with written_whole(self._folder / f"{name}.gti.gpkg", overwrite=True) as temporary:
            write_gti(temporary, spec, pieces, levels)
        for left in self._folder.glob(".*"):  # of a process that was killed
            if left.is_dir():
                for file in left.iterdir():
                    file.unlink()
                left.rmdir()
        put_folder(self._folder, target)

    def _put(self, name: str, content: dict[str, Any]) -> None:
        path = self._folder / name
        path.unlink(missing_ok=True)  # of an attempt that did not come to its end
        write_json(path, content)

    def _piece(self, index: int) -> RasterSpec:
        return replace(self._spec, grid=self._spec.grid.part(self.windows[index]), format=COG)

    def _name(self, index: int) -> str:
        window = self.windows[index]
        last = max(self._spec.grid.shape) // self._side
        digits = max(2, len(str(last)))
        row, col = window.row // self._side, window.col // self._side
        return f"r{row:0{digits}d}c{col:0{digits}d}"
