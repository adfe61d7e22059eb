"""Housekeeping: leases that were lost, jobs that are past their time-out, and rows that are past their retention."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from tracker.rules.track import give_up

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from store.deliveries import Deliveries
    from store.jobs import Jobs, Recorded
    from tracker.retention import Retention
    from tracker.surroundings import Surroundings

EVERY = timedelta(seconds=30)
ROWS_AT_A_TIME = 200
"""Late jobs that are ended together."""

LAST_POLL = timedelta(seconds=60)
"""A job is polled once more at its time-out. When that does not come to pass (its account is held, its provider cannot
be reached, the budget is spent on others), its time is over all the same."""

_log = structlog.stdlib.get_logger("tracker")


class Sweep:
    """Tidies up every half minute.

    `told` is called with what came of jobs that it ended. `look_again` is called each time: no loop sleeps longer than
    that by mistake. `chores` are what else there is to do.
    """

    def __init__(
        self,
        jobs: Jobs,
        deliveries: Deliveries,
        surroundings: Surroundings,
        retention: Retention,
        told: Callable[[Recorded], None],
        look_again: Callable[[], None],
        chores: Sequence[Callable[[], Awaitable[object]]] = (),
    ) -> None:
        self._jobs = jobs
        self._deliveries = deliveries
        self._surroundings = surroundings
        self._retention = retention
        self._told = told
        self._look_again = look_again
        self._chores = chores

    async def tick(self) -> datetime:
        """Recovers lost leases and deletes what is past its retention; returns when to sweep next."""
        now = self._surroundings.now()
        jobs = await self._jobs.recover_leases(now)
        deliveries = await self._deliveries.recover_leases(now)
        if jobs or deliveries:
            _log.warning("leases.recovered", jobs=jobs, deliveries=deliveries)
        expired = await self._end_what_is_late(now)
        self._look_again()
        for chore in self._chores:
            await chore()
        has_more = await self._retention.forget(now) or expired >= ROWS_AT_A_TIME
        return now + (timedelta(seconds=1) if has_more else EVERY)

    async def _end_what_is_late(self, now: datetime) -> int:
        """Ends jobs whose time is over and that nobody could poll once more; counts them."""
        late = await self._jobs.claim_out_of_time(now - LAST_POLL, ROWS_AT_A_TIME, now + LAST_POLL)
        if late:
            self._told(await self._jobs.record([give_up(job, now) for job in late]))
        return len(late)
