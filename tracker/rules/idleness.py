"""Whether a loop leaves work lying that it could begin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

STUCK_AFTER = timedelta(seconds=60)
"""A loop that was seen idle beside work for so long is stuck. One look may catch it just before it begins."""


@dataclass(frozen=True, slots=True)
class Idleness:
    """Since when every look found a loop idle beside work (None: the last did not), and how much it had begun then."""

    since: datetime | None = None
    begun: int = 0


def idleness_after(idleness: Idleness, now: datetime, *, begun: int, is_idle: bool) -> Idleness:
    """What one more look shows. `begun` counts all that the loop has ever begun; `is_idle`: beside work, right now."""
    has_rested = is_idle and idleness.since is not None and begun == idleness.begun
    return Idleness((idleness.since if has_rested else now) if is_idle else None, begun)


def is_stuck(idleness: Idleness, now: datetime) -> bool:
    """Whether the loop will hardly begin by itself."""
    return idleness.since is not None and now - idleness.since >= STUCK_AFTER
