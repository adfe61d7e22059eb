"""The learned profile of a key (a provider's kind, or a model of it), and what each finished job adds to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tracker.rules.belief import Belief, first_belief, learned, normals, widened
from tracker.rules.lognormal import survival
from tracker.rules.programme import Programme, Terms
from tracker.rules.progress import Gauge, first_gauge, gauged, marks

if TYPE_CHECKING:
    from tracker.rules.schedule import Timing

_ROUGHLY = 1.0
"""The uncertainty of a typical duration that nobody measured: a factor of e to either side."""
_FAILURES_ROUGHLY = 1.5
_RELATED = 0.4
_RELATED_JOBS = 6
_SLOWEST = 0.02
_EXACTLY = 1e-3
_QUEUES = 0.08
_ENOUGH_JOBS = 3
_TURN = 0.7548776662466927
"""Multiples of it, without their whole part, are spread evenly (the inverse of the plastic number)."""


@dataclass(frozen=True, slots=True)
class Nature:
    """A class of jobs: the delay in seconds that one poll is worth by default, and a typical duration in seconds."""

    delay_per_poll: float
    typical: float


NATURES = {
    "image": Nature(1.0, 9.0),
    "other": Nature(2.0, 20.0),
    "video": Nature(5.0, 60.0),
    "training": Nature(30.0, 1100.0),
    "batch": Nature(300.0, 3000.0),
}


def nature_of(timing: Timing) -> Nature:
    """What a kind's description says of its jobs, and where it says nothing what its documented interval suggests.

    Intervals below a second are those of quicker images.
    """
    usual = _usual(timing.longest)
    return Nature(timing.delay_per_poll or usual.delay_per_poll, timing.typical or usual.typical)


def _usual(longest: float) -> Nature:
    if longest < 1.0:
        image = NATURES["image"]
        return Nature(image.delay_per_poll * longest, image.typical * longest)
    for name, most in (("image", 5.0), ("video", 30.0), ("training", 600.0)):
        if longest <= most:
            return NATURES[name]
    return NATURES["batch"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended, as far as its polls tell. Times are ages: seconds since the job began to be tracked.

    The job was unfinished at `after` and finished at `by` (infinity: it was canceled, or given up). Where the provider
    tells queued from running, queueing ended between `queue_after` and `queue_by`. `started` and `ended` are the
    provider's own times, where it gives them. `readings` are (age, progress within 0 and 1), oldest first.
    """

    after: float
    by: float = math.inf
    has_failed: bool = False
    queue_after: float = 0.0
    queue_by: float | None = None
    started: float | None = None
    ended: float | None = None
    readings: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What is known of a key.

    Beliefs of the whole duration of jobs that do not fail, of their queueing and running where the provider tells them
    apart, and of jobs that fail; the gauge of progress. Shares of the last jobs: `failed` those that failed, `queued`
    those that were seen to queue, `timed` those whose start the provider reported. `jobs` counts them all.
    """

    whole: Belief
    queue: Belief
    run: Belief
    failure: Belief
    gauge: Gauge
    jobs: int = 0
    failed: float = 0.02
    queued: float = 0.0
    timed: float = 0.0

    @property
    def is_queueing(self) -> bool:
        """Whether jobs are seen to queue often enough for queueing and running to be planned for apart."""
        return self.queued >= _QUEUES and self.jobs >= _ENOUGH_JOBS


def first_profile(nature: Nature) -> Profile:
    """The profile before any job."""
    typical = nature.typical
    return Profile(
        whole=first_belief(typical, _ROUGHLY),
        queue=first_belief(0.25 * typical, _FAILURES_ROUGHLY),
        run=first_belief(0.8 * typical, _ROUGHLY),
        failure=first_belief(0.3 * typical, _FAILURES_ROUGHLY, room=0),
        gauge=first_gauge(),
    )


def child_of(parent: Profile) -> Profile:
    """The first profile of a finer key: its parent's experience, ready to be outvoted by a few jobs of its own."""
    return replace(
        parent,
        whole=widened(parent.whole, _RELATED, _RELATED_JOBS),
        queue=widened(parent.queue, _RELATED, _RELATED_JOBS),
        run=widened(parent.run, _RELATED, _RELATED_JOBS),
        jobs=0,
    )


def learn(profile: Profile, job: Ending) -> Profile:
    """The profile once `job` ended."""
    after, by = _bounds(job)
    profile = replace(
        profile,
        jobs=profile.jobs + 1,
        failed=_step(profile.failed, job.has_failed, profile.jobs + 10),
    )
    if job.has_failed:
        return replace(profile, failure=learned(profile.failure, after, by))
    if not profile.is_queueing:
        profile = replace(profile, gauge=_gauged(profile, profile.whole, job, 0.0, after, by))
    if job.queue_by is not None:
        profile = _with_phases(profile, job, after, by)
    return replace(profile, whole=learned(profile.whole, after, by))


def _bounds(job: Ending) -> tuple[float, float]:
    """The ages between which the job ended; the provider's own time is taken for exact within a thousandth."""
    if job.ended is None:
        return job.after, job.by
    return job.ended * (1.0 - _EXACTLY), job.ended * (1.0 + _EXACTLY)


def _step(share: float, is_so: bool, jobs: int) -> float:
    """A share of the last jobs, after one more."""
    return share + max(1.0 / jobs, _SLOWEST) * (is_so - share)


def _with_phases(profile: Profile, job: Ending, after: float, by: float) -> Profile:
    """Learns queueing and running, each from its own interval."""
    is_apart = profile.is_queueing
    low, high = (job.queue_after, job.queue_by or 0.0) if job.started is None else (job.started, job.started)
    profile = replace(
        profile,
        queued=_step(profile.queued, low > 0, profile.jobs),
        timed=_step(profile.timed, job.started is not None, profile.jobs),
        queue=learned(profile.queue, low, high if high > 0 else math.inf),
    )
    start = min(_start(profile, low, high, after, by), by)
    if is_apart:
        profile = replace(profile, gauge=_gauged(profile, profile.run, job, start, after, by))
    return replace(profile, run=learned(profile.run, max(after - start, 0.0), by - start))


def _start(profile: Profile, low: float, high: float, after: float, by: float) -> float:
    """When the run began: a quantile of what queueing and running together say, spread evenly over the jobs."""
    if high - low < 0.02 * high:
        return 0.5 * (low + high)
    edges = np.linspace(low, high, 17)
    middles = 0.5 * (edges[1:] + edges[:-1])
    queued = -np.diff(survival(normals(profile.queue), np.maximum(edges, 1e-3)))
    run = normals(profile.run)
    ended = survival(run, np.maximum(after - middles, 1e-3))
    if by < math.inf:
        ended = ended - survival(run, np.maximum(by - middles, 2e-3))
    total = np.concatenate([[0.0], np.cumsum((queued + 1e-9) * (ended + 1e-6))])
    return float(np.interp((_TURN * profile.jobs) % 1.0 * total[-1], total, edges))


def _gauged(profile: Profile, belief: Belief, job: Ending, start: float, after: float, by: float) -> Gauge:
    """The gauge after the job; `belief` is of its duration since `start`."""
    seen = marks(job.readings, start)
    if not seen:
        return profile.gauge
    times = np.geomspace(0.02, 50.0, 400) * math.exp(belief.home)
    left = survival(normals(belief), times)
    prior = Programme(times, left, left, Terms(1.0))
    after = max(after - start, seen[-1].age)
    return gauged(profile.gauge, seen, after, max(by - start, after), prior)
