"""One job over REST."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from tracker.api.context import Context, context_of
from tracker.api.job_view import expected_finish, job_of, job_shown
from tracker.api.pages import json_response, seconds_of, tagged_response
from tracker.api.problems import ApiError, not_found, wrong_parameter
from tracker.providers.environment import ProviderError
from tracker.rules.payload import rfc3339, transition_payload

if TYPE_CHECKING:
    from starlette.requests import Request

    from store.records import Job
    from tracker.rules.exchange import HttpRequest

LONGEST_WAIT = 300.0
USUAL_WAIT = 30.0
_PREFERRED_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*("?)(\d+)\1\s*(?:$|[,;])', re.IGNORECASE | re.ASCII)
"""The preference as RFC 7240 spells it, alone or among others."""
_EXPANSIONS = ("history", "polls", "steps", "reading")


async def show(request: Request) -> Response:
    """`GET /v1/jobs/{id}`; `Prefer: wait=N` waits for its end first, whatever `If-None-Match` then makes of it."""
    expansions = _expansions_of(request)
    job = await job_of(request)
    preferred = _PREFERRED_WAIT.search(", ".join(request.headers.getlist("prefer")))
    headers = {}
    if preferred:
        seconds = min(float(preferred.group(2)), LONGEST_WAIT)
        job = await _when_final(context_of(request), job, seconds)
        headers["preference-applied"] = f"wait={seconds:.0f}"
    payload = job_shown(context_of(request), job) | await _expanded(request, job, expansions)
    expected = expected_finish(context_of(request), job)
    foreseen = {} if expected is None else {"expected_finish_at": rfc3339(expected)}
    return tagged_response(request, payload, foreseen, headers)


async def _expanded(request: Request, job: Job, expansions: set[str]) -> dict[str, Any]:
    """What was asked for along with the job."""
    shown: dict[str, Any] = {}
    if "history" in expansions:
        shown["history"] = [transition_payload(row) for row in await context_of(request).jobs.history(job.id)]
    if "polls" in expansions:
        shown["poll_times"] = [rfc3339(at) for at in await context_of(request).jobs.poll_times(job.id)]
    if "steps" in expansions:
        shown["steps"] = [asdict(step) for step in job.steps]
    if "reading" in expansions:
        shown["reading"] = job.reading
    return shown


async def wait(request: Request) -> Response:
    """`GET /v1/jobs/{id}/wait`: answers when the job is final, or as it is at the time-out."""
    seconds = seconds_of(request, "timeout", USUAL_WAIT, LONGEST_WAIT)
    job = await _when_final(context_of(request), await job_of(request), seconds)
    return json_response(job_shown(context_of(request), job))


async def poll(request: Request) -> Response:
    """`POST /v1/jobs/{id}/poll`: poll it now."""
    context = context_of(request)
    now = context.surroundings.now()
    job = await context.jobs.poll_now(request.path_params["id"], now)
    if job is None:
        raise not_found("job", request.path_params["id"])
    context.poll_at(job.next_poll_at or now)
    return json_response(job_shown(context, job), 202)


async def cancel(request: Request) -> Response:
    """`POST /v1/jobs/{id}/cancel`: ask the provider to cancel it; what came of it is for the next poll to say."""
    context = context_of(request)
    job = await job_of(request)
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
    context = context_of(request)
    job_id = request.path_params["id"]
    if not await context.jobs.forget(job_id):
        raise not_found("job", job_id)
    context.bell.ring([job_id])
    return Response(status_code=204)


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
