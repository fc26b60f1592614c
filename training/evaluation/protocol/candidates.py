"""The encoders that are compared: models by name or file, MOSAIKS, and what is never trained."""

# ruff: noqa: RUF009 - `setting` makes dataclass fields, as dataclasses.field does
from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from satclip_core.encoder import EncoderConfig, LocationEncoder, ModelInfo
from satclip_core.encoder.encodings import ENCODINGS, EncodingSettings
from satclip_core.encoder.layers import Parameter
from satclip_core.encoder.networks import NETWORKS, Sizes
from satclip_core.errors import InputError
from satclip_core.extensions import settings_from
from satclip_core.models.registry import find_model, load_encoder
from satclip_core.types import Float32, Floats
from satclip_core.version import __version__

from ...settings.run_files import Locations
from ...settings.schema import build, integer, mapping, optional, setting, text
from ..baselines import BASELINES
from ..linear_probe import known_leaks
from .gps2vec import open_gps2vec, zone_files
from .mosaiks import MosaiksSettings, open_mosaiks

MODEL, MOSAIKS, UNTRAINED, ENCODING = "model", "mosaiks", "untrained", "encoding"
GPS2VEC = "gps2vec"
WIDTH = 256
"""Numbers of the untrained control's embedding, as published models have."""


@dataclasses.dataclass(frozen=True)
class EncoderSettings:
    """An encoder of an evaluation.

    `kind` is `model` (with `model`, a name or path; the entry's own name where None), one of
    the encoders without files (`identity`, `onehot`, `sinusoid`), `encoding` (any of the zoo,
    `encoding` names it), `untrained` (Siren on harmonics of `legendre_polys`, never trained),
    `mosaiks` (with its settings) or `gps2vec` (`model` is the folder of its weights). `words`
    describe it to readers.
    """

    kind: str = setting(text(MODEL, MOSAIKS, UNTRAINED, ENCODING, GPS2VEC, *BASELINES), MODEL)
    model: str | None = setting(optional(text()), None)
    encoding: str | None = setting(optional(text()), None)
    settings: dict[str, Any] = setting(mapping(lambda value, where: value), {})
    legendre_polys: int = setting(integer(low=1, high=200), 10)
    seed: int = setting(integer(low=0), 0)
    words: str = setting(text(), "")


@dataclasses.dataclass(frozen=True)
class Candidate:
    """An encoder that is compared.

    Attributes:
        name: in tables.
        words: what it is.
        identity: what tells it from all others: the hash of its file, or its settings.
        leaks: tasks whose label was among its inputs, as its own provenance says.
        open: gives the function (N, 2) degrees -> (N, dim); called once, when it is needed.
    """

    name: str
    words: str
    identity: str
    leaks: tuple[str, ...]
    open: Callable[[], Callable[[Floats], ArrayLike]]


def candidate(
    name: str, known: Mapping[str, EncoderSettings], places: Locations, label: str | None = None
) -> Candidate:
    """An encoder by the name it was asked for.

    Args:
        name: an entry of `known`, an encoder without files, an encoding of the zoo, a model by
            name or path, or a folder of GPS2Vec's weights.
        known: encoders of the evaluation's file.
        places: where the files that they name are looked for.
        label: what it is called in tables; `name` where None.

    Raises:
        InputError: settings that are of no use, or files that are not there.
        ModelError: no such model, or one that cannot be opened.
    """
    settings = known.get(name)
    if settings is None:
        settings = EncoderSettings(kind=_kind_of(name), model=name, encoding=name)
    made = _MAKERS.get(settings.kind, _plain)(name, settings, places)
    return dataclasses.replace(made, name=label or name, words=settings.words or made.words)


def _kind_of(name: str) -> str:
    if name in BASELINES:
        return name
    if name in ENCODINGS:
        return ENCODING
    return GPS2VEC if zone_files(Path(name)) else MODEL


def _model(name: str, settings: EncoderSettings, places: Locations) -> Candidate:
    model = settings.model or name
    identity = hashlib.sha256(find_model(model).read_bytes()).hexdigest()

    def opened() -> Callable[[Floats], ArrayLike]:
        encoder = load_encoder(model)

        def embed(lonlat: Floats) -> Float32:
            # A two-part encoder has one way for points, and it is fast.
            one_way = type(encoder) is not LocationEncoder
            return encoder.encode(lonlat) if one_way else encoder.encode(lonlat, single=True)

        return embed

    encoder = load_encoder(model)
    words = f"{encoder.config.formula}, {encoder.dim} dimensions"
    return Candidate(name, words, identity, tuple(known_leaks(model)), opened)


