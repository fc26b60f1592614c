"""Pages to read, that hold all they show: building blocks, and the report of a map from samples."""

from __future__ import annotations

from .mapreport import is_page, map_page, report_target, write_map_report
from .page import Column, Page, code, details, key, table, text
from .svg import Axis, Plot

__all__ = [
    "Axis",
    "Column",
    "Page",
    "Plot",
    "code",
    "details",
    "is_page",
    "key",
    "map_page",
    "report_target",
    "table",
    "text",
    "write_map_report",
]
