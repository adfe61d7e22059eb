"""The live end of the feed: one task reads what is new, once, for however many follow it.

Who follows holds nothing but a position: it takes from the ring of the newest events, or, where it fell behind that,
from the store. So a slow one grows no memory and delays nobody.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from store.records import EventFilter
from tracker.ring import Ring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from store.events import Events
    from store.records import Event, FeedPage
    from tracker.surroundings import Surroundings

HEARTBEAT = timedelta(seconds=15)

_NEW_AT_A_TIME = 200
_OLD_AT_A_TIME = 50
_ALL = EventFilter()

_log = structlog.stdlib.get_logger("tracker")


class Feed:
    """Tells those who follow of new events. While nobody follows, nothing is read."""

    def __init__(self, events: Events, surroundings: Surroundings) -> None:
        self._events = events
        self._surroundings = surroundings
        self._readers: set[Reader] = set()
        self._ring: Ring | None = None
        self._tail: asyncio.Task[None] | None = None
        self._is_behind = False
        self._turned = asyncio.Event()
        self.is_closed = False
        self.news = self.beats = 0
        """How often there was something new, and a heartbeat."""

    @property
    def followers(self) -> int:
        """How many follow."""
        return len(self._readers)

    @contextmanager
    def follow(self, position: int, wanted: EventFilter = _ALL) -> Iterator[Reader]:
        """One who is told of the wanted events behind a position."""
        reader = Reader(self, position, wanted)
        self._readers.add(reader)
        if self._ring is None:
            self.wake()
        try:
            yield reader
        finally:
            self._readers.discard(reader)
            if not self._readers:
                # It is not kept up to date for nobody.
                self._ring = None

    def wake(self) -> None:
        """There may be new events in the store."""
        self._is_behind = True
        if self._tail is None and self._readers and not self.is_closed:
            self._tail = asyncio.get_running_loop().create_task(self._read_what_is_new(), name="feed")

    async def tick(self) -> datetime:
        """A heartbeat for all who follow; returns when the next one is due."""
        self.beats += 1
        for reader in tuple(self._readers):
            reader.note_beat()
        self._turn()
        # No event waits longer than that for a word that was lost.
        self.wake()
        return self._surroundings.now() + HEARTBEAT

    def close(self) -> None:
        """Ends whatever follows, at once and for good: the service stops."""
        self.is_closed = True
        for reader in tuple(self._readers):
            reader.note_close()
        self._turn()

    async def drain(self) -> None:
        """Returns once nothing is being read."""
        while self._tail is not None:
            await self._tail

    async def page(self, position: int, wanted: EventFilter) -> FeedPage:
        """What follows a position, as much as is good at a time."""
        if self._ring is not None and position >= self._ring.start:
            return self._ring.after(position, wanted)
        return await self._events.after(position, _OLD_AT_A_TIME, wanted)

    async def turn(self) -> None:
        """Returns at the next news, heartbeat or close."""
        await self._turned.wait()

    def _turn(self) -> None:
        self._turned.set()
        self._turned = asyncio.Event()

    async def _read_what_is_new(self) -> None:
        try:
            while self._is_behind and self._readers and not self.is_closed:
                self._is_behind = False
                await self._read_once()
        except Exception:
            # Who follows is told at the next wake, or heartbeat.
            _log.exception("feed.failed")
        finally:
            self._tail = None

    async def _read_once(self) -> None:
        ring = self._ring
        if ring is None:
            ring = Ring(await self._events.end())
            self._ring = ring if self._readers else None
        else:
            page = await self._events.after(ring.end, _NEW_AT_A_TIME)
            ring.add(page)
            self._is_behind = self._is_behind or not page.is_last
        self.news += 1
        self._turn()


class Reader:
    """One who follows the feed: takes what there is, and rests until there is more or a heartbeat is due."""

    def __init__(self, feed: Feed, position: int, wanted: EventFilter) -> None:
        self.position = position
        self.stuck = asyncio.Event()
        """Set when what is being sent is not taken."""
        self._feed = feed
        self._wanted = wanted
        self._news = -1
        self._beats = feed.beats
        self._is_sending = self._was_sending = False

    @property
    def is_over(self) -> bool:
        """Whether the service stops."""
        return self._feed.is_closed

    async def take(self) -> Sequence[Event]:
        """Wanted events behind the position, which moves behind them; none: there are no more yet."""
        self._news = self._feed.news
        page = await self._feed.page(self.position, self._wanted)
        self.position = page.end
        return page.events

    async def rest(self) -> None:
        """Returns once there may be more to take, a heartbeat is due, or the service stops."""
        while not (self.is_over or self._news != self._feed.news or self._beats != self._feed.beats):
            await self._feed.turn()

    def takes_heartbeat(self) -> bool:
        """Whether a heartbeat has come since this was asked last."""
        is_due, self._beats = self._beats != self._feed.beats, self._feed.beats
        return is_due

    @contextmanager
    def sending(self) -> Iterator[None]:
        """While this is entered something is being sent."""
        self._is_sending = True
        if self.is_over:
            # What is not taken at once is not waited for any more.
            asyncio.get_running_loop().call_soon(self.note_close)
        try:
            yield
        finally:
            self._is_sending = self._was_sending = False

    def note_beat(self) -> None:
        """A heartbeat has come; what has been under way since the one before is stuck."""
        if self._was_sending:
            self.stuck.set()
        self._was_sending = self._is_sending

    def note_close(self) -> None:
        """The service stops; what is under way now is not waited for."""
        if self._is_sending:
            self.stuck.set()
