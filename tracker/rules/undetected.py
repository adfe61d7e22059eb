"""Which due jobs go first when there is not room for all: those whose ends may have stayed undetected for the longest.

For a job that was unfinished at age u and is x old now, the time that an end stays undetected in the mean is
A = ∫ P(T ≤ t | T > u) dt from u to x, in polls A/λ. It grows without end for each job, so that none starves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from store.records import Sightings
from tracker.rules.programme import mean_left

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from store.records import Waiting
    from tracker.rules.lognormal import Floats
    from tracker.rules.plan import Plan

_NO_LESS = 1e-9
"""What takes the place of a probability to be unfinished that is too small to divide by."""


def most_undetected(waiting: Sequence[tuple[Waiting, Plan]], count: int, now: datetime) -> list[str]:
    """The ids of so many jobs, those first whose polls gain most; of equals, those that have waited for longest."""
    by_plan: dict[Plan, list[Waiting]] = {}
    for job, plan in waiting:
        by_plan.setdefault(plan, []).append(job)
    ranked: list[tuple[float, timedelta, str]] = []
    for plan, jobs in by_plan.items():
        gains = _gains(plan, jobs, now).tolist()
        ranked += [(gain, now - _last_turn(job), job.id) for gain, job in zip(gains, jobs, strict=True)]
    return [id_ for *_, id_ in sorted(ranked, key=lambda each: each[:2], reverse=True)[:count]]


def _gains(plan: Plan, jobs: Sequence[Waiting], now: datetime) -> Floats:
    """The time undetected since each job's last poll, in polls.

    A poll that failed saw nothing, but had its turn: else jobs whose polls all fail would go before all others.
    """
    ages = np.array([_ages(job, now) for job in jobs])
    since, turn, age = np.maximum.accumulate(np.minimum(ages, ages[:, -1:]), axis=1).T
    return (undetected(plan, since, age) - undetected(plan, since, turn)) / plan.terms.delay_per_poll


def _ages(job: Waiting, now: datetime) -> tuple[float, float, float]:
    """The ages at which the job was last seen unfinished, was last asked for, and is now."""
    known = job.sightings or Sightings()
    turn, age = ((at - job.created_at).total_seconds() + known.head_start for at in (_last_turn(job), now))
    return known.unfinished_at, turn, age


def _last_turn(job: Waiting) -> datetime:
    return job.last_polled_at or job.created_at


def undetected(plan: Plan, since: Floats, age: Floats) -> Floats:
    """Seconds in the mean that the ends of jobs have stayed undetected which were unfinished at ages `since`."""
    times, survival = plan.whole.times, plan.whole.survival
    left = np.maximum(np.interp(since, times, survival), _NO_LESS)
    rest = mean_left(times, survival)
    unfinished = (np.interp(since, times, rest) - np.interp(age, times, rest)) / left
    return np.asarray(np.maximum(age - since - unfinished, 0.0))
