"""A location encoder: positional encoding + network + weights, from degrees to embeddings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..compute.blas import product
from ..compute.threads import for_each
from ..errors import InputError, ModelError
from ..extensions import Registry
from ..grid.sphere import check_latitudes, check_lonlat, fibonacci_lattice, wrap_longitudes
from ..types import Bools, Float32, Floats, Integers
from ..version import __version__
from .chebyshev import Batch, Cells
from .encodings import ENCODINGS, EncodingSettings
from .gridpath import GridPath
from .modal import Modalities
from .networks import FIRST_OMEGA, HIDDEN_OMEGA, NETWORKS, Sizes, forward

GridPart = tuple[tuple[Any, Any], Float32]
"""Rows and columns of a part of a grid, as an index, and the values there, (rows, cols, dim)."""

# Points at a time: at L = 40 the float64 features of a chunk take 26 MB.
_CHUNK = 2048
# Places on the globe that deviations are taken of.
_GLOBE = 2048
# Error of `encode_many` that is allowed, in standard deviations of the embedding over the globe.
_TOLERANCE = 1e-4
# A hundred million products with features of some tens stay within float32.
_LARGEST_WEIGHT = 1e28


@dataclass(frozen=True)
class EncoderConfig:
    """The architecture of a location encoder; sizes come from the weights.

    Attributes:
        encoding: a key of `encodings.ENCODINGS` (published: `le_type`).
        network: a key of `networks.NETWORKS` (published: `pe_type`).
        settings: of the encoding, of its settings class: L and basis, frequencies and radii, ….
        network_settings: of the network, of its settings class; None where the weights say all.

    Raises:
        ModelError: an encoding or a network that nothing here or installed brings, or settings that
            are not of its class.
    """

    encoding: str = "sphericalharmonics"
    network: str = "siren"
    settings: Any = field(default_factory=EncodingSettings)
    network_settings: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        encoding, network = _found(ENCODINGS, self.encoding), _found(NETWORKS, self.network)
        if network.settings is not Sizes and self.network_settings is None:
            object.__setattr__(self, "network_settings", network.settings())
        for given, wanted, what in (
            (self.settings, encoding.settings, f"encoding {self.encoding!r}"),
            (self.network_settings, network.settings, f"network {self.network!r}"),
        ):
            if given is not None and not isinstance(given, wanted):
                raise ModelError(
                    f"the {what} has settings of the class {wanted.__name__}, not {given!r}"
                )

    @property
    def width(self) -> int:
        """Number of features."""
        return ENCODINGS[self.encoding].width(self.settings)

    @property
    def formula(self) -> str:
        """The encoder in one line, e.g. `Siren(SH(lon, lat)), L = 10, analytic basis`."""
        if self.encoding != "sphericalharmonics":
            formula = getattr(ENCODINGS[self.encoding], "formula", None)
            inner = formula(self.settings) if formula else f"{self.encoding}(lon, lat)"
            return f"{self.network}({inner})"
        names = {"siren": "Siren", "fcnet": "FCNet", "linear": "Linear", "mlp": "MLP"}
        settings = self.settings
        return (
            f"{names.get(self.network, self.network)}(SH(lon, lat)), "
            f"L = {settings.legendre_polys}, {settings.harmonics_calculation} basis"
        )


@dataclass(frozen=True)
class ModelInfo:
    """Where a model comes from.

    Attributes:
        name: what users call it.
        licence: of the weights.
        training: flat facts of the training run: data, recipe, scores.
        card: the model card, Markdown.
    """

    name: str = "unnamed"
    licence: str = "unknown"
    training: Mapping[str, str] = field(default_factory=dict)
    card: str = ""


def check_numbers(weights: Mapping[str, NDArray[Any]]) -> None:
    """Refuse weights of which no embedding can be made.

    Raises:
        ModelError: some are not finite, or so large that sums of products leave float32.
    """
    for key, value in weights.items():
        # What is not finite shows in one of the two, and no copy is made.
        largest = np.maximum(value.max(initial=0), -value.min(initial=0))
        if not np.isfinite(largest):
            raise ModelError(f"the weights {key!r} hold values that are not finite")
        if largest > _LARGEST_WEIGHT:
            raise ModelError(f"the weights {key!r} are too large: beyond {_LARGEST_WEIGHT:g}")


class LocationEncoder:
    """Embeds places given as (lon, lat) in degrees.

    Args:
        config: the architecture.
        weights: float arrays under the published names (`layers.0.weight`, …).
        info: name, licence, training, card.
        sha256: hash of the model file; of the weights themselves where None.

    Raises:
        ModelError: the weights do not fit the architecture, or are not finite.
    """

    device = "cpu"
    """Where it computes, as of `devices`."""
    file: Path | None = None
    """What it was read from; None where it was made otherwise. What belongs to it lies beside."""
    modalities = Modalities()
    """Encoders of other modalities in the same space; none for most models."""

    def __init__(
        self,
        config: EncoderConfig,
        weights: Mapping[str, NDArray[Any]],
        *,
        info: ModelInfo | None = None,
        sha256: str | None = None,
    ) -> None:
        self.config = config
        self.info = info or ModelInfo()
        self.weights: dict[str, Floats] = {
            key: np.array(value, dtype=np.float64) for key, value in weights.items()
        }
        self.dim = self._check_weights()
        for value in self.weights.values():
            value.flags.writeable = False
        self.sha256 = sha256 or self._digest()

    def __repr__(self) -> str:
        return f"<LocationEncoder {self.name}: {self.config.formula}, {self.dim} dimensions>"

    @property
    def name(self) -> str:
        """What users call the model."""
        return self.info.name

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return self.info.card

    @property
    def band_limited(self) -> bool:
        """Whether nothing is finer than the effective resolution, so that a lattice may stand for
        it."""
        parts = ENCODINGS[self.config.encoding], NETWORKS[self.config.network]
        return not any(getattr(part, "fine", False) for part in parts)

    @property
    def resolution_degrees(self) -> float | None:
        """Effective resolution in degrees, as the encoding says; None where it does not.

        Of harmonics 180 / (2L) (Rußwurm et al. 2024).
        """
        known = getattr(ENCODINGS[self.config.encoding], "resolution", None)
        return None if known is None else float(known(self.config.settings))

    @property
    def provenance(self) -> dict[str, str]:
        """Flat facts for the tags of a result: model, hash, formula, resolution, training."""
        facts = {
            "model": self.name,
            "weights_sha256": self.sha256,
            "dim": str(self.dim),
            "encoder": self.config.formula,
            "coordinates": "lon, lat in degrees (EPSG:4326)",
            "licence": self.info.licence,
        }
        if self.config.encoding == "sphericalharmonics":
            facts["legendre_polys"] = str(self.config.settings.legendre_polys)
            facts["harmonics_calculation"] = self.config.settings.harmonics_calculation
        if self.resolution_degrees is not None:
            facts["effective_resolution_degrees"] = f"{self.resolution_degrees:.4g}"
        facts.update({f"training_{key}": value for key, value in self.info.training.items()})
        return facts

    @property
    def origin(self) -> dict[str, str]:
        """Of the provenance what the description of a table has room for, and the software."""
        told = (
            "model",
            "weights_sha256",
            "licence",
            "effective_resolution_degrees",
            "training_data",
        )
        facts = {name: value for name, value in self.provenance.items() if name in told}
        return {**facts, "software": f"satclip-embeddings {__version__}"}

    def prepare(self) -> None:
        """Make now what the first grid would have to wait for; may be called from any thread."""
        _ = self._grid_path

    def encode(
        self, lonlat: ArrayLike, *, threads: int | None = None, single: bool = False
    ) -> Float32:
        """Embed points.

        Args:
            lonlat: (N, 2) degrees, longitude first; any finite longitude, |lat| <= 90.
            threads: number of threads; all available processors where None.
            single: run the network in float32, about twice as fast and within 1e-4; the
                harmonics stay float64.

        Returns:
            (N, dim) float32, raw (not normalised).

        Raises:
            InputError: wrong shape, a value that is not finite, a latitude out of range.
        """
        points = check_lonlat(lonlat)
        dtype = np.float32 if single else np.float64
        weights = self._weights32 if single else self.weights
        encoding, config = ENCODINGS[self.config.encoding], self.config
        step = getattr(NETWORKS[config.network], "rows", 0) or _CHUNK
        out = np.empty((len(points), self.dim), np.float32)

        def work(start: int) -> None:
            part = slice(start, start + step)
            features = encoding.features(points[part], config.settings, np)
            features = features.astype(dtype, copy=False)
            settings = config.network_settings
            out[part] = forward(config.network, weights, features, settings=settings)

        for_each(work, range(0, len(points), step), threads)
        return out

    def encode_many(self, lonlat: ArrayLike, *, threads: int | None = None) -> Float32:
        """Embed points as `encode` does, within 1e-4 where there is a faster way for many.

        Smooth encoders read those that have others near from series of cells (see `chebyshev`).
        Arguments, result and errors are those of `encode`.
        """
        if not self.band_limited or self._grid_path is None:
            return self.encode(lonlat, threads=threads)
        points = check_lonlat(lonlat)
        batches, alone = self._cells.batches(points)
        out = np.empty((len(points), self.dim), np.float32)
        left = [alone]

        def work(batch: Batch) -> None:
            values = np.empty((len(batch.index), self.dim), np.float32)
            failed = self._cells.read(points[batch.index], batch, values)
            out[batch.index] = values
            left.append(batch.index[failed])

        for_each(work, batches, threads)
        by_themselves: Integers = np.sort(np.concatenate(left))
        if len(by_themselves):
            out[by_themselves] = self.encode(points[by_themselves], threads=threads)
        return out

    def encode_grid(
        self, lons: ArrayLike, lats: ArrayLike, *, threads: int | None = None
    ) -> Float32:
        """Embed the grid spanned by longitudes and latitudes.

        With spherical harmonics the first layer is folded per row (see `gridpath`), with other
        encodings the network runs in float32; the result is within 1e-4 of `encode`.

        Args:
            lons: (cols,) degrees.
            lats: (rows,) degrees, |lat| <= 90.
            threads: number of threads; all available processors where None.

        Returns:
            (rows, cols, dim) float32, raw (not normalised).

        Raises:
            InputError: not one-dimensional, a value that is not finite, a latitude out of range.
        """
        x, y = check_axes(lons, lats)
        if self._grid_path is not None:
            return self._grid_path.encode(x, y, self.dim, threads)
        points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        embedded = self.encode(points, threads=threads, single=True)
        return embedded.reshape(len(y), len(x), self.dim)

    def grid_parts(
        self, lons: ArrayLike, lats: ArrayLike, wanted: Bools | None = None
    ) -> Iterator[GridPart]:
        """Embed a grid part by part, in the calling thread: those in which a pixel is wanted.

        Args:
            lons: (cols,) degrees.
            lats: (rows,) degrees, |lat| <= 90.
            wanted: (rows, cols), which pixels are; all where None.

        Yields:
            where the part lies in the grid, and its embeddings, (rows, cols, dim) float32; pixels
            that are not wanted may be among them, but each that is wanted once.

        Raises:
            InputError: as `encode_grid`.
        """
        if wanted is None:
            yield (slice(None), slice(None)), self.encode_grid(lons, lats, threads=1)
        elif wanted.any():
            rows, cols = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
            x, y = np.asarray(lons)[cols], np.asarray(lats)[rows]
            yield (rows[:, None], cols), self.encode_grid(x, y, threads=1)

    def projected(self, directions: Floats) -> Projection:
        """The products of embeddings with some directions, as something that embeds itself.

        Args:
            directions: (k, dim).
        """
        return Projection(self, directions)

    @cached_property
    def everywhere(self) -> Float32:
        """(places, dim) embeddings of places all over the globe: what deviations are taken of."""
        return self.encode(fibonacci_lattice(_GLOBE), threads=1, single=True)

    @cached_property
    def _cells(self) -> Cells:
        def evaluate(lons: Floats, lats: Floats) -> Float32:
            return self.encode_grid(lons, lats, threads=1)

        return Cells(evaluate, self.resolution_degrees, self._allowed_error)

    def _allowed_error(self) -> float:
        """Of a number that `encode_many` gives: deviations are those of all dimensions together."""
        return _TOLERANCE * float(np.sqrt(self.everywhere.astype(np.float64).var(axis=0).mean()))

    @cached_property
    def _grid_path(self) -> GridPath | None:
        affine_first = getattr(NETWORKS[self.config.network], "first", None) is not None
        if self.config.encoding != "sphericalharmonics" or not affine_first:
            return None
        return GridPath(self.config.network, self.weights, self.config.settings)

    @cached_property
    def _weights32(self) -> dict[str, Float32]:
        return {key: value.astype(np.float32) for key, value in self.weights.items()}

    def _check_weights(self) -> int:
        """Run one row of zeros through the network; return the width that comes out."""
        check_numbers(self.weights)
        config, width = self.config, self.config.width
        try:
            zeros = np.zeros((1, width))
            made = forward(config.network, self.weights, zeros, settings=config.network_settings)
            return int(made.shape[1])
        except KeyError as error:
            raise ModelError(
                f"the weights lack {error.args[0]!r}, which a {self.config.network} needs"
            ) from error
        except (ValueError, IndexError) as error:
            shapes = ", ".join(f"{key} {value.shape}" for key, value in self.weights.items())
            raise ModelError(
                f"the weights do not fit {self.config.formula} with {width} features: {shapes}"
            ) from error

    def _digest(self) -> str:
        digest = hashlib.sha256(repr((self.config, FIRST_OMEGA, HIDDEN_OMEGA)).encode())
        if self.config.network_settings is not None:
            digest.update(repr(self.config.network_settings).encode())
        for key in sorted(self.weights):
            digest.update(key.encode() + self.weights[key].tobytes())
        return digest.hexdigest()


class Projection:
    """The products of embeddings with some directions: what linear functions of them are made of.

    Args:
        encoder: what embeds.
        directions: (k, dim).

    Attributes:
        dim: number of directions.
    """

    def __init__(self, encoder: LocationEncoder, directions: Floats) -> None:
        self._encoder = encoder
        self._onto = np.ascontiguousarray(directions.T, np.float32)
        self.dim = len(directions)

    def encode(
        self, lonlat: ArrayLike, *, threads: int | None = None, single: bool = False
    ) -> Float32:
        """Products at points; arguments and errors are those of `LocationEncoder.encode`.

        Returns:
            (N, k) float32.
        """
        return product(self._encoder.encode(lonlat, threads=threads, single=single), self._onto)

    def grid_parts(
        self, lons: ArrayLike, lats: ArrayLike, wanted: Bools | None = None
    ) -> Iterator[GridPart]:
        """Products on parts of a grid, (rows, cols, k); see `LocationEncoder.grid_parts`."""
        for at, part in self._encoder.grid_parts(lons, lats, wanted):
            flat = product(part.reshape(-1, part.shape[2]), self._onto)
            yield at, flat.reshape(*part.shape[:2], self.dim)


def check_axes(lons: ArrayLike, lats: ArrayLike) -> tuple[Floats, Floats]:
    """The axes of a grid as (cols,) degrees in -180..180 and (rows,) degrees.

    Raises:
        InputError: not one-dimensional, a value that is no finite number, a latitude out of range.
    """
    x, y = check_axis(lons, "lons"), check_axis(lats, "lats")
    check_latitudes(y)
    return wrap_longitudes(x), y


def _found(registry: Registry[Any], name: str) -> Any:
    if name not in registry:
        raise ModelError(f"unknown {registry.kind} {name!r}: it is none of {', '.join(registry)}")
    return registry[name]


def check_axis(values: ArrayLike, name: str) -> Floats:
    """One axis of a grid as (n,) float64.

    Raises:
        InputError: not one-dimensional, or a value that is no finite number; it names the axis.
    """
    try:
        axis = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be numbers in degrees: {error}") from error
    if axis.ndim != 1:
        raise InputError(f"{name} has shape {axis.shape}: give one dimension, degrees")
    if not np.isfinite(axis).all():
        raise InputError(f"{name} holds values that are not finite")
    return axis
