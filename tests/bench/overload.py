"""Many jobs under one account's budget: who is asked for first when there is not room for all.

    uv run python -m tests.bench.overload [JOBS]

A pure simulation, seeded, of images, videos and trainings that come in small batches and share one budget of requests
per second. At 1 times overload the budget is just what their documented intervals ask for, at 10 times a tenth of that.
Whenever the budget allows a request, a policy says which of the due jobs it is for. A delay is from a job's end to the
poll that finds it, of jobs from the middle half, so that neither the start nor the end of the simulation counts.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from store.records import Sightings, Waiting
from tests.rules.durations import profile_after, seen
from tracker.rules.plan import Plan, View, next_delay, outlook, plan_for
from tracker.rules.profile import NATURES, first_profile
from tracker.rules.programme import Terms
from tracker.rules.schedule import Timing, first_poll_at, most_overdue
from tracker.rules.schedule import next_delay as documented_delay
from tracker.rules.undetected import most_undetected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tracker.rules.profile import Profile

JOBS = 4000
OVERLOADS = (1.0, 2.0, 10.0)
BATCH = 4
"""So many jobs of a kind are registered together."""

_START = datetime(2026, 1, 1, tzinfo=UTC)
_LEARNED_FROM = 60


@dataclass(frozen=True)
class Sort:
    """A kind of job: how many come per second, how long they take (log-normal), and how they are polled."""

    nature: str
    rate: float
    median: float
    spread: float
    timing: Timing


SORTS = {
    "image": Sort("image", 0.3, 12, 0.35, Timing(3, 3)),
    "video": Sort("video", 0.3, 90, 0.25, Timing(3, 3)),
    "training": Sort("training", 0.05, 1350, 0.08, Timing(30, 30)),
}


@dataclass
class Remote:
    """A job of the simulation; times are in seconds since its start."""

    waiting: Waiting
    ends_at: float
    due_at: float
    polls: int = 0
    found_at: float = math.inf


@dataclass(frozen=True)
class Policy:
    """Who goes first, and whether jobs are due as planned or at their documented intervals."""

    name: str
    choose: Callable[[Sequence[Waiting], Mapping[str, Plan], datetime], str]
    is_planned: bool
    is_thrifty: bool = True
    """Whether λ is each kind's usual one; else one for all with which plans ask for as much as the documents do."""


@dataclass(frozen=True)
class Measured:
    """What a policy came to: requests per job, and the delays in seconds of each sort of job."""

    polls: float
    delays: Mapping[str, Sequence[float]]

    @property
    def all_delays(self) -> list[float]:
        return [delay for delays in self.delays.values() for delay in delays]

    @property
    def mean(self) -> float:
        return float(np.mean(self.all_delays))

    @property
    def p99(self) -> float:
        return float(np.quantile(self.all_delays, 0.99))


def undetected_first(due: Sequence[Waiting], plans: Mapping[str, Plan], now: datetime) -> str:
    return most_undetected([(job, plans[job.kind]) for job in due], 1, now)[0]


def overdue_first(due: Sequence[Waiting], _plans: Mapping[str, Plan], now: datetime) -> str:
    return most_overdue(due, 1, now)[0]


def in_turn(due: Sequence[Waiting], _plans: Mapping[str, Plan], _now: datetime) -> str:
    """The one that was asked for longest ago, as in a circle."""
    return min(due, key=lambda job: job.last_polled_at or job.created_at).id


def earliest_due_first(due: Sequence[Waiting], _plans: Mapping[str, Plan], _now: datetime) -> str:
    return min(due, key=lambda job: job.next_poll_at).id


ROUND_ROBIN = Policy("documented intervals, round robin", in_turn, is_planned=False)
UNDETECTED = Policy("learned plans, most undetected first", undetected_first, is_planned=True)
UNDETECTED_AT_ALL_COST = replace(UNDETECTED, name="the same, one λ that asks for as many polls", is_thrifty=False)
POLICIES = (
    UNDETECTED,
    UNDETECTED_AT_ALL_COST,
    Policy("learned plans, round robin", in_turn, is_planned=True),
    Policy("learned plans, one such λ, round robin", in_turn, is_planned=True, is_thrifty=False),
    Policy("documented intervals, most overdue first", overdue_first, is_planned=False),
    Policy("documented intervals, earliest due first", earliest_due_first, is_planned=False),
    ROUND_ROBIN,
)


def simulate(policy: Policy, overload: float, jobs: int = JOBS, seed: int = 1) -> Measured:
    """Lets so many jobs live under a budget that is `overload` times too small for the documented intervals."""
    plans = _plans(is_thrifty=policy.is_thrifty)
    between = overload / sum(sort.rate * _documented_polls(sort) for sort in SORTS.values())
    coming = _arrivals(jobs, plans, policy, seed)
    dice, alive, done, now = Random(seed), {}, [], 0.0  # noqa: S311 - a simulation
    while coming or alive:
        while coming and coming[-1][0] <= now:
            _, job = coming.pop()
            alive[job.waiting.id] = job
        due = [job.waiting for job in alive.values() if job.due_at <= now]
        if due:
            job = alive[policy.choose(due, plans, _at(now))]
            _poll(job, plans[job.waiting.kind], policy, now, dice.random())
            if job.found_at < math.inf:
                done.append(alive.pop(job.waiting.id))
        now += between
    return _measured(done, jobs)


