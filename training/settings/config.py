"""The settings of one training run: a YAML file read into frozen dataclasses."""

# ruff: noqa: RUF009 - `setting` makes dataclass fields, as dataclasses.field does
from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from satclip_core.encoder import EncoderConfig
from satclip_core.encoder.encodings import ENCODINGS, Encoding, EncodingSettings
from satclip_core.encoder.modal import COORDINATES
from satclip_core.encoder.networks import NETWORKS, Network, Sizes
from satclip_core.errors import InputError
from satclip_core.extensions import Registry

from .modality import ChipSettings, ModalitySettings, modality
from .run_files import override, read_yaml
from .schema import (
    Chosen,
    anything,
    build,
    chosen,
    either,
    file_stem,
    flag,
    integer,
    mapping,
    optional,
    plain,
    real,
    saying,
    section,
    sequence,
    setting,
    text,
)

LARGEST_SEED = 2**63 - 1
"""What torch takes."""
GLOBE = (-180.0, -90.0, 180.0, 90.0)
SENTINEL2_ALL_MOCO = "sentinel2-all-moco"
"""torchgeo's name of the weights that SatCLIP's image encoders are frozen at."""


NOT_IN_THE_WEIGHTS = (
    "threads",
    "tensorboard",
    "accelerator",
    "harmonics_memory_gb",
    "loss_rows",
    "devices",
    "nodes",
)
"""Training settings that change where and how fast, not what is computed."""


@dataclasses.dataclass(frozen=True)
class PointSettings:
    """Which places are trained on: uniform over land area, a file of points, or of patches.

    `within` names a source: places are sampled where its rasters have imagery.
    """

    count: int = setting(integer(low=4), 100_000)
    land_mask: str | None = setting(optional(text()), None)
    sea_share: float = setting(real(0, 0.9), 0.0)
    water_value: Any = setting(optional(anything), None)
    latitude: tuple[float, float] = setting(sequence(real(-90, 90), length=2), (-90.0, 90.0))
    longitude: tuple[float, float] = setting(sequence(real(-180, 180), length=2), (-180.0, 180.0))
    file: str | None = setting(optional(text()), None)
    patches: str | None = setting(optional(text()), None, later=True)
    within: str | None = setting(optional(text()), None, later=True)
    seed: int = setting(integer(low=0), 1)


RANDOM_CONVOLUTION, TIMM = "random-convolution", "timm"

IMAGE_ENCODERS: Registry[Any] = Registry(
    "satclip.image_encoders",
    "image encoder",
    ("settings", "open"),
    {RANDOM_CONVOLUTION: None, TIMM: None},
)
"""Frozen image encoders by `features.kind`: two of this project, which have no entry of their own,
and `images.features.ImageEncoderKind`s of installed packages."""


def _features(value: Any, where: str) -> Any:
    """Read the features of a source; settings of another's image encoder by its own class."""
    read = build(FeatureSettings, value, where)
    if read.kind not in IMAGE_ENCODERS:
        text(*IMAGE_ENCODERS)(read.kind, f"{where}.kind")
    if read.kind in IMAGE_ENCODERS.built_in:
        if read.settings is not None:
            raise InputError(f"{where}.settings: {read.kind!r} has none of its own; remove it")
        return read
    kind = chosen(IMAGE_ENCODERS, read.kind)({**(read.settings or {}), "kind": read.kind}, where)
    return dataclasses.replace(read, settings=kind.settings)


