"""The version of the project, where importing it draws nothing behind it."""

from __future__ import annotations

__version__ = "0.1.0"
