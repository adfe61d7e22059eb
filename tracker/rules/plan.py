"""The polls of a key's jobs: programmes solved from its profile once, and from them the next delay of each job."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tracker.rules.belief import normals
from tracker.rules.lognormal import blended
from tracker.rules.programme import (
    Programme,
    Terms,
    best_gap,
    expected_cost,
    mean_left,
    next_gap,
    programme_for,
    solve,
)
from tracker.rules.progress import LEAST_TRUST, best_look, marks, told
from tracker.rules.queueing import QueueProgramme, next_queued_gap, next_running_gap, queue_programme_for

if TYPE_CHECKING:
    from tracker.rules.lognormal import Floats
    from tracker.rules.profile import Profile
    from tracker.rules.schedule import Timing

_PROBES_COST = 0.02
"""The share of a job's cost that goes into probes: early polls, lest a provider get faster unseen."""
_PROBES_AT_FIRST = 10.0
_JOBS_WITHOUT_PROBES = 5
_EARLIEST_PROBE = -3.5
"""The earliest probe: the logarithm of its share of the planned first delay."""
_BLUR = 0.1
_MOST_POLLS = 10_000


@dataclass(frozen=True, slots=True)
class View:
    """What is known of an unfinished job. Times are ages: seconds since it began to be tracked.

    The present phase was first seen at `phase_by` and not yet at `phase_after`; `started` is the provider's time of the
    run's start. `readings` are (age, progress within 0 and 1), oldest first. `floor` is the wait that the provider
    asks for with its last answer: it holds for the next delay alone.
    """

    age: float = 0.0
    polls: int = 0
    phase: Literal["queued", "running"] | None = None
    phase_after: float = 0.0
    phase_by: float = 0.0
    started: float | None = None
    readings: tuple[tuple[float, float], ...] = ()
    floor: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The solved programmes of a profile: of the whole duration, and of queueing and running where that is known.

    `look` is the age at which a first look at progress pays, `probes` the share of jobs whose first poll is a probe.
    """

    profile: Profile
    whole: Programme
    queue: QueueProgramme | None = None
    look: float | None = None
    probes: float = 0.0

    @property
    def terms(self) -> Terms:
        """The terms that the plan was made for."""
        return self.whole.terms


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan comes to per job: quantiles of its duration and its expected delay in seconds, its expected polls."""

    jobs: int
    median: float
    p90: float
    polls: float
    delay: float


def plan_for(profile: Profile, terms: Terms) -> Plan:
    """Solves the programmes for `profile`: a few milliseconds of work, to be done once per profile and terms."""
    whole = programme_for(blended(normals(profile.whole), normals(profile.failure), profile.failed), terms)
    probes = _share_of_probes(profile, whole)
    if profile.is_queueing:
        run = programme_for(normals(profile.run), terms)
        queue = queue_programme_for(normals(profile.queue), run, knows_starts=profile.timed > 0.5)
        return Plan(profile, whole, queue, probes=probes)
    return Plan(profile, whole, look=best_look(profile.gauge, whole, profile.jobs), probes=probes)


def next_delay(plan: Plan, job: View, dice: float) -> float:
    """Seconds until the job's next poll; `dice`, within 0 and 1, decides whether its first one is a probe.

    It is at least the terms' floor and the job's own, and at most the longest gap unless a floor is longer.
    """
    gap = _gap(plan, job)
    return gap if job.polls else _probed(plan, gap, max(plan.terms.floor, job.floor), dice)


def _gap(plan: Plan, job: View) -> float:
    if plan.queue is None:
        return _informed_gap(plan, plan.whole, job, 0.0) or _uninformed_gap(plan, job)
    if job.phase != "running":
        return next_queued_gap(plan.queue, job.age, job.floor)
    low, high = _run_start(job)
    start = 0.5 * (low + high)
    informed = _informed_gap(plan, plan.queue.run, job, start)
    if informed is not None:
        return informed
    if high - low < _BLUR * plan.terms.delay_per_poll:
        return next_gap(plan.queue.run, max(job.age - start, 0.0), job.floor)
    return next_running_gap(plan.queue, job.age, low, high, job.floor)


def _run_start(job: View) -> tuple[float, float]:
    """The ages between which the run began."""
    return (job.phase_after, job.phase_by) if job.started is None else (job.started, job.started)