@dataclasses.dataclass(frozen=True)
class FeatureSettings:
    """The frozen image encoder of a source, and its principal components.

    `dim` 0 keeps the encoder's features as they are, as published runs do. `model`, `weights` and
    `in_channels` belong to the kind `timm`: any name that timm knows; a file of weights,
    `sentinel2-all-moco` (torchgeo's, fetched), `timm` (its own, fetched) or `random`. An image
    encoder of an installed package has its own under `settings`.
    """

    kind: str = setting(text(), RANDOM_CONVOLUTION)
    settings: Any = setting(optional(mapping(lambda value, where: value)), None, later=True)
    model: str = setting(text(), "resnet18", later=True)
    weights: str = setting(text(), SENTINEL2_ALL_MOCO, later=True)
    in_channels: int = setting(integer(low=1), 13, later=True)
    filters: int = setting(integer(low=1), 256)
    patch: int = setting(integer(low=1, high=31), 3)
    regularisation: float = setting(real(above=0), 0.1)
    threshold: float = setting(real(0), 0.5)
    mean_response: bool = setting(flag, True)
    dim: int = setting(integer(low=0), 128)
    whitening: float = setting(real(0, 1), 1.0)
    samples: int = setting(integer(low=16), 20_000)


_FEATURES = saying(_features, "settings", {"": FeatureSettings})


@dataclasses.dataclass(frozen=True)
class PatchSettings:
    """How a patch of S2-100K's kind becomes an image, and how it is varied from view to view."""

    scale: float = setting(real(above=0), 10_000.0)
    zero_band: int | None = setting(optional(integer(low=0)), 10)
    crop: int = setting(integer(low=1), 256)
    flip: bool = setting(flag, True)
    blur: int = setting(integer(low=0, high=31), 3)


@dataclasses.dataclass(frozen=True)
class StudentSettings:
    """A small vision transformer trained without labels on the source's own images (DINO).

    `patch` is the side of its patches in pixels and must divide that of the images. `momentum` is
    the share of itself that the teacher keeps at a step, `centre` that of its outputs' running
    mean; `rotation`, `zoom` and `shift` bound the affine views (degrees; shares of the side).
    """

    patch: int = setting(integer(low=1), 4)
    width: int = setting(integer(low=4), 64)
    depth: int = setting(integer(low=1), 4)
    heads: int = setting(integer(low=1), 4)
    outputs: int = setting(integer(low=2), 256)
    samples: int = setting(integer(low=16), 8192)
    epochs: int = setting(integer(low=1), 20)
    batch_size: int = setting(integer(low=2), 128)
    learning_rate: float = setting(real(above=0), 1e-3)
    momentum: float = setting(real(0, 0.99999), 0.99)
    centre: float = setting(real(0, 0.99999), 0.9)
    teacher_temperature: float = setting(real(above=0), 0.04)
    student_temperature: float = setting(real(above=0), 0.1)
    rotation: float = setting(real(0, 180), 180.0)
    zoom: float = setting(real(0, 0.9), 0.3)
    shift: float = setting(real(0, 1), 0.2)

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise InputError(f"heads: {self.heads} do not divide the width {self.width}")


@dataclasses.dataclass(frozen=True)
class SmoothingSettings:
    """SatCLE's semantic continuity: what attention passes over in an image is smoothed away.

    `kind` is whose attention: `trained` trains a student and a teacher on the images themselves
    (`student`), `timm` takes a frozen network by `model` and `weights` (a file, `timm` or
    `random`). `attention` is that of the class token (`cls`), or the sum of what each patch pays
    to others, as the released code has it (`patches`). Patches below the `threshold` quantile
    become the mean of the causal patches around them (`neighbours`), or blur with all pixels around
    as in the released code (`blur`).
    """

    kind: str = setting(text("trained", TIMM), "trained")
    model: str = setting(text(), "vit_small_patch16_224")
    weights: str = setting(text(), "random")
    student: StudentSettings = setting(section(StudentSettings), StudentSettings)
    attention: str = setting(text("cls", "patches"), "cls")
    threshold: float = setting(real(0, 0.99), 0.1)
    replacement: str = setting(text("neighbours", "blur"), "neighbours")


