"""How many requests one caller may make: so many a second, and some more at once where there were few before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

BURST_SECONDS = 4.0
"""What a caller did not use for so long may come at once."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller had left at a time, in requests."""

    left: float
    at: datetime


def full(per_second: float, now: datetime) -> Allowance:
    """What a caller has who has made no request for a while: at least one."""
    return Allowance(max(1.0, per_second * BURST_SECONDS), now)


def after_request(before: Allowance, per_second: float, now: datetime) -> Allowance | None:
    """What is left when one more request was made; None: it must not be made yet."""
    left = _left(before, per_second, now)
    return None if left < 1 else Allowance(left - 1, now)


def seconds_until_next(before: Allowance, per_second: float, now: datetime) -> int:
    """Whole seconds after which a request may be made again."""
    return max(1, math.ceil((1 - _left(before, per_second, now)) / per_second))


def _left(before: Allowance, per_second: float, now: datetime) -> float:
    # A clock that was set back takes nothing away.
    passed = max(0.0, (now - before.at).total_seconds())
    return min(full(per_second, now).left, before.left + passed * per_second)
