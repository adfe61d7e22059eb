"""Jobs over REST."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from store.deliveries import DeliveryFilter
from store.records import Job
from tracker.api.bodies import JobBody, read_body
from tracker.api.callbacks import refuse_unusable_callback
from tracker.api.context import Context, context_of
from tracker.api.deliveries import delivery_list
from tracker.api.events import prefers_stream, stream_of_job
from tracker.api.job_filter import filter_of
from tracker.api.pages import (
    PAGING,
    json_response,
    list_response,
    page_of,
    refuse_unknown_parameters,
    seconds_of,
)
from tracker.api.payloads import event_payload
from tracker.api.problems import ApiError, not_found, wrong_field, wrong_parameter
from tracker.providers.catalog import Provider, UnusableJobError
from tracker.providers.environment import ProviderError
from tracker.rules.accounts import canonical_name
from tracker.rules.events import DEFAULT_EVENTS
from tracker.rules.payload import job_payload, rfc3339, transition_payload
from tracker.rules.plan import View, next_delay, time_left
from tracker.rules.schedule import first_poll_at
from tracker.rules.sightings import view_of

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from tracker.rules.exchange import HttpRequest

LONGEST_WAIT = 300.0
USUAL_WAIT = 30.0
_PREFERRED_WAIT = re.compile(r"(?:^|[,;]\s*)wait=(\d+)(?:$|\s*[,;])", re.IGNORECASE | re.ASCII)
_LONGEST_POSITION = 18
"""Digits of an event's place in the feed: more than that is no 64-bit number, which is what a database holds."""

_EXPANSIONS = ("history", "steps", "reading")


async def create(request: Request) -> Response:
    """`POST /v1/jobs`: track a job; the same one again answers with the job as it is."""
    refuse_unknown_parameters(request, ())
    context = context_of(request)
    body = await read_body(request, JobBody)
    job, is_new = await context.jobs.register(new_job(context, body), rerun=body.rerun)
    if is_new and job.next_poll_at is not None:
        context.poll_at(job.next_poll_at)
    return json_response(_shown(context, job), 201 if is_new else 200, {"location": f"/v1/jobs/{job.id}"})


async def index(request: Request) -> Response:
    """`GET /v1/jobs`."""
    limit, after = page_of(request)
    context = context_of(request)
    page = await context.jobs.find(filter_of(request), limit, after)
    return list_response(request, (_shown(context, job) for job in page.rows), page.next_after)


async def show(request: Request) -> Response:
    """`GET /v1/jobs/{id}`; `Prefer: wait=N` waits for its end first."""
    refuse_unknown_parameters(request, ("expand",))
    expansions = _expansions_of(request)
    job = await _job_of(request)
    preferred = _PREFERRED_WAIT.search(request.headers.get("prefer", ""))
    headers = {}
    if preferred:
        seconds = min(float(preferred.group(1)), LONGEST_WAIT)
        job = await _when_final(context_of(request), job, seconds)
        headers["preference-applied"] = f"wait={seconds:.0f}"
    payload = _shown(context_of(request), job)
    expected = _expected_finish(context_of(request), job)
    if expected is not None:
        payload["expected_finish_at"] = rfc3339(expected)
    if "history" in expansions:
        payload["history"] = [transition_payload(row) for row in await context_of(request).jobs.history(job.id)]
    if "steps" in expansions:
        payload["steps"] = [{"id": step.id, "type": step.type, "status": step.status} for step in job.steps]
    if "reading" in expansions:
        payload["reading"] = job.reading
    return json_response(payload, headers=headers)


async def history(request: Request) -> Response:
    """`GET /v1/jobs/{id}/history`: the transitions, oldest first."""
    refuse_unknown_parameters(request, ())
    job = await _job_of(request)
    transitions = await context_of(request).jobs.history(job.id)
    return list_response(request, map(transition_payload, transitions), None)


