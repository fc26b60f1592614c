"""timm for tests, from a folder of its own: PyPI's torchvision does not load beside a CPU torch.

torchvision registers Python functions for operators that its compiled part defines; where that
part cannot be loaded, the operators are declared here before it is imported. No test calls them.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER_VARIABLE = "SATCLIP_TIMM"
FOLDER = Path(os.environ.get(FOLDER_VARIABLE) or Path(__file__).resolve().parents[1] / ".venv-timm")
OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[object] = []  # a library's operators go when it does


def timm_or_skip() -> ModuleType:
    """The package timm, or a skip that says how to get it."""
    if importlib.util.find_spec("timm") is None:
        if not (FOLDER / "timm").is_dir():
            pytest.skip(
                f"timm is not here: scripts/test installs it, or {FOLDER_VARIABLE} names its folder"
            )
        sys.path.append(str(FOLDER))
    try:
        return importlib.import_module("timm")
    except RuntimeError:  # torchvision misses its own operators
        _declare_operators()
    except ImportError as error:
        pytest.skip(f"timm does not load ({error})")
    return importlib.import_module("timm")


def _declare_operators() -> None:
    import torch

    for name in [n for n in sys.modules if n.partition(".")[0] in ("timm", "torchvision")]:
        del sys.modules[name]  # half of it
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in OPERATORS:
        library.define(operator)
    _kept.append(library)
