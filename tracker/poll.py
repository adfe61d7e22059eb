"""The polling loop: claim due jobs → read → decide → record."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from tracker.batches import Batches, finish_or_cancel
from tracker.providers.catalog import MissingCredentialsError, ProviderError
from tracker.rules.reading import Answer, Problem
from tracker.rules.schedule import Timing
from tracker.rules.track import decide, give_up, is_out_of_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from store.jobs import Jobs, Recorded
    from store.records import Job, PollOutcome
    from tracker.outbound import Outbound
    from tracker.providers.catalog import Catalog
    from tracker.surroundings import Surroundings

POLL_SECONDS = 30.0
LARGEST_ANSWER = 1024 * 1024
LEASE = timedelta(seconds=90)
"""Longer than a poll and its writing can take; a lost one is recovered by the sweep."""

_TIMING_OF_STRANGERS = Timing(first=60, interval=60)
"""For a job whose provider or kind is no longer described."""

_log = structlog.stdlib.get_logger("tracker")


class Poller:
    """Polls the jobs that are due, as many at a time as there are slots.

    `told` is called after each batch with what it came to in the store; `wake_at` asks for a tick at a time.
    """

    def __init__(
        self,
        jobs: Jobs,
        catalog: Catalog,
        outbound: Outbound,
        surroundings: Surroundings,
        slots: int,
        told: Callable[[Recorded], None],
        wake_at: Callable[[datetime], None],
    ) -> None:
        self._jobs = jobs
        self._catalog = catalog
        self._outbound = outbound
        self._surroundings = surroundings
        self._slots = slots
        self._told = told
        self._wake_at = wake_at
        self._polls: dict[asyncio.Task[None], Job] = {}
        self._busy = 0
        self._is_short_of_slots = False
        self._claiming = asyncio.Lock()
        self._is_stopping = False
        self._outcomes: Batches[PollOutcome] = Batches("polls", self._record, self._settle)

    async def tick(self) -> datetime | None:
        """Starts a poll of each job that is due, while slots are free; returns when the next job is due."""
        async with self._claiming:
            free = self._slots - self._busy
            if self._is_stopping or free <= 0:
                self._is_short_of_slots = True
                return None
            now = self._surroundings.now()
            claim = await self._jobs.claim_due(now, free, now + LEASE)
            self._busy += len(claim.rows)
            self._is_short_of_slots = self._busy >= self._slots
            for job in claim.rows:
                task = asyncio.get_running_loop().create_task(self._poll(job), name=f"poll {job.id}")
                self._polls[task] = job
                task.add_done_callback(self._end)
            return claim.next_due_at

    async def drain(self) -> None:
        """Returns once every poll that was started is written."""
        while self._polls:
            await asyncio.wait(self._polls)
        await self._outcomes.drain()

    async def stop(self, grace: float) -> None:
        """Claims nothing more, lets polls finish for `grace` seconds, and gives the leases of the others back."""
        self._is_stopping = True
        async with self._claiming:
            unfinished = await finish_or_cancel(self._polls, grace)
        await self._outcomes.drain()
        await self._jobs.release(unfinished)

    async def _poll(self, job: Job) -> None:
        started = self._surroundings.now()
        if is_out_of_time(job, started):
            outcome = give_up(job, started)
        else:
            answer = await self._answer(job)
            outcome = decide(job, answer, self._timing(job), self._surroundings.now(), self._surroundings.jitter())
        _log_poll(outcome, (self._surroundings.now() - started).total_seconds())
        self._outcomes.put(outcome)

    def _end(self, task: asyncio.Task[None]) -> None:
        job = self._polls.pop(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            # Nothing will be written of it: the slot is given back here, and the lease runs out by itself.
            _log.error("poll.failed", job_id=job.id, exc_info=fault)
            self._free_slots(1)

    async def _answer(self, job: Job) -> Answer:
        try:
            provider = self._catalog.find(job.provider)
            request = provider.request(job)
            result = await self._outbound.exchange(request)
            return provider.read(job, result, self._surroundings.now())
        except MissingCredentialsError as error:
            return Problem("unauthorized", str(error))
        except ProviderError as error:
            return Problem("invalid", str(error))
        except Exception as error:
            # A fault of ours must not leave the job without a next poll, nor pass unseen.
            _log.exception("poll.failed", job_id=job.id)
            return Problem("invalid", f"Tracker failed to poll this job: {type(error).__name__}.")

    def _timing(self, job: Job) -> Timing:
        try:
            return self._catalog.find(job.provider).timing(job.kind)
        except ProviderError:
            return _TIMING_OF_STRANGERS

    async def _record(self, outcomes: list[PollOutcome]) -> None:
        recorded = await self._jobs.record(outcomes)
        self._told(recorded)
        if recorded.next_due_at is not None:
            self._wake_at(recorded.next_due_at)

    def _settle(self, outcomes: list[PollOutcome]) -> None:
        self._free_slots(len(outcomes))

    def _free_slots(self, count: int) -> None:
        self._busy -= count
        if self._is_short_of_slots:
            # Jobs may have been left waiting for these.
            self._is_short_of_slots = False
            self._wake_at(self._surroundings.now())


def _log_poll(outcome: PollOutcome, seconds: float) -> None:
    job = outcome.job
    problem = job.poll_problem
    _log.info(
        "job.polled",
        job_id=job.id,
        provider=job.provider,
        kind=job.kind,
        account=job.account,
        remote_id=job.remote_id,
        status=job.status.value,
        provider_status=job.provider_status,
        progress=job.progress,
        sequence=job.sequence,
        polls=job.polls,
        events=len(outcome.events),
        problem=problem.code if problem else None,
        http_status=problem.http_status if problem else None,
        duration_ms=round(seconds * 1000),
    )
