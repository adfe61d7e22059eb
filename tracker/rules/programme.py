"""When to poll, given the survival of a job: the exact dynamic programme on a table of times.

With S(t) the probability of being unfinished at t, polling at t and next at s costs S(t)·(1 + (s - t)/λ): one poll, and
the time until s as delay. The part of it before the job's end adds up to E[T]/λ whatever the polls, and is left out of
the comparison. The least cost from t on is W(t) = min over s of S(t)·(1 + (s - t)/λ) + W(s), with s at least a floor
and at most the longest gap after t (Barlow, Hunter & Proschan 1963 solve the same problem by recursion).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracker.rules.lognormal import tabulated

if TYPE_CHECKING:
    from tracker.rules.lognormal import Floats, Normals

_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Terms:
    """What polls are worth and when they may come, in seconds.

    `delay_per_poll` is λ, the detection delay that one poll is worth. Two polls of a job are at least `floor` and at
    most `longest` apart.
    """

    delay_per_poll: float
    floor: float = 0.5
    longest: float = 86_400.0


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """The solved programme: at each of the times (seconds), the survival S and the least cost W (in polls)."""

    times: Floats
    survival: Floats
    costs: Floats
    terms: Terms


def programme_for(mixture: Normals, terms: Terms) -> Programme:
    """The programme for durations out of `mixture`."""
    return solve(*tabulated(mixture, terms.floor, terms.longest), terms)


def solve(times: Floats, survival: Floats, terms: Terms) -> Programme:
    """Solves the programme backwards; `times` rise."""
    scaled = times / terms.delay_per_poll
    first, end = reachable(times, terms)
    costs = np.empty(len(times))
    for i in range(len(times) - 1, -1, -1):
        left, a, b = survival[i], first[i], end[i]
        if a < b:
            costs[i] = left * (1.0 - scaled[i]) + (scaled[a:b] * left + costs[a:b]).min()
        else:
            gap = blind_gap(times, float(times[i]), terms)
            costs[i] = left * (1.0 + gap / terms.delay_per_poll) + _cost_at(times, costs, i, times[i] + gap)
    return Programme(times, survival, costs, terms)


def reachable(times: Floats, terms: Terms) -> tuple[list[int], list[int]]:
    """For each time, the first and the end of those that the next poll may have."""
    soonest = np.searchsorted(times, times + terms.floor * (1.0 - _SLACK))
    end = np.searchsorted(times, times + terms.longest * (1.0 + _SLACK), side="right")
    return np.maximum(soonest, np.arange(1, len(times) + 1)).tolist(), end.tolist()


def _cost_at(times: Floats, costs: Floats, i: int, at: float) -> float:
    """W between the times after the i-th, which are solved; beyond them there is nothing to find."""
    return float(np.interp(at, times[i + 1 :], costs[i + 1 :], right=0.0)) if i + 1 < len(times) else 0.0


def blind_gap(times: Floats, age: float, terms: Terms, floor: float = 0.0) -> float:
    """The gap where the table has no time to offer: the longest before its next time, √(2λt) behind its last."""
    least = max(terms.floor, floor)
    is_before_its_end = age + least < times[-1]
    gap = terms.longest if is_before_its_end else math.sqrt(2.0 * terms.delay_per_poll * age)
    return max(min(gap, terms.longest), least)


def next_gap(programme: Programme, age: float, floor: float = 0.0) -> float:
    """Seconds until the best next poll of a job that is unfinished at `age`; `floor` holds for this gap alone."""
    left = float(np.interp(age, programme.times, programme.survival))
    return best_gap(programme.times, programme.costs, left, age, programme.terms, floor)


def best_gap(times: Floats, costs: Floats, left: float, age: float, terms: Terms, floor: float) -> float:
    """The gap to the time with the least `costs` and waiting, of those that the terms and `floor` allow."""
    least = max(terms.floor, floor)
    most = max(terms.longest, least)
    a = int(times.searchsorted(age + least * (1.0 - _SLACK)))
    b = int(times.searchsorted(age + most * (1.0 + _SLACK), side="right"))
    if a >= b:
        return blind_gap(times, age, terms, floor)
    best = a + int((times[a:b] * (left / terms.delay_per_poll) + costs[a:b]).argmin())
    return min(max(float(times[best]) - age, least), most)


def expected_cost(programme: Programme) -> float:
    """The expected polls and delay of a job together, in polls."""
    waiting = mean_left(programme.times, programme.survival)[0] / programme.terms.delay_per_poll
    return max(float(programme.costs[0] - waiting), 1.0)


def mean_left(times: Floats, survival: Floats) -> Floats:
    """∫ S from each time to the last: the expected rest of the duration, times S."""
    cells = 0.5 * np.diff(times) * (survival[1:] + survival[:-1])
    return np.append(np.cumsum(cells[::-1])[::-1], 0.0)
