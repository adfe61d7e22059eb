"""What a reading of progress says of a job's end: learned from the jobs before, and trusted as far as it proved right.

A job that read p at age e is taken to end at about e / p^power; the power, and the error of that rule, are learned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tracker.rules.belief import Belief, first_belief, learned, normals
from tracker.rules.lognormal import density, points, survival
from tracker.rules.programme import expected_cost, mean_left, solve

if TYPE_CHECKING:
    from tracker.rules.lognormal import Floats, Normals
    from tracker.rules.programme import Programme, Terms

LEAST_TRUST = 0.05
"""Below this, readings change nothing."""

_LOWEST, _HIGHEST = 0.02, 0.995
"""What reads less or more says nothing: progress often stands at 0 or 1."""
_HALF_STEP = 0.005
"""Readings are mostly whole percents, rounded down."""
_SOONEST = 0.1
"""Seconds: a younger job has not got far enough for its reading to say something."""
_LATE = 0.6
_LEAST_POWER, _MOST_POWER = 0.2, 5.0
_FORGETTING = 0.97
_NARROW = 1.15
"""An interval whose ends differ by less than this factor is taken for its middle."""
_ERRORS = np.array([-2.6, -1.9, -1.4, -1.0, -0.66, -0.32, 0.0, 0.32, 0.66, 1.0, 1.4, 1.9, 2.6])
_LOOKS = (0.005, 0.02, 0.05, 0.1, 0.18, 0.3, 0.45)
_ENOUGH_JOBS = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """A reading that says something: progress within 0 and 1, at an age in seconds."""

    age: float
    progress: float


@dataclass(frozen=True, slots=True, eq=False)
class Gauge:
    """What is known of a key's readings.

    `early` and `late` are the beliefs of duration ÷ (age / progress^power), for readings below and above `_LATE`.
    `evidence` is the weight behind `power`; `trust` the probability that readings say anything.
    """

    power: float
    evidence: float
    early: Belief
    late: Belief
    trust: float


def first_gauge() -> Gauge:
    """Before any job: progress may be linear, and may be nothing."""
    return Gauge(1.0, 1.0, first_belief(1.0, 0.3, room=0), first_belief(1.0, 0.15, room=0), 0.5)


def marks(readings: tuple[tuple[float, float], ...], start: float) -> list[Mark]:
    """The readings (age, progress) that say something, with ages since `start`."""
    return [
        Mark(age - start, min(progress + _HALF_STEP, 1.0))
        for age, progress in readings
        if _LOWEST <= progress <= _HIGHEST and age - start >= _SOONEST
    ]


def told(gauge: Gauge, mark: Mark, prior: Programme) -> tuple[Floats, Floats]:
    """Times from the mark on, and the survival of a job that read it; `prior` is what is known without it."""
    error, scale = _error(gauge, mark), _scale(gauge, mark)
    large = error.at_least(0.01)
    likely = np.exp(points(large, _ERRORS)) * scale
    end = max(float(prior.times[-1]), 2.0 * mark.age)
    times = np.unique(np.concatenate([[mark.age, end], prior.times, likely]))
    times = times[(times >= mark.age) & (times <= end)]
    left = np.interp(times, prior.times, prior.survival)
    fit = density(error, np.log(0.5 * (times[1:] + times[:-1]) / scale))
    mass = -np.diff(left) * fit + 1e-15
    after = np.append(np.cumsum(mass[::-1])[::-1], 0.0)
    return times, gauge.trust * after / after[0] + (1.0 - gauge.trust) * left / left[0]


def gauged(gauge: Gauge, seen: list[Mark], after: float, by: float, prior: Programme) -> Gauge:
    """The gauge once a job with the marks `seen` ended at an age between `after` and `by`."""
    if not seen:
        return gauge
    gauge = replace(gauge, trust=_trust(gauge, seen[-1], after, by, prior))
    for mark in dict.fromkeys((seen[0], seen[-1])):
        scale = _scale(gauge, mark)
        if mark.progress < _LATE:
            gauge = replace(gauge, early=learned(gauge.early, after / scale, by / scale))
        else:
            gauge = replace(gauge, late=learned(gauge.late, after / scale, by / scale))
    return _bent(gauge, seen[0], 0.5 * (after + by)) if by < _NARROW * after else gauge


def best_look(gauge: Gauge, prior: Programme, jobs: int) -> float | None:
    """The age at which a first poll for the sake of its reading pays; None: waiting for the end is better."""
    if gauge.trust < 0.3 or jobs < _ENOUGH_JOBS:
        return None
    places = {int(np.searchsorted(-prior.survival, share - 1.0)) for share in _LOOKS}
    allowed = [
        i for i in sorted(places) if i < len(prior.times) - 1 and _is_allowed(float(prior.times[i]), prior.terms)
    ]
    costs = [_cost_with_look(gauge, prior, i) for i in allowed]
    if not costs or min(costs) >= expected_cost(prior):
        return None
    return float(prior.times[allowed[int(np.argmin(costs))]])


def _is_allowed(gap: float, terms: Terms) -> bool:
    return terms.floor <= gap <= terms.longest


def _cost_with_look(gauge: Gauge, prior: Programme, i: int) -> float:
    """The expected cost in polls with a look at the i-th time: the look, its delay, and what follows."""
    rest = mean_left(prior.times, prior.survival)
    age, left, worth = float(prior.times[i]), float(prior.survival[i]), prior.terms.delay_per_poll
    delay = age - (rest[0] - rest[i])
    untold = (prior.costs[i] - rest[i] / worth) / left
    after = _cost_after_look(normals(gauge.early), age, age + rest[i] / left, prior.terms)
    return float(1.0 + delay / worth + left * (gauge.trust * after + (1.0 - gauge.trust) * untold))


def _cost_after_look(error: Normals, age: float, end: float, terms: Terms) -> float:
    """The cost of the polls after a look at `age` that tells that the end is around `end`, up to the error."""
    centre = math.exp(float(error.centres @ error.shares))
    large = error.at_least(0.02)
    times = np.unique(np.exp(points(large, _ERRORS))) * (end / centre)
    times = np.append(age, times[times > age])
    left = survival(error, times * (centre / end))
    left /= left[0]
    return float(solve(times, left, terms).costs[0] - mean_left(times, left)[0] / terms.delay_per_poll)


def _error(gauge: Gauge, mark: Mark) -> Normals:
    return normals(gauge.early if mark.progress < _LATE else gauge.late)


def _scale(gauge: Gauge, mark: Mark) -> float:
    return float(mark.age / mark.progress**gauge.power)


def _trust(gauge: Gauge, mark: Mark, after: float, by: float, prior: Programme) -> float:
    """The trust by Bayes: how likely the end was with the reading, and without."""
    with_it = gauge.trust * _chance(replace(gauge, trust=1.0), mark, after, by, prior)
    without = (1.0 - gauge.trust) * _chance(replace(gauge, trust=0.0), mark, after, by, prior)
    return 0.02 + 0.96 * with_it / (with_it + without)


def _chance(gauge: Gauge, mark: Mark, after: float, by: float, prior: Programme) -> float:
    times, left = told(gauge, mark, prior)
    return float(np.interp(after, times, left) - np.interp(by, times, left, right=0.0)) + 1e-4


def _bent(gauge: Gauge, mark: Mark, end: float) -> Gauge:
    """The power, by least squares of ln(share of time) on ln(progress), with the older jobs forgotten slowly."""
    log = math.log(mark.progress)
    evidence = _FORGETTING * gauge.evidence + log * log
    power = gauge.power + (math.log(mark.age / end) - gauge.power * log) * log / evidence
    return replace(gauge, power=min(max(power, _LEAST_POWER), _MOST_POWER), evidence=evidence)
