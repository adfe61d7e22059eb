"""Jobs as the API shows them, and the job that a path names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tracker.api.context import Context, context_of
from tracker.api.problems import not_found
from tracker.rules.payload import job_payload
from tracker.rules.plan import time_left
from tracker.rules.sightings import view_of

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from store.records import Job


def job_shown(context: Context, job: Job) -> dict[str, Any]:
    """The job as it is; its next poll is not before its account, or its provider, is tried again."""
    if job.next_poll_at is None:
        return job_payload(job)
    held_until = context.accounts.find(job.provider, job.account).held_until(context.surroundings.now())
    next_poll_at = job.next_poll_at if held_until is None else max(job.next_poll_at, held_until)
    problem = job.poll_problem and replace(job.poll_problem, retry_at=next_poll_at)
    return job_payload(replace(job, next_poll_at=next_poll_at, poll_problem=problem))


def expected_finish(context: Context, job: Job) -> datetime | None:
    """When the job is expected to end: the median of what is left, once something was learned of its like."""
    plan = context.intervals.plan_of(job)
    if plan is None or job.status.is_final:
        return None
    now = context.surroundings.now()
    left = time_left(plan, view_of(job, context.intervals.timing(job), now))
    return None if left is None else now + timedelta(seconds=left)


async def job_of(request: Request) -> Job:
    """The job that the path names. Raises ApiError 404."""
    job_id = request.path_params["id"]
    job = await context_of(request).jobs.get(job_id)
    if job is None:
        raise not_found("job", job_id)
    return job
