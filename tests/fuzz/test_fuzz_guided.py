"""The readers under atheris, where it is installed: some inputs that coverage leads to."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

GUIDED = Path(__file__).with_name("guided.py")
RUNS = int(os.environ.get("SATCLIP_FUZZ") or 5) * 200


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed")
@pytest.mark.parametrize("target", ["pickle", "npy", "header", "zip", "numbers"])
def test_what_coverage_leads_to_is_refused_as_it_is_meant_to_be(tmp_path, target):
    runs = RUNS // (20 if target in ("header", "zip") else 1)  # those write files
    command = [sys.executable, str(GUIDED), target, f"-runs={runs}", "-seed=1"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=3600)
    assert result.returncode == 0, result.stderr[-3000:]
    assert f"Done {runs} runs" in result.stderr
