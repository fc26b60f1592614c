"""Plots as inline SVG: axes, dots, lines, bars, steps and bands, drawn with text alone.

Coordinates are those of a picture `WIDTH` wide; the page scales it. Colours are names of classes
that `STYLE` gives values for, in light and in dark, so that a plot follows its page. The series
are told apart by Okabe & Ito's colours (2008) and by shape or dashes as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from math import ceil, floor, isfinite, log10

import numpy as np
from numpy.typing import ArrayLike

from ..types import Floats

WIDTH = 480.0
HEIGHT = 340.0
_FONT = 14.0
# Mean width of a character, in heights of the font.
_CHARACTER = 0.56
_GAP = 8.0
# Space for the label of an axis, for its numbers, and above and right of the plot.
_LABEL, _NUMBERS, _TOP, _RIGHT = 22.0, 20.0, 10.0, 24.0
_ROW = 20.0
SERIES = 5

STYLE = """
:root { --ink: #1b1f24; --soft: #59636e; --grid: #d9dee3; --paper: #ffffff; --panel: #f6f8fa;
  --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #b07a00; --s4: #b0559a; --shade: 0.16; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --soft: #a3adb8; --grid: #39424c; --paper: #12161b; --panel: #1b2129;
    --s0: #56b4e9; --s1: #ff8c3b; --s2: #2fc79b; --s3: #e6b31e; --s4: #e193c6; --shade: 0.28; } }
svg.plot { display: block; width: 100%; height: auto; font-family: inherit; }
svg.plot text { font-size: 14px; fill: var(--ink); }
svg.plot text.soft { fill: var(--soft); }
svg.plot .frame { fill: none; stroke: var(--soft); stroke-width: 1; }
svg.plot .grid { fill: none; stroke: var(--grid); stroke-width: 1; }
svg.plot .rule { fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 6 4; }
svg.plot .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
svg.plot .d1 { stroke-dasharray: 9 4; } svg.plot .d2 { stroke-dasharray: 2.5 3.5; }
svg.plot .dot { stroke: none; } svg.plot .hollow { fill: var(--paper); stroke-width: 2; }
svg.plot .cloud { fill: none; stroke-linecap: round; }
svg.plot .band { stroke: none; fill-opacity: var(--shade); }
svg.plot .whisker { fill: none; stroke-width: 1.5; }
svg.plot .bar { stroke: none; fill-opacity: 0.8; }
.s0 { color: var(--s0); } .s1 { color: var(--s1); } .s2 { color: var(--s2); }
.s3 { color: var(--s3); } .s4 { color: var(--s4); } .ink { color: var(--ink); }
.f { fill: currentColor; } .s { stroke: currentColor; }
"""


def said(value: float, digits: int = 3) -> str:
    """A number for people: so many significant digits, no exponent where that can be read."""
    if not isfinite(value):
        return "–"
    if value == 0:
        return "0"
    size = floor(log10(abs(value)))
    if not -5 <= size < 9:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "\N{MINUS SIGN}")
    decimals = 0 if value == round(value) else max(digits - 1 - size, 0)
    text = f"{round(value, digits - 1 - size):,.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def ticks(low: float, high: float, count: int = 6) -> Floats:
    """About so many round numbers from one end to the other: steps of 1, 2 or 5."""
    span = high - low
    if not span > 0:
        return np.array([low])
    raw = span / max(count, 1)
    power = 10.0 ** floor(log10(raw))
    step = next(power * part for part in (1, 2, 5, 10) if power * part >= raw * (1 - 1e-9))
    numbers = np.arange(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)
    return np.asarray(numbers * step)


def tick_texts(values: Floats) -> list[str]:
    """Round numbers, all with as many decimals as the finest needs."""
    if len(values) == 0:
        return []
    step = float(np.diff(values).min()) if len(values) > 1 else float(abs(values[0]) or 1)
    most = float(np.abs(values).max())
    if most >= 1e7 or (0 < most < 1e-4):
        return [f"{value:.3g}".replace("-", "\N{MINUS SIGN}") for value in values]
    decimals = max(0, -floor(log10(step) + 1e-9)) if step > 0 else 0
    return [f"{value:,.{decimals}f}".replace("-", "\N{MINUS SIGN}") for value in values + 0.0]


@dataclass(frozen=True)
class Axis:
    """One axis of a plot.

    Attributes:
        label: what it shows, with the unit.
        low: least value.
        high: largest value.
        log: whether steps are factors; `low` is then above 0.
        percent: whether values are shares, written as per cent.
    """

    label: str
    low: float
    high: float
    log: bool = False
    percent: bool = False

    @classmethod
    def over(cls, label: str, values: ArrayLike, *, zero: bool = False, log: bool = False) -> Axis:
        """An axis with room for values and a little more; from 0 where that is said."""
        known = np.ravel(np.asarray(values, np.float64))
        known = known[np.isfinite(known)]
        if log:
            known = known[known > 0]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        if log:
            high = max(high, 1.5 * low)
            return cls(label, low / 1.1, high * 1.1, log=True)
        low = min(low, 0.0) if zero else low
        if not high > low:
            low, high = low - 0.5 * abs(low) - 0.5, high + 0.5 * abs(high) + 0.5
        room = 0.04 * (high - low)
        return cls(label, low if zero and low == 0 else low - room, high + room)

    def share(self, values: ArrayLike) -> Floats:
        """How far along the axis values lie: 0 at its beginning, 1 at its end."""
        numbers = np.asarray(values, np.float64)
        if self.log:
            with np.errstate(divide="ignore"):
                part = np.log(np.maximum(numbers, self.low) / self.low)
            return np.asarray(part / np.log(self.high / self.low))
        return np.asarray((numbers - self.low) / (self.high - self.low))

    def ticks(self) -> tuple[Floats, list[str]]:
        """Values to be written at the axis, and how."""
        if self.log:
            found = self._log_ticks()
            return found, [said(value, 1 if value >= 1 else 2) for value in found]
        found = ticks(self.low, self.high)
        if self.percent:
            return found, [f"{text} %" for text in tick_texts(100 * found)]
        return found, tick_texts(found)

    def _log_ticks(self) -> Floats:
        decades = np.arange(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        for parts in ((1,), (1, 3), (1, 2, 5)):
            found = np.ravel([[part * 10.0**decade for part in parts] for decade in decades])
            found = found[(found >= self.low) & (found <= self.high)]
            if len(found) >= 4:
                break
        return np.asarray(found[:: max(1, len(found) // 7)])


@dataclass
class Plot:
    """A plot that is drawn from back to front.

    Attributes:
        x: the horizontal axis.
        y: the vertical axis.
        height: of the picture, without its legend.
        square: whether both axes get the same length.
    """

    x: Axis
    y: Axis
    height: float = HEIGHT
    square: bool = False
    _parts: list[str] = field(default_factory=list)
    _legend: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        widest = max((len(text) for text in self.y.ticks()[1]), default=1)
        self._left = _LABEL + _GAP + _CHARACTER * _FONT * widest
        self._width = WIDTH - self._left - _RIGHT
        self._tall = self.height - _TOP - _NUMBERS - _LABEL
        if self.square:
            self._tall = self._width = min(self._width, 340.0)
            self.height = self._tall + _TOP + _NUMBERS + _LABEL

    def across(self, values: ArrayLike) -> Floats:
        """Horizontal coordinates of values."""
        return np.asarray(self._left + self._width * self.x.share(values))

    def up(self, values: ArrayLike) -> Floats:
        """Vertical coordinates of values."""
        return np.asarray(_TOP + self._tall * (1 - self.y.share(values)))

    def line(self, x: ArrayLike, y: ArrayLike, series: int, name: str = "") -> Plot:
        """A line through points (N,)."""
        style = f"line s s{series} d{series % 3}"
        self._parts.append(f'<path class="{style}" d="{_path(self.across(x), self.up(y))}"/>')
        return self._named(name, f'<path class="{style}" d="M0 7H26"/>')

    def steps(self, values: ArrayLike, series: int, name: str = "") -> Plot:
        """The share of values (N,) that are no larger than x: an empirical distribution."""
        known = np.sort(np.ravel(np.asarray(values, np.float64)))
        share = np.arange(1, len(known) + 1) / len(known)
        if len(known) > 400:  # more steps than pixels
            keep = np.unique(np.linspace(0, len(known) - 1, 400).astype(int))
            known, share = known[keep], share[keep]
        x = np.concatenate([[self.x.low], np.repeat(known, 2), [self.x.high]])
        y = np.concatenate([[0, 0], np.repeat(share, 2)])
        return self.line(np.clip(x, self.x.low, self.x.high), y, series, name)

    def rule(self, x: ArrayLike, y: ArrayLike, name: str = "") -> Plot:
        """A dashed line to compare with, such as that of equal values."""
        self._parts.append(f'<path class="rule" d="{_path(self.across(x), self.up(y))}"/>')
        return self._named(name, '<path class="rule" d="M0 7H26"/>')

    def cloud(
        self, x: ArrayLike, y: ArrayLike, series: int, *, size: float = 4, opacity: float = 0.5
    ) -> Plot:
        """Many dots (N,), as one path: small in the file."""
        self._parts.append(cloud(self.across(x), self.up(y), series, size=size, opacity=opacity))
        return self

    def dots(
        self, x: ArrayLike, y: ArrayLike, series: int, name: str = "", *, hollow: bool = False
    ) -> Plot:
        """A few dots (N,), filled or hollow."""
        style = f"hollow s s{series}" if hollow else f"dot f s{series}"
        for across, up in zip(self.across(x), self.up(y)):
            self._parts.append(f'<circle class="{style}" cx="{across:.1f}" cy="{up:.1f}" r="4.5"/>')
        return self._named(name, f'<circle class="{style}" cx="13" cy="7" r="4.5"/>')

    def whiskers(self, x: ArrayLike, low: ArrayLike, high: ArrayLike, series: int) -> Plot:
        """Upright ranges (N,)."""
        for across, bottom, top in zip(self.across(x), self.up(low), self.up(high)):
            path = f"M{across:.1f} {bottom:.1f}V{top:.1f}"
            self._parts.append(f'<path class="whisker s s{series}" d="{path}"/>')
        return self

    def band(
        self, x: ArrayLike, low: ArrayLike, high: ArrayLike, series: int, name: str = ""
    ) -> Plot:
        """The area between two lines (N,)."""
        across = self.across(x)
        there = _path(across, self.up(low))
        back = _path(across[::-1], self.up(np.asarray(high)[::-1])).replace("M", "L", 1)
        style = f"band f s{series}"
        self._parts.append(f'<path class="{style}" d="{there}{back}Z"/>')
        return self._named(name, f'<rect class="{style}" x="0" y="0" width="26" height="14"/>')

    def bars(self, edges: ArrayLike, heights: ArrayLike, series: int, name: str = "") -> Plot:
        """Bars (N,) from 0, between edges (N + 1,)."""
        ends = self.across(edges)
        base = float(self.up(max(self.y.low, 0.0)))
        for left, right, top in zip(ends[:-1], ends[1:], self.up(heights)):
            self._parts.append(
                f'<rect class="bar f s{series}" x="{left + 0.5:.1f}" y="{min(top, base):.1f}" '
                f'width="{max(right - left - 1, 0.5):.1f}" height="{abs(base - top):.1f}"/>'
            )
        return self._named(name, f'<rect class="bar f s{series}" width="26" height="14"/>')

    def note(self, x: float, y: float, text: str, *, anchor: str = "start") -> Plot:
        """A word at a place."""
        across, up = float(self.across(x)), float(self.up(y))
        self._parts.append(label(across, up, text, anchor=anchor))
        return self

    def render(self, name: str, alt: str) -> str:
        """The picture.

        Args:
            name: of the figure, once on a page: letters, digits, hyphens.
            alt: what is to be seen, for who cannot see it.
        """
        legend, height = _legend_rows(self._legend, self.height)
        return picture(name, alt, [*self._axes(), *self._parts, *legend], height)

    def _named(self, name: str, symbol: str) -> Plot:
        if name:
            self._legend.append((name, symbol))
        return self

    def _axes(self) -> list[str]:
        left, right, bottom = self._left, self._left + self._width, _TOP + self._tall
        parts = []
        values, texts = self.x.ticks()
        for across, text in zip(self.across(values), texts):
            parts.append(f'<path class="grid" d="M{across:.1f} {_TOP}V{bottom:.1f}"/>')
            parts.append(label(float(across), bottom + 16, text, anchor="middle", soft=True))
        values, texts = self.y.ticks()
        for up, text in zip(self.up(values), texts):
            parts.append(f'<path class="grid" d="M{left:.1f} {up:.1f}H{right:.1f}"/>')
            parts.append(label(left - 6, float(up) + 5, text, anchor="end", soft=True))
        parts.append(
            f'<rect class="frame" x="{left:.1f}" y="{_TOP}" width="{self._width:.1f}" '
            f'height="{self._tall:.1f}"/>'
        )
        middle = (left + right) / 2
        parts.append(label(middle, bottom + _NUMBERS + 16, self.x.label, anchor="middle"))
        upright = _TOP + self._tall / 2
        parts.append(
            f'<text transform="translate(15 {upright:.1f}) rotate(-90)" text-anchor="middle">'
            f"{escape(self.y.label)}</text>"
        )
        return parts


def picture(name: str, alt: str, parts: Sequence[str], height: float) -> str:
    """Parts of a drawing as a picture that says what it shows."""
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" '
        f'aria-labelledby="{name}-alt"><title id="{name}-alt">{escape(alt)}</title>'
        f"{''.join(parts)}</svg>"
    )


def label(x: float, y: float, text: str, *, anchor: str = "start", soft: bool = False) -> str:
    """A word in a drawing."""
    style = ' class="soft"' if soft else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def cloud(across: Floats, up: Floats, series: int, *, size: float = 4, opacity: float = 0.5) -> str:
    """Dots (N,) as one path of points with round ends."""
    path = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in zip(across, up))
    return (
        f'<path class="cloud s s{series}" stroke-width="{size:g}" stroke-opacity="{opacity:g}" '
        f'd="{path}"/>'
    )


def _legend_rows(entries: list[tuple[str, str]], top: float) -> tuple[list[str], float]:
    """Symbols with names, in as many rows as they need, and the height with them."""
    parts: list[str] = []
    x, y = _LABEL, top + 10
    for name, symbol in entries:
        width = 34 + _CHARACTER * _FONT * len(name) + 18
        if x + width - 18 > WIDTH and x > _LABEL:
            x, y = _LABEL, y + _ROW
        parts.append(f'<g transform="translate({x:.1f} {y:.1f})">{symbol}</g>')
        parts.append(label(x + 34, y + 12, name))
        x += width
    return parts, (y + _ROW + 4 if entries else top)


def _path(across: Floats, up: Floats) -> str:
    """A line through points; it breaks where one is not finite."""
    parts, pen = [], "M"
    for x, y in zip(across, up):
        if isfinite(x) and isfinite(y):
            parts.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)
