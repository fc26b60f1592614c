"""GeoCLIP's location encoder, from the weights that the installed package `geoclip` brings.

Vivanco Cepeda et al. 2023, NeurIPS. None of the package's code is imported: it would want torch,
torchvision and transformers. Its coordinates are (lat, lon); here they are (lon, lat), as for every
model.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import zipfile
import zlib
from importlib import metadata
from pathlib import Path

import numpy as np

from ..encoder import EncoderConfig, LocationEncoder, ModelInfo
from ..errors import ModelError, Package
from .checkpoint import Checkpoint, LazyTensor

NAME = "geoclip"
DIM = 512
WEIGHTS = Path("model", "weights", "location_encoder_weights.pth")
"""Within the package."""
_CARD = """# geoclip

The location encoder of GeoCLIP (Vivanco Cepeda, Nayak and Shah, NeurIPS 2023, arXiv:2309.16020), as
the package `geoclip` brings it under the MIT licence: trained against photographs of Flickr
(MP-16), by contrast with CLIP's embedding of the image. Three capsules of random Fourier features
on the Equal Earth plane, 512 dimensions.
"""
# As the package's state dict names them: LocEnc0.capsule.0.b, LocEnc0.capsule.1.weight, …
_KEY = re.compile(r"LocEnc(\d+)\.(capsule|head)\.(\d+)\.(b|weight|bias)")


def geoclip_file() -> Path | None:
    """The file of weights of the installed package; None where the package is not installed.

    Raises:
        ModelError: it is, without the weights expected.
    """
    found = importlib.util.find_spec(NAME)
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(next(iter(found.submodule_search_locations))) / WEIGHTS
    if not path.is_file():
        raise ModelError(
            f"the installed geoclip package has no {WEIGHTS.as_posix()}: install it again"
        )
    return path


def find_geoclip() -> Path:
    """The file of weights.

    Raises:
        ModelError: the package is not installed, or without the weights expected.
    """
    path = geoclip_file()
    if path is None:
        raise ModelError("the model geoclip comes with its package: ", Package(NAME, NAME))
    return path


def read_geoclip(path: Path) -> LocationEncoder:
    """Open the package's weights.

    Args:
        path: of them, see `find_geoclip`.

    Raises:
        ModelError: not readable, or not what is expected of GeoCLIP.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            checkpoint = Checkpoint(archive)
            tree = checkpoint.tree if isinstance(checkpoint.tree, dict) else {}
            weights = {
                _renamed(key): np.asarray(checkpoint.tensor(value), np.float64)
                for key, value in tree.items()
                if isinstance(value, LazyTensor)
            }
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except ModelError as error:
        raise ModelError(f"cannot open the weights of geoclip, {path}: ", error) from error
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
        raise ModelError(f"the weights of geoclip, {path}, cannot be read ({error})") from error
    encoder = LocationEncoder(
        EncoderConfig("equalearth", "capsules"), weights, info=_info(), sha256=sha256
    )
    encoder.file = path
    return encoder


def _renamed(key: object) -> str:
    """The name of an array in this project."""
    found = _KEY.fullmatch(str(key))
    if found is None:
        raise ModelError(f"it holds {key!r}, which GeoCLIP's location encoder has not")
    capsule, part, index, kind = found.groups()
    if kind == "b":
        return f"{capsule}.frequencies"
    # Of the sequence, every other one is a ReLU: 1, 3, 5 are layers 0, 1, 2.
    layer = "head" if part == "head" else f"layers.{(int(index) - 1) // 2}"
    return f"{capsule}.{layer}.{kind}"


def _info() -> ModelInfo:
    training = {
        "source": f"package geoclip {_version()}",
        "data": "MP-16 (4.7 million geotagged photographs)",
        "paper": "Vivanco Cepeda et al., GeoCLIP, NeurIPS 2023, arXiv:2309.16020",
    }
    return ModelInfo(name=NAME, licence="MIT", training=training, card=_CARD)


def _version() -> str:
    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return "of unknown version"