def _plans(*, is_thrifty: bool) -> dict[str, Plan]:
    """Plans that were learned from some jobs."""
    profiles = {name: _profile(sort) for name, sort in SORTS.items()}
    if is_thrifty:
        return {name: _plan(profiles[name], name, NATURES[name].delay_per_poll) for name in SORTS}
    asked = sum(sort.rate * _documented_polls(sort) for sort in SORTS.values())
    worths = np.geomspace(1e-3, 30, 25).tolist()
    choices = [{name: _plan(profiles[name], name, worth) for name in SORTS} for worth in worths]
    return min(choices, key=lambda plans: abs(math.log(_planned_polls(plans) / asked)))


def _plan(profile: Profile, name: str, worth: float) -> Plan:
    return plan_for(profile, Terms(worth, SORTS[name].timing.minimum))


def _profile(sort: Sort) -> Profile:
    dice = Random(99)  # noqa: S311 - a simulation
    learned = [seen(_duration(sort, dice), 0.1) for _ in range(_LEARNED_FROM)]
    return profile_after(learned, first_profile(NATURES[sort.nature]))


def _planned_polls(plans: Mapping[str, Plan]) -> float:
    """Requests per second that these plans ask for."""
    return sum(sort.rate * outlook(plans[name]).polls for name, sort in SORTS.items())


def _documented_polls(sort: Sort) -> float:
    """The polls that a job has at its documented intervals."""
    mean = sort.median * math.exp(sort.spread**2 / 2)
    return mean / sort.timing.interval + 0.5


def _duration(sort: Sort, dice: Random) -> float:
    return sort.median * math.exp(dice.gauss(0, sort.spread))


def _arrivals(jobs: int, plans: Mapping[str, Plan], policy: Policy, seed: int) -> list[tuple[float, Remote]]:
    """The jobs with the times at which they are registered, the last first."""
    dice = Random(seed)  # noqa: S311 - a simulation
    total, coming, at = sum(sort.rate for sort in SORTS.values()), [], 0.0
    while len(coming) < jobs:
        at += dice.expovariate(total / BATCH)
        (name,) = dice.choices(list(SORTS), [sort.rate for sort in SORTS.values()])
        for _ in range(min(BATCH, jobs - len(coming))):
            coming.append((at, _registered(f"{len(coming)}", name, at, plans[name], policy, dice)))
    return coming[::-1]


def _registered(id_: str, name: str, at: float, plan: Plan, policy: Policy, dice: Random) -> Remote:
    timing, duration = SORTS[name].timing, _duration(SORTS[name], dice)
    first = next_delay(plan, View(), dice.random())
    due = _at(at + first) if policy.is_planned else first_poll_at(timing, _at(at), None)
    waiting = Waiting(id_, "own", name, due, None, _at(at))
    return Remote(waiting, at + duration, (due - _START).total_seconds())


def _poll(job: Remote, plan: Plan, policy: Policy, now: float, dice: float) -> None:
    job.polls += 1
    if now >= job.ends_at:
        job.found_at = now
        return
    age = (_at(now) - job.waiting.created_at).total_seconds()
    timing = SORTS[job.waiting.kind].timing
    delay = (
        next_delay(plan, View(age, job.polls), 1.0) if policy.is_planned else documented_delay(timing, job.polls, dice)
    )
    job.due_at = now + delay
    job.waiting = replace(
        job.waiting, next_poll_at=_at(job.due_at), last_polled_at=_at(now), sightings=Sightings(unfinished_at=age)
    )


def _measured(done: Sequence[Remote], jobs: int) -> Measured:
    delays: dict[str, list[float]] = {name: [] for name in SORTS}
    middle = [job for job in done if jobs // 4 <= int(job.waiting.id) < jobs * 3 // 4]
    for job in middle:
        delays[job.waiting.kind].append(job.found_at - job.ends_at)
    return Measured(sum(job.polls for job in middle) / len(middle), delays)


def _at(seconds: float) -> datetime:
    return _START + timedelta(seconds=seconds)


def main(jobs: int) -> None:
    """Prints a table for each overload."""
    for overload in OVERLOADS:
        table = Table(
            title=f"{overload:g} times overload: delay from end to detection, in seconds", title_justify="left"
        )
        for column in ("policy", "polls per job", "mean", "p99", *(f"mean of {name}s" for name in SORTS)):
            table.add_column(column, justify="left" if column == "policy" else "right")
        for policy in POLICIES:
            one = simulate(policy, overload, jobs)
            means = [f"{np.mean(delays):.1f}" for delays in one.delays.values()]
            table.add_row(policy.name, f"{one.polls:.2f}", f"{one.mean:.1f}", f"{one.p99:.1f}", *means)
        Console(width=140).print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else JOBS)
