"""Dock, dialogs and actions of the plugin."""

from __future__ import annotations

from typing import Any

from .actions import Gui

__all__: list[Any] = ["Gui"]
