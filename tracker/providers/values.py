"""Single values out of a provider's JSON: bounded texts, times, and what can be written again."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import orjson

LONGEST_TEXT = 2000
"""Characters kept of a provider's messages."""

_ROOM_AROUND = 16
"""How many levels of JSON an event, a list or a page may put around a provider's value."""

_BELIEVABLE_YEARS = range(2000, 2100)
"""Times outside are a provider's way to say that there is none: 0, the year 1, the year 9999."""


def text_of(value: Any) -> str:  # noqa: ANN401 - JSON
    """A provider's value as bounded text. NUL is left out: not every database keeps it."""
    try:
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        text = "(nested too deeply)"
    return text.replace("\0", "")[:LONGEST_TEXT]


def time_of(value: Any) -> datetime | None:  # noqa: ANN401 - JSON
    """A time out of RFC 3339 text, Unix seconds or Unix milliseconds; None for anything else."""
    try:
        at = _parsed_time(value)
    except (ValueError, OverflowError, OSError):
        return None
    return at if at is not None and at.year in _BELIEVABLE_YEARS else None


def number_of(value: Any) -> float | None:  # noqa: ANN401 - JSON
    """A number, given as one or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def can_be_written(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether a value can be part of what we write: JSON is read to deeper nesting than it can be written."""
    for _ in range(_ROOM_AROUND):
        value = [value]
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True


def _parsed_time(value: Any) -> datetime | None:  # noqa: ANN401 - JSON
    # Python takes a run of digits for a date without dashes: milliseconds in quotes would become the year 1712.
    if isinstance(value, str) and value[4:5] == "-":
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # Seconds stay below this until the year 5138, milliseconds passed it in 1973.
        return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    return None
