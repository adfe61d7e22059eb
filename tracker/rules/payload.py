"""The public shape of a job and of times: the same in API answers and in webhooks."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from store.records import PayloadForm

if TYPE_CHECKING:
    from store.records import Job, PollProblem, Transition
    from tracker.rules.reading import Reading


LARGEST_FULL_BODY = 256 * 1024
"""Bytes. What is larger is sent in the thin form."""


def rfc3339(at: datetime) -> str:
    """UTC with milliseconds and a `Z`."""
    # Not strftime: it writes the year 1, a common null of providers, without its zeros.
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def rfc3339_or_none(at: datetime | None) -> str | None:
    """`rfc3339`, where there is a time."""
    return None if at is None else rfc3339(at)


def job_payload(job: Job) -> dict[str, Any]:
    """A job as users see it."""
    return {
        "id": job.id,
        "provider": job.provider,
        "kind": job.kind,
        "account": job.account,
        "remote_id": job.remote_id,
        "params": dict(job.params),
        "status": job.status.value,
        "provider_status": job.provider_status,
        "progress": job.progress,
        "output": job.output,
        "error": _without_nones(asdict(job.error)) if job.error else None,
        "tags": list(job.tags),
        "metadata": dict(job.metadata),
        "callback_url": job.callback_url,
        "sequence": job.sequence,
        "run": job.run,
        "polls": job.polls,
        "created_at": rfc3339(job.created_at),
        "started_at": rfc3339_or_none(job.started_at),
        "updated_at": rfc3339(job.updated_at),
        "finished_at": rfc3339_or_none(job.finished_at),
        "timeout_at": rfc3339(job.timeout_at),
        "next_poll_at": rfc3339_or_none(job.next_poll_at),
        "last_polled_at": rfc3339_or_none(job.last_polled_at),
        "poll_problem": _problem_payload(job.poll_problem) if job.poll_problem else None,
        "result_expires_at": rfc3339_or_none(job.result_expires_at),
    }


def transition_payload(transition: Transition) -> dict[str, Any]:
    """A row of a job's history as users see it."""
    return {
        "sequence": transition.sequence,
        "status": transition.status.value,
        "previous_status": transition.previous_status.value if transition.previous_status else None,
        "provider_status": transition.provider_status,
        "progress": transition.progress,
        "occurred_at": rfc3339(transition.occurred_at),
        "detected_at": rfc3339(transition.detected_at),
    }


def reading_payload(reading: Reading) -> dict[str, Any]:
    """What one poll said as users see it; the history and the steps have places of their own."""
    return {
        "status": reading.status.value,
        "provider_status": reading.provider_status,
        "is_unknown": reading.is_unknown,
        "progress": reading.progress,
        "output": reading.output,
        "error": asdict(reading.error) if reading.error else None,
        "created_at": rfc3339_or_none(reading.created_at),
        "started_at": rfc3339_or_none(reading.started_at),
        "finished_at": rfc3339_or_none(reading.finished_at),
        "retry_after": reading.retry_after,
    }


def webhook_body(body: bytes, form: PayloadForm, jobs_url: str) -> bytes:
    """The body of a webhook in the form that is asked for, a function of the event's own body.

    One that is larger than `LARGEST_FULL_BODY` is thin whatever is asked for, and says that it is truncated.
    """
    is_truncated = form is PayloadForm.FULL and len(body) > LARGEST_FULL_BODY
    if form is PayloadForm.FULL and not is_truncated:
        return body
    told = orjson.loads(body)
    job = told["data"].get("job")
    if job is None:
        return body
    thin = {name: job[name] for name in ("id", "provider", "kind", "account", "remote_id", "status")}
    told["data"]["job"] = thin | {"url": f"{jobs_url}/{job['id']}"}
    if is_truncated:
        told["data"]["truncated"] = True
    return orjson.dumps(told)


def _problem_payload(problem: PollProblem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.message,
        "http_status": problem.http_status,
        "since": rfc3339(problem.since),
        "count": problem.count,
        "retry_at": rfc3339_or_none(problem.retry_at),
    }


def _without_nones(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None or key == "message"}
