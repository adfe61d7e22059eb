"""Outcomes that finish together are written together."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from store.errors import DatabaseAwayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

T = TypeVar("T")
_LARGEST = 2000
"""Outcomes that are written together at most: a transaction must not hold up the writer for long."""

PAUSE_WHILE_AWAY = 1.0
"""Seconds."""

_log = structlog.stdlib.get_logger("tracker")


class Batches(Generic[T]):
    """Hands what is put in to `write`, all that is there at a time; while one batch is written the next gathers.

    While the database is away a batch waits for it. One that cannot be written is written one by one; an outcome that
    cannot be written at all is given up here, and its row comes back when its lease runs out. `settled` is called with
    what is done with, either way.
    """

    def __init__(
        self, name: str, write: Callable[[list[T]], Awaitable[None]], settled: Callable[[list[T]], None]
    ) -> None:
        self._name = name
        self._write = write
        self._settled = settled
        self._gathered: list[T] = []
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def put(self, item: T) -> None:
        """Adds an outcome; it is written soon."""
        self._gathered.append(item)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write_all(), name=f"write {self._name}")

    async def close(self) -> None:
        """Returns once all that was put in is settled; what cannot be written now is given up."""
        self._closing.set()
        await self.drain()

    async def drain(self) -> None:
        """Returns once all that was put in is settled."""
        while self._writer is not None:
            await self._writer

    async def _write_all(self) -> None:
        try:
            while self._gathered:
                batch, self._gathered = self._gathered[:_LARGEST], self._gathered[_LARGEST:]
                await self._write_one(batch)
        finally:
            self._writer = None

    async def _write_one(self, batch: list[T]) -> None:
        try:
            await self._write_when_possible(batch)
        except Exception:
            if len(batch) > 1:
                # One that cannot be written must not take the others with it.
                for item in batch:
                    await self._write_one([item])
                return
            _log.exception("outcome.lost", batch=self._name)
        self._settled(batch)

    async def _write_when_possible(self, batch: list[T]) -> None:
        while True:
            try:
                return await self._write(batch)
            except DatabaseAwayError:
                if self._closing.is_set():
                    raise
                _log.warning("outcomes.waiting", batch=self._name, count=len(batch))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), PAUSE_WHILE_AWAY)


async def finish_or_cancel(tasks: Mapping[asyncio.Task[None], T], seconds: float) -> list[T]:
    """Lets tasks finish for so long and cancels the others; returns what those were at work on."""
    if not tasks:
        return []
    _, late = await asyncio.wait(tasks, timeout=seconds)
    unfinished = [tasks[task] for task in late]
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    return unfinished
