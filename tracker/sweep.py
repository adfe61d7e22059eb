"""Housekeeping: leases that were lost, and rows that are past their retention."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from store.deliveries import Deliveries
    from store.events import Events
    from store.jobs import Jobs
    from tracker.surroundings import Surroundings

EVERY = timedelta(seconds=30)
ROWS_AT_A_TIME = 200
"""Small batches, so that a sweep never holds up the writer."""

_log = structlog.stdlib.get_logger("tracker")


class Sweep:
    """Tidies up every half minute. `look_again` is called each time: no loop sleeps longer than that by mistake."""

    def __init__(
        self,
        jobs: Jobs,
        deliveries: Deliveries,
        events: Events,
        surroundings: Surroundings,
        retention: timedelta,
        look_again: Callable[[], None],
    ) -> None:
        self._jobs = jobs
        self._deliveries = deliveries
        self._events = events
        self._surroundings = surroundings
        self._retention = retention
        self._look_again = look_again

    async def tick(self) -> datetime:
        """Recovers lost leases and deletes a batch of what is past its retention; returns when to sweep next."""
        now = self._surroundings.now()
        jobs = await self._jobs.recover_leases(now)
        deliveries = await self._deliveries.recover_leases(now)
        if jobs or deliveries:
            _log.warning("leases.recovered", jobs=jobs, deliveries=deliveries)
        self._look_again()
        old = now - self._retention
        forgotten = await self._jobs.forget_finished(old, ROWS_AT_A_TIME)
        forgotten += await self._events.forget(old, ROWS_AT_A_TIME)
        # A full batch says that there is more to do.
        return now + (timedelta(seconds=1) if forgotten >= ROWS_AT_A_TIME else EVERY)
