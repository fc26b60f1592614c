"""The picture of one image of a run as it is smoothed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from satclip_core.errors import InputError
from satclip_core.grid.sphere import unit_vectors

from ..evaluation.similarity_figures import smoothing_picture
from ..images.cache import claim_folder, open_attention
from ..images.patches import PatchFolders
from ..images.smoothing import smooth
from ..images.timm_encoder import pick_device
from ..places.gathering import Gatherer
from ..settings.config import TrainConfig
from ..settings.run_files import Locations


def write_smoothing(
    path: Path,
    config: TrainConfig,
    places: Locations,
    output: Path,
    *,
    place: tuple[float, float],
    source: str | None = None,
) -> tuple[float, float]:
    """Write the picture of the image at the place of a run that is nearest to `place`.

    Args:
        path: PNG to write, in place of what is there.
        config: the run's settings.
        places: where its files are looked for.
        output: the run's folder, whose cache keeps attention that is trained.
        place: lon, lat in degrees.
        source: name of the source; the first that is smoothed where None.

    Returns:
        Lon, lat of the image.

    Raises:
        InputError: no such source, or one that is not smoothed.
    """
    name = source or _first_smoothed(config)
    if name not in config.sources:
        raise InputError(f"source {name!r} is none of {', '.join(config.sources)}")
    smoothing = config.sources[name].smoothing
    if smoothing is None:
        raise InputError(f"sources.{name} is not smoothed; set sources.{name}.smoothing")
    cache = output / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    device = pick_device(config.training.accelerator)
    gatherer = Gatherer(config, places, PatchFolders(), cache, device, root=cache)
    request = gatherer.gather().requests[name]
    folder = claim_folder(request, cache)
    imagery = request.open_images(folder)
    attention = open_attention(request, folder, imagery)
    here = unit_vectors(*np.array(place))
    nearest = int((here @ unit_vectors(request.lonlat[:, 0], request.lonlat[:, 1])).argmax())
    lon, lat = request.lonlat[nearest]
    images, _ = imagery.take(np.zeros(1, np.int64), np.array([nearest]))
    with torch.no_grad():
        result, paid, causal = smooth(torch.from_numpy(images), attention, smoothing)
    title = f"{name} at {lon:.3f}, {lat:.3f}: {smoothing.kind}, {smoothing.attention}"
    smoothing_picture(path, images[0], paid[0].numpy(), causal[0].numpy(), result[0].numpy(), title)
    return float(lon), float(lat)


def _first_smoothed(config: TrainConfig) -> str:
    for name, source in config.sources.items():
        if source.smoothing is not None:
            return name
    raise InputError(f"{config.name}: no source is smoothed; set sources.NAME.smoothing")
