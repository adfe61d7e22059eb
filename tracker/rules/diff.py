"""The difference between what we know of a job and what a reading says: the status changes to announce.

Readings are compared, never raw bodies: signed URLs in an output change with every poll.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.records import Job, Status, Step
from tracker.rules.status import may_follow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tracker.rules.reading import Moment, Reading


@dataclass(frozen=True, slots=True)
class Change:
    """A status that the job took, and when: the provider's time where it gives one."""

    status: Status
    provider_status: str | None
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step that is new or has another status than before."""

    step: Step
    previous_status: str | None


def status_changes(job: Job, reading: Reading, now: datetime) -> tuple[Change, ...]:
    """The changes since `job` was last written, oldest first, with those that only the history shows.

    The reading's own status has the last word: a final status in the midst of a history (a provider that retries
    by itself) is not taken for the end.
    """
    known, since = job.status if job.sequence else None, job.status_since
    live = (moment for moment in _unseen(job, reading) if not moment.status.is_final)
    passed = tuple(_in_order(known, live))
    if passed:
        known, since = passed[-1].status, passed[-1].occurred_at
    if not may_follow(known, reading.status):
        return passed
    return (*passed, Change(reading.status, reading.provider_status, _began_at(reading, known, since, now)))


def step_changes(known: Iterable[Step], read: Iterable[Step]) -> tuple[StepChange, ...]:
    """The steps that are new or moved, in the reading's order. A step that is missing now has not moved."""
    statuses = {step.id: step.status for step in known}
    return tuple(StepChange(step, statuses.get(step.id)) for step in read if step.status != statuses.get(step.id))


def merged_steps(known: Iterable[Step], read: Iterable[Step]) -> tuple[Step, ...]:
    """The steps as they are now: those of the reading, and behind them those that it does not show."""
    steps = {step.id: step for step in read}
    return (*steps.values(), *(step for step in known if step.id not in steps))


def _unseen(job: Job, reading: Reading) -> tuple[Moment, ...]:
    """What the history tells after the last transition that we stored."""
    if not job.sequence:
        return reading.history
    for index in reversed(range(len(reading.history))):
        moment = reading.history[index]
        if moment.status is job.status and moment.at == job.status_since:
            return reading.history[index + 1 :]
    since = job.status_since
    return tuple(moment for moment in reading.history if since is None or moment.at > since)


def _in_order(known: Status | None, moments: Iterable[Moment]) -> Iterable[Change]:
    for moment in moments:
        if may_follow(known, moment.status):
            yield Change(moment.status, moment.provider_status, moment.at)
            known = moment.status


def _began_at(reading: Reading, known: Status | None, since: datetime | None, now: datetime) -> datetime:
    """When the reading's status began: by the history, else by the provider's times, else as of now."""
    began = _time_in_history(reading) or _time_given(reading)
    told = [moment.at for moment in reading.history] + ([since] if since else [])
    told_until = max(told, default=now)
    may_return = known in (Status.RUNNING, Status.ACTION_REQUIRED) and not reading.status.is_final
    if began is None or (may_return and began <= told_until):
        # The provider gives no time, or that of an earlier turn of the status. Its clock may be ahead of ours: what
        # it dated later than now came before all the same.
        return max(now, told_until)
    return began


def _time_in_history(reading: Reading) -> datetime | None:
    began = None
    for moment in reversed(reading.history):
        if moment.status is not reading.status:
            break
        began = moment.at
    return began


def _time_given(reading: Reading) -> datetime | None:
    if reading.status.is_final:
        return reading.finished_at
    if reading.status is Status.QUEUED:
        return reading.created_at
    return reading.started_at if reading.status is Status.RUNNING else None
