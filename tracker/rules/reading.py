"""What one poll said, translated out of the provider's words: the values between `providers` and `track`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from store.records import JobError, Status, Step

ProblemCode = Literal[
    "unknown_status",
    "timeout",
    "connection",
    "http_status",
    "rate_limited",
    "unauthorized",
    "not_json",
    "too_large",
    "redirect",
    "invalid",
]


@dataclass(frozen=True, slots=True)
class Moment:
    """An entry of the provider's own history: from `at` on, the job had this status."""

    status: Status
    provider_status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What the provider says of a job.

    `is_unknown` flags a status word that the description does not know: `status` is then running.
    `progress` is within 0 and 1. `history` is oldest first and holds known words only. `retry_after` is in seconds.
    `etag` names this state of the job for the next, conditional poll.
    """

    status: Status
    provider_status: str
    is_unknown: bool = False
    progress: float | None = None
    output: Mapping[str, Any] | None = None
    error: JobError | None = None
    history: tuple[Moment, ...] = ()
    steps: tuple[Step, ...] = ()
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    retry_after: float | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The job is as the last reading said (HTTP 304)."""

    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A poll that taught nothing about the job. It never ends a job."""

    code: ProblemCode
    message: str
    http_status: int | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider says that it does not know the job (404), or not any more (410)."""

    code: Literal["not_found", "gone"]
    http_status: int
    retry_after: float | None = None


Answer: TypeAlias = Reading | Unchanged | Problem | Absent
