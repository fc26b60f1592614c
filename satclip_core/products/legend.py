"""What the codes of a raster of classes mean, and the colours they are shown in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from ..errors import InputError

Colour = tuple[int, int, int]

# Told apart by most people with a colour vision deficiency (Okabe & Ito 2008), without black,
# then the darker and lighter ones of Tol's "muted" scheme (Tol 2021).
_FIRST = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233),
    (213, 94, 0), (240, 228, 66), (51, 34, 136), (136, 34, 85), (153, 153, 51),
    (17, 119, 51), (221, 204, 119), (170, 68, 153), (68, 170, 153), (136, 204, 238),
)  # fmt: skip
# Turn of the hue from one colour to the next: no two of many come close.
_GOLDEN_TURN = (sqrt(5) - 1) / 2
_LIGHTNESS = (0.85, 0.6, 0.95, 0.72)
_SATURATION = (0.75, 0.9, 0.45)
# Columns of a raster attribute table: name, GDAL's GDALRATFieldType and GDALRATFieldUsage.
_COLUMNS = (("Value", 0, 5), ("Class", 2, 2), ("Red", 0, 6), ("Green", 0, 7), ("Blue", 0, 8))


@dataclass(frozen=True)
class Legend:
    """Codes of pixels, with names and colours.

    Attributes:
        codes: of the classes, ascending, 0 or more.
        names: of the classes.
        colours: red, green, blue of the classes, 0..255.
    """

    codes: tuple[int, ...]
    names: tuple[str, ...]
    colours: tuple[Colour, ...]

    @classmethod
    def of(cls, names: Sequence[str], codes: Sequence[int] | None = None) -> Legend:
        """A legend with colours of its own; codes count from 1 where none are given."""
        numbers = range(1, len(names) + 1) if codes is None else codes
        return cls(tuple(numbers), tuple(names), distinct_colours(len(names)))

    @classmethod
    def from_json(cls, classes: Sequence[Mapping[str, Any]]) -> Legend:
        """What `to_json` made, parsed.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        codes = tuple(int(one["code"]) for one in classes)
        if not codes or list(codes) != sorted(set(codes)):
            raise ValueError("the codes of classes do not ascend")
        names = tuple(str(one["name"]) for one in classes)
        hexes = [str(one["colour"]).lstrip("#") for one in classes]
        colours = tuple((int(c[:2], 16), int(c[2:4], 16), int(c[4:6], 16)) for c in hexes)
        return cls(codes, names, colours)

    @property
    def dtype(self) -> str:
        """The smallest unsigned type with room for the codes and for nodata above them.

        Raises:
            InputError: a code that is below 0 or too large.
        """
        least, most = min(self.codes), max(self.codes)
        if least < 0 or most > 65534:
            raise InputError(f"classes from {least} to {most}: codes lie within 0..65534")
        return "uint8" if most < 255 else "uint16"

    @property
    def nodata(self) -> int:
        """The largest value of the type, which is no code."""
        return int(np.iinfo(self.dtype).max)

    @property
    def colour_table(self) -> dict[int, tuple[int, int, int, int]]:
        """Code -> red, green, blue, alpha."""
        return {code: (*colour, 255) for code, colour in zip(self.codes, self.colours)}

    def to_json(self) -> str:
        """The classes as a JSON list of objects: code, name, colour (#rrggbb)."""
        return json.dumps(
            [
                {"code": code, "name": name, "colour": "#{:02x}{:02x}{:02x}".format(*colour)}
                for code, name, colour in zip(self.codes, self.names, self.colours)
            ],
            ensure_ascii=False,
        )


def attribute_tables(legends: Mapping[int, Legend]) -> str:
    """The classes of bands as the file that GDAL keeps beside a raster, NAME.aux.xml.

    As raster attribute tables (value, name, colour), and for codes of one byte as category
    names too: QGIS labels classes by those, GRASS and terra by either.

    Args:
        legends: by band, counted from 1.
    """
    # Written here, never parsed.
    from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405

    dataset = Element("PAMDataset")
    for number, legend in sorted(legends.items()):
        band = SubElement(dataset, "PAMRasterBand", band=str(number))
        names = dict(zip(legend.codes, legend.names))
        if legend.dtype == "uint8":
            categories = SubElement(band, "CategoryNames")
            for code in range(max(names) + 1):
                SubElement(categories, "Category").text = _xml(names.get(code, ""))
        table = SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
        for index, (name, kind, usage) in enumerate(_COLUMNS):
            column = SubElement(table, "FieldDefn", index=str(index))
            for tag, value in (("Name", name), ("Type", kind), ("Usage", usage)):
                SubElement(column, tag).text = str(value)
        for index, (code, colour) in enumerate(zip(legend.codes, legend.colours)):
            row = SubElement(table, "Row", index=str(index))
            for value in (code, _xml(names[code]), *colour):
                SubElement(row, "F").text = str(value)
    return tostring(dataset, encoding="unicode")


def _xml(name: str) -> str:
    """A name without the characters that XML 1.0 has no way to write."""
    return "".join(char if char.isprintable() else " " for char in name)


def distinct_colours(count: int) -> tuple[Colour, ...]:
    """Colours that can be told apart, the same ones every time; as well as may be beyond 15."""
    colours = list(_FIRST[:count])
    for index in range(count - len(colours)):
        hue = (0.05 + index * _GOLDEN_TURN) % 1
        lightness = _LIGHTNESS[index % len(_LIGHTNESS)]
        colours.append(_from_hsv(hue, _SATURATION[index % len(_SATURATION)], lightness))
    return tuple(colours)


def _from_hsv(hue: float, saturation: float, value: float) -> Colour:
    from colorsys import hsv_to_rgb

    red, green, blue = (round(255 * part) for part in hsv_to_rgb(hue, saturation, value))
    return red, green, blue
