"""Looks at whether the database works, so rarely that nobody can wear it out by asking."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from store.errors import DatabaseAwayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from tracker.surroundings import Surroundings

LOOK_EVERY = timedelta(seconds=10)
"""Until then the last look counts."""

PATIENCE = 5.0
"""Seconds that a look may take; a large batch of writes takes less."""

_log = structlog.stdlib.get_logger("tracker")


class Look:
    """A look that finds what is wrong. One that fails has found that the database cannot be `done` (read, written).

    It is made when it is asked for, one at a time, and no more often than `LOOK_EVERY`.
    """

    def __init__(
        self,
        done: str,
        look: Callable[[], Awaitable[list[str]]],
        surroundings: Surroundings,
        patience: float = PATIENCE,
    ) -> None:
        self._done = done
        self._look = look
        self._surroundings = surroundings
        self._patience = patience
        self._began_at: datetime | None = None
        self._task: asyncio.Task[list[str]] | None = None

    async def reasons(self) -> list[str]:
        """What the last look found; nothing where all is well."""
        task = self._last()
        await asyncio.wait([task], timeout=self._patience)
        return task.result() if task.done() else [f"The database cannot be {self._done} in time."]

    async def close(self) -> None:
        """Lets go of a look that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _last(self) -> asyncio.Task[list[str]]:
        now = self._surroundings.now()
        is_old = self._began_at is None or now - self._began_at >= LOOK_EVERY
        if self._task is None or (self._task.done() and is_old):
            self._began_at = now
            self._task = asyncio.get_running_loop().create_task(self._guarded(), name=f"look {self._done}")
        return self._task

    async def _guarded(self) -> list[str]:
        try:
            return await self._look()
        except DatabaseAwayError:
            return ["The database cannot be reached."]
        except Exception:
            # Anybody may ask, so the answer does not say what the log does.
            _log.exception("database.failed", done=self._done)
            return [f"The database cannot be {self._done}; the log says why."]
