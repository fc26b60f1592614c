"""The panel Map from samples: questions, a trial in the background, findings, then the map."""

from __future__ import annotations

from .guide import MapFromSamplesDock

__all__ = ["MapFromSamplesDock"]