@dataclasses.dataclass(frozen=True)
class SourceSettings:
    """One kind of imagery: rasters that chips are cut from, or a folder of patches.

    Of several rasters (`files`) every view draws one at random. A folder of patches (`patches`)
    is laid out as S2-100K is, and the points must be its own (`points.patches`).

    `bounds` (west, south, east, north in degrees) says where images lie that are not
    georeferenced. Places for which there is no imagery are left out (`blank: drop`), trained on
    with blank features (`keep`), or a reason to stop (`refuse`).

    `smoothing` changes images before they are encoded, as SatCLE does.
    """

    files: tuple[Any, ...] = setting(
        sequence(either(text(), sequence(text(), least=1)), least=1), ()
    )
    chip: ChipSettings | None = setting(optional(section(ChipSettings)), None)
    patches: str | None = setting(optional(text()), None, later=True)
    transform: PatchSettings = setting(section(PatchSettings), PatchSettings, later=True)
    views: int = setting(integer(low=1, high=64), 2)
    features: FeatureSettings = setting(_FEATURES, FeatureSettings)
    bounds: tuple[float, ...] | None = setting(
        optional(sequence(real(), length=4)), None, former=GLOBE
    )
    bands: tuple[int, ...] | None = setting(optional(sequence(integer(low=1), least=1)), None)
    nodata: float | None = setting(optional(real()), None)
    reduce: int = setting(integer(low=1, high=64), 1)
    least_valid: float = setting(real(0, 1), 0.5)
    weight: float = setting(real(above=0), 1.0)
    smoothing: SmoothingSettings | None = setting(
        optional(section(SmoothingSettings)), None, later=True
    )
    # Not counted: which places are left out is in the digest of the data.
    blank: str = setting(text("drop", "keep", "refuse"), "drop", counted=False)


HARMONICS = "sphericalharmonics"


def _encoding_keys(name: str, encoding: Encoding) -> tuple[str, ...] | None:
    """Settings under `model.encoding`; those of harmonics stand under `model` itself."""
    return () if name == HARMONICS else getattr(encoding, "uses", None)


def _network_keys(name: str, network: Network) -> tuple[str, ...] | None:
    """Settings under `model.network`; sizes of the zoo's networks stand under `model` itself."""
    return () if network.settings is Sizes else None


