"""An event, as webhooks, the feed and the stream tell it."""

from dataclasses import dataclass, field
from typing import Any

from tracker.client.models.job import JobSnapshot, Transition
from tracker.client.models.reading import Time, read, read_optional


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A node of a workflow job that took another status, in the provider's words."""

    id: str
    type: str | None = None
    status: str | None = None
    previous_status: str | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that was announced; `id` is the same wherever it turns up, so remember it to act once.

    `cursor` is where the feed or the stream goes on: behind it no event is skipped, though some may come again. A
    webhook has none.
    """

    id: str
    type: str
    timestamp: Time
    data: dict[str, Any]
    cursor: str | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def job(self) -> JobSnapshot | None:
        """The job as of this event, where it is about one."""
        return read_optional(JobSnapshot, self.data.get("job"))

    @property
    def step(self) -> Step | None:
        """What `job.step` is about."""
        return read_optional(Step, self.data.get("step"))

    @property
    def transition(self) -> Transition | None:
        """The change of status that this event announces, where it does: progress and steps are none."""
        job = self.data.get("job")
        if job is None or self.type != f"job.{job.get('status')}":
            return None
        return read(Transition, {**job, **self.data})
