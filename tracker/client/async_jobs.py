"""Jobs, for code that awaits."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import partial
from typing import TYPE_CHECKING

from tracker.client.async_shell import AsyncMethod, AsyncNoun, AsyncPages, method, pages
from tracker.client.calls import jobs as calls
from tracker.client.flows.batches import track_many
from tracker.client.flows.waiting import wait
from tracker.client.models.job import JobSnapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from tracker.client.calls.batches import Tracked
    from tracker.client.models.delivery import Delivery
    from tracker.client.models.event import Event
    from tracker.client.models.job import Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncJob(JobSnapshot):
    """A job as it was when the service told of it, and what can be done with it; each answer is a new one."""

    _jobs: AsyncJobs = field(repr=False, compare=False)

    @classmethod
    def of(cls, jobs: AsyncJobs, told: JobSnapshot) -> AsyncJob:
        """What was told, with the client that it was told to."""
        return cls(_jobs=jobs, **{each.name: getattr(told, each.name) for each in fields(JobSnapshot)})

    async def wait(
        self,
        timeout: float | None = 120.0,  # noqa: ASYNC109 - the service keeps to it, and JobTimeout says more
        *,
        interval: object = None,  # noqa: ARG002 - a habit of Scenario's SDK; when a poll is worth it is Tracker's to know
        on_status_change: Callable[[Transition], object] | None = None,
        raise_on_failure: bool = False,
    ) -> AsyncJob:
        """The job when it has ended, however it did; at once when it has ended already.

        `timeout` is in seconds, None for as long as it takes; when it is over, JobTimeout is raised. The service holds
        its answer back until there is one, so `interval` is accepted and means nothing; a restart of the service is
        waited out. `on_status_change`, which may be a coroutine function, is called with each later transition, in
        order. With `raise_on_failure` any end but success raises JobFailed.
        """
        shell, is_telling = self._jobs.shell, on_status_change is not None
        flow = wait(self, timeout, shell.terms, is_telling=is_telling, raise_on_failure=raise_on_failure)
        return AsyncJob.of(self._jobs, await shell.run(flow, on_status_change))

    async def refresh(self) -> AsyncJob:
        """The job as it is now."""
        return await self._jobs.get(self.id)

    async def poll(self) -> AsyncJob:
        """Have it polled now; what comes of it shows soon after."""
        return await self._jobs.poll(self.id)

    async def cancel(self) -> AsyncJob:
        """Ask the provider to cancel it; whether it does shows soon after."""
        return await self._jobs.cancel(self.id)

    async def forget(self) -> None:
        """Stop tracking it."""
        await self._jobs.forget(self.id)

    async def history(self) -> list[Transition]:
        """Its transitions, oldest first."""
        return await self._jobs.history(self.id)

    def events(self) -> AsyncIterator[Event]:
        """Its events."""
        return self._jobs.events(self.id)

    def deliveries(self) -> AsyncIterator[Delivery]:
        """The deliveries of its events."""
        return self._jobs.deliveries(self.id)


class AsyncJobs(AsyncNoun):
    """`tracker.jobs`."""

    track = AsyncMethod(calls.track, AsyncJob.of)
    get = AsyncMethod(calls.get_job, AsyncJob.of)
    list = AsyncPages(calls.list_jobs, AsyncJob.of)
    poll = AsyncMethod(calls.poll, AsyncJob.of)
    cancel = AsyncMethod(calls.cancel, AsyncJob.of)
    forget = method(calls.forget)
    history = method(calls.history)
    events = pages(calls.events)
    deliveries = pages(calls.deliveries)

    async def track_many(self, jobs: Iterable[calls.JobToTrack]) -> tuple[Tracked[AsyncJob], ...]:
        """Track any number of jobs, 1000 a call; what became of each, in their order.

        Should a call fail, simply ask again: what is tracked already is answered as it is.
        """
        results = await self.shell.run(track_many(jobs, self.shell.terms))
        return tuple(each.bound(partial(AsyncJob.of, self)) for each in results)
