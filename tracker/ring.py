"""The newest events of the feed, in memory."""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING

from store.records import Event, EventFilter, FeedPage
from tracker.rules.feed import passes, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_EVENTS = 1000
_MOST_BYTES = 8 * 1024 * 1024
_AT_A_TIME = 100


class Ring:
    """All events behind one position, up to another. What is too many, or too large, makes room for what is newer."""

    def __init__(self, start: int, most_events: int = _MOST_EVENTS, most_bytes: int = _MOST_BYTES) -> None:
        self.start = self.end = start
        self._events: list[Event] = []
        self._bytes = 0
        self._most_events = most_events
        self._most_bytes = most_bytes

    def add(self, page: FeedPage) -> None:
        """Appends what follows in the feed."""
        self._events += page.events
        self._bytes += _size(page.events)
        self.end = page.end
        self._drop(len(self._events) - self._most_events)
        while self._bytes > self._most_bytes:
            self._drop(1)

    def after(self, position: int, wanted: EventFilter) -> FeedPage:
        """Some of the wanted events behind a position that is not before the start; none only up to the end."""
        first = bisect_right(self._events, position, key=place_of)
        chosen = (event for event in islice(self._events, first, None) if passes(event, wanted))
        events = tuple(islice(chosen, _AT_A_TIME))
        is_last = len(events) < _AT_A_TIME
        return FeedPage(events, max(position, self.end) if is_last else place_of(events[-1]), is_last)

    def _drop(self, count: int) -> None:
        if count > 0:
            dropped, self._events = self._events[:count], self._events[count:]
            self._bytes -= _size(dropped)
            self.start = place_of(dropped[-1])


def _size(events: Iterable[Event]) -> int:
    return sum(len(event.body) for event in events)
