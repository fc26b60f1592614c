"""STAC: what a raster is, where and of what, as a JSON file that catalogues read.

An item (version 1.0.0) with the extensions projection, processing, scientific citation and, of
embeddings, `embeddings` v0.0.1; a folder of rasters has a collection too, which alone has room for
the type and number of dimensions of embeddings.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from ..files import Target, written_whole
from ..grid import Grid
from ..grid.crs import from_lonlat, half_turn, is_lonlat, short_crs, to_lonlat, to_wkt
from ..grid.crs_backend import Bounds
from ..products.embedding import Embedding
from .formats import COGS, PARQUET, ZARR, RasterTarget
from .spec import RasterSpec
from .zarr_store import model_address, source_data

VERSION = "1.0.0"
EMBEDDINGS = "https://stac-extensions.github.io/embeddings/v0.0.1/schema.json"
_PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
_PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
_SCIENTIFIC = "https://stac-extensions.github.io/scientific/v1.0.0/schema.json"
_MEDIA = {
    ZARR: "application/vnd+zarr",
    PARQUET: "application/vnd.apache.parquet",
}
_GEOTIFF = "image/tiff; application=geotiff"
_COG = f"{_GEOTIFF}; profile=cloud-optimized"
# Places along each side of a raster, for its outline in degrees.
_SIDE = 16
# Metres of a degree of latitude.
_DEGREE = 111_320
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def item_target(target: RasterTarget) -> Target | None:
    """Where the item of a raster goes, looked at; None for a folder, which holds its own.

    Raises:
        OutputError: it cannot be written there.
    """
    if target.format == COGS:
        return None
    return Target(target.path.with_name(f"{target.path.stem}.stac.json"), target.overwrite)


def write_item(item: Target, spec: RasterSpec, raster: Path, begun: float) -> None:
    """Write the item of a raster beside it.

    Args:
        item: of `item_target`.
        spec: what the raster is.
        raster: its file or folder.
        begun: when it was made, seconds since 1970.
    """
    write_json(item, stac_item(spec, raster.stem, f"./{raster.name}", begun))


def write_json(target: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write JSON for people and catalogues, whole or not at all."""
    with written_whole(target) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def stac_item(
    spec: RasterSpec,
    name: str,
    address: str,
    begun: float,
    *,
    links: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """The item of a raster.

    Args:
        spec: what it is.
        name: of the item.
        address: of the raster, from where the item lies.
        begun: when it was made, seconds since 1970.
        links: to a collection.
    """
    geometry, bbox = footprint(spec.grid)
    is_embedding = isinstance(spec.product, Embedding)
    role = "embeddings" if is_embedding else spec.product.tags.get("product", "data")
    extensions = [_PROJECTION, _PROCESSING]
    properties = {
        "datetime": _time(begun),
        "created": _time(begun),
        **_projected(spec.grid),
        **_processed(spec),
    }
    publication = _publication(spec.tags)
    if publication:
        extensions.append(_SCIENTIFIC)
        properties["sci:publications"] = [publication]
    if is_embedding:
        extensions.append(EMBEDDINGS)
        properties.update(_embedded(spec))
    media = _MEDIA.get(spec.format, _GEOTIFF if spec.format == "gtiff" else _COG)
    asset = {"href": address, "type": media, "title": role, "roles": ["data"]}
    has_collection = any(link["rel"] == "collection" for link in links)
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": extensions,
        "id": name,
        "geometry": geometry,
        "bbox": bbox,
        "properties": properties,
        "links": [*links, *model_links(spec.tags)],
        "assets": {role: asset},
        **({"collection": links_collection(links)} if has_collection else {}),
    }


