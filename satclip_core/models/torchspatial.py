"""Published location encoders of TorchSpatial and of CSP, from their checkpoints.

Wu et al. 2024 (TorchSpatial, NeurIPS; github.com/seai-lab/TorchSpatial, `pre_trained_models`) and
Mai et al. 2023 (CSP, ICML; github.com/gengchenmai/csp) save a dict of `state_dict`, `params`,
`epoch` and `optimizer`. `params` are the options of the training command; `spa_enc_type` names the
encoder. Places are (lon, lat) in degrees. The embedding is what their heads read: the output of the
location encoder, with its last activation, before classes are told.

Their code rounds coordinates to single precision first, about 1e-5 degrees, which the finest
wavelengths show; here they are kept as they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..encoder import EncoderConfig, LocationEncoder, ModelInfo
from ..encoder.encodings import EncodingSettings, ExtentSettings, OctaveSettings, TileSettings
from ..encoder.feedforward import FeedforwardSettings, RandomFourierSettings, TiledSettings
from ..errors import InputError, ModelError

Params = Mapping[str, Any]
Arrays = Mapping[str, NDArray[Any]]

GEO_PRIOR = ("wrap", "geo_net")
# Where the model, or the one with an image encoder beside it, keeps the location encoder.
_OUTER = ("", "loc_enc.", "module.", "module.loc_enc.")
_FIRST = "ffn.layers.0.linear.weight"
_WORLD = (-180.0, 180.0, -90.0, 90.0)
_CARD = """# {name}

The location encoder {kind} of {source}, trained on {dataset}{loss}. {dim} dimensions.

