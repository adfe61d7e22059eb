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
    from datetime import datetime

    from store.records import Waiting
    from tracker.rules.plan import Plan


def most_undetected(waiting: Sequence[tuple[Waiting, Plan]], count: int, now: datetime) -> list[str]:
    """The ids of so many jobs, those first whose polls gain most; of equals, those that have waited for longest."""
    gains = [(_gain(job, plan, now), now - (job.last_polled_at or job.created_at), job.id) for job, plan in waiting]
    return [id_ for *_, id_ in sorted(gains, key=lambda each: each[:2], reverse=True)[:count]]


def _gain(job: Waiting, plan: Plan, now: datetime) -> float:
    """The time undetected since the last poll, in polls.

    A poll that failed saw nothing, but had its turn: else jobs whose polls all fail would go before all others.
    """
    known = job.sightings or Sightings()
    age, turn = (
        (at - job.created_at).total_seconds() + known.head_start for at in (now, job.last_polled_at or job.created_at)
    )
    since = min(known.unfinished_at, age)
    gathered = undetected(plan, since, age) - undetected(plan, since, min(max(turn, since), age))
    return gathered / plan.terms.delay_per_poll


def undetected(plan: Plan, since: float, age: float) -> float:
    """Seconds in the mean that the end of a job has stayed undetected which was unfinished at age `since`."""
    times, survival = plan.whole.times, plan.whole.survival
    left = max(float(np.interp(since, times, survival)), 1e-9)
    rest = mean_left(times, survival)
    unfinished = float(np.interp(since, times, rest) - np.interp(age, times, rest)) / left
    return max(age - since - unfinished, 0.0)
