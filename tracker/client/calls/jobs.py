"""Jobs: register, look, wait, and let go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Required, TypedDict, Unpack

from tracker.client.calls.call import (
    Call,
    Moment,
    Page,
    Several,
    delete,
    get,
    get_list,
    get_rows,
    post,
    values_of,
)
from tracker.client.models.delivery import Delivery
from tracker.client.models.event import Event
from tracker.client.models.job import JobSnapshot, Status, Transition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class JobOptions(TypedDict, total=False):
    """What may be said of a job besides its provider and its id there."""

    kind: str
    account: str
    params: Mapping[str, Any]
    callback_url: str
    events: Several
    tags: Several
    metadata: Mapping[str, Any]
    timeout_seconds: float
    poll_after: Moment
    rerun: bool


class JobToTrack(JobOptions, total=False):
    """A job to track among others."""

    provider: Required[str]
    remote_id: Required[str]


class JobFilter(TypedDict, total=False):
    """Which jobs a list shows. Several values (100 at most) are alternatives, but tags hold together.

    Times are exclusive.
    """

    provider: Several
    kind: Several
    account: Several
    status: Status | Sequence[Status]
    tag: Several
    remote_id: Several
    metadata: Mapping[str, object]
    created_after: Moment
    created_before: Moment
    finished_after: Moment
    finished_before: Moment


def track(provider: str, remote_id: str, **options: Unpack[JobOptions]) -> Call[JobSnapshot]:
    """Track a job by the id that its provider gave; the same one again answers with the job as it is."""
    return post(JobSnapshot, "jobs", body=body_of({"provider": provider, "remote_id": remote_id, **options}))


def get_job(job_id: str, *, expand: Several = ()) -> Call[JobSnapshot]:
    """A job as it is now; what `expand` names (history, steps, reading) is in its `raw`."""
    return get(JobSnapshot, "jobs", job_id, query={"expand": ",".join(map(str, values_of(expand))) or None})


def list_jobs(*, page_size: int = 200, **wanted: Unpack[JobFilter]) -> Call[Page[JobSnapshot]]:
    """The jobs that pass a filter, newest first; pages are fetched as they are needed."""
    query: dict[str, Any] = {"limit": page_size, **wanted}
    metadata = query.pop("metadata", None) or {}
    query |= {f"metadata.{name}": value for name, value in metadata.items()}
    return get_list(JobSnapshot, "jobs", query=query)


def history(job_id: str) -> Call[list[Transition]]:
    """The job's transitions, oldest first."""
    return get_rows(Transition, "jobs", job_id, "history")


def events(job_id: str, *, page_size: int = 200) -> Call[Page[Event]]:
    """The job's events."""
    return get_list(Event, "jobs", job_id, "events", query={"limit": page_size})


def deliveries(job_id: str, *, page_size: int = 200) -> Call[Page[Delivery]]:
    """The deliveries of the job's events."""
    return get_list(Delivery, "jobs", job_id, "deliveries", query={"limit": page_size})


def poll(job_id: str) -> Call[JobSnapshot]:
    """Have the job polled now; what comes of it is in the job soon after."""
    return post(JobSnapshot, "jobs", job_id, "poll")


def cancel(job_id: str) -> Call[JobSnapshot]:
    """Ask the provider to cancel the job; whether it does shows in the job. Conflict where its kind cannot."""
    return post(JobSnapshot, "jobs", job_id, "cancel")


def forget(job_id: str) -> Call[None]:
    """Stop tracking the job; it may be registered anew."""
    return delete("jobs", job_id)


def wait(job_id: str, seconds: float) -> Call[JobSnapshot]:
    """The job when it has ended, or as it is after so many seconds."""
    return get(JobSnapshot, "jobs", job_id, "wait", query={"timeout": f"{seconds:.3f}"})


def body_of(job: JobToTrack) -> dict[str, Any]:
    """A job as the service takes it."""
    body: dict[str, Any] = {name: value for name, value in job.items() if value is not None}
    return body | {name: values_of(body[name]) for name in ("events", "tags") if name in body}
