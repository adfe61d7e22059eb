"""Wakes those who wait for a job, so that waiting costs no look at the database."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Bell:
    """Rung with the ids of the jobs that changed."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self.is_closed = False

    def ring(self, job_ids: Iterable[str]) -> None:
        """Wakes whoever listens to one of these jobs."""
        for job_id in job_ids:
            for event in self._waiting.get(job_id, ()):
                event.set()

    @property
    def waiters(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def close(self) -> None:
        """Wakes everybody for good: the service stops."""
        self.is_closed = True
        self.ring(list(self._waiting))

    @contextmanager
    def listen(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set at each ring for the job; begin to listen before you look, or you miss one."""
        event = asyncio.Event()
        self._waiting.setdefault(job_id, set()).add(event)
        try:
            yield event
        finally:
            self._waiting[job_id].discard(event)
            if not self._waiting[job_id]:
                del self._waiting[job_id]
