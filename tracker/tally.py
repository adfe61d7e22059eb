"""Counts what this process does, by minute and provider, and writes that down every few seconds.

Whatever is counted is counted in memory, so that the loops pay nothing for it. A process that is killed takes the last
seconds with it; they are for people to look at, and nothing depends on them.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from store.errors import StoreError
from store.records import Activity, DeliveryStatus
from tracker.rules.activity import in_steps, minute_of
from tracker.rules.delays import detection_delay

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from typing import TypeAlias

    from store.activity import ActivityLog
    from store.records import AttemptOutcome, PollOutcome
    from tracker.surroundings import Surroundings

    Counts: TypeAlias = defaultdict[str, Any]

EVERY = timedelta(seconds=5)
_OF_DELIVERIES = ""
_ENDS = (DeliveryStatus.DELIVERED, DeliveryStatus.EXHAUSTED, DeliveryStatus.BLOCKED, DeliveryStatus.CANCELED)

_log = structlog.stdlib.get_logger("tracker")


class Tally:
    """What one process has done, and what all have done as far as they have written it down."""

    def __init__(self, log: ActivityLog, surroundings: Surroundings) -> None:
        self._log = log
        self._surroundings = surroundings
        self._counts: dict[tuple[int, str], Counts] = {}
        self._unwritten: set[tuple[int, str]] = set()

    def asked(self, provider: str) -> None:
        """A request that polls was sent."""
        self._present(provider)["requests"] += 1

    def polled(self, outcomes: Iterable[PollOutcome]) -> None:
        """These outcomes were written."""
        for outcome in outcomes:
            is_end = bool(outcome.transitions) and outcome.job.status.is_final
            if is_end or outcome.verdict is not None:
                counts = self._present(outcome.job.provider)
                counts["polls"] += outcome.verdict is not None
                if is_end:
                    _count_end(counts, outcome)

    def attempted(self, outcomes: Iterable[AttemptOutcome]) -> None:
        """These attempts were written."""
        for outcome in outcomes:
            counts = self._present(_OF_DELIVERIES)
            counts[f"attempts_{outcome.attempt.outcome}"] += 1
            if outcome.delivery.status in _ENDS:
                counts[f"deliveries_{outcome.delivery.status}"] += 1

    async def tick(self) -> datetime:
        """Writes down what is new; returns when to do so next."""
        await self.write()
        return self._surroundings.now() + EVERY

    async def write(self) -> None:
        """Writes down what is new."""
        keys, self._unwritten = self._unwritten, set()
        if not keys:
            return
        try:
            await self._log.write([self._row(key) for key in keys])
        except BaseException:
            self._unwritten |= keys
            raise
        self._forget_what_is_over()

    async def close(self) -> None:
        """Writes down what is new, if that can be: to stop is more than to count."""
        try:
            await self.write()
        except StoreError as error:
            _log.warning("activity.lost", reason=str(error))

    async def since(self, first: int, step: int) -> dict[int, list[Activity]]:
        """What all processes did from the minute `first` on, in steps: by first minute a row for each provider.

        What this one did is told to the present, what others did as far as they have written it down.
        """
        own = [self._row(key) for key in self._counts if key[0] >= first]
        others = await self._log.since(first, step, {row.minute for row in own})
        return in_steps([*others, *own], step)

    def _forget_what_is_over(self) -> None:
        """A minute is held or forgotten as a whole: `since` reads the others only."""
        held = {minute_of(self._surroundings.now()), *(minute for minute, _ in self._unwritten)}
        self._counts = {key: counts for key, counts in self._counts.items() if key[0] in held}

    def _present(self, provider: str) -> Counts:
        key = (minute_of(self._surroundings.now()), provider)
        self._unwritten.add(key)
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = defaultdict(int)
        return counts

    def _row(self, key: tuple[int, str]) -> Activity:
        return Activity(*key, **self._counts[key])


def _count_end(counts: Counts, outcome: PollOutcome) -> None:
    counts[f"jobs_{outcome.job.status}"] += 1
    counts["finished_polls"] += outcome.job.polls
    seconds = detection_delay(outcome)
    if seconds is not None:
        counts["delays"] += 1
        counts["delay_seconds"] += seconds
        counts["longest_delay"] = max(counts["longest_delay"], seconds)