def _plain(name: str, settings: EncoderSettings, places: Locations) -> Candidate:
    words = {
        "identity": "longitude and latitude themselves",
        "onehot": "UTM zone and band, one-hot",
        "sinusoid": "Space2Vec's grid: sines and cosines at 32 scales",
    }
    identity = f"{settings.kind} {__version__}"
    said = words.get(settings.kind, settings.kind)
    return Candidate(name, said, identity, (), BASELINES[settings.kind])


def _encoding(name: str, settings: EncoderSettings, places: Locations) -> Candidate:
    wanted = settings.encoding or name
    encoding = ENCODINGS.find(wanted)
    own = settings_from(encoding.settings, settings.settings)

    def opened() -> Callable[[Floats], ArrayLike]:
        def embed(lonlat: Floats) -> Float32:
            features = encoding.features(np.asarray(lonlat, np.float64), own, np)
            return np.asarray(features, np.float32)

        return embed

    identity = f"encoding {wanted} {own!r} {__version__}"
    return Candidate(name, f"positional encoding {wanted}, without a network", identity, (), opened)


def _untrained(name: str, settings: EncoderSettings, places: Locations) -> Candidate:
    def opened() -> Callable[[Floats], ArrayLike]:
        return untrained_siren(settings.legendre_polys, settings.seed).encode

    words = f"Siren(SH), L = {settings.legendre_polys}, random weights, never trained: a control"
    identity = f"untrained {settings.legendre_polys} {settings.seed} {__version__}"
    return Candidate(name, words, identity, (), opened)


def _gps2vec(name: str, settings: EncoderSettings, places: Locations) -> Candidate:
    folder = Path(settings.model or name)
    embed = open_gps2vec(folder)  # reads one zone, to know its outputs
    files = [(path.name, path.stat().st_size) for path in zone_files(folder).values()]
    words = f"GPS2Vec, a network for each of {len(files)} UTM zones and bands, zeros elsewhere"
    return Candidate(name, words, f"gps2vec {files!r} {__version__}", (), lambda: embed)


def _mosaiks(name: str, settings: EncoderSettings, places: Locations) -> Candidate:
    where = f"encoders.{name}.settings"
    own: MosaiksSettings = build(MosaiksSettings, settings.settings, where)
    embed = open_mosaiks(own, places, f"{where}.files")  # finds the files, reads none yet
    identity = f"mosaiks {json.dumps(dataclasses.asdict(own), sort_keys=True)} {__version__}"
    words = f"random convolutional features of imagery, {own.kilometres:g} km around"
    return Candidate(name, words, identity, (), lambda: embed)


_MAKERS = {
    MODEL: _model, ENCODING: _encoding, UNTRAINED: _untrained, MOSAIKS: _mosaiks, GPS2VEC: _gps2vec,
}  # fmt: skip


def untrained_siren(legendre_polys: int, seed: int) -> LocationEncoder:
    """Siren(SH) as published models start: a control for what smoothness alone gives."""
    settings = EncodingSettings(legendre_polys=legendre_polys)
    width = ENCODINGS["sphericalharmonics"].width(settings)
    rng = np.random.default_rng(seed)
    weights = {
        one.name: _drawn(one, rng) for one in NETWORKS["siren"].parameters(width, WIDTH, Sizes())
    }
    config = EncoderConfig("sphericalharmonics", "siren", settings)
    return LocationEncoder(config, weights, info=ModelInfo(name="untrained"))


def _drawn(one: Parameter, rng: np.random.Generator) -> Floats:
    if one.bound is not None:
        return rng.uniform(-one.bound, one.bound, one.shape)
    if one.deviation is not None:
        return rng.normal(0, one.deviation, one.shape)
    return np.full(one.shape, one.constant)


def check_names(names: list[str]) -> None:
    """Refuse two encoders of one name.

    Raises:
        InputError: there are.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"encoders {', '.join(twice)} are named twice")
