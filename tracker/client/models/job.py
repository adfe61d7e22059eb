"""A job, and what belongs to it."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import SkipValidation

from tracker.client.models.reading import Time

Status = Literal["queued", "running", "action_required", "succeeded", "failed", "canceled", "expired"]
TERMINAL_STATUSES = frozenset({"succeeded", "failed", "canceled", "expired"})

_AnyStatus = Annotated[Status, SkipValidation()]
"""A status that a newer service may add is let through: it is not for the client to refuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed, in the provider's words. `code` is Tracker's (`not_found`, `timeout`, …) or the provider's."""

    message: str | None = None
    hint: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PollProblem:
    """Why polls fail at present; it says nothing of the job itself."""

    code: str
    message: str
    http_status: int | None = None
    since: Time | None = None
    count: int = 0
    retry_at: Time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change of a job's status; `sequence` counts them 1, 2, 3 … without gaps."""

    sequence: int
    status: _AnyStatus
    previous_status: _AnyStatus | None = None
    provider_status: str | None = None
    progress: float | None = None
    occurred_at: Time | None = None
    detected_at: Time | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended by this."""
        return self.status in TERMINAL_STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSnapshot:
    """A job as it was when the service told of it; times are aware, in UTC.

    What a thin webhook leaves out is None or empty. `raw` is the document, with what this class does not know.
    """

    id: str
    provider: str
    kind: str
    account: str
    remote_id: str
    status: _AnyStatus
    provider_status: str | None = None
    progress: float | None = None
    output: dict[str, Any] | None = None
    error: JobError | None = None
    params: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    callback_url: str | None = None
    sequence: int = 0
    run: int = 1
    polls: int = 0
    created_at: Time | None = None
    started_at: Time | None = None
    updated_at: Time | None = None
    finished_at: Time | None = None
    timeout_at: Time | None = None
    next_poll_at: Time | None = None
    last_polled_at: Time | None = None
    expected_finish_at: Time | None = None
    result_expires_at: Time | None = None
    poll_problem: PollProblem | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended for good."""
        return self.status in TERMINAL_STATUSES

    @property
    def succeeded(self) -> bool:
        """Whether the job has ended with what was asked for."""
        return self.status == "succeeded"
