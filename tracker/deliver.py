"""The delivery loop: claim due deliveries → sign → post → judge → record."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from store.records import Attempt, AttemptOutcome, AttemptResult, ClaimedDelivery, Secret
from tracker import __version__
from tracker.batches import Batches, finish_or_cancel
from tracker.rules import retry
from tracker.rules.exchange import ExchangeFailure, ExchangeResult, HttpRequest, retry_after
from tracker.rules.fairness import next_due_at, share_slots
from tracker.rules.signing import signed_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from store.deliveries import Deliveries
    from tracker.outbound import Outbound
    from tracker.surroundings import Surroundings

KEPT_OF_ANSWER = 4096
"""Bytes of a subscriber's answer that are read and kept."""

IN_FLIGHT_PER_SUBSCRIBER = 4
_LEASE_MARGIN = timedelta(seconds=60)
_PAUSE_AFTER_EMPTY_CLAIM = timedelta(seconds=1)

_log = structlog.stdlib.get_logger("tracker")


class Deliverer:
    """Attempts the deliveries that are due, a few at a time for each subscriber.

    `callback_secret` signs the deliveries of jobs' own callbacks; `attempt_seconds` bounds an attempt.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        outbound: Outbound,
        surroundings: Surroundings,
        slots: int,
        schedule: tuple[float, ...],
        attempt_seconds: float,
        callback_secret: str,
        wake_at: Callable[[datetime], None],
    ) -> None:
        self._deliveries = deliveries
        self._outbound = outbound
        self._surroundings = surroundings
        self._slots = slots
        self._schedule = schedule
        self._lease = timedelta(seconds=attempt_seconds) + _LEASE_MARGIN
        self._callback_secret = Secret(callback_secret)
        self._wake_at = wake_at
        self._attempts: dict[asyncio.Task[None], ClaimedDelivery] = {}
        self._in_flight: Counter[str] = Counter()
        self._claiming = asyncio.Lock()
        self._is_stopping = False
        self._outcomes: Batches[AttemptOutcome] = Batches("attempts", deliveries.record, self._settle)

    async def tick(self) -> datetime | None:
        """Starts an attempt of each delivery that is due and has a slot; returns when the next is due."""
        async with self._claiming:
            free = self._slots - self._in_flight.total()
            if free <= 0 or self._is_stopping:
                # A slot that gets free asks for the next tick.
                return None
            now = self._surroundings.now()
            lanes = await self._deliveries.lanes()
            shares = share_slots(lanes, self._in_flight, IN_FLIGHT_PER_SUBSCRIBER, free, now)
            if not shares:
                return next_due_at(lanes, self._in_flight, IN_FLIGHT_PER_SUBSCRIBER)
            claimed = await self._deliveries.claim(shares, now, now + self._lease)
            for delivery in claimed:
                self._start(delivery)
            # Shares may be larger than what is due, so another look may find room for others.
            return now if claimed else now + _PAUSE_AFTER_EMPTY_CLAIM

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
        await self._outcomes.drain()
        await self._deliveries.release(claimed.delivery for claimed in unfinished)

    def _start(self, claimed: ClaimedDelivery) -> None:
        self._in_flight[claimed.delivery.subscriber] += 1
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
            self._free_slots([delivery.subscriber])

    async def _attempt(self, claimed: ClaimedDelivery) -> None:
        started = self._surroundings.now()
        result = await self._outbound.exchange(self._request(claimed, started))
        now = self._surroundings.now()
        attempt = self._judged(claimed, result, started, now)
        asked = None if isinstance(result, ExchangeFailure) else retry_after(result.headers, now)
        jitter = self._surroundings.jitter()
        outcome = retry.decide(claimed.delivery, attempt, self._schedule, now, jitter, asked)
        _log_attempt(outcome)
        self._outcomes.put(outcome)

    def _request(self, claimed: ClaimedDelivery, now: datetime) -> HttpRequest:
        secrets = claimed.secrets or (self._callback_secret,)
        signed = signed_headers(claimed.delivery.event_id, claimed.body, secrets, __version__, now)
        # By their names in lower case, or a `User-Agent` of the subscription would be sent beside ours.
        own = {name.lower(): value for name, value in claimed.headers.items()}
        return HttpRequest("POST", claimed.url, {**own, **signed}, claimed.body)

    def _judged(self, claimed: ClaimedDelivery, result: ExchangeResult, started: datetime, now: datetime) -> Attempt:
        attempt_id = self._surroundings.new_id("att")
        number = claimed.delivery.attempts + 1
        duration = max(round((now - started).total_seconds() * 1000), 0)
        if isinstance(result, ExchangeFailure):
            outcome = _result_of(result)
            return Attempt(attempt_id, claimed.delivery.id, number, started, duration, outcome, error=result.message)
        outcome = retry.judge(result.status)
        error = None if outcome is AttemptResult.DELIVERED else f"The subscriber answered HTTP {result.status}."
        body = result.body.decode("utf-8", "replace").replace("\0", "")
        return Attempt(attempt_id, claimed.delivery.id, number, started, duration, outcome, result.status, error, body)

    def _settle(self, outcomes: list[AttemptOutcome]) -> None:
        self._free_slots([outcome.delivery.subscriber for outcome in outcomes])

    def _free_slots(self, subscribers: list[str]) -> None:
        self._in_flight.subtract(subscribers)
        self._in_flight = +self._in_flight
        # What waited for room at its cap, and what is to be retried, is found by a look at the lanes.
        self._wake_at(self._surroundings.now())


def _result_of(failure: ExchangeFailure) -> AttemptResult:
    try:
        return AttemptResult(failure.code)
    except ValueError:
        return AttemptResult.CONNECTION


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