@dataclasses.dataclass(frozen=True)
class ModelSettings:
    """The location encoder, an encoding and a network, and the image projection.

    `legendre_polys`, `harmonics_calculation`, `feature_gain` and the degrees belong to spherical
    harmonics; `capacity` and `num_hidden_layers` to the networks siren, fcnet and mlp. Others have
    their settings beside their name: `encoding: {kind: grid, frequency_num: 16}`.

    `init` is a model file or a checkpoint whose weights training begins with.
    """

    encoding: Chosen = setting(
        chosen(ENCODINGS, HARMONICS, _encoding_keys),
        Chosen(HARMONICS, EncodingSettings(), ()),
        later=True,
    )
    network: Chosen = setting(
        chosen(NETWORKS, "siren", _network_keys), Chosen("siren", Sizes(), ()), later=True
    )
    legendre_polys: int = setting(integer(low=1, high=100), 10)
    harmonics_calculation: str = setting(text("analytic", "closed-form"), "analytic")
    capacity: int = setting(integer(low=1), 512)
    num_hidden_layers: int = setting(integer(low=1), 2)
    embed_dim: int = setting(integer(low=1), 256)
    dropout: float = setting(real(0, 0.95), 0.0)
    feature_gain: float = setting(real(above=0), 1.0)
    degree_decay: float = setting(real(0), 0.0)
    degree_reference: float = setting(real(above=0), 10.0)
    location_head: int = setting(integer(low=0), 0, later=True)
    image_hidden: int = setting(integer(low=0), 0)
    image_noise: float = setting(real(0), 0.0)
    source_dropout: float = setting(real(0, 0.95), 0.0)
    init: str | None = setting(optional(text()), None, later=True)

    @property
    def architecture(self) -> EncoderConfig:
        """Encoding and network as the core's encoder has them."""
        settings, given = self.encoding.settings, self.network.settings
        if self.encoding.kind == HARMONICS:
            settings = EncodingSettings(
                legendre_polys=self.legendre_polys,
                harmonics_calculation=self.harmonics_calculation,
            )
        return EncoderConfig(
            self.encoding.kind,
            self.network.kind,
            settings,
            None if isinstance(given, Sizes) else given,
        )

    @property
    def sizes(self) -> Any:
        """Settings of the network, sizes too."""
        given = self.network.settings
        return Sizes(self.capacity, self.num_hidden_layers) if isinstance(given, Sizes) else given


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """How it is trained: optimiser, schedule, batches, validation, averaging.

    `patience` epochs without a lower validation loss end the run; 0 never does.
    """

    epochs: int = setting(integer(low=1), 20)
    batch_size: int = setting(integer(low=2), 4096)
    learning_rate: float = setting(real(above=0), 3e-4)
    first_layer_rate: float = setting(real(above=0), 1.0)
    image_learning_rate: float | None = setting(optional(real(above=0)), None)
    weight_decay: float = setting(real(0), 0.01)
    schedule: str = setting(text("cosine", "constant"), "cosine")
    warmup: float = setting(real(0, 1), 0.05)
    final_rate: float = setting(real(0, 1), 0.01)
    beta2: float = setting(real(0.5, 0.99999), 0.98)
    gradient_clip: float = setting(real(0), 0.0)
    temperature: float = setting(real(above=0), 0.07)
    largest_scale: float = setting(real(above=1), 100.0)
    learn_temperature: bool = setting(flag, True)
    average_decay: float = setting(real(0, 0.99999), 0.0)
    jitter_degrees: float = setting(real(0, 10), 0.0)
    validation_fraction: float = setting(real(0, 0.5), 0.1)
    validation_candidates: int = setting(integer(low=2), 2000)
    harmonics_memory_gb: float = setting(real(0), 2.0)
    precision: str = setting(text("32-true", "bf16-mixed", "16-mixed", "64-true"), "32-true")
    accelerator: str = setting(text("auto", "cpu", "gpu", "mps"), "auto")
    threads: int = setting(integer(low=0), 0)
    tensorboard: bool = setting(flag, False)
    loss: str = setting(text("clip", "siglip"), "clip", later=True)
    loss_rows: int = setting(integer(low=0), 1024, later=True)
    cache: bool = setting(flag, True, later=True)
    devices: int = setting(integer(low=1), 1, later=True)
    nodes: int = setting(integer(low=1), 1, later=True)
    patience: int = setting(integer(low=0), 0, later=True)


@dataclasses.dataclass(frozen=True)
class SatclipSettings:
    """SatCLIP's objective; what shapes it stands under `training` and `model`."""


@dataclasses.dataclass(frozen=True)
class SatcleSettings:
    """SatCLE's objective; `training` and `model` shape it as they do SatCLIP's.

    Spatial continuity (`spatial`): `copies` of each place are drawn around it, and what the
    encoder says of them is fused. `spread` is the deviation of a normal distribution, that of a
    von Mises-Fisher one (kappa = 1 / spread²), or the bound of a uniform one, in degrees of
    longitude and latitude or in kilometres on the ground. `fusion` is a graph over the copies as
    the paper has it (`graph`), as the released code has it (`released-graph`), or their mean. The
    graph's Gaussian has the deviation `graph_scale` in the same unit, `spread` where it is 0.

    Semantic continuity is a setting of the sources, `smoothing`.

    `loss` is one way, each place among the batch's images or each image among its places, or both.
    """

    spatial: bool = setting(flag, True)
    copies: int = setting(integer(low=1, high=100), 5)
    spread: float = setting(real(above=0), 0.01)
    unit: str = setting(text("degrees", "kilometres"), "degrees")
    distribution: str = setting(text("normal", "uniform", "von-mises-fisher"), "normal")
    keep_original: bool = setting(flag, True)
    fusion: str = setting(text("graph", "released-graph", "mean"), "graph")
    graph_scale: float = setting(real(0), 0.0)
    loss: str = setting(text("place-to-image", "image-to-place", "symmetric"), "place-to-image")

    def __post_init__(self) -> None:
        most = MOST_SPREAD[self.unit]
        if self.spread > most:
            raise InputError(f"spread: {self.spread:g} {self.unit}, {most:g} is the most")


