"""Model files: our own `.npz`, and published checkpoints: SatCLIP's, TorchSpatial's and CSP's.

Ours is a zip with `model.json` (version, architecture, provenance, card) and one
`weights/NAME.npy` for each array: no pickle, equal bytes for equal content. Version 1 holds an
encoder of harmonics or of another encoding; version 2 one of two parts, its field in whole numbers.
Encoders of other modalities in the same space lie beside, `modalities/NAME/KEY.npy`, and readers
that know none open the location encoder alone.
What installed packages bring to an encoder (see `extensions`) is named under `requires`, so that
who lacks one is told.
"""

from __future__ import annotations

import json
import os
import unicodedata
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..compute.threads import for_each
from ..encoder import EncoderConfig, LocationEncoder, ModelInfo
from ..encoder.encodings import ENCODINGS
from ..encoder.modal import Modalities, modal_encoder
from ..encoder.networks import NETWORKS
from ..encoder.towers import MEASURED
from ..encoder.two_part import ENCODING as TWO_PARTS
from ..encoder.two_part import TwoPartConfig, TwoPartEncoder
from ..errors import InputError, ModelError
from ..extensions import Registry, missing_package, settings_from
from ..files import (
    ArchiveError,
    hash_stream,
    npy_array,
    npy_bytes,
    opened_file,
    opened_zip,
    write_zip,
    written_whole,
)
from ..types import Floats
from .checkpoint import Checkpoint, LazyTensor, element_count, plain_values
from .torchspatial import torchspatial_encoder, torchspatial_prefix

FORMAT = "satclip-model"
VERSION, TWO_PART_VERSION = 1, 2
SUFFIXES = (".npz", ".ckpt", ".pt", ".pth", ".tar")
"""Of model files, as they are mostly called; `.pth.tar` are TorchSpatial's."""
WEIGHT_DTYPES = ("float16", "float32", "float64")
# Of the field of an encoder of two parts: cells, and which are kept.
FIELD_DTYPES = ("int8", "uint8")

_HEADER = "model.json"
_MODALITIES = "modalities"
_LARGEST_HEADER = 2**20
_LARGEST_CONTENT = 2**31
_LONGEST_LINE = 1000
# Characters that steer a terminal, or that no file can hold; those that turn text around.
_UNFIT, _GAPS = ("Cc", "Cs"), frozenset("\n\r\t")
_TURNS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
# Where the published trainer, and torch modules around it, keep the location encoder.
_STATE_PREFIXES = ("model.location.nnet.", "model.nnet.", "location.nnet.", "nnet.")


def read_model(path: str | os.PathLike[str]) -> LocationEncoder:
    """Open a model file, ours (`.npz`) or a published checkpoint (`.ckpt`, `.pth.tar`), by its
    content.

    Neither needs torch and nothing in the file is executed.

    Raises:
        ModelError: missing, unreadable, damaged, of another kind, or holding more than data.
    """
    file = Path(path)
    try:
        with opened_file(file) as stream:
            encoder = _read(stream, file)
    except FileNotFoundError:
        raise ModelError(f"the model file {file} does not exist") from None
    except OSError as error:
        raise ModelError(f"cannot read the model file {file}: {error.strerror}") from error
    except ModelError as error:
        raise ModelError(f"cannot open the model {file}: ", error) from error
    except ArchiveError as error:
        raise ModelError(f"the model file {file} is of no use: {error}; get it again") from error
    encoder.file = file
    return encoder


def name_of(path: str | os.PathLike[str]) -> str:
    """The name of a model file without its folder and suffixes."""
    name = Path(path).name
    while Path(name).suffix.lower() in SUFFIXES and Path(name).stem:
        name = Path(name).stem
    return name


def _read(stream: IO[bytes], file: Path) -> LocationEncoder:
    """The encoder of an open file."""
    if stream.read(2) != b"PK":
        raise ModelError(
            "it is no model file, neither an .npz of this project nor a checkpoint in torch's zip "
            "format"
        )
    stream.seek(0)
    sha256 = hash_stream(stream)
    # Checkpoints with the state of an optimizer are larger, but of theirs little is read.
    with opened_zip(stream, max(_LARGEST_CONTENT, stream.tell())) as archive:
        if _HEADER in archive.namelist():
            return _read_npz(archive, sha256)
        return _read_checkpoint(archive, name_of(file), sha256)


