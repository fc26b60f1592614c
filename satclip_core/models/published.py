"""The published SatCLIP checkpoints, pinned, and the folder they are fetched into.

Revision, size and SHA-256 are those of the commit that added each file, as the hub shows them
(ViT16-L40: the revision that torchgeo pins; its size and hash are learnt on the first fetch).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

HUB_URL = "https://huggingface.co"


def hub_file(repository: str, revision: str, name: str) -> str:
    """Address of a file on the hub, which SATCLIP_HUB_URL, else HF_ENDPOINT, replaces."""
    hub = os.environ.get("SATCLIP_HUB_URL") or os.environ.get("HF_ENDPOINT") or HUB_URL
    return f"{hub.rstrip('/')}/{repository}/resolve/{revision}/{name}"


@dataclass(frozen=True)
class Published:
    """A checkpoint of the SatCLIP release on the Hugging Face hub.

    Attributes:
        name: what users call it; the file is `NAME.ckpt`.
        repository: `owner/name` on the hub.
        revision: commit.
        legendre_polys: L; the effective resolution is 180 / (2L) degrees.
        size: bytes; None where not known before the first fetch.
        sha256: of the file; None where not known before the first fetch.
        dim: length of an embedding.
    """

    name: str
    repository: str
    revision: str
    legendre_polys: int
    size: int | None
    sha256: str | None
    dim: int = 256

    @property
    def url(self) -> str:
        """Where it is fetched from."""
        return hub_file(self.repository, self.revision, f"{self.name}.ckpt")

    @property
    def path(self) -> Path:
        """Where it lies once fetched."""
        return cache_folder() / f"{self.name}.ckpt"


PUBLISHED = {
    f"satclip-{image.lower()}-l{degree}": Published(
        f"satclip-{image.lower()}-l{degree}",
        f"microsoft/SatCLIP-{image}-L{degree}",
        revision,
        degree,
        size,
        sha256,
    )
    for image, degree, revision, size, sha256 in (
        (
            "ResNet18",
            10,
            "5b1d6063885cbcc7b784fdd721b467e56b22348a",  # pragma: allowlist secret
            57201927,
            # pragma: allowlist nextline secret
            "c4af9559afb43d9c8be2781d4f70ce3f8a1087ea5a3773906c7c50ed05479ebd",
        ),
        (
            "ResNet18",
            40,
            "3af1b3bc10d8df9e42d87e1de0f00be728f88585",  # pragma: allowlist secret
            75633927,
            # pragma: allowlist nextline secret
            "6e2ed15146566170829bae8dd506d8274cd6fe4534c0ef407668dc3ccb04d2f1",
        ),
        (
            "ResNet50",
            10,
            "716226a64b906c1906614630045b98c72aaaf732",  # pragma: allowlist secret
            111491067,
            # pragma: allowlist nextline secret
            "87ad5e8ca152e9564896f48de033e8d4278665bce049d36b3794847a430e69b1",
        ),
        (
            "ResNet50",
            40,
            "4591bb4142418299dad615d3fe7c6f88e7943078",  # pragma: allowlist secret
            129923067,
            # pragma: allowlist nextline secret
            "50df6453c20ce82b51ceba89811dcf1a21e7fa9d625cbc630f4cdcc4fc0de53a",
        ),
        (
            "ViT16",
            10,
            "a13816ad6e57e964e29782a84cd3b06b1f032af7",  # pragma: allowlist secret
            102550795,
            # pragma: allowlist nextline secret
            "c7596a5f7aacf72a7c49587a2a5a80f23cf61000a36b46e471c1422b273ca9c0",
        ),
        (
            "ViT16",
            40,
            "0ef2acc0b91d3c8cfdf4a0cc03207095989287ab",
            None,
            None,
        ),  # pragma: allowlist secret
    )
}


_chosen_folder: str | None = None


def use_cache_folder(folder: str | None) -> None:
    """Keep fetched models in a folder from now on; None: where they are kept unless told."""
    global _chosen_folder
    _chosen_folder = folder


def cache_folder() -> Path:
    """Where fetched models lie.

    The folder of `use_cache_folder`, else SATCLIP_CACHE, else `models` in the user's cache folder.
    """
    chosen = _chosen_folder or os.environ.get("SATCLIP_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    try:
        from platformdirs import user_cache_dir
    except ImportError:  # QGIS brings none
        return _plain_cache_folder() / "models"
    return Path(user_cache_dir("satclip-embeddings", appauthor=False)) / "models"


def _plain_cache_folder() -> Path:
    """What platformdirs would say, for systems without it."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        return Path(local) / "satclip-embeddings" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "satclip-embeddings"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "satclip-embeddings"
