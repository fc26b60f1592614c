"""Where a run's lines go."""

from __future__ import annotations

import logging
import sys
from types import SimpleNamespace

import pytest

from satclip_training.run.callbacks import log, told_in_notebooks


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel of Jupyter, as far as anyone can ask, and no logging."""
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(log, "hasHandlers", lambda: False)


def test_a_notebook_shows_them(kernel: None, capsys: pytest.CaptureFixture[str]) -> None:
    with told_in_notebooks():
        log.info("epoch %d/%d", 1, 3)
    log.info("after the run")
    assert capsys.readouterr().out == "epoch 1/3\n"


def test_logging_that_was_set_up_is_left_alone(
    kernel: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "hasHandlers", lambda: True)
    before = list(log.handlers)
    with told_in_notebooks():
        assert log.handlers == before
        log.info("epoch 1/3")
    assert capsys.readouterr().out == ""


def test_a_script_stays_silent(capsys: pytest.CaptureFixture[str]) -> None:
    level = logging.getLogger("satclip_training").level
    with told_in_notebooks():
        assert logging.getLogger("satclip_training").level == level
