"""Wakes those who wait for a job, so that waiting costs no look at the database."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator

T = TypeVar("T")


class Bell:
    """Rung with the ids of the jobs that changed."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._looks: dict[str, asyncio.Task[Any]] = {}
        self.is_closed = False

    def ring(self, job_ids: Iterable[str]) -> None:
        """Wakes whoever listens to one of these jobs."""
        for job_id in job_ids:
            # A look that began before may not see what is rung for.
            self._looks.pop(job_id, None)
            for event in self._waiting.get(job_id, ()):
                event.set()

    @property
    def waiters(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def ring_all(self) -> None:
        """Wakes everybody: any job may have changed."""
        self.ring(list(self._waiting))

    def close(self) -> None:
        """Wakes everybody for good: the service stops."""
        self.is_closed = True
        self.ring_all()

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

    async def look(self, job_id: str, read: Callable[[str], Coroutine[Any, Any, T]]) -> T:
        """What `read` says of a job, as it is after the last ring; those who look at the same time share one look."""
        look = self._looks.get(job_id)
        if look is None:
            look = self._looks[job_id] = asyncio.get_running_loop().create_task(read(job_id), name=f"look {job_id}")
            look.add_done_callback(lambda done: self._forget_look(job_id, done))
        # Who stops waiting must not take the look from the others.
        result: T = await asyncio.shield(look)
        return result

    def _forget_look(self, job_id: str, look: asyncio.Task[Any]) -> None:
        if self._looks.get(job_id) is look:
            del self._looks[job_id]
