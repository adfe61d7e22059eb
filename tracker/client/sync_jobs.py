"""Jobs, for code that blocks."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import partial
from typing import TYPE_CHECKING

from tracker.client.calls import jobs as calls
from tracker.client.flows.batches import track_many
from tracker.client.flows.waiting import wait
from tracker.client.models.job import JobSnapshot
from tracker.client.sync_shell import Method, Noun, Pages, method, pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tracker.client.calls.batches import Tracked
    from tracker.client.models.delivery import Delivery
    from tracker.client.models.event import Event
    from tracker.client.models.job import Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(JobSnapshot):
    """A job as it was when the service told of it, and what can be done with it; each answer is a new one."""

    _jobs: Jobs = field(repr=False, compare=False)

    @classmethod
    def of(cls, jobs: Jobs, told: JobSnapshot) -> Job:
        """What was told, with the client that it was told to."""
        return cls(_jobs=jobs, **{each.name: getattr(told, each.name) for each in fields(JobSnapshot)})

    def wait(
        self,
        timeout: float | None = 120.0,
        *,
        interval: object = None,  # noqa: ARG002 - a habit of Scenario's SDK; when a poll is worth it is Tracker's to know
        on_status_change: Callable[[Transition], object] | None = None,
        raise_on_failure: bool = False,
    ) -> Job:
        """The job when it has ended, however it did; at once when it has ended already.

        `timeout` is in seconds, None for as long as it takes; when it is over, JobTimeout is raised. The service holds
        its answer back until there is one, so `interval` is accepted and means nothing; a restart of the service is
        waited out. `on_status_change` is called with each later transition, in order. With `raise_on_failure` any end
        but success raises JobFailed.
        """
        shell, is_telling = self._jobs.shell, on_status_change is not None
        flow = wait(self, timeout, shell.terms, is_telling=is_telling, raise_on_failure=raise_on_failure)
        return Job.of(self._jobs, shell.run(flow, on_status_change))

    def refresh(self) -> Job:
        """The job as it is now."""
        return self._jobs.get(self.id)

    def poll(self) -> Job:
        """Have it polled now; what comes of it shows soon after."""
        return self._jobs.poll(self.id)

    def cancel(self) -> Job:
        """Ask the provider to cancel it; whether it does shows soon after."""
        return self._jobs.cancel(self.id)

    def forget(self) -> None:
        """Stop tracking it."""
        self._jobs.forget(self.id)

    def history(self) -> list[Transition]:
        """Its transitions, oldest first."""
        return self._jobs.history(self.id)

    def events(self) -> Iterator[Event]:
        """Its events."""
        return self._jobs.events(self.id)

    def deliveries(self) -> Iterator[Delivery]:
        """The deliveries of its events."""
        return self._jobs.deliveries(self.id)


class Jobs(Noun):
    """`tracker.jobs`."""

    track = Method(calls.track, Job.of)
    get = Method(calls.get_job, Job.of)
    list = Pages(calls.list_jobs, Job.of)
    poll = Method(calls.poll, Job.of)
    cancel = Method(calls.cancel, Job.of)
    forget = method(calls.forget)
    history = method(calls.history)
    events = pages(calls.events)
    deliveries = pages(calls.deliveries)

    def track_many(self, jobs: Iterable[calls.JobToTrack]) -> tuple[Tracked[Job], ...]:
        """Track any number of jobs, 1000 a call; what became of each, in their order.

        Should a call fail, simply ask again: what is tracked already is answered as it is.
        """
        results = self.shell.run(track_many(jobs, self.shell.terms))
        return tuple(each.bound(partial(Job.of, self)) for each in results)
