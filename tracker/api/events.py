"""The feed of events over REST, page by page or as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import Response

from store.records import EventFilter, Job
from tracker.api.auth import is_let_in
from tracker.api.calls import EVENT_STREAM, JSON
from tracker.api.context import context_of
from tracker.api.pages import cursor_of, json_response, page_of, place_in
from tracker.api.payloads import event_payload
from tracker.api.problems import wrong_header, wrong_parameter
from tracker.api.stream import EventStream
from tracker.rules.events import EVENT_TYPES, unknown_patterns
from tracker.rules.feed import types_of
from tracker.rules.negotiation import named_weight

if TYPE_CHECKING:
    from starlette.requests import Request

_FILTERS = ("type", "job_id", "provider", "kind", "tag")
_LONGEST_POSITION = 18
"""Digits of a place in the feed: more than that is no 64-bit number, which is what a database holds."""


async def index(request: Request) -> Response:
    """`GET /v1/events`: oldest first; `next_cursor` is where to go on, also at the end, for what happens later."""
    limit, _ = page_of(request)
    position = _after_in_query(request) or 0
    page = await context_of(request).events.after(position, limit, _filter_of(request))
    cursor = cursor_of(str(page.end))
    headers = {}
    if not page.is_last:
        query = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
        headers["link"] = f'<{request.url.path}?{urlencode([*query, ("after", cursor)])}>; rel="next"'
    body = {"data": [event_payload(event) for event in page.events], "next_cursor": cursor}
    return json_response(body, headers=headers)


async def stream(request: Request) -> Response:
    """`GET /v1/events/stream`: from now on, or behind `Last-Event-ID` or `after`."""
    context = context_of(request)
    given, resumed = _after_in_query(request), _last_event_id(request)
    wanted = _filter_of(request)
    # A client that comes back names the last event that it saw, and its URL is still that of its first request.
    after = given if resumed is None else resumed
    position = await context.events.end() if after is None else after
    return EventStream(context.feed, position, wanted, lambda: is_let_in(request))


async def stream_of_job(request: Request, job: Job) -> Response:
    """The stream of one job's events, from the first of them or behind `Last-Event-ID`, to its end."""
    for name in request.query_params:
        raise wrong_parameter(name, f"A stream has no pages; leave {name!r} out, or accept {JSON} alone.")
    context = context_of(request)
    resumed, wanted = _last_event_id(request), EventFilter(job_ids=(job.id,))
    if job.status.is_final and resumed is not None and not (await context.events.after(resumed, 1, wanted)).events:
        # All is told. A browser would come back for ever, unless it is answered so.
        return Response(status_code=204)

    async def may_go_on() -> bool:
        return await is_let_in(request) and await context.jobs.get(job.id) is not None

    return EventStream(context.feed, resumed or 0, wanted, may_go_on, has_ended=job.status.is_final)


def prefers_stream(request: Request) -> bool:
    """Whether a client asks for a stream where there is JSON too; who takes anything gets JSON."""
    accept = ", ".join(request.headers.getlist("accept"))
    return named_weight(accept, EVENT_STREAM) > named_weight(accept, JSON)


def _filter_of(request: Request) -> EventFilter:
    query = request.query_params
    patterns = query.getlist("type")
    unknown = unknown_patterns(patterns)
    if unknown:
        known = ", ".join(EVENT_TYPES)
        raise wrong_parameter("type", f"{unknown[0]!r} is no event type and no prefix of one; known are: {known}.")
    types, job_ids, providers, kinds, tags = types_of(patterns), *(tuple(query.getlist(name)) for name in _FILTERS[1:])
    return EventFilter(types, job_ids, providers, kinds, tags)


def _after_in_query(request: Request) -> int | None:
    text = request.query_params.get("after")
    position = None if text is None else _position_in(text)
    if text is not None and position is None:
        raise wrong_parameter("after", f"{text!r:.100} is not a cursor that the feed gave out.")
    return position


def _last_event_id(request: Request) -> int | None:
    text = request.headers.get("last-event-id")
    if not text:
        return None
    position = _position_in(text)
    if position is None:
        raise wrong_header("Last-Event-ID", f"{text!r:.100} is not an id that the stream gave out.")
    return position


def _position_in(cursor: str) -> int | None:
    place = place_in(cursor)
    is_position = place is not None and place.isdigit() and len(place) <= _LONGEST_POSITION
    return int(place) if place is not None and is_position else None
