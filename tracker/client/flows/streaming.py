"""The stream of events, which goes on after every break where it was, and the feed behind it."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from tracker.client.calls.call import request
from tracker.client.calls.events import list_events
from tracker.client.flows.performing import error_of, perform, unexpected
from tracker.client.flows.sse import Decoder, Frame
from tracker.client.flows.steps import Answer, Emit, Lost, Pause, Request, open_stream, read_on
from tracker.client.flows.terms import is_away
from tracker.client.models.event import Event
from tracker.client.models.reading import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracker.client.calls.call import Several
    from tracker.client.errors import TrackerError
    from tracker.client.flows.steps import Flow
    from tracker.client.flows.terms import Terms

SILENCE = 45.0
"""Seconds without a byte after which a stream counts as broken: three heartbeats."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The stream is open, for the first time or again."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The stream is not open; it is tried again in `pause` seconds, and was so `misses` times already."""

    reason: str
    misses: int
    pause: float


@dataclass(frozen=True, slots=True)
class Beat:
    """The service is there, and tells of no event."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and the text in which the stream told it."""

    event: Event
    text: str


News: TypeAlias = Opened | Broken | Beat | Told


def feed(after: str | None, types: Several, page_size: int, terms: Terms) -> Flow[None]:
    """Emits what the feed holds behind a cursor, oldest first, to its present end."""
    while True:
        page = yield from perform(list_events(after=after, types=types, page_size=page_size), terms)
        for row in page.rows:
            # The service gives a cursor for each page; within it, going on means to begin it again.
            yield Emit(replace(row, cursor=page.next_cursor if row is page.rows[-1] else after))
        # The cursor also moves over events that are not wanted: a page without rows need not be the last.
        if page.next_cursor in (None, after):
            return
        after = page.next_cursor


def stream(after: str | None, types: Several, terms: Terms) -> Flow[None]:
    """Emits events, for ever, behind a cursor or from now on. Raises TrackerError where it cannot even begin."""
    with closing(follow(after, {"type": types}, terms)) as following:
        outcome: object = None
        while True:
            step = following.send(outcome)
            if not isinstance(step, Emit):
                outcome = yield step
                continue
            outcome = None
            if isinstance(step.value, Told):
                yield Emit(step.value.event)


def follow(after: str | None, wanted: Mapping[str, Several], terms: Terms) -> Flow[None]:
    """Emits news of the stream, for ever: events that are wanted, and how the connection fares.

    Raises TrackerError where it cannot even begin.
    """
    cursor, misses, has_been_open = after, 0, False
    while True:
        asked = stream_request("events", "stream", query=wanted, cursor=cursor)
        trouble = head = yield from open_stream(asked)
        if is_event_stream(head):
            has_been_open, misses = True, 0
            yield Emit(Opened())
            cursor, trouble = yield from _emit_events(cursor, terms)
        elif not is_away(head) or (not has_been_open and misses >= terms.max_retries):
            raise _refusal(asked, head, terms)
        pause = terms.pause(misses, head)
        yield Emit(Broken(str(trouble), misses, pause))
        yield Pause(pause)
        misses += 1


def stream_request(
    *segments: str,
    query: Mapping[str, Several] | None = None,
    cursor: str | None = None,
    silence: float = SILENCE,
) -> Request:
    """The request for a stream that goes on behind a cursor."""
    headers = {"accept": "text/event-stream"} | ({"last-event-id": cursor} if cursor else {})
    return replace(request("GET", *segments, query=query or {}), headers=headers, read_timeout=silence)


def is_event_stream(head: Answer | Lost) -> bool:
    """Whether what was opened is one."""
    if isinstance(head, Lost) or head.status != 200:
        return False
    return head.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream"


def next_frames(decoder: Decoder) -> Flow[list[Frame] | Lost]:
    """The frames that come with the next bytes, maybe none; Lost when the stream is over or broken."""
    chunk = yield from read_on()
    return decoder.feed(chunk) if isinstance(chunk, bytes) else chunk or Lost("the service ended the stream")


def event_in(data: str, terms: Terms) -> Event:
    """The event that a frame holds. Raises UnexpectedAnswer."""
    try:
        return read(Event, json.loads(data))
    except ValueError as error:
        raise unexpected(terms, Answer(200, "OK", {}), f"an event of the stream: {error}") from None


def _emit_events(cursor: str | None, terms: Terms) -> Flow[tuple[str | None, Lost]]:
    """Emits events until the stream breaks; returns where to go on, and what broke it."""
    decoder = Decoder()
    while True:
        frames = yield from next_frames(decoder)
        if isinstance(frames, Lost):
            return cursor, frames
        for frame in frames:
            cursor = cursor if frame.id is None else frame.id
            if frame.data is not None:
                yield Emit(Told(replace(event_in(frame.data, terms), cursor=cursor), frame.data))
        if not any(frame.data is not None for frame in frames):
            yield Emit(Beat())


def _refusal(asked: Request, head: Answer | Lost, terms: Terms) -> TrackerError:
    if isinstance(head, Answer) and head.is_success:
        return unexpected(terms, head, "it is no event stream")
    return error_of(asked, head, terms)