def _uninformed_gap(plan: Plan, job: View) -> float:
    if plan.look is not None and not job.polls:
        return max(plan.look, job.floor)
    return next_gap(plan.whole, job.age, job.floor)


def _informed_gap(plan: Plan, prior: Programme, job: View, start: float) -> float | None:
    """The gap by the last reading of progress, where readings are trusted; `prior` is of the time since `start`."""
    seen = marks(job.readings, start)
    if not seen or plan.profile.gauge.trust < LEAST_TRUST:
        return None
    times, left = told(plan.profile.gauge, seen[-1], prior)
    age = max(job.age - start, 0.0)
    solved = solve(times, left, prior.terms)
    return best_gap(times, solved.costs, float(np.interp(age, times, left)), age, prior.terms, job.floor)


def _probed(plan: Plan, gap: float, least: float, dice: float) -> float:
    """The first delay, or now and then a shorter one."""
    if dice >= plan.probes:
        return gap
    return max(gap * math.exp(_EARLIEST_PROBE * dice / plan.probes), least)


def _share_of_probes(profile: Profile, whole: Programme) -> float:
    """How often a first poll is a probe: more while little is known, none in the first jobs."""
    if profile.jobs < _JOBS_WITHOUT_PROBES:
        return 0.0
    return min(_PROBES_COST * expected_cost(whole) * (1.0 + _PROBES_AT_FIRST / (profile.jobs + 5.0)), 1.0)


def outlook(plan: Plan) -> Outlook:
    """What the plan comes to for a job of which polls say no more than that it is unfinished."""
    polls, delay = _expected(plan.whole, planned_polls(plan))
    median, p90 = np.interp([-0.5, -0.1], -plan.whole.survival, plan.whole.times).tolist()
    return Outlook(plan.profile.jobs, median, p90, polls, delay)


def documented(plan: Plan, timing: Timing) -> tuple[float, float]:
    """The polls per job and the delay in seconds that the documented intervals would cost, as far as is known."""
    ages: list[float] = []
    age, gap = timing.first, timing.interval
    while age < plan.whole.times[-1] and len(ages) < _MOST_POLLS:
        ages.append(age)
        age, gap = age + min(gap, timing.longest), min(gap * timing.multiplier, timing.longest)
    return _expected(plan.whole, [*ages, age])


def planned_polls(plan: Plan, limit: int = _MOST_POLLS) -> list[float]:
    """The ages at which a job is polled of which polls say no more than that it is unfinished."""
    ages: list[float] = []
    age = 0.0
    while age < plan.whole.times[-1] and len(ages) < limit:
        age += next_gap(plan.whole, age)
        ages.append(age)
    return ages


def unfinished_at_ages(plan: Plan, points: int) -> tuple[list[float], list[float]]:
    """Ages in seconds, evenly from 0 to beyond the 98th percentile, and the share of jobs that are unfinished then."""
    end = 1.05 * float(np.interp(-0.02, -plan.whole.survival, plan.whole.times))
    ages = np.linspace(0.0, end, points)
    return ages.tolist(), np.interp(ages, plan.whole.times, plan.whole.survival).tolist()


def time_left(plan: Plan, job: View) -> float | None:
    """The median of the seconds that are left, as last polled; None before any job taught something."""
    if not plan.profile.jobs:
        return None
    start, times, left = _rest(plan, job)
    age = max(job.age - start, 0.0)
    now = float(np.interp(age, times, left))
    return max(float(np.interp(-0.5 * now, -left, times)) - age, 0.0)


def _rest(plan: Plan, job: View) -> tuple[float, Floats, Floats]:
    """The start of what is known, with times since then and the survival there."""
    start, prior = 0.0, plan.whole
    if plan.queue is not None and job.phase == "running":
        start, prior = 0.5 * sum(_run_start(job)), plan.queue.run
    seen = marks(job.readings, start)
    if seen and plan.profile.gauge.trust >= LEAST_TRUST:
        return (start, *told(plan.profile.gauge, seen[-1], prior))
    return start, prior.times, prior.survival


def _expected(programme: Programme, ages: list[float]) -> tuple[float, float]:
    """Polls and delay of fixed poll times."""
    at = np.concatenate([[0.0], ages])
    left = np.interp(at[:-1], programme.times, programme.survival, right=0.0)
    waited = float(np.diff(at) @ left)
    return float(left.sum()), max(waited - float(mean_left(programme.times, programme.survival)[0]), 0.0)
