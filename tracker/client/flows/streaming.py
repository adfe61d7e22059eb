"""The stream of events, which goes on after every break where it was, and the feed behind it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from tracker.client.calls.call import request
from tracker.client.calls.events import list_events
from tracker.client.flows.performing import error_of, perform, unexpected
from tracker.client.flows.sse import Decoder, Frame
from tracker.client.flows.steps import Answer, Emit, Lost, Pause, Request, open_stream, read_on
from tracker.client.flows.terms import is_away
from tracker.client.models.event import Event
from tracker.client.models.reading import read

if TYPE_CHECKING:
    from tracker.client.calls.call import Several
    from tracker.client.errors import TrackerError
    from tracker.client.flows.steps import Flow
    from tracker.client.flows.terms import Terms

SILENCE = 45.0
"""Seconds without a byte after which a stream counts as broken: three heartbeats."""


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
    cursor, misses, has_been_open = after, 0, False
    while True:
        asked = stream_request("events", "stream", types=types, cursor=cursor)
        head = yield from open_stream(asked)
        if is_event_stream(head):
            has_been_open, misses = True, 0
            cursor = yield from _emit_events(cursor, terms)
        elif not is_away(head) or (not has_been_open and misses >= terms.max_retries):
            raise _refusal(asked, head, terms)
        yield Pause(terms.pause(misses, head))
        misses += 1


def stream_request(*segments: str, types: Several = (), cursor: str | None = None, silence: float = SILENCE) -> Request:
    """The request for a stream that goes on behind a cursor."""
    headers = {"accept": "text/event-stream"} | ({"last-event-id": cursor} if cursor else {})
    return replace(request("GET", *segments, query={"type": types}), headers=headers, read_timeout=silence)


def is_event_stream(head: Answer | Lost) -> bool:
    """Whether what was opened is one."""
    if isinstance(head, Lost) or head.status != 200:
        return False
    return head.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream"


def next_frames(decoder: Decoder) -> Flow[list[Frame] | None]:
    """The frames that come with the next bytes, maybe none; None when the stream is over or broken."""
    chunk = yield from read_on()
    return decoder.feed(chunk) if isinstance(chunk, bytes) else None


def event_in(data: str, terms: Terms) -> Event:
    """The event that a frame holds. Raises UnexpectedAnswer."""
    try:
        return read(Event, json.loads(data))
    except ValueError as error:
        raise unexpected(terms, Answer(200, "OK", {}), f"an event of the stream: {error}") from None


def _emit_events(cursor: str | None, terms: Terms) -> Flow[str | None]:
    """Emits events until the stream breaks; returns where to go on."""
    decoder = Decoder()
    while (frames := (yield from next_frames(decoder))) is not None:
        for frame in frames:
            cursor = cursor if frame.id is None else frame.id
            if frame.data is not None:
                yield Emit(replace(event_in(frame.data, terms), cursor=cursor))
    return cursor


def _refusal(asked: Request, head: Answer | Lost, terms: Terms) -> TrackerError:
    if isinstance(head, Answer) and head.is_success:
        return unexpected(terms, head, "it is no event stream")
    return error_of(asked, head, terms)
