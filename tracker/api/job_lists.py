"""Lists over REST: of jobs, and of what belongs to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.deliveries import DeliveryFilter
from tracker.api.context import context_of
from tracker.api.deliveries import delivery_list
from tracker.api.events import prefers_stream, stream_of_job
from tracker.api.job_filter import filter_of
from tracker.api.job_view import job_of, job_shown
from tracker.api.pages import list_response, page_of
from tracker.api.payloads import event_payload
from tracker.api.problems import wrong_parameter
from tracker.rules.payload import transition_payload

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_LONGEST_POSITION = 18
"""Digits of an event's place in the feed: more than that is no 64-bit number, which is what a database holds."""


async def index(request: Request) -> Response:
    """`GET /v1/jobs`."""
    limit, after = page_of(request, "job_")
    context = context_of(request)
    page = await context.jobs.find(filter_of(request), limit, after)
    return list_response(request, (job_shown(context, job) for job in page.rows), page.next_after)


async def history(request: Request) -> Response:
    """`GET /v1/jobs/{id}/history`: the transitions, oldest first."""
    job = await job_of(request)
    transitions = await context_of(request).jobs.history(job.id)
    return list_response(request, map(transition_payload, transitions), None)


async def events(request: Request) -> Response:
    """`GET /v1/jobs/{id}/events`: a page, or a stream where that is what the client prefers."""
    if prefers_stream(request):
        return await stream_of_job(request, await job_of(request))
    limit, after = page_of(request)
    if after is not None and not (after.isdigit() and len(after) <= _LONGEST_POSITION):
        raise wrong_parameter("cursor", "The cursor is not one that this list gave out.")
    job = await job_of(request)
    page = await context_of(request).events.of_job(job.id, limit, after)
    return list_response(request, map(event_payload, page.rows), page.next_after)


async def deliveries(request: Request) -> Response:
    """`GET /v1/jobs/{id}/deliveries`."""
    job = await job_of(request)
    return await delivery_list(request, DeliveryFilter(job_id=job.id))
