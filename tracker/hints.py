"""Hints between replicas, so that one hears at once of what another did; without them it finds out a little later."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

POLL, DELIVER, REPLAY, FEED, FLEET = "p", "d", "r", "e", "f"
"""What there may be news for."""

_ALL = frozenset((POLL, DELIVER, REPLAY, FEED, FLEET))

_log = structlog.stdlib.get_logger("tracker")


@dataclass(frozen=True, slots=True)
class Hint:
    """News for these loops, and of these jobs (None: of any)."""

    topics: frozenset[str]
    job_ids: tuple[str, ...] | None


class Hints:
    """Gathers what there is to tell while the hint before is on its way, so that there is one at a time at most.

    `send` hands a text to all replicas; `hear` is called, in the loop, with what others tell. A hint is
    `<replica> <topics> <job ids>`.
    """

    def __init__(self, own_id: str, send: Callable[[str], Awaitable[None]], hear: Callable[[Hint], None]) -> None:
        self._own_id = own_id
        self._send = send
        self._hear = hear
        self._loop = asyncio.get_running_loop()
        self._topics: set[str] = set()
        self._job_ids: dict[str, None] = {}
        self._sender: asyncio.Task[None] | None = None

    def tell(self, topics: Iterable[str], job_ids: Iterable[str] = ()) -> None:
        """Tells the others, soon."""
        self._topics.update(topics)
        self._job_ids |= dict.fromkeys(job_ids)
        if self._sender is None and (self._topics or self._job_ids):
            self._sender = self._loop.create_task(self._send_all(), name="hints")

    def take(self, text: str) -> None:
        """Takes what was heard, in any thread; nothing at all means that hints may have been lost."""
        hint = self._read(text)
        if hint is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._hear, hint)

    async def drain(self) -> None:
        """Returns once all is sent."""
        while self._sender is not None:
            await self._sender

    async def _send_all(self) -> None:
        try:
            while self._topics or self._job_ids:
                text = " ".join((self._own_id, "".join(sorted(self._topics)), *self._job_ids))
                self._topics.clear()
                self._job_ids.clear()
                await self._send(text)
        except Exception as error:
            # The others find out by themselves.
            _log.warning("hint.lost", reason=str(error))
        finally:
            self._sender = None

    def _read(self, text: str) -> Hint | None:
        if not text:
            return Hint(_ALL, None)
        sender, _, told = text.partition(" ")
        topics, *job_ids = told.split(" ")
        return None if sender == self._own_id else Hint(frozenset(topics), tuple(job_ids))
