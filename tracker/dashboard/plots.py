"""Plots as SVG paths: pure.

A plot is drawn in a box of `HEIGHT` by the width that it says, and stretched to whatever room there is; so it holds no
text, which stands around it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HEIGHT = 100
STEP = 10
_BAR = 8
_ROUND_SPANS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400)


@dataclass(frozen=True, slots=True)
class Mark:
    """A part of a plot in a colour: `shape` is `bar`, `line`, `dots`, `area` or `ticks`, `tone` a word that has one."""

    shape: str
    tone: str
    path: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn, up to the value `top`; `hints` tell each step in words."""

    width: int
    top: float
    marks: tuple[Mark, ...]
    hints: tuple[str, ...] = ()


def count_top(most: float) -> float:
    """The end of an axis of counts: the least of 1, 2, 5, 10, 20, … that is not below."""
    power = 10 ** math.floor(math.log10(most)) if most > 1 else 1
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= most))


def span_top(most: float) -> float:
    """The end of an axis of seconds: a round span, or whole days."""
    index = bisect_left(_ROUND_SPANS, most)
    return float(_ROUND_SPANS[index]) if index < len(_ROUND_SPANS) else count_top(most / 86_400) * 86_400


def stacked_bars(layers: Sequence[Sequence[float]], top: float) -> list[str]:
    """A path for each layer, which lies on those before it; each has a value per step."""
    floors = [0.0] * len(layers[0])
    paths = []
    for layer in layers:
        paths.append("".join(_bar(step, floors[step], value, top) for step, value in enumerate(layer) if value > 0))
        floors = [floor + value for floor, value in zip(floors, layer, strict=True)]
    return paths


def line(values: Sequence[float | None], top: float) -> str:
    """A line through the middles of the steps, broken where there is no value."""
    path = []
    for step, value in enumerate(values):
        if value is not None:
            begins = step == 0 or values[step - 1] is None
            path.append(f"{'M' if begins else 'L'}{_middle(step)} {_height(value, top)}")
    return "".join(path)


def dots(values: Sequence[float | None], top: float) -> str:
    """A dot for each value in the middle of its step: no more than a point, which its stroke makes round."""
    known = ((step, value) for step, value in enumerate(values) if value is not None)
    return "".join(f"M{_middle(step)} {_height(value, top)}h0" for step, value in known)


def curve(points: Iterable[tuple[float, float]], right: float, width: int) -> str:
    """A line through points, each with both coordinates: from 0 to `right`, and from 0 to 1."""
    places = (f"{_across(x, right, width)} {_height(y, 1)}" for x, y in points)
    return "".join(f"{'L' if index else 'M'}{place}" for index, place in enumerate(places))


def under(path: str, points: Sequence[tuple[float, float]], right: float, width: int) -> str:
    """The area under a `curve` of these points."""
    if not points:
        return ""
    return f"{path}V{HEIGHT}H{_across(points[0][0], right, width)}Z"


def ticks(places: Iterable[float], right: float, width: int) -> str:
    """A line from bottom to top at each of these places that is not beyond `right`."""
    return "".join(f"M{_across(place, right, width)} 0V{HEIGHT}" for place in places if place <= right)


def _bar(step: int, floor: float, value: float, top: float) -> str:
    upper, lower = _height(floor + value, top), _height(floor, top)
    left = step * STEP + (STEP - _BAR) // 2
    return f"M{left} {lower}V{upper}h{_BAR}V{lower}Z"


def _middle(step: int) -> int:
    return step * STEP + STEP // 2


def _height(value: float, top: float) -> str:
    return _short(HEIGHT * (1 - min(max(value / top, 0.0), 1.0)))


def _across(value: float, right: float, width: int) -> str:
    return _short(width * min(max(value / right, 0.0), 1.0) if right > 0 else 0.0)


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