async def events(request: Request) -> Response:
    """`GET /v1/jobs/{id}/events`: a page, or a stream where that is what the client takes."""
    if prefers_stream(request):
        return await stream_of_job(request, await _job_of(request))
    refuse_unknown_parameters(request, PAGING)
    limit, after = page_of(request)
    if after is not None and not (after.isdigit() and len(after) <= _LONGEST_POSITION):
        raise wrong_parameter("cursor", "The cursor is not one that this list gave out.")
    job = await _job_of(request)
    page = await context_of(request).events.of_job(job.id, limit, after)
    return list_response(request, map(event_payload, page.rows), page.next_after)


async def deliveries(request: Request) -> Response:
    """`GET /v1/jobs/{id}/deliveries`."""
    refuse_unknown_parameters(request, PAGING)
    job = await _job_of(request)
    return await delivery_list(request, DeliveryFilter(job_id=job.id))


async def wait(request: Request) -> Response:
    """`GET /v1/jobs/{id}/wait`: answers when the job is final, or as it is at the time-out."""
    refuse_unknown_parameters(request, ("timeout",))
    seconds = seconds_of(request, "timeout", USUAL_WAIT, LONGEST_WAIT)
    job = await _when_final(context_of(request), await _job_of(request), seconds)
    return json_response(_shown(context_of(request), job))


async def poll(request: Request) -> Response:
    """`POST /v1/jobs/{id}/poll`: poll it now."""
    refuse_unknown_parameters(request, ())
    context = context_of(request)
    now = context.surroundings.now()
    job = await context.jobs.poll_now(request.path_params["id"], now)
    if job is None:
        raise not_found("job", request.path_params["id"])
    context.poll_at(job.next_poll_at or now)
    return json_response(_shown(context, job), 202)


async def cancel(request: Request) -> Response:
    """`POST /v1/jobs/{id}/cancel`: ask the provider to cancel it; what came of it is for the next poll to say."""
    refuse_unknown_parameters(request, ())
    context = context_of(request)
    job = await _job_of(request)
    asked = _cancel_request(context, job)
    account = context.accounts.find(job.provider, job.account)
    account.begin()
    try:
        result = await context.ask_provider(asked)
    finally:
        account.end()
    problem = context.catalog.find(job.provider).cancel_problem(job, result, context.surroundings.now())
    if problem is not None:
        if problem.code in ("unauthorized", "rate_limited"):
            account.note(problem)
        raise ApiError(502, f"The provider did not accept to cancel the job. {problem.message}")
    await context.jobs.note_cancel(job.id, context.surroundings.now())
    return await poll(request)


def _cancel_request(context: Context, job: Job) -> HttpRequest:
    if job.status.is_final:
        raise ApiError(409, f"The job has ended: it is {job.status.value}.")
    try:
        asked = context.catalog.find(job.provider).cancel_request(job)
    except ProviderError as error:
        raise ApiError(409, str(error)) from error
    if asked is None:
        raise ApiError(409, f"Jobs of kind {job.kind!r} of provider {job.provider!r} cannot be canceled.")
    return asked


async def forget(request: Request) -> Response:
    """`DELETE /v1/jobs/{id}`: stop tracking it."""
    refuse_unknown_parameters(request, ())
    context = context_of(request)
    job_id = request.path_params["id"]
    if not await context.jobs.forget(job_id):
        raise not_found("job", job_id)
    context.bell.ring([job_id])
    return Response(status_code=204)


def new_job(context: Context, body: JobBody) -> Job:
    """The job that a registration asks for. Raises ApiError 422."""
    provider, kind = _provider_of(context, body)
    refuse_unusable_callback(context, body.callback_url, body.events)
    job = _planned(context, _job(context, body, provider, kind, context.surroundings.now()), provider, body.poll_after)
    if body.poll_after is not None and body.poll_after >= job.timeout_at:
        detail = f"It is not before the job's time-out ({rfc3339(job.timeout_at)}); give a longer timeout_seconds."
        raise wrong_field("/poll_after", detail)
    _refuse_unusable(provider, job)
    return job


