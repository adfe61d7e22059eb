"""Where the time of an attempt went, as a bar. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NAMES = {"dns": "DNS", "connect": "connect", "tls": "TLS", "first_byte": "wait"}
_LEAST = 0.5
"""Milliseconds that the phases may fall short of the total without it being told."""


@dataclass(frozen=True, slots=True)
class Part:
    """A phase: where it lies, in percents of the bar's width, and how many milliseconds it took."""

    name: str
    left: float
    width: float
    milliseconds: float


def bars_of(attempts: Sequence[Mapping[str, Any]]) -> list[list[Part]]:
    """The bar of each attempt of one delivery, all on the scale of the longest; an attempt that tells none has none.

    What the API gives no name is `read` behind the first byte of the answer, and `wait` where none came. A phase that
    did not take place is left out: a kept connection is not made anew.
    """
    spent = [list(_spent(attempt["phases"] or {})) for attempt in attempts]
    longest = max((sum(milliseconds for _, milliseconds in each) for each in spent), default=0.0) or 1.0
    return [list(_parts(each, longest)) for each in spent]


def _spent(phases: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    for key, name in _NAMES.items():
        if key in phases:
            yield name, phases[key]
    rest = phases.get("total", 0.0) - sum(phases.get(key, 0.0) for key in _NAMES)
    if rest > _LEAST:
        yield "read" if "first_byte" in phases else "wait", rest


def _parts(spent: Sequence[tuple[str, float]], longest: float) -> Iterator[Part]:
    left = 0.0
    for name, milliseconds in spent:
        width = milliseconds / longest * 100
        yield Part(name, round(left, 3), round(width, 3), milliseconds)
        left += width
