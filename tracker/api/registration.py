"""Registering jobs over REST."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from store.records import Job
from store.registration import Registration
from tracker.api.bodies import BatchBody, JobBody, read_body, validated
from tracker.api.callbacks import refuse_unusable_callback
from tracker.api.context import Context, context_of
from tracker.api.job_view import job_shown
from tracker.api.pages import json_response
from tracker.api.problems import ApiError, problem_document, wrong_field
from tracker.providers.catalog import Provider, UnusableJobError
from tracker.providers.environment import ProviderError
from tracker.rules.accounts import canonical_name
from tracker.rules.events import DEFAULT_EVENTS
from tracker.rules.payload import rfc3339
from tracker.rules.plan import View, next_delay
from tracker.rules.schedule import first_poll_at

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response


async def create(request: Request) -> Response:
    """`POST /v1/jobs`: track a job; the same one again answers with the job as it is."""
    context = context_of(request)
    body = await read_body(request, JobBody)
    job, is_new = await context.jobs.register(new_job(context, body), rerun=body.rerun)
    if is_new and job.next_poll_at is not None:
        context.poll_at(job.next_poll_at)
    return json_response(job_shown(context, job), 201 if is_new else 200, {"location": f"/v1/jobs/{job.id}"})


async def create_many(request: Request) -> Response:
    """`POST /v1/jobs/batch`: tracks many, as if they came one after the other; each is answered by itself."""
    context = context_of(request)
    body = await read_body(request, BatchBody)
    asked: list[Registration | ApiError] = []
    for value in body.jobs:
        asked.append(_registration(context, value))
        # Others are served in between: a thousand take a while.
        await asyncio.sleep(0)
    registered = await context.jobs.register_many([each for each in asked if isinstance(each, Registration)])
    due = [job.next_poll_at for job, is_new in registered if is_new and job.next_poll_at]
    if due:
        context.poll_at(min(due))
    results = iter(registered)
    rows = [
        _refused(request, number, each) if isinstance(each, ApiError) else _registered(context, *next(results))
        for number, each in enumerate(asked)
    ]
    return json_response({"data": rows})


def _registration(context: Context, value: object) -> Registration | ApiError:
    try:
        body = validated(value, JobBody)
        return Registration(new_job(context, body), body.rerun)
    except ApiError as error:
        return error


def _registered(context: Context, job: Job, is_new: bool) -> dict[str, Any]:
    return {"status": 201 if is_new else 200, "job": job_shown(context, job)}


def _refused(request: Request, number: int, error: ApiError) -> dict[str, Any]:
    """What is wrong with one job of many, with pointers into the whole body."""
    errors = [dict(flaw, pointer=f"/jobs/{number}{flaw.get('pointer', '')}") for flaw in error.errors]
    detail = "; ".join(f"{flaw['pointer']}: {flaw['detail']}" for flaw in errors[:5]) or error.detail
    problem = problem_document(error.status, detail, request.url.path, errors)
    return {"status": error.status, "problem": problem}


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
        # Lists look for the times of registration among the ids.
        id=context.surroundings.new_id("job", now),
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