def stac_collection(
    spec: RasterSpec, name: str, items: Sequence[str], begun: float
) -> dict[str, Any]:
    """The collection of a raster in pieces.

    Args:
        spec: what the whole of it is.
        name: of the collection.
        items: addresses of the pieces' items.
        begun: when it was made, seconds since 1970.
    """
    _, bbox = footprint(spec.grid)
    found: dict[str, Any] = {
        "type": "Collection",
        "stac_version": VERSION,
        "stac_extensions": [],
        "id": name,
        "title": name,
        "description": f"{spec.product.tags.get('product', 'raster')} of the model "
        f"{spec.tags.get('model', '')}, {spec.tags.get('encoder', '')}",
        "license": _licence(spec.tags),
        "extent": {
            "spatial": {"bbox": [bbox]},
            "temporal": {"interval": [[_time(begun), _time(begun)]]},
        },
        "links": [
            *model_links(spec.tags),
            *({"rel": "item", "href": item, "type": "application/geo+json"} for item in items),
        ],
    }
    if isinstance(spec.product, Embedding):
        found["stac_extensions"] = [EMBEDDINGS]
        found.update(
            {
                "emb:type": "pixel",
                "emb:dimensions": spec.product.dim,
                "data_type": spec.product.dtype,
                "gsd": ground_sample(spec.grid),
                **_uncertain(spec),
            }
        )
    return found


def footprint(grid: Grid) -> tuple[dict[str, Any], list[float]]:
    """The outline of a grid in degrees, as GeoJSON, and its box, west > east across 180.

    A grid that crosses the antimeridian is cut there (RFC 7946, section 3.1.9).
    """
    west, south, east, north = _box(grid)
    if east - west >= 360:
        west, east = -180.0, 180.0
    if east <= 180:
        return {"type": "Polygon", "coordinates": [_ring(west, south, east, north)]}, [
            *(west, south, east, north)
        ]
    parts = [_ring(west, south, 180.0, north), _ring(-180.0, south, east - 360, north)]
    geometry = {"type": "MultiPolygon", "coordinates": [[part] for part in parts]}
    return geometry, [west, south, east - 360, north]


def ground_sample(grid: Grid) -> float:
    """Size of a pixel in metres: of latitude in degrees, else of the CRS."""
    size = abs(grid.transform[4]) or abs(grid.transform[3])
    half = half_turn(grid.crs)
    return float(f"{size if half is None else size * _DEGREE * 180 / half:.4g}")