@dataclasses.dataclass(frozen=True)
class UnigeoclipSettings:
    """UniGeoCLIP's objective; rates, batches and the scale's bounds stand under `training`.

    `pairs` are all pairs of modalities, or those with the coordinates (`pivot`). `scales` is one
    learned scale for all, or one for each pair. Where samples miss modalities, `average` takes the
    mean over each sample's pairs and then over samples, or over each pair's samples and then over
    `pairs`. `hidden` are the layers of the towers of `sources`, whose features come from a frozen
    image encoder.
    """

    pairs: str = setting(text("all", "pivot"), "all")
    scales: str = setting(text("one", "pairs"), "one")
    average: str = setting(text("samples", "pairs"), "samples")
    hidden: tuple[int, ...] = setting(sequence(integer(low=1)), (128,))


MOST_SPREAD = {"degrees": 10.0, "kilometres": 1000.0}
"""Perturbations are of a place, not of its continent; normal ones then stay within a half turn."""


@dataclasses.dataclass(frozen=True)
class ObjectiveKind:
    """An objective of this project, as far as settings know it.

    Attributes:
        settings: its settings class.
    """

    settings: type[Any]


OBJECTIVES: Registry[Any] = Registry(
    "satclip.objectives",
    "objective",
    ("settings",),
    {
        "satclip": ObjectiveKind(SatclipSettings),
        "satcle": ObjectiveKind(SatcleSettings),
        "unigeoclip": ObjectiveKind(UnigeoclipSettings),
    },
)
"""What a location encoder is trained against, by `kind`.

This project's classes are in `objectives.CLASSES`; an installed package's entry is its class.
"""


@dataclasses.dataclass(frozen=True)
class ProbeSettings:
    """Linear probes logged while training, and the ones of the model card."""

    tasks: str | None = setting(optional(text()), None)
    every: int = setting(integer(low=0), 5)
    names: tuple[str, ...] | None = setting(optional(sequence(text())), None)
    baselines: tuple[str, ...] = setting(sequence(text("identity", "untrained", "geoclip")), ())