TorchSpatial: Wu et al., NeurIPS 2024, arXiv:2406.15658. CSP: Mai et al., ICML 2023,
arXiv:2305.01118. Sphere2Vec: Mai et al. 2023, ISPRS. Space2Vec: Mai et al., ICLR 2020.
"""


@dataclass(frozen=True)
class _Kind:
    """An encoder of theirs.

    Attributes:
        encoding: ours.
        settings: (params, weights) -> settings of the encoding.
        network: ours.
    """

    encoding: str
    settings: Callable[[Params, Arrays], Any]
    network: str = "feedforward"


def torchspatial_prefix(state: Mapping[str, Any], params: Params) -> str:
    """What the names of the location encoder's arrays begin with.

    Raises:
        ModelError: there is none in it, or one that cannot be used.
    """
    kind = _kind_of(params)
    inner, first = ("", "feats.0.weight") if kind in GEO_PRIOR else ("spa_enc.", _FIRST)
    for outer in _OUTER:
        if outer + inner + first in state:
            return outer + inner
    raise ModelError(f"its state_dict holds no location encoder {kind} (no {inner + first!r})")


def torchspatial_encoder(
    arrays: Arrays,
    params: Params,
    *,
    name: str,
    training: Mapping[str, str],
    sha256: str,
) -> LocationEncoder:
    """The location encoder of a checkpoint.

    Args:
        arrays: those under `torchspatial_prefix`, without it.
        params: options that it was trained with.
        name: what users call it.
        training: facts for its provenance.
        sha256: of the file.

    Raises:
        ModelError: an encoder, or options, of which no embedding can be made here.
    """
    kind = _kind_of(params)
    if params.get("use_date_feats"):
        raise ModelError(f"its {kind} reads dates beside places, which are not asked for here")
    try:
        config, weights = _geo_prior(arrays, params) if kind in GEO_PRIOR else _other(
            _KINDS[kind], arrays, params
        )  # fmt: skip
    except InputError as error:
        raise ModelError(f"its params, of {kind}: ", error) from error
    encoder = LocationEncoder(config, weights, sha256=sha256)
    encoder.info = _info(name, kind, params, training, encoder.dim)
    return encoder


def _kind_of(params: Params) -> str:
    kind = str(params["spa_enc_type"])
    if kind == "rbf":
        raise ModelError(
            "its encoder is 'rbf', whose anchors are places of the training data: the file does "
            "not hold them"
        )
    if kind not in KINDS:
        raise ModelError(f"its encoder {kind!r} is none of {', '.join(KINDS)}, which are known")
    return kind


def _geo_prior(arrays: Arrays, params: Params) -> tuple[EncoderConfig, dict[str, NDArray[Any]]]:
    """Mac Aodha et al. 2019: residual layers on wrapped coordinates, without their classes."""
    encoded = params.get("loc_encode", "encode_cos_sin")
    if encoded != "encode_cos_sin":
        raise ModelError(f"its loc_encode is {encoded!r}: 'encode_cos_sin' alone is known here")
    weights = {key: value for key, value in arrays.items() if key.startswith("feats.")}
    return EncoderConfig("geoprior", "fcnet"), weights


def _other(
    kind: _Kind, arrays: Arrays, params: Params
) -> tuple[EncoderConfig, dict[str, NDArray[Any]]]:
    """Layers behind a positional encoding."""
    weights = {}
    for key, value in arrays.items():
        for begins in ("ffn.", "position_encoder."):
            key = key.removeprefix(begins)
        weights[key] = value
    settings_of = {
        "feedforward": FeedforwardSettings,
        "randomfourier": RandomFourierSettings,
        "tiles": TiledSettings,
    }[kind.network]
    own: dict[str, Any] = {
        "activation": str(params.get("spa_f_act", "relu")),
        "skip": bool(params.get("skip_connection", True)),
    }
    if kind.network == "randomfourier":
        own["frequencies"] = int(_array(weights, "dirvec").shape[-1])
    settings = kind.settings(params, weights)
    return EncoderConfig(kind.encoding, kind.network, settings, settings_of(**own)), weights


def _scales(each: int, *, from_one: bool = False) -> Callable[[Params, Arrays], EncodingSettings]:
    """Frequencies between two radii; from 1 where the published code leaves the smaller one out."""

    def made(params: Params, weights: Arrays) -> EncodingSettings:
        if params.get("freq_init", "geometric") != "geometric":
            raise ModelError(
                f"its freq_init is {params['freq_init']!r}: only geometric frequencies can be made "
                "again"
            )
        return EncodingSettings(
            frequency_num=_frequencies(weights, each),
            min_radius=1.0 if from_one else _number(params, "min_radius"),
            max_radius=_number(params, "max_radius"),
        )

    return made


def _frequencies(weights: Arrays, each: int) -> int:
    """How many there are, as the first layer says: options were not handed on by all versions."""
    width = int(_array(weights, "layers.0.linear.weight").shape[-1])
    count, rest = divmod(width, each)
    if rest:
        raise ModelError(f"its first layer reads {width} features, no multiple of {each}")
    return count


def _dfs_settings(params: Params, weights: Arrays) -> EncodingSettings:
    width = int(_array(weights, "layers.0.linear.weight").shape[-1])
    count = round((np.sqrt(1 + width) - 1) / 2)
    if 4 * count * (count + 1) != width:
        raise ModelError(f"its first layer reads {width} features, which is not 4F² + 4F")
    return EncodingSettings(
        frequency_num=count, min_radius=1.0, max_radius=_number(params, "max_radius")
    )


def _octaves(params: Params, weights: Arrays) -> OctaveSettings:
    return OctaveSettings(_frequencies(weights, 6))


def _extent(params: Params, weights: Arrays) -> ExtentSettings:
    return ExtentSettings(_bounds(params))


def _tiles(params: Params, weights: Arrays) -> TileSettings:
    """The grid whose cells the file has values of; the published code builds one of a single cell
    where it does not hand the interval on."""
    count = len(_array(weights, "embedding.weight"))
    if count == 1:
        raise ModelError("its grid has a single tile: every place has the same embedding")
    settings = TileSettings(_bounds(params), _number(params, "min_radius"))
    if settings.tiles != count:
        raise ModelError(
            f"it holds values of {count} tiles, where its map_range and min_radius make "
            f"{settings.tiles}"
        )
    return settings


def _nothing(params: Params, weights: Arrays) -> EncodingSettings:
    return EncodingSettings()


_KINDS: dict[str, _Kind] = {
    "Space2Vec-grid": _Kind("grid", _scales(4)),
    "Space2Vec-theory": _Kind("theory", _scales(6)),
    "Sphere2Vec-sphereC": _Kind("sphere2vec_c", _scales(3)),
    "Sphere2Vec-sphereC+": _Kind("sphere2vec_cplus", _scales(6)),
    "Sphere2Vec-sphereM": _Kind("sphere2vec_m", _scales(5)),
    "Sphere2Vec-sphereM+": _Kind("sphere2vec_mplus", _scales(8, from_one=True)),
    "Sphere2Vec-dfs": _Kind("sphere2vec_dfs", _dfs_settings),
    "xyz": _Kind("cartesian3d", _nothing),
    "NeRF": _Kind("nerf", _octaves),
    "rff": _Kind("extent", _extent, "randomfourier"),
    "naive": _Kind("extent", _extent),
    "tile_ffn": _Kind("tile", _tiles, "tiles"),
    "wrap_ffn": _Kind("geoprior", _nothing),
    # CSP's names.
    "gridcell": _Kind("grid", _scales(4)),
    "gridcellnorm": _Kind("grid", _scales(4)),
    "theory": _Kind("theory", _scales(6)),
    "geo_net_fft": _Kind("geoprior", _nothing),
}
KINDS = (*_KINDS, *GEO_PRIOR)
"""What `spa_enc_type` can be."""


def _array(weights: Arrays, name: str) -> NDArray[Any]:
    """A matrix of the file."""
    if name not in weights:
        raise ModelError(f"its state_dict lacks {name!r}")
    if weights[name].ndim != 2:
        raise ModelError(f"its {name!r} has the shape {weights[name].shape}, which is no matrix")
    return weights[name]


def _number(params: Params, name: str) -> float:
    value = params.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ModelError(f"its params say no {name}, but {value!r}")
    return float(value)


def _bounds(params: Params) -> tuple[float, ...]:
    """West, south, east, north of `map_range`, which is west, east, south, north."""
    given = params.get("map_range", _WORLD)
    if (
        not isinstance(given, Sequence)
        or len(given) != 4
        or not all(isinstance(value, (int, float)) for value in given)
    ):
        raise ModelError(f"its map_range is {given!r}, where four numbers are expected")
    west, east, south, north = map(float, given)
    return west, south, east, north


def _info(name: str, kind: str, params: Params, training: Mapping[str, str], dim: int) -> ModelInfo:
    source = "CSP" if "rbf_kernal_size" in params else "TorchSpatial"
    loss = params.get("unsuper_loss", "none")
    dataset = _word(params.get("dataset"))
    facts = {"source": f"{source} checkpoint", "data": dataset, "encoder": kind, **training}
    if loss != "none":
        facts["loss"] = _word(loss)
    with_loss = "" if loss == "none" else f" by {_word(loss)}"
    card = _CARD.format(
        name=name, kind=kind, source=source, dataset=dataset, loss=with_loss, dim=dim
    )
    return ModelInfo(name=name, training=facts, card=card)


def _word(value: object) -> str:
    """An option as a word that can be shown, whatever the file says."""
    text = "".join(one for one in str(value) if one.isalnum() or one in "-_. ")[:60]
    return text or "unknown data"
