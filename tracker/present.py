"""How the service stands, for people who look again and again, and many of them at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from store.census import census_of
from tracker.waiting import Waiting, what_waits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from store.records import Census
    from tracker.parts import Parts
    from tracker.surroundings import Surroundings

T = TypeVar("T")

FRESH = timedelta(seconds=1)
PAUSE = 50
"""Times as long as a look took the next one waits at least: looking takes no more than a fiftieth of a reader."""

LONGEST_PAUSE = timedelta(seconds=30)
"""A first look, at a file that nothing has read yet, takes much longer than those after it."""


@dataclass(frozen=True, slots=True)
class Loop:
    """What a loop of this process has under way, of how much there may be."""

    slots: int
    busy: int


@dataclass(frozen=True, slots=True)
class Overview:
    """How the service stands; there was counted at `counted_at`."""

    started_at: datetime
    replicas: int
    census: Census
    counted_at: datetime
    waiting: Waiting
    polling: Loop
    delivering: Loop


class Kept(Generic[T]):
    """What a look finds, kept for a moment: for the longer, the longer the look took."""

    def __init__(self, look: Callable[[], Awaitable[T]], surroundings: Surroundings) -> None:
        self._look = look
        self._surroundings = surroundings
        self._looking = asyncio.Lock()
        self._found: tuple[T, datetime] | None = None
        self._fresh_until = surroundings.now()

    async def latest(self) -> tuple[T, datetime]:
        """What the last look found, and when it began; raises what a look raises."""
        async with self._looking:
            began = self._surroundings.now()
            # A clock that was set back makes nothing fresh for longer.
            if self._found is None or not self._found[1] <= began < self._fresh_until:
                self._found = await self._look(), began
                took = self._surroundings.now() - began
                self._fresh_until = began + min(max(FRESH, took * PAUSE), LONGEST_PAUSE)
            return self._found


class Present:
    """Looks at the parts of the running service. `slots` are there in all, by the name of their loop."""

    def __init__(self, parts: Parts, slots: Mapping[str, int], replicas: Callable[[], int]) -> None:
        self._parts = parts
        self._slots = slots
        self._replicas = replicas
        self._started_at = parts.surroundings.now()
        self._census = Kept(lambda: census_of(parts.database), parts.surroundings)
        self._waiting = Kept(lambda: what_waits(parts, parts.surroundings.now()), parts.surroundings)

    async def overview(self) -> Overview:
        """How the service stands now; counts and times may be a moment old."""
        (census, counted_at), (waiting, _) = await asyncio.gather(self._census.latest(), self._waiting.latest())
        return Overview(
            self._started_at,
            self._replicas(),
            census,
            counted_at,
            waiting,
            Loop(self._slots["poll"], self._parts.poller.busy),
            Loop(self._slots["deliver"], self._parts.deliverer.busy),
        )