@dataclasses.dataclass(frozen=True)
class ExportSettings:
    """What the finished model file holds, and the card beside it."""

    trained_share: float = setting(real(0, 1), 1.0, later=True)
    embedding: str = setting(text("output", "hidden-components"), "output")
    contrastive_components: int = setting(integer(low=0), 0)
    leading: str = setting(text("contrastive", "imagery"), "contrastive", later=True)
    contrastive_share: float = setting(real(0, 1), 0.75)
    component_power: float = setting(real(-2, 1), 0.0)
    postprocess: str = setting(text("none", "centre", "standardise", "whiten"), "none")
    shrinkage: float = setting(real(0, 1), 0.1)
    rotation_seed: int | None = setting(optional(integer(0, 2**32 - 1)), None)
    dtype: str = setting(text("float32", "float16"), "float32")
    licence: str | None = setting(optional(text()), None, former="MIT")
    data: str = setting(text(), "see the configuration")
    limits: tuple[str, ...] = setting(sequence(text()), ())


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """One training run, complete; `load_config` reads it from YAML."""

    name: str = setting(file_stem)
    sources: dict[str, SourceSettings] = setting(mapping(section(SourceSettings)), dict)
    points: PointSettings = setting(section(PointSettings), PointSettings)
    seed: int = setting(integer(0, LARGEST_SEED), 1)
    output: str | None = setting(optional(text()), None)
    model: ModelSettings = setting(section(ModelSettings), ModelSettings)
    training: TrainingSettings = setting(section(TrainingSettings), TrainingSettings)
    objective: Chosen = setting(
        chosen(OBJECTIVES, "satclip"), Chosen("satclip", SatclipSettings()), later=True
    )
    probe: ProbeSettings = setting(section(ProbeSettings), ProbeSettings)
    export: ExportSettings = setting(section(ExportSettings), ExportSettings)
    modalities: dict[str, ModalitySettings] = setting(mapping(modality), dict, later=True)

    def digest(self) -> str:
        """SHA-256 of the settings, the same wherever data and output lie."""
        values = plain(self, digest=True)
        values.pop("output")
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def as_plain(self) -> dict[str, Any]:
        """All settings as plain values, to be stored or printed."""
        values: dict[str, Any] = plain(self)
        return values

    def training_digest(self) -> str:
        """SHA-256 of the settings that shape the weights while they are trained."""
        values = plain(self, digest=True)
        for key in ("name", "output", "probe", "export"):
            values.pop(key)
        for key in NOT_IN_THE_WEIGHTS:
            values["training"].pop(key, None)
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def load_config(path: str | os.PathLike[str], overrides: Iterable[str] = ()) -> TrainConfig:
    """Read a training configuration.

    Args:
        path: YAML file.
        overrides: `key.subkey=value` texts, values in YAML syntax, as `--set` takes them.

    Raises:
        InputError: one line with the file, the key, the value and the fix.
    """
    file = Path(path)
    values = read_yaml(file)
    for change in overrides:
        override(values, change)
    config: TrainConfig = build(TrainConfig, values, f"{file}: ")
    _check_together(config, file)
    return config


def _check_together(config: TrainConfig, file: Path) -> None:
    """Checks that span several keys."""
    low, high = config.points.latitude
    if low >= high:
        raise InputError(f"{file}: points.latitude: south {low} is not below north {high}")
    _check_modalities(config, file)
    _check_model(config.model, file)
    _check_within(config, file)
    if config.training.patience and not config.training.validation_fraction:
        raise InputError(
            f"{file}: training.patience: {config.training.patience}, but nothing is held out to "
            "validate on: set training.validation_fraction, or patience to 0"
        )
    for name, source in config.sources.items():
        where = f"{file}: sources.{name}"
        _check_images(source, config.points, where)
        _check_smoothing(source, where)
        _check_features(source, where)


UNIGEOCLIP = "unigeoclip"
"""The one objective that contrasts modalities."""


def _check_modalities(config: TrainConfig, file: Path) -> None:
    """There is something to train against, and an objective that takes it."""
    if not config.sources and not config.modalities:
        raise InputError(
            f"{file}: sources: expected at least 1 entries, or modalities for the objective "
            f"{UNIGEOCLIP!r}"
        )
    brought = config.objective.kind not in OBJECTIVES.built_in
    if config.objective.kind != UNIGEOCLIP and not brought:
        if config.modalities:
            raise InputError(
                f"{file}: modalities: the objective {config.objective.kind!r} has no use for them: "
                f"set objective to {UNIGEOCLIP}, or name sources"
            )
        return
    for name in config.modalities:
        if name == COORDINATES or name in config.sources or not _NAME.fullmatch(name):
            raise InputError(
                f"{file}: modalities.{name}: cannot be called so; take letters, digits, - and _, "
                f"and neither {COORDINATES!r} nor the name of a source"
            )
    if config.objective.kind == UNIGEOCLIP:
        _check_shared_space(config, file)


