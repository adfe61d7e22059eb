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

from store.errors import DatabaseAwayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tracker.surroundings import Surroundings

_PAUSE_AFTER_FAULT = timedelta(seconds=5)
_PAUSE_WHILE_AWAY = timedelta(seconds=1)
LATE_AFTER = timedelta(seconds=30)
"""A tick that is so long overdue, or under way, will hardly come to anything."""

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
        self._began_at: datetime | None = None
        self._is_running = False
        self._has_failed = False

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

    def fault(self, now: datetime) -> str | None:
        """What is wrong with the loop, in words that anybody may read; None: nothing."""
        expected_at = self._began_at if self._is_running else self._planned_at
        if expected_at is not None and now - expected_at > LATE_AFTER:
            return f"The {self._name} loop hangs." if self._is_running else f"The {self._name} loop does not tick."
        return f"The {self._name} loop failed at its last tick; the log says why." if self._has_failed else None

    async def _run(self) -> None:
        if self._is_running:
            # A run that was already on its way cannot be called back when an earlier one is planned.
            self.wake()
            return
        self._is_running = True
        self._began_at = self._surroundings.now()
        self._planned_at = None
        try:
            due = await self._tick()
            self._has_failed = False
        except asyncio.CancelledError:
            # The scheduler stops. It would take this for a fault and log it as one.
            return
        except DatabaseAwayError as error:
            _log.warning("loop.waiting", loop=self._name, reason=str(error))
            due = self._surroundings.now() + _PAUSE_WHILE_AWAY
        except Exception:
            self._has_failed = True
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
        self._beats: list[Beat] = []

    def beat(self, name: str, tick: Callable[[], Awaitable[datetime | None]]) -> Beat:
        """A beat for a loop; it ticks for the first time when woken."""
        beat = Beat(name, tick, self._scheduler, self._surroundings)
        self._beats.append(beat)
        return beat

    def faults(self) -> list[str]:
        """What is wrong with the loops, in words that anybody may read; nothing unless they were started."""
        now = self._surroundings.now()
        found = [beat.fault(now) for beat in self._beats] if self._scheduler.running else []
        return [fault for fault in found if fault is not None]

    def start(self) -> None:
        """Starts the scheduler in the running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Wakes nothing any more."""
        self._scheduler.shutdown(wait=False)
