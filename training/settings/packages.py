"""Packages beside torch, imported so that a build that does not fit torch is one line."""

from __future__ import annotations

from types import ModuleType

from satclip_core.errors import MissingDependencyError, require


def import_beside_torch(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import a package that may import torchvision, as lightning (its metrics) and timm do.

    Raises:
        MissingDependencyError: it is not installed, or the torchvision that is installed belongs to
            another torch and fails when it is imported.
    """
    try:
        return require(module, extra=extra, purpose=purpose)
    except (RuntimeError, OSError) as error:  # torchvision says so of operators and libraries
        import torch

        reason = " ".join(str(error).split())
        raise MissingDependencyError(
            f"{purpose}: {module} cannot be imported ({reason}): install the torchvision that "
            f"belongs to torch {torch.__version__}, or, where timm is not used, remove it "
            "(pip uninstall torchvision)"
        ) from error