def write_model(
    path: str | os.PathLike[str],
    encoder: LocationEncoder,
    *,
    dtype: str = "float32",
    overwrite: bool = False,
) -> None:
    """Write an encoder as a model file of this project.

    Args:
        path: usually ending in `.npz`.
        encoder: what to write: configuration, weights, info.
        dtype: of the stored weights, one of `WEIGHT_DTYPES`; whole numbers stay what they are.
        overwrite: whether an existing file may be replaced.

    Raises:
        ModelError: a weight does not fit `dtype`.
        OutputError: the file exists or cannot be written.
    """
    header = {
        "format": FORMAT,
        "version": VERSION,
        "name": encoder.info.name,
        "encoding": encoder.config.encoding,
        "network": encoder.config.network,
        "settings": asdict(encoder.config.settings),
        "dim": encoder.dim,
        "licence": encoder.info.licence,
        "training": dict(encoder.info.training),
        "card": encoder.info.card,
    }
    if encoder.config.network_settings is not None:
        header["network_settings"] = asdict(encoder.config.network_settings)
    if requires := requirements(encoder.config):
        header["requires"] = requires
    arrays: Mapping[str, NDArray[Any]] = encoder.weights
    if isinstance(encoder, TwoPartEncoder):
        header |= {
            "version": TWO_PART_VERSION,
            "encoding": TWO_PARTS,
            "smooth": {"encoding": encoder.config.encoding, "network": encoder.config.network},
            "levels": [list(level) for level in encoder.config.levels],
            "resolution_km": encoder.config.resolution_km,
        }
        arrays = encoder.stored
    modalities = encoder.modalities
    if modalities:
        header[_MODALITIES] = {
            "encoders": {name: one.facts() for name, one in modalities.items()},
            "scales": [[*pair, value] for pair, value in modalities.scales.items()],
        }
    members = {_HEADER: json.dumps(header, indent=1, ensure_ascii=False).encode()}
    for key, value in sorted(arrays.items()):
        whole = value.dtype.name in FIELD_DTYPES
        members[f"weights/{key}.npy"] = npy_bytes(value if whole else _cast(key, value, dtype))
    for name, one in modalities.items():
        for key, value in sorted(one.weights.items()):
            kept = "float32" if key in MEASURED else dtype
            members[f"{_MODALITIES}/{name}/{key}.npy"] = npy_bytes(_cast(key, value, kept))
    with written_whole(path, overwrite=overwrite) as temporary:
        write_zip(temporary, members)


def requirements(config: EncoderConfig) -> dict[str, str]:
    """The installed packages that bring an encoder's encoding and network, by these two words."""
    found = {
        "encoding": ENCODINGS.origin(config.encoding),
        "network": NETWORKS.origin(config.network),
    }
    return {part: str(origin) for part, origin in found.items() if origin is not None}


def encoder_from_state(
    state: Mapping[str, NDArray[Any]],
    hyper_parameters: Mapping[str, Any],
    *,
    info: ModelInfo | None = None,
    sha256: str | None = None,
) -> LocationEncoder:
    """Build an encoder from a published state dict and its hyper-parameters.

    Args:
        state: arrays under the published names; only those of the location encoder are used.
        hyper_parameters: `le_type`, `pe_type`, `legendre_polys`, …; other keys are ignored. What
            the release does not know stands under `encoding_settings` and `network_settings`.
        info: name, licence, training, card.
        sha256: of the file.

    Raises:
        ModelError: no location encoder in it, or an architecture that is not known.
    """
    for key in ("le_type", "pe_type"):
        if not isinstance(hyper_parameters.get(key), str):
            raise ModelError(f"its hyper_parameters name no {key}, so its architecture is unknown")
    config = _architecture(
        {
            "encoding": hyper_parameters["le_type"],
            "network": hyper_parameters["pe_type"],
            "settings": hyper_parameters.get("encoding_settings") or hyper_parameters,
            "network_settings": hyper_parameters.get("network_settings"),
            "requires": hyper_parameters.get("requires"),
        }
    )
    prefix = _location_prefix(state)
    weights = {
        key[len(prefix) :]: np.asarray(state[key]) for key in state if key.startswith(prefix)
    }
    return LocationEncoder(config, weights, info=info, sha256=sha256)


def _location_prefix(names: Mapping[str, Any]) -> str:
    for prefix in _STATE_PREFIXES:
        if any(name.startswith(prefix) for name in names):
            return prefix
    raise ModelError(
        f"its state_dict holds no location encoder (no names under {_STATE_PREFIXES[0]}*)"
    )


def _architecture(header: Mapping[str, Any]) -> EncoderConfig:
    """Encoding, network and the settings of both, as a header says them.

    Raises:
        ModelError: what it names is not there, or settings that are of no use.
    """
    requires = header.get("requires")
    requires = requires if isinstance(requires, dict) else {}
    encoding = _brought(ENCODINGS, header.get("encoding"), requires)
    network = _brought(NETWORKS, header.get("network"), requires)
    given = header.get("network_settings")
    return EncoderConfig(
        str(header["encoding"]),
        str(header["network"]),
        _settings(encoding.settings, header["settings"]),
        _settings(network.settings, given) if isinstance(given, dict) else None,
    )


