"""What is due and not yet begun. To find it out costs the number of lanes, not of what waits in them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracker.rules.delays import longest_due
from tracker.rules.slots import ready_at

if TYPE_CHECKING:
    from datetime import datetime

    from tracker.parts import Parts


@dataclass(frozen=True, slots=True)
class Waiting:
    """Seconds that the oldest due work waits, of accounts and subscribers that are not held; and how many of these are.

    Read from the database, so it is the same for every process on it.
    """

    oldest_poll: float
    oldest_delivery: float
    held_subscribers: int


async def what_waits(parts: Parts, now: datetime) -> Waiting:
    """What waits now."""
    lanes, backlog = await asyncio.gather(parts.jobs.lanes(), parts.deliveries.backlog(now))
    free = [lane for lane in lanes if not parts.accounts.find(lane.provider, lane.account).is_held]
    ready = (ready_at(lane) for lane in backlog.lanes)
    held = [lane for lane in backlog.lanes if lane.held_until is not None and lane.held_until > now]
    return Waiting(
        oldest_poll=longest_due((lane.due_at for lane in free), now),
        oldest_delivery=longest_due((at for at in ready if at is not None), now),
        held_subscribers=len(held),
    )
