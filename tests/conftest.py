"""Fixtures shared by every test: where the development data lies, if it is here at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real development data, or a skip where it is not."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the development data (shared/data beside the repository) is not here")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder with outputs of the published code: SATCLIP_GOLDEN, or shared/golden."""
    folder = Path(os.environ.get("SATCLIP_GOLDEN") or SHARED / "golden")
    if not folder.is_dir():
        pytest.skip(f"the golden files are not here ({folder.name}); name a folder in SATCLIP_GOLDEN")
    return folder
