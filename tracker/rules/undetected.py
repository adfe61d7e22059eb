"""Which due jobs go first when there is not room for all: those whose ends may have stayed undetected for the longest.

For a job that was unfinished at age u and is x old now, the time that an end stays undetected in the mean is
A = ∫ P(T ≤ t | T > u) dt from u to x, in polls A/λ. It grows without end for each job, so that none starves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracker.rules.programme import mean_left

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from store.records import Waiting
    from tracker.rules.plan import Plan


def most_undetected(waiting: Sequence[tuple[Waiting, Plan]], count: int, now: datetime) -> list[str]:
    """The ids of so many jobs, those first whose polls gain most."""
    gains = [(_gain(job, plan, now), job.id) for job, plan in waiting]
    return [id_ for _, id_ in sorted(gains, key=lambda each: each[0], reverse=True)[:count]]


def _gain(job: Waiting, plan: Plan, now: datetime) -> float:
    """The time undetected in polls; the time since a poll that may have failed breaks ties."""
    head_start = job.sightings.head_start if job.sightings else 0.0
    unfinished_at = job.sightings.unfinished_at if job.sightings else 0.0
    age = (now - job.created_at).total_seconds() + head_start
    return undetected(plan, min(unfinished_at, age), age) / plan.terms.delay_per_poll


def undetected(plan: Plan, since: float, age: float) -> float:
    """Seconds in the mean that the end of a job has stayed undetected which was unfinished at age `since`."""
    times, survival = plan.whole.times, plan.whole.survival
    left = max(float(np.interp(since, times, survival)), 1e-9)
    rest = mean_left(times, survival)
    unfinished = float(np.interp(since, times, rest) - np.interp(age, times, rest)) / left
    return max(age - since - unfinished, 0.0)
