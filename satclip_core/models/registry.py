"""Names of models to files: bundled, published (fetched on request into a cache), GeoCLIP (with its
package), any path.

What was fetched is recorded in a JSON beside the file and checked each time it is loaded.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DownloadError, ModelError, Package, call
from ..types import Cancelled, Progress
from .geoclip import DIM as GEOCLIP_DIM
from .geoclip import NAME as GEOCLIP
from .geoclip import find_geoclip, geoclip_file, read_geoclip
from .published import HUB_URL, PUBLISHED, Published

if TYPE_CHECKING:
    from ..encoder import LocationEncoder, ModelInfo
    from .download import Policy

BUNDLED, WORDS = "bundled", "words"
SHIPPED = {name: Path(__file__).parent / f"{name}.npz" for name in (BUNDLED, WORDS)}
"""Models that come with the package: the one for everything, and the one of words and images."""
NAMES = (*SHIPPED, *PUBLISHED, GEOCLIP)
"""What a model can be called that is no path."""


@dataclass(frozen=True)
class Record:
    """What was fetched, kept in `NAME.json` beside the file.

    Attributes:
        name: of the model.
        url: where it came from.
        revision: asked for.
        commit: the revision the server reported, if it did.
        size: bytes.
        sha256: of the file.
        fetched: when, ISO 8601, UTC.
    """

    name: str
    url: str
    revision: str
    commit: str | None
    size: int
    sha256: str
    fetched: str


@dataclass(frozen=True)
class ModelEntry:
    """One line of the list of models.

    Attributes:
        name: what users call it.
        state: "bundled", "fetched" or "not fetched"; of a model that comes with a package of its
            own "installed" or "not installed"; of a file that was asked for "file".
        path: of the file; None while it is not here.
        legendre_polys: L; None without spherical harmonics.
        dim: length of an embedding.
        resolution_degrees: effective resolution 180 / (2L); None without spherical harmonics.
        size: bytes; None where not known.
    """

    name: str
    state: str
    path: str | None
    legendre_polys: int | None
    dim: int
    resolution_degrees: float | None
    size: int | None


def load_encoder(name_or_path: str | os.PathLike[str] = BUNDLED) -> LocationEncoder:
    """Open a model by name or path.

    Args:
        name_or_path: "bundled" or "words"; a published name such as "satclip-vit16-l40", once
            fetched; "geoclip", where its package is installed; or the path of an `.npz` of this
            project, a published `.ckpt`, or a `.pth.tar` of TorchSpatial or CSP.

    Raises:
        ModelError: unknown name, not fetched, changed since it was fetched, or not readable.
    """
    from .model_file import read_model

    if str(name_or_path).lower() == GEOCLIP:
        return read_geoclip(find_geoclip())
    encoder = read_model(find_model(name_or_path))
    published = PUBLISHED.get(str(name_or_path).lower())
    if published is not None:
        encoder.info = published_info(published)
    return encoder


def published_info(model: Published) -> ModelInfo:
    """Where a published checkpoint comes from: its file does not say."""
    from ..encoder import ModelInfo

    training = {
        "source": f"{model.repository}@{model.revision}",
        "data": "S2-100K (Sentinel-2, 12 bands)",
        "paper": "Klemmer et al., SatCLIP, AAAI 2025, arXiv:2311.17179",
    }
    card = (
        f"# {model.name}\n\nThe location encoder of [{model.repository}]"
        f"({HUB_URL}/{model.repository}), published by Microsoft under the MIT licence; "
        f"trained on S2-100K. L = {model.legendre_polys}.\n"
    )
    return ModelInfo(name=model.name, licence="MIT", training=training, card=card)


def find_model(name_or_path: str | os.PathLike[str] = BUNDLED) -> Path:
    """The file of a model; a fetched one is checked against its record.

    Raises:
        ModelError: unknown name, no such file, not fetched, or changed since it was fetched.
    """
    if not isinstance(name_or_path, str):
        return _existing(Path(name_or_path))
    name = name_or_path.lower()
    if name in SHIPPED:
        if not SHIPPED[name].is_file():
            raise ModelError(
                f"this installation has no model {name} (models/{name}.npz is missing): "
                "install the package again, or give the path of a model"
            )
        return SHIPPED[name]
    if name in PUBLISHED:
        return _fetched(PUBLISHED[name])
    if name == GEOCLIP:
        return find_geoclip()
    from .model_file import SUFFIXES

    path = Path(name_or_path).expanduser()
    if path.exists() or path.suffix.lower() in SUFFIXES or path.name != name_or_path:
        return _existing(path)
    raise unknown_name(name_or_path)


def settled(name_or_path: str | os.PathLike[str]) -> str:
    """The same model from any folder: a name as it is, the path of a file in full."""
    name = os.fspath(name_or_path)
    path = Path(name).expanduser()
    named = name.lower() in NAMES
    return name if named or not path.is_file() else str(path.absolute())


def name_of(encoder: LocationEncoder) -> str:
    """What an encoder's model is called on any machine; the path of its file where it has no name.

    Raises:
        ModelError: it was made in memory, and nobody else can open it.
    """
    if encoder.file is None:
        raise ModelError(
            f"the model {encoder.name} is in the memory of this process alone: write it to a file "
            "and open that"
        )
    published = {name: model.path for name, model in PUBLISHED.items()}
    places = {**SHIPPED, **published, GEOCLIP: geoclip_file()}
    names = [name for name, path in places.items() if path == encoder.file]
    return names[0] if names else str(encoder.file.absolute())


def unknown_name(name: str) -> ModelError:
    """The error for a name that is no model, with the nearest names and all there are."""
    near = difflib.get_close_matches(name.lower(), NAMES, n=2, cutoff=0.6)
    guess = f" (did you mean {' or '.join(near)}?)" if near else ""
    return ModelError(
        f"unknown model {name!r}{guess}: there are {', '.join(NAMES)}, "
        "and any path of an .npz, .ckpt or .pth.tar file"
    )


def list_models() -> list[ModelEntry]:
    """All named models and whether they are here, without loading the published ones."""
    entries = [_shipped_entry(name) for name, file in SHIPPED.items() if file.is_file()]
    for model in PUBLISHED.values():
        here = model.path.is_file()
        size = model.path.stat().st_size if here else model.size
        entries.append(
            ModelEntry(
                model.name,
                "fetched" if here else "not fetched",
                str(model.path) if here else None,
                model.legendre_polys,
                model.dim,
                180 / (2 * model.legendre_polys),
                size,
            )
        )
    return [*entries, _geoclip_entry()]


def fetch(
    name: str,
    *,
    force: bool = False,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    policy: Policy | None = None,
) -> tuple[Record, bool]:
    """Bring a published model into the cache.

    Args:
        name: a published name.
        force: fetch again even if it is here, replacing a file that has changed.
        progress: called with (bytes here, bytes in all; 0 where unknown).
        cancelled: asked all along; the part that came is kept for the next try.
        policy: timeouts and retries.

    Returns:
        The record, and whether anything had to be fetched.

    Raises:
        ModelError: no published model has that name, or the file here has changed.
        DownloadError: it could not be fetched.
        CancelledError: `cancelled` said so.
    """
    model = PUBLISHED.get(name.lower())
    if model is None:
        if name.lower() in SHIPPED:
            raise ModelError(f"{name.lower()} comes with the package: there is nothing to fetch")
        if name.lower() == GEOCLIP:
            raise ModelError("geoclip comes with its package: ", Package(GEOCLIP, GEOCLIP))
        raise unknown_name(name)
    if model.path.exists() and not force:
        _fetched(model)
        return read_record(model) or _record(model, model.path.stat().st_size, None), False
    from .download import download  # with ssl and http, which a model that is here does not need

    fetched = download(
        model.url,
        model.path,
        size=model.size,
        sha256=model.sha256,
        policy=policy,
        progress=progress,
        cancelled=cancelled,
    )
    record = _record(model, fetched.size, fetched.commit, fetched.sha256)
    _write_record(model, record)
    return record, True


def adopt(name: str, file: Path) -> Record:
    """Take a published model that something else has downloaded into the cache.

    Args:
        name: a published name.
        file: a `.ckpt` on the disk of the cache; it is moved there if it is what it should be.

    Returns:
        The record.

    Raises:
        ModelError: no published model has that name, or the file is no model.
        DownloadError: the file is not the one that was published.
    """
    from .download import hash_file
    from .model_file import read_model

    model = PUBLISHED.get(name.lower())
    if model is None:
        raise unknown_name(name)
    size, digest = file.stat().st_size, hash_file(file)
    for what, expected, found in (("bytes", model.size, size), ("SHA-256", model.sha256, digest)):
        if expected not in (None, found):
            raise DownloadError(
                f"what came as {model.name} is not the file expected ({what} {found} instead of "
                f"{expected}): a login page or a proxy in between?"
            )
    read_model(file)
    os.replace(file, model.path)
    record = _record(model, size, None, digest)
    _write_record(model, record)
    return record


def read_record(model: Published) -> Record | None:
    """What was noted when the model was fetched; None where nothing is noted.

    Raises:
        ModelError: the note cannot be read.
    """
    path = model.path.with_suffix(".json")
    try:
        return Record(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(
            f"the record {path} cannot be read: ", call("fetch", model.name, force=True)
        ) from error


def _fetched(model: Published) -> Path:
    """The file of a published model, checked: size first, then SHA-256."""
    if not model.path.is_file():
        raise ModelError(f"{model.name} is not here yet: ", call("fetch", model.name))
    record = read_record(model)
    sha256 = model.sha256 or (record.sha256 if record else None)
    size = model.size or (record.size if record else None)
    if sha256 is None:
        raise ModelError(
            f"{model.path} has no record of where it came from: ",
            call("fetch", model.name, force=True),
            ", or copy it elsewhere and give its path",
        )
    found = model.path.stat().st_size
    if size is not None and found != size:
        raise _changed(model, f"{found:,} bytes instead of {size:,}")
    from .download import hash_file

    digest = hash_file(model.path)
    if digest != sha256:
        raise _changed(model, f"SHA-256 {digest[:12]}… instead of {sha256[:12]}…")
    return model.path


def _changed(model: Published, what: str) -> ModelError:
    return ModelError(
        f"{model.path} is not the file that was fetched ({what}): ",
        call("fetch", model.name, force=True),
    )


def _existing(path: Path) -> Path:
    if path.is_dir():
        raise ModelError(f"{path} is a folder: give the path of an .npz, .ckpt or .pth.tar file")
    if not path.exists():
        raise ModelError(f"there is no model file {path}; the names are {', '.join(NAMES)}")
    return path


def list_files(paths: Iterable[Path]) -> tuple[list[ModelEntry], list[ModelError]]:
    """Model files, and those of folders, as the list has them; and what is wrong with the others.

    Args:
        paths: files, and folders that are looked through with all below them.
    """
    from .model_file import SUFFIXES, name_of, read_model

    entries: list[ModelEntry] = []
    problems: list[ModelError] = []
    for path in paths:
        inside = sorted(one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES)
        for file in inside if path.is_dir() else [path]:
            try:
                entries.append(_file_entry(name_of(file), "file", file, read_model(file)))
            except ModelError as error:
                problems.append(error)
    return entries, problems


def _shipped_entry(name: str) -> ModelEntry:
    return _file_entry(name, "bundled", SHIPPED[name], load_encoder(name))


def _file_entry(name: str, state: str, path: Path, encoder: LocationEncoder) -> ModelEntry:
    harmonics = encoder.config.encoding == "sphericalharmonics"
    return ModelEntry(
        name,
        state,
        str(path),
        encoder.config.settings.legendre_polys if harmonics else None,
        encoder.dim,
        encoder.resolution_degrees,
        path.stat().st_size,
    )


def _geoclip_entry() -> ModelEntry:
    try:
        path = geoclip_file()
    except ModelError:  # a package without weights is none
        path = None
    state = "not installed" if path is None else "installed"
    size = None if path is None else path.stat().st_size
    return ModelEntry(
        GEOCLIP, state, None if path is None else str(path), None, GEOCLIP_DIM, None, size
    )


def _record(model: Published, size: int, commit: str | None, sha256: str | None = None) -> Record:
    from .download import hash_file

    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    digest = sha256 or model.sha256 or hash_file(model.path)
    return Record(model.name, model.url, model.revision, commit, size, digest, now)


def _write_record(model: Published, record: Record) -> None:
    path = model.path.with_suffix(".json")
    draft = path.with_suffix(".json.tmp")
    try:
        draft.write_text(json.dumps(asdict(record), indent=2) + "\n", "utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise DownloadError(f"cannot write the record {path}: {error.strerror}") from error
