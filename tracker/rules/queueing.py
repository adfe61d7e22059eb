"""When to poll a job that queues before it runs, where the provider tells one from the other.

A poll of a queued job that finds it running tells when its run began (exactly, or within the gap), and the run's own
programme takes over. With S the survival of queueing, f its density and R(a) the least cost of a run of age a,
W(t) = min over s of S(t)·(1 + (s - t)/λ) + ∫ f(x)·R(s - x) dx over (t, s] + W(s).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracker.rules.lognormal import tabulated
from tracker.rules.programme import Programme, best_gap, blind_gap, reachable, solve

if TYPE_CHECKING:
    from tracker.rules.lognormal import Floats, Normals
    from tracker.rules.programme import Terms

_STARTS = 12
_RUN_TIMES = 60
_QUEUE_TIMES = 60
_SPANS = np.array([0.0, 0.25, 0.5, 1.0, 2.0, 4.0])


@dataclass(frozen=True, slots=True, eq=False)
class QueueProgramme:
    """The solved programme of a job that is queued, and that of its run.

    `found[i, j]` is the cost of the run if the job, queued at time i, is polled at time j (in polls, times the
    probability that the run began in between).
    """

    times: Floats
    survival: Floats
    costs: Floats
    found: Floats
    run: Programme


def queue_programme_for(queue: Normals, run: Programme, *, knows_starts: bool) -> QueueProgramme:
    """The programme for queueing times out of `queue`; `knows_starts`: the provider reports when runs began."""
    times, left = _table(queue, run)
    found = _cost_of_runs(times, left, run)
    if not knows_starts:
        gaps = np.clip(times - times[:, None], 0.0, None)
        found += np.clip(left[:, None] - left, 0.0, 1.0) * _price_of_blurred_starts(run, gaps)
    return QueueProgramme(times, left, _solved(times, left, found, run.terms), found, run)


def next_queued_gap(programme: QueueProgramme, age: float, floor: float = 0.0) -> float:
    """Seconds until the next poll of a job that was still queued at `age`; `floor` holds for this gap alone."""
    times = programme.times
    row = min(int(np.searchsorted(times, age)), len(times) - 1)
    left = float(np.interp(age, times, programme.survival))
    return best_gap(times, programme.costs + programme.found[row], left, age, programme.run.terms, floor)


def next_running_gap(programme: QueueProgramme, age: float, after: float, by: float, floor: float = 0.0) -> float:
    """Seconds until the next poll of a job of this `age` whose run began between the ages `after` and `by`."""
    edges = np.linspace(after, by, _STARTS + 1)
    chances = -np.diff(np.interp(edges, programme.times, programme.survival)) + 1e-6
    times, left = _blurred(programme.run, 0.5 * (edges[1:] + edges[:-1]), chances / chances.sum(), age)
    run = solve(times, left, programme.run.terms)
    return best_gap(times, run.costs, float(left[0]), age, run.terms, floor)


def _table(queue: Normals, run: Programme) -> tuple[Floats, Floats]:
    """Times for queueing alone, and for the case that the job runs and ends before it is polled."""
    terms = run.terms
    times, left = tabulated(queue, terms.floor, terms.longest, per_mass=_QUEUE_TIMES)
    ends = run.times[:: max(1, len(run.times) // 40)]
    median = float(np.interp(-0.5, -left, times))
    grid = np.unique(np.concatenate([times[:: max(1, len(times) // _QUEUE_TIMES)], ends, ends + median]))
    return grid, np.interp(grid, times, left)


def _cost_of_runs(times: Floats, left: Floats, run: Programme) -> Floats:
    """∫ f(x)·R(s - x) dx for each pair of times: starts are taken to lie in the middle between two times."""
    ages = times - 0.5 * (times[1:] + times[:-1])[:, None]
    costs = np.where(ages > 0, np.interp(ages, run.times, run.costs, right=0.0), 0.0)
    found = np.zeros((len(times), len(times)))
    found[:-1] = np.cumsum((-np.diff(left)[:, None] * costs)[::-1], axis=0)[::-1]
    return found


def _solved(times: Floats, left: Floats, found: Floats, terms: Terms) -> Floats:
    first, end = reachable(times, terms)
    costs = np.zeros(len(times))
    for i in range(len(times) - 1, -1, -1):
        a, b = first[i], end[i]
        if a < b:
            waiting = left[i] * (1.0 + (times[a:b] - times[i]) / terms.delay_per_poll)
            costs[i] = (waiting + found[i, a:b] + costs[a:b]).min()
        else:
            costs[i] = left[i] * (2.0 + blind_gap(times, float(times[i]), terms) / terms.delay_per_poll)
    return costs


def _price_of_blurred_starts(run: Programme, gaps: Floats) -> Floats:
    """What a run costs more, in polls, when it is only known to have begun within a gap of this length."""
    early, late = np.interp([-0.84, -0.16], -run.survival, run.times)
    spans = (late - early + run.terms.delay_per_poll) * _SPANS
    prices = [0.0] + [_price_of_blur(run, span) for span in spans[1:].tolist()]
    return np.interp(gaps, spans, prices)


def _price_of_blur(run: Programme, span: float) -> float:
    starts = -span * (np.arange(_STARTS) + 0.5) / _STARTS
    times, left = _blurred(run, starts, np.full(_STARTS, 1.0 / _STARTS), 0.0)
    known = float(np.interp(-starts, run.times, run.costs).mean())
    return max(float(solve(times, left, run.terms).costs[0]) - known, 0.0)


def _blurred(run: Programme, starts: Floats, chances: Floats, age: float) -> tuple[Floats, Floats]:
    """Times from `age` on, and the survival of a run that began at one of `starts`."""
    ages = run.times[:: max(1, len(run.times) // _RUN_TIMES)]
    few = starts[[0, len(starts) // 2, -1]]
    times = np.unique(np.append((ages[:, None] + few).ravel(), age))
    times = times[times >= age]
    return times, np.interp(times[:, None] - starts, run.times, run.survival) @ chances
