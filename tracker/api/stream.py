"""Events as a stream: Server-Sent Events, as the HTML standard has them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

from tracker.api.calls import EVENT_STREAM
from tracker.api.pages import cursor_of
from tracker.connections import cut
from tracker.rules.events import FINAL_EVENTS
from tracker.rules.feed import place_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence

    from starlette.types import Receive, Scope, Send

    from store.records import Event, EventFilter
    from tracker.feed import Feed, Reader

_AT_A_TIME = 64 * 1024
"""Bytes after which a portion ends, be they one event's. One portion waits in memory, beside what the socket holds."""


class EventStream(Response):
    """The wanted events behind a position, as they come, until the client leaves or does not take what is sent.

    `may_go_on` is asked at each heartbeat. Events of one job end with the job: `has_ended` tells whether its end is in
    the feed already (None: these are of many jobs).
    """

    media_type = EVENT_STREAM

    def __init__(
        self,
        feed: Feed,
        position: int,
        wanted: EventFilter,
        may_go_on: Callable[[], Awaitable[bool]],
        *,
        has_ended: bool | None = None,
    ) -> None:
        self.status_code = 200
        self.background = None
        # Proxies that gather what they pass on would hold events back.
        self.init_headers({"cache-control": "no-store", "x-accel-buffering": "no"})
        self._feed = feed
        self._position = position
        self._wanted = wanted
        self._may_go_on = may_go_on
        self._has_ended = has_ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send(_LAST)
            return
        with self._feed.follow(self._position, self._wanted) as reader:
            teller = _Teller(reader, send, self._may_go_on, has_ended=self._has_ended)
            await _until_one_is_done(teller.tell(), _until_gone(receive), reader.stuck.wait())
        if reader.stuck.is_set() and cut(scope):
            await _until_gone(receive)


_LAST = {"type": "http.response.body", "body": b"", "more_body": False}


class _Teller:
    """Tells one client what one reader takes."""

    def __init__(
        self, reader: Reader, send: Send, may_go_on: Callable[[], Awaitable[bool]], *, has_ended: bool | None
    ) -> None:
        self._reader = reader
        self._raw_send = send
        self._may_go_on = may_go_on
        self._has_ended = has_ended
        self._told = -1

    async def tell(self) -> None:
        """Returns when the stream is over, and the client knows it."""
        # Where to go on, should the connection break before the first event.
        await self._send(self._new_id() + b"\n")
        while not self._reader.is_over and await self._beats():
            events = await self._reader.take()
            for portion in _portions(map(_frame, events)):
                await self._send(portion)
            if events:
                self._note(events)
            elif self._has_ended:
                break
            else:
                await self._reader.rest()
        with self._reader.sending():
            await self._raw_send(_LAST)

    async def _beats(self) -> bool:
        """Sends a heartbeat if one is due; whether the stream may go on."""
        if not self._reader.takes_heartbeat():
            return True
        if not await self._may_go_on():
            return False
        await self._send(b": heartbeat\n" + self._new_id() + b"\n")
        return True

    def _new_id(self) -> bytes:
        """Where to go on, if that is elsewhere than before: events that are not wanted have been passed over."""
        if self._reader.position == self._told:
            return b""
        self._told = self._reader.position
        return _id_line(self._told)

    def _note(self, events: Sequence[Event]) -> None:
        self._told = place_of(events[-1])
        if self._has_ended is False:
            # What was written along with the end is told too.
            self._has_ended = any(event.type in FINAL_EVENTS for event in events)

    async def _send(self, body: bytes) -> None:
        with self._reader.sending():
            await self._raw_send({"type": "http.response.body", "body": body, "more_body": True})


def _frame(event: Event) -> bytes:
    """An event as a block; its body is a JSON object on one line, which gets the id."""
    head = f'event: {event.type}\ndata: {{"id":"{event.id}",'
    return _id_line(place_of(event)) + head.encode() + event.body.removeprefix(b"{") + b"\n\n"


def _id_line(position: int) -> bytes:
    return f"id: {cursor_of(str(position))}\n".encode()


def _portions(frames: Iterable[bytes]) -> Iterator[bytes]:
    portion = bytearray()
    for frame in frames:
        portion += frame
        if len(portion) >= _AT_A_TIME:
            yield bytes(portion)
            portion.clear()
    if portion:
        yield bytes(portion)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _until_one_is_done(*works: Coroutine[None, None, object]) -> None:
    """Runs them side by side until the first is done, and cancels the others."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