def _brought(registry: Registry[Any], name: object, requires: Mapping[str, Any]) -> Any:
    """What a header names, if it is there."""
    if not isinstance(name, str):
        raise ModelError(f"its {registry.kind} is {name!r}, which is no name")
    if name in registry:
        return registry[name]
    brought = requires.get(registry.kind)
    if isinstance(brought, str):
        raise missing_package(registry.kind, name, brought)
    try:
        return registry.find(name)
    except InputError as error:
        raise ModelError(error) from error


def _settings(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """Settings of a class among `values`; absent ones keep their defaults."""
    try:
        return settings_from(cls, values)
    except InputError as error:
        raise ModelError("its ", error) from error


def _read_checkpoint(archive: zipfile.ZipFile, name: str, sha256: str) -> LocationEncoder:
    checkpoint = Checkpoint(archive)
    tree = checkpoint.tree
    if not isinstance(tree, dict) or not isinstance(tree.get("state_dict"), dict):
        raise ModelError("it has no state_dict, so it is no checkpoint of a location encoder")
    state = {key: value for key, value in tree["state_dict"].items() if isinstance(key, str)}
    epoch = {"epoch": str(tree["epoch"])} if isinstance(tree.get("epoch"), int) else {}
    params = tree.get("params")
    if isinstance(params, dict) and "spa_enc_type" in params:
        params = plain_values(params)
        tensors = _tensors(checkpoint, state, torchspatial_prefix(state, params))
        return torchspatial_encoder(tensors, params, name=name, training=epoch, sha256=sha256)
    hyper_parameters = tree.get("hyper_parameters")
    if not isinstance(hyper_parameters, dict):
        raise ModelError("it has no hyper_parameters, so its architecture is unknown")
    prefix = _location_prefix(state)
    tensors = {prefix + key: v for key, v in _tensors(checkpoint, state, prefix).items()}
    info = ModelInfo(name=name, training={"source": "Lightning checkpoint", **epoch})
    return encoder_from_state(tensors, plain_values(hyper_parameters), info=info, sha256=sha256)


def _tensors(
    checkpoint: Checkpoint, state: Mapping[str, Any], prefix: str
) -> dict[str, NDArray[Any]]:
    """The arrays under a prefix, without it.

    Raises:
        ModelError: damaged, or more than is stored.
    """
    wanted = {
        key[len(prefix) :]: value
        for key, value in state.items()
        if key.startswith(prefix) and isinstance(value, LazyTensor)
    }
    # Weights may be shared, but not so that a small file fills the memory with one.
    stored = sum({one.storage.key: one.storage.count for one in wanted.values()}.values())
    taken = sum(min(element_count(one.shape), one.storage.count) for one in wanted.values())
    if taken > 2 * stored:
        raise ModelError("its tensors repeat what is stored many times over")
    return {key: checkpoint.tensor(value) for key, value in wanted.items()}


def _read_npz(archive: zipfile.ZipFile, sha256: str) -> LocationEncoder:
    header = _read_header(archive)
    if sum(member.file_size for member in archive.infolist()) > _LARGEST_CONTENT:
        raise ModelError("it announces more than 2 GB of weights")
    weights = _read_weights(archive)
    training = header.get("training") or {}
    info = ModelInfo(
        name=_line("name", header.get("name", "unnamed")),
        licence=_line("licence", header.get("licence", "unknown")),
        training={
            _line("training", key): _text("training", value) for key, value in training.items()
        },
        card=_text("card", header.get("card", "")),
    )
    if header["version"] == TWO_PART_VERSION:
        return TwoPartEncoder(_two_parts(header), weights, info=info, sha256=sha256)
    encoder = LocationEncoder(_architecture(header), weights, info=info, sha256=sha256)
    if _MODALITIES in header:
        encoder.modalities = _read_modalities(archive, header[_MODALITIES], encoder.dim)
    return encoder


def _read_weights(archive: zipfile.ZipFile) -> dict[str, NDArray[Any]]:
    """The arrays under `weights/`, unpacked side by side."""
    before, behind = "weights/", ".npy"
    members = {
        member.filename[len(before) : -len(behind)]: member
        for member in archive.infolist()
        if member.filename.startswith(before) and member.filename.endswith(behind)
    }
    found: dict[str, NDArray[Any]] = {}

    def read(key: str) -> None:
        found[key] = _read_array(archive, members[key])

    for_each(read, sorted(members, key=lambda key: -members[key].file_size))
    return {key: found[key] for key in members}


def _line(name: str, value: object) -> str:
    """Text that is shown to people and written into rasters: one line that can be printed.

    Raises:
        ModelError: it would steer a terminal, or is longer than a line.
    """
    text = _text(name, value)
    if "\n" in text or len(text) > _LONGEST_LINE:
        raise ModelError(f"its model.json has a {name} that is no line of text")
    return text


def _text(name: str, value: object) -> str:
    text = str(value)
    others = set(text) - _GAPS
    if others & _TURNS or any(unicodedata.category(one) in _UNFIT for one in others):
        raise ModelError(f"its model.json has a {name} with characters that cannot be printed")
    return text


def _read_modalities(archive: zipfile.ZipFile, described: object, dim: int) -> Modalities:
    """Encoders of other modalities as the header describes them.

    Raises:
        ModelError: a description or weights that are of no use.
    """
    encoders = described.get("encoders") if isinstance(described, dict) else None
    scales = described.get("scales") if isinstance(described, dict) else None
    if not (
        isinstance(encoders, dict)
        and all(isinstance(facts, dict) for facts in encoders.values())
        and isinstance(scales, list)
        and all(_is_scale(scale) for scale in scales)
    ):
        raise ModelError("its model.json does not say its modalities and the scales of their pairs")
    made = []
    for name, facts in encoders.items():
        start = f"{_MODALITIES}/{name}/"
        weights = {
            member.filename[len(start) : -len(".npy")]: _read_array(archive, member)
            for member in archive.infolist()
            if member.filename.startswith(start) and member.filename.endswith(".npy")
        }
        made.append(modal_encoder(name, facts, weights))
        if made[-1].dim != dim:
            raise ModelError(
                f"its modality {name!r} has {made[-1].dim} dimensions, its location encoder {dim}"
            )
    return Modalities(made, {(first, second): value for first, second, value in scales})


def _is_scale(scale: object) -> bool:
    return (
        isinstance(scale, list)
        and len(scale) == 3
        and all(isinstance(name, str) for name in scale[:2])
        and isinstance(scale[2], (int, float))
    )


def _two_parts(header: Mapping[str, Any]) -> TwoPartConfig:
    """The architecture of an encoder of two parts, as its header says."""
    smooth, levels = header.get("smooth"), header.get("levels")
    resolution = header.get("resolution_km")
    if (
        not isinstance(smooth, dict)
        or not isinstance(levels, list)
        or not all(_is_level(level) for level in levels)
    ):
        raise ModelError("its model.json does not say its smooth part and the levels of its field")
    if resolution is not None and not (isinstance(resolution, (int, float)) and resolution > 0):
        raise ModelError(f"its resolution_km is {resolution!r}, which is no length")
    part = _architecture({**header, **smooth})
    return TwoPartConfig(
        part.encoding,
        part.network,
        part.settings,
        part.network_settings,
        levels=tuple((rows, channels) for rows, channels in levels),
        resolution_km=None if resolution is None else float(resolution),
    )


def _is_level(level: object) -> bool:
    return isinstance(level, list) and len(level) == 2 and all(type(n) is int for n in level)


def _read_header(archive: zipfile.ZipFile) -> dict[str, Any]:
    if archive.getinfo(_HEADER).file_size > _LARGEST_HEADER:
        raise ModelError("its model.json is larger than 1 MB")
    try:
        header = json.loads(archive.read(_HEADER))
    except ValueError as error:
        raise ModelError(f"its model.json is no JSON ({error})") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ModelError(f"its model.json does not say format {FORMAT!r}")
    if header.get("version") not in (VERSION, TWO_PART_VERSION):
        raise ModelError(
            f"its format version is {header.get('version')!r}, this software reads "
            f"{VERSION} and {TWO_PART_VERSION}: upgrade satclip-embeddings"
        )
    for key in ("settings", "training"):
        if not isinstance(header.get(key), dict):
            raise ModelError(f"its model.json has no {key}")
    return header


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """An array of the zip; what its header announces is checked before memory is taken."""
    try:
        return npy_array(archive.read(member), WEIGHT_DTYPES + FIELD_DTYPES)
    except ValueError as error:
        raise ModelError(f"{member.filename} {error}") from error


def _cast(key: str, value: Floats, dtype: str) -> NDArray[Any]:
    if dtype not in WEIGHT_DTYPES:
        raise ModelError(f"weights cannot be stored as {dtype!r}: {', '.join(WEIGHT_DTYPES)}")
    with np.errstate(over="ignore"):
        cast = value.astype(dtype)
    if not np.isfinite(cast).all():
        raise ModelError(f"the weights {key!r} are too large for {dtype}: store them as float32")
    return cast
