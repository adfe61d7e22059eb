"""APScheduler wakes the loops: each at its next due time, and at once when there is new work.

Due times live in the database; there is one scheduler job per loop, never one per tracked job.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tracker.surroundings import Surroundings

_PAUSE_AFTER_FAULT = timedelta(seconds=5)
_log = structlog.stdlib.get_logger("tracker")


class Beat:
    """Runs one loop's `tick`, never twice at a time. A tick returns when the next one is due (None: when woken)."""

    def __init__(
        self,
        name: str,
        tick: Callable[[], Awaitable[datetime | None]],
        scheduler: AsyncIOScheduler,
        surroundings: Surroundings,
    ) -> None:
        self._name = name
        self._tick = tick
        self._scheduler = scheduler
        self._surroundings = surroundings
        self._planned_at: datetime | None = None
        self._is_running = False

    def wake(self) -> None:
        """Has the loop tick at once, or once more after the tick that is running."""
        self.wake_at(self._surroundings.now())

    def wake_at(self, at: datetime) -> None:
        """Has the loop tick at `at`, unless it does so earlier anyway."""
        if self._planned_at is not None and self._planned_at <= at:
            return
        self._planned_at = at
        if not self._is_running:
            self._plan(at)

    async def _run(self) -> None:
        if self._is_running:
            # A run that was already on its way cannot be called back when an earlier one is planned.
            self.wake()
            return
        self._is_running = True
        self._planned_at = None
        try:
            due = await self._tick()
        except asyncio.CancelledError:
            # The scheduler stops. It would take this for a fault and log it as one.
            return
        except Exception:
            _log.exception("loop.failed", loop=self._name)
            due = self._surroundings.now() + _PAUSE_AFTER_FAULT
        self._is_running = False
        times = [at for at in (due, self._planned_at) if at is not None]
        if times:
            self._planned_at = min(times)
            self._plan(self._planned_at)

    def _plan(self, at: datetime) -> None:
        self._scheduler.add_job(
            self._run,
            DateTrigger(at),
            id=self._name,
            replace_existing=True,
            misfire_grace_time=None,
            # A run plans the next one before it is over. The scheduler would skip that one, and the loop would sleep
            # for good, if it held to one instance; that ticks never overlap is seen to here.
            max_instances=100,
        )


class Metronome:
    """The scheduler with its beats."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._surroundings = surroundings

    def beat(self, name: str, tick: Callable[[], Awaitable[datetime | None]]) -> Beat:
        """A beat for a loop; it ticks for the first time when woken."""
        return Beat(name, tick, self._scheduler, self._surroundings)

    def start(self) -> None:
        """Starts the scheduler in the running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Wakes nothing any more."""
        self._scheduler.shutdown(wait=False)