def _job(context: Context, body: JobBody, provider: Provider, kind: str, now: datetime) -> Job:
    timing = provider.timing(kind)
    timeout = timing.timeout if body.timeout_seconds is None else body.timeout_seconds
    timeout_at = now + timedelta(seconds=timeout)
    return Job(
        id=context.surroundings.new_id("job"),
        provider=body.provider,
        kind=kind,
        account=canonical_name(body.account),
        remote_id=body.remote_id,
        run=1,
        created_at=now,
        updated_at=now,
        timeout_at=timeout_at,
        next_poll_at=now,
        params=body.params,
        tags=tuple(dict.fromkeys(body.tags)),
        metadata=body.metadata,
        callback_url=body.callback_url,
        callback_events=tuple(body.events or DEFAULT_EVENTS),
        not_before=body.poll_after,
    )


def _planned(context: Context, job: Job, provider: Provider, poll_after: datetime | None) -> Job:
    """The job with the time of its first poll."""
    plan = context.intervals.plan_of(job)
    if plan is None:
        at = first_poll_at(provider.timing(job.kind), job.created_at, poll_after)
    else:
        first = next_delay(plan, View(), context.surroundings.jitter())
        at = max(job.created_at + timedelta(seconds=first), poll_after or job.created_at)
    return replace(job, next_poll_at=min(at, job.timeout_at))


def _expected_finish(context: Context, job: Job) -> datetime | None:
    """When the job is expected to end: the median of what is left, once something was learned of its like."""
    plan = context.intervals.plan_of(job)
    if plan is None or job.status.is_final:
        return None
    now = context.surroundings.now()
    left = time_left(plan, view_of(job, context.intervals.timing(job), now))
    return None if left is None else now + timedelta(seconds=left)


def _provider_of(context: Context, body: JobBody) -> tuple[Provider, str]:
    try:
        provider = context.catalog.find(body.provider)
    except ProviderError as error:
        raise wrong_field("/provider", str(error)) from error
    try:
        return provider, provider.kind(body.kind)
    except ProviderError as error:
        raise wrong_field("/kind", str(error)) from error


def _refuse_unusable(provider: Provider, job: Job) -> None:
    """A job that could never be polled is refused at the door."""
    try:
        provider.request(job)
    except UnusableJobError as error:
        raise wrong_field(error.pointer, str(error)) from error
    except ProviderError as error:
        raise wrong_field("/account", str(error)) from error


def _shown(context: Context, job: Job) -> dict[str, Any]:
    """The job as it is; its next poll is not before its account, or its provider, is tried again."""
    if job.next_poll_at is None:
        return job_payload(job)
    held_until = context.accounts.find(job.provider, job.account).held_until(context.surroundings.now())
    next_poll_at = job.next_poll_at if held_until is None else max(job.next_poll_at, held_until)
    problem = job.poll_problem and replace(job.poll_problem, retry_at=next_poll_at)
    return job_payload(replace(job, next_poll_at=next_poll_at, poll_problem=problem))


async def _job_of(request: Request) -> Job:
    job_id = request.path_params["id"]
    job = await context_of(request).jobs.get(job_id)
    if job is None:
        raise not_found("job", job_id)
    return job


async def _when_final(context: Context, job: Job, seconds: float) -> Job:
    """The job once it is final, or as it is when the seconds are over or the service stops."""
    with context.bell.listen(job.id) as rung:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    rung.clear()
                    known = await context.bell.look(job.id, context.jobs.get)
                    if known is None:
                        raise not_found("job", job.id)
                    job = known
                    if job.status.is_final or context.bell.is_closed:
                        return job
                    await rung.wait()
        except TimeoutError:
            return await context.jobs.get(job.id) or job


def _expansions_of(request: Request) -> set[str]:
    asked = {name for value in request.query_params.getlist("expand") for name in value.split(",") if name}
    unknown = sorted(asked.difference(_EXPANSIONS))
    if unknown:
        raise wrong_parameter("expand", f"{unknown[0]!r} cannot be expanded; known are: {', '.join(_EXPANSIONS)}.")
    return asked