def model_links(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Links to the model and to what it was trained on."""
    said = "; ".join(source_data(tags))
    model = {"rel": "emb:model", "href": model_address(tags), "title": tags.get("model", "model")}
    # Links want an address; where the model states none in words, its own is where that is told.
    found = re.search(r"https?://[^\s;,)]+", said)
    source = found.group() if found else model_address(tags)
    return [model, {"rel": "emb:source-data", "href": source, "title": said[:200]}]


def links_collection(links: Sequence[Mapping[str, str]]) -> str:
    """Name of the collection that links lead to."""
    return next(link.get("title", "") for link in links if link["rel"] == "collection")


def _box(grid: Grid) -> Bounds:
    """(west, south, east, north) in degrees, west within [-180, 180), east beyond it."""
    height, width = grid.shape
    along, down = np.linspace(0, width, _SIDE), np.linspace(0, height, _SIDE)
    cols = np.concatenate([along, along, np.zeros(_SIDE), np.full(_SIDE, float(width))])
    rows = np.concatenate([np.zeros(_SIDE), np.full(_SIDE, float(height)), down, down])
    # Inside as well: a pole, or the bulge of a parallel, need not touch the edges.
    mesh = np.meshgrid(along, down)
    cols, rows = np.concatenate([cols, mesh[0].ravel()]), np.concatenate([rows, mesh[1].ravel()])
    a, b, c, d, e, f = grid.transform
    x, y = a * cols + b * rows + c, d * cols + e * rows + f
    lons, lats = to_lonlat(grid.crs)(x, y)
    known = np.isfinite(lons) & np.isfinite(lats)
    if not known.any():
        return -180.0, -90.0, 180.0, 90.0
    lats = np.clip(lats[known], -90, 90)
    if is_lonlat(grid.crs):  # it may run on past 180, and round the Earth
        west, east = float(x.min()), float(x.max())
        west_in = (west + 180) % 360 - 180
        return _rounded(west_in, float(lats.min()), west_in + min(east - west, 360.0), lats.max())
    for pole in (90.0, -90.0):
        if _holds(grid, pole):  # with every longitude
            south, north = (lats.min(), pole) if pole > 0 else (pole, lats.max())
            return _rounded(-180.0, float(south), 180.0, float(north))
    ordered = np.sort(np.remainder(lons[known] + 180, 360) - 180)
    gaps = np.diff(np.append(ordered, ordered[0] + 360))
    widest = int(gaps.argmax())
    if gaps[widest] < 360 / _SIDE:
        return _rounded(-180.0, float(lats.min()), 180.0, float(lats.max()))
    west = float(ordered[(widest + 1) % len(ordered)])
    east = float(ordered[widest])
    return _rounded(west, float(lats.min()), east + (360.0 if east < west else 0.0), lats.max())


def _holds(grid: Grid, pole: float) -> bool:
    """Whether a pole lies on the grid."""
    x, y = from_lonlat(grid.crs)(np.zeros(1), np.full(1, pole))
    west, south, east, north = grid.bounds
    return bool(west <= x[0] <= east and south <= y[0] <= north)


def _rounded(*numbers: float) -> Bounds:
    west, south, east, north = (round(float(number), 7) for number in numbers)
    return west, south, east, north


def _ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _projected(grid: Grid) -> dict[str, Any]:
    code = "EPSG:4326" if is_lonlat(grid.crs) else short_crs(grid.crs)
    named = code.startswith("EPSG:")
    return {
        "proj:code": code if named else None,
        **({} if named else {"proj:wkt2": to_wkt(grid.crs)}),
        "proj:bbox": list(grid.bounds),
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform),
        "gsd": ground_sample(grid),
    }


def _processed(spec: RasterSpec) -> dict[str, Any]:
    software, _, version = spec.tags.get("software", "").partition(" ")
    found: dict[str, Any] = {"processing:software": {software: version}} if software else {}
    command = spec.tags.get("command")
    said = {**spec.tags, **spec.product.tags}
    found["processing:lineage"] = command or f"{said.get('product')} of the model {said['model']}"
    found["satclip:tags"] = said
    return found


def _embedded(spec: RasterSpec) -> dict[str, Any]:
    """What the extension says of an item of embeddings."""
    product = spec.product
    found: dict[str, Any] = {
        "emb:runtime_parameters": {
            "model": spec.tags.get("model", ""),
            "weights_sha256": spec.tags.get("weights_sha256", ""),
            "values": product.tags["values"],
        },
        **_uncertain(spec),
    }
    if product.dtype != "float32":
        how: dict[str, Any] = {
            "method": "linear" if product.scale is not None else "rounding",
            "original_dtype": "float32",
            "quantized_dtype": product.dtype,
        }
        if product.scale is not None:
            how.update(scale=[product.scale], offset=[product.offset or 0.0])
        found["emb:quantization"] = how
    return found


def _uncertain(spec: RasterSpec) -> dict[str, Any]:
    """What is known of how far the stored numbers are off, and of how fine they resolve."""
    tags, said = spec.product.tags, []
    if "cosine_loss_mean" in tags:
        said.append(
            f"1 - cosine by storing it as {spec.product.dtype}: {tags['cosine_loss_mean']} in the "
            f"mean, {tags['cosine_loss_largest']} at most, on pixels drawn from the raster"
        )
    if "effective_resolution_degrees" in spec.tags:
        said.append(
            f"the model resolves {spec.tags['effective_resolution_degrees']} degrees; finer pixels "
            "are smooth interpolation"
        )
    if not said:
        return {}
    return {"emb:uncertainty": {"method": "measured", "description": "; ".join(said)}}


def _publication(tags: Mapping[str, str]) -> dict[str, str]:
    """The paper that a model names."""
    citation = tags.get("training_paper", "")
    found = _ARXIV.search(citation)
    if not citation:
        return {}
    doi = {"doi": f"10.48550/arXiv.{found.group(1)}"} if found else {}
    return {"citation": citation, **doi}


def _licence(tags: Mapping[str, str]) -> str:
    """As STAC wants it: one of SPDX's, or "proprietary" for what is none."""
    licence = tags.get("licence", "")
    return licence if re.fullmatch(r"[A-Za-z0-9.+-]+", licence or "") else "proprietary"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
