"""The delivery loop: claim due deliveries → sign → post → judge → record."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from store.records import AttemptOutcome, AttemptResult, ClaimedDelivery, Delivery
from tracker.batches import Batches, finish_or_cancel
from tracker.flights import Flights
from tracker.rules.parts import the_whole
from tracker.rules.slots import Slots, next_due_at, share_slots

if TYPE_CHECKING:
    from collections.abc import Callable

    from store.attempts import RecordedAttempts
    from store.deliveries import Deliveries
    from tracker.rules.parts import PartOf
    from tracker.sending import Sender
    from tracker.surroundings import Surroundings

_LEASE_MARGIN = timedelta(seconds=60)
_PAUSE_AFTER_EMPTY_CLAIM = timedelta(seconds=1)

_log = structlog.stdlib.get_logger("tracker")


class Deliverer:
    """Attempts the deliveries that are due, a few at a time for each subscriber.

    An attempt takes `attempt_seconds` at most. `told` is called after each batch with what it came to in the store.
    Where replicas share the work each subscriber is one's alone, so that it is held to its limits: the first's by
    `part_of`.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        sender: Sender,
        surroundings: Surroundings,
        slots: Slots,
        attempt_seconds: float,
        told: Callable[[RecordedAttempts], None],
        wake_at: Callable[[datetime], None],
        part_of: PartOf = the_whole,
    ) -> None:
        self._part_of = part_of
        self._deliveries = deliveries
        self._sender = sender
        self._surroundings = surroundings
        self._slots = slots
        self._lease = timedelta(seconds=attempt_seconds) + _LEASE_MARGIN
        self._told = told
        self._wake_at = wake_at
        self._attempts: dict[asyncio.Task[None], ClaimedDelivery] = {}
        self._flights = Flights()
        self._claiming = asyncio.Lock()
        self._is_stopping = False
        self._outcomes: Batches[AttemptOutcome] = Batches("attempts", self._record, self._settle)

    async def tick(self) -> datetime | None:
        """Starts an attempt of each delivery that is due and has a slot; returns when the next is due."""
        async with self._claiming:
            if self._is_full() or self._is_stopping:
                # A slot that gets free asks for the next tick.
                return None
            now = self._surroundings.now()
            backlog = await self._deliveries.backlog(now)
            lanes = [lane for lane in backlog.lanes if self.is_ours(lane.subscriber)]
            if backlog.forced and self.is_ours(""):
                await self._claim_forced(backlog.forced, now)
            shares = share_slots(lanes, self._flights.as_they_are(), self._slots, now)
            if not shares:
                return next_due_at(lanes, self._flights.as_they_are(), self._slots)
            claimed = await self._deliveries.claim(shares, now, now + self._lease)
            on_trial = {lane.subscriber for lane in lanes if lane.held_until is not None}
            for delivery in claimed:
                self._start(delivery, is_retry=_is_retry(delivery, on_trial))
            # Shares may be larger than what is due, so another look may find room for others.
            return now if claimed else now + _PAUSE_AFTER_EMPTY_CLAIM

    def fits(self) -> bool:
        """Whether all that is under way is this replica's."""
        return all(map(self.is_ours, self._flights.subscribers()))

    def is_ours(self, subscriber: str) -> bool:
        """Whether this replica serves a subscriber."""
        return self._part_of(f"to {subscriber}").is_first

    async def _claim_forced(self, count: int, now: datetime) -> None:
        """Starts what is to be sent whatever holds its subscriber back."""
        free = self._slots.total - self.busy
        for delivery in await self._deliveries.claim((), now, now + self._lease, forced=min(count, free)):
            self._start(delivery, is_retry=False)

    @property
    def busy(self) -> int:
        """Slots that are taken."""
        return len(self._flights)

    @property
    def begun(self) -> int:
        """Attempts that ever began."""
        return self._flights.begun

    def _is_full(self) -> bool:
        return self.busy >= self._slots.total

    async def drain(self) -> None:
        """Returns once every attempt that was started is written."""
        while self._attempts:
            await asyncio.wait(self._attempts)
        await self._outcomes.drain()

    async def stop(self, grace: float) -> None:
        """Claims nothing more, lets attempts finish for `grace` seconds, and gives the leases of the others back."""
        self._is_stopping = True
        async with self._claiming:
            unfinished = await finish_or_cancel(self._attempts, grace)
        await self._outcomes.close()
        await self._deliveries.release(claimed.delivery for claimed in unfinished)

    def _start(self, claimed: ClaimedDelivery, *, is_retry: bool) -> None:
        self._flights.start(claimed, is_retry=is_retry)
        name = f"attempt {claimed.delivery.id}"
        task = asyncio.get_running_loop().create_task(self._attempt(claimed), name=name)
        self._attempts[task] = claimed
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        delivery = self._attempts.pop(task).delivery
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            # Nothing will be written of it: the slot is given back here, and the lease runs out by itself.
            _log.error("attempt.failed", delivery_id=delivery.id, exc_info=fault)
            self._free_slots([delivery])

    async def _attempt(self, claimed: ClaimedDelivery) -> None:
        outcome = await self._sender.attempt(claimed)
        _log_attempt(outcome)
        self._outcomes.put(outcome)

    async def _record(self, outcomes: list[AttemptOutcome]) -> None:
        self._told(await self._deliveries.record(outcomes))
        for outcome in outcomes:
            if not outcome.is_ours:
                arrived = outcome.attempt.outcome is AttemptResult.DELIVERED
                self._flights.note(outcome.delivery.subscriber, arrived=arrived)

    def _settle(self, outcomes: list[AttemptOutcome]) -> None:
        self._free_slots([outcome.delivery for outcome in outcomes])

    def _free_slots(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            self._flights.end(delivery)
        # What waited for room at its cap, and what is to be retried, is found by a look at the lanes.
        self._wake_at(self._surroundings.now())


def _is_retry(claimed: ClaimedDelivery, on_trial: set[str]) -> bool:
    return claimed.delivery.attempts > 0 or claimed.delivery.subscriber in on_trial


def _log_attempt(outcome: AttemptOutcome) -> None:
    delivery, attempt = outcome.delivery, outcome.attempt
    _log.info(
        "delivery.attempted",
        delivery_id=delivery.id,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        job_id=delivery.job_id,
        subscription_id=delivery.subscription_id,
        number=attempt.number,
        outcome=attempt.outcome.value,
        http_status=attempt.http_status,
        error=attempt.error,
        status=delivery.status.value,
        duration_ms=attempt.duration_ms,
    )
