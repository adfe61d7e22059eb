"""Why the service is not ready. Anybody may ask, so the reasons say no more than a stranger may know."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from store.probe import write_and_take_back
from tracker.looks import Look
from tracker.rules.idleness import Idleness, idleness_after, is_stuck
from tracker.rules.slots import ready_at

if TYPE_CHECKING:
    from datetime import datetime

    from tracker.parts import Parts


class Readiness:
    """Asks the parts of the service what is wrong."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._looks = (
            Look("read", self._leftovers, parts.surroundings),
            Look("written", self._write, parts.surroundings),
        )
        self._polling = Idleness()
        self._delivering = Idleness()

    async def reasons(self) -> list[str]:
        """Why the service is not ready; nothing if it is."""
        if self._parts.bell.is_closed:
            return ["The service is stopping."]
        found = await asyncio.gather(*(look.reasons() for look in self._looks))
        return [*self._parts.metronome.faults(), *(reason for reasons in found for reason in reasons)]

    async def close(self) -> None:
        """Looks no more."""
        await asyncio.gather(*(look.close() for look in self._looks))

    async def _write(self) -> list[str]:
        await write_and_take_back(self._parts.database)
        return []

    async def _leftovers(self) -> list[str]:
        """The work that loops leave lying though they could begin it, as it stands after several looks."""
        poller, deliverer, now = self._parts.poller, self._parts.deliverer, self._parts.surroundings.now()
        has_polls, has_deliveries = await asyncio.gather(self._has_polls(now), self._has_deliveries(now))
        begun = sum(account.begun for account in self._parts.accounts)
        is_idle = has_polls and not poller.busy
        self._polling = idleness_after(self._polling, now, begun=begun, is_idle=is_idle)
        is_idle = has_deliveries and not deliverer.busy
        self._delivering = idleness_after(self._delivering, now, begun=deliverer.begun, is_idle=is_idle)
        polls = ["Due polls are left lying."] if is_stuck(self._polling, now) else []
        return polls + (["Due deliveries are left lying."] if is_stuck(self._delivering, now) else [])

    async def _has_polls(self, now: datetime) -> bool:
        """Whether polls are due that are ours and whose accounts have room for them."""
        lanes = await self._parts.jobs.lanes()
        due = [lane for lane in lanes if lane.due_at <= now and self._parts.poller.is_ours(lane, now)]
        return any(self._parts.accounts.find(lane.provider, lane.account).room(now) > 0 for lane in due)

    async def _has_deliveries(self, now: datetime) -> bool:
        """Whether deliveries are due to subscribers of ours that are not held back."""
        backlog = await self._parts.deliveries.backlog(now)
        ours = [lane for lane in backlog.lanes if self._parts.deliverer.is_ours(lane.subscriber)]
        return any(at is not None and at <= now for at in map(ready_at, ours))