def _check_shared_space(config: TrainConfig, file: Path) -> None:
    """Nothing is done at export, nor put behind the encoder, that would move it from the others."""
    export, plain_export = config.export, ExportSettings()
    for key in ("trained_share", "embedding", "postprocess", "rotation_seed"):
        if getattr(export, key) != getattr(plain_export, key):
            raise InputError(
                f"{file}: export.{key}: {getattr(export, key)!r} would move places away from the "
                f"other modalities of {UNIGEOCLIP!r}; leave it out"
            )
    if config.model.location_head:
        raise InputError(
            f"{file}: model.location_head: {UNIGEOCLIP!r} contrasts the embedding itself; leave it "
            "out"
        )


_NAME = re.compile(r"[A-Za-z0-9_-]+")


def _check_model(model: ModelSettings, file: Path) -> None:
    """Encoding and network fit, and nothing is asked of them that they have not."""
    where = f"{file}: model"
    network = NETWORKS[model.network.kind]
    if model.encoding.kind != HARMONICS and model.degree_decay:
        raise InputError(
            f"{where}.degree_decay: {model.encoding.kind!r} has no degrees; leave it out"
        )
    if model.feature_gain != 1 and getattr(network, "first", None) is None:
        raise InputError(
            f"{where}.feature_gain: {model.network.kind!r} has no first layer to fold it into; "
            "leave it out"
        )
    try:
        network.parameters(model.architecture.width, model.embed_dim, model.sizes)
    except InputError as error:
        raise InputError(f"{where}.network: ", error) from error


def _check_within(config: TrainConfig, file: Path) -> None:
    """`points.within` is a source of rasters, and places are sampled at all."""
    within, where = config.points.within, f"{file}: points.within"
    if within is None:
        return
    if within not in config.sources:
        known = ", ".join(config.sources)
        raise InputError(f"{where}: {within!r} is none of the sources ({known})")
    if config.sources[within].patches is not None:
        raise InputError(f"{where}: {within!r} has patches; set points.patches instead")
    if config.points.file is not None or config.points.patches is not None:
        given = "file" if config.points.file is not None else "patches"
        raise InputError(f"{where}: places come from points.{given}; remove one of the two")


def _check_images(source: SourceSettings, points: PointSettings, where: str) -> None:
    """A source is rasters and how chips are cut, or patches at the run's own points."""
    if source.patches is None:
        if not source.files or source.chip is None:
            missing = "chip" if source.files else "files"
            raise InputError(f"{where}.{missing}: missing; a source has files and chip, or patches")
        west, south, east, north = source.bounds or GLOBE
        if west >= east or south >= north:
            raise InputError(f"{where}.bounds: expected west south east north, got {source.bounds}")
    elif source.files or source.chip is not None:
        extra = "files" if source.files else "chip"
        raise InputError(f"{where}.{extra}: a source of patches has none; remove it or `patches`")
    elif points.patches != source.patches:
        raise InputError(
            f"{where}.patches: {source.patches!r} needs its own points; "
            f"set points.patches to it, not {points.patches!r}"
        )


def _check_smoothing(source: SourceSettings, where: str) -> None:
    """Patches make up the image."""
    if source.smoothing is None or source.smoothing.kind == TIMM:
        return
    side = source.chip.pixels if source.chip is not None else source.transform.crop
    patch = source.smoothing.student.patch
    if side % patch or side == patch:
        raise InputError(
            f"{where}.smoothing.student.patch: images of {side} pixels are not made of several "
            f"patches of {patch}; set it to a divisor of {side}"
        )


def _check_features(source: SourceSettings, where: str) -> None:
    features = source.features
    side = source.chip.pixels if source.chip is not None else source.transform.crop
    if features.kind != RANDOM_CONVOLUTION:
        return
    if features.patch > side:
        raise InputError(
            f"{where}.features.patch: {features.patch} is larger than the chip ({side} pixels)"
        )
    most = features.filters * (3 if features.mean_response else 2)
    if features.dim > most:
        raise InputError(
            f"{where}.features.dim: {features.dim} is more than the {most} responses "
            f"of {features.filters} filters"
        )
