"""Spans of time as people write them."""

from __future__ import annotations

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_LONGEST = 3650 * 86_400


def seconds_in(text: str) -> float:
    """The seconds in a duration like 15s, 5m, 2h or 30d. Raises ValueError, with the way out in its message."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        message = "give durations like 15s, 5m, 2h or 30d"
        raise ValueError(message)
    seconds = float(match.group(1)) * _UNITS[match.group(2)]
    if not 0 < seconds <= _LONGEST:
        message = "give a duration above zero and below ten years"
        raise ValueError(message)
    return seconds
