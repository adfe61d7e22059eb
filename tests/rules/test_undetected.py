"""Which due jobs go first under contention: those whose ends may have stayed undetected for the longest."""

import math
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.records import Sightings, Waiting
from tracker.rules.plan import Plan, plan_for
from tracker.rules.profile import NATURES, first_profile
from tracker.rules.programme import Terms, solve
from tracker.rules.undetected import most_undetected, undetected

from .durations import ages, profile_after, profiles, seen
from .strategies import at

VIDEOS = profile_after([seen(seconds) for seconds in (50, 70, 60, 80, 55, 65, 90, 75) * 5])
PLAN = plan_for(VIDEOS, Terms(5))


def lognormal_plan(median, spread, worth=5.0, points=4000):
    """A plan of jobs that are known to be log-normal."""
    times = np.concatenate([[0.0], median * np.exp(np.linspace(-6, 6, points) * spread)])
    left = [unfinished(time, median, spread) for time in times.tolist()]
    return Plan(VIDEOS, solve(times, np.array(left), Terms(worth)))


def unfinished(age, median, spread):
    return 1.0 if age <= 0 else 0.5 * math.erfc(math.log(age / median) / spread / math.sqrt(2))


def integrated(since, age, median, spread, steps=20_000):
    """∫ P(T ≤ t | T > since) dt from `since` to `age`, by the rule of midpoints."""
    width = (age - since) / steps
    left = unfinished(since, median, spread)
    return sum(1 - unfinished(since + (k + 0.5) * width, median, spread) / left for k in range(steps)) * width


def waiting(name, polled, since=0.0, head_start=0.0, unfinished_at=None):
    """A job that was registered at `since`, and polled so many seconds later; that saw it unfinished, or failed."""
    known = Sightings(head_start, polled + head_start if unfinished_at is None else unfinished_at)
    return Waiting(name, "scenario", "job", at(since), at(since + polled), at(since), known)


def never_polled(name, since=0.0):
    return Waiting(name, "scenario", "job", at(since), None, at(since))


def chosen(jobs, now, plan=PLAN, count=1):
    return most_undetected([(job, plan) for job in jobs], count, at(now))


@pytest.mark.parametrize(("since", "age"), [(0, 60), (0, 90), (30, 100), (60, 61), (85, 200), (110, 130)])
@pytest.mark.parametrize("spread", [0.1, 0.35])
def test_undetected_time_is_the_integral_of_the_conditional_probability(since, age, spread):
    expected = integrated(since, age, 70, spread)
    assert undetected(lognormal_plan(70, spread), since, age) == pytest.approx(expected, rel=0.01, abs=0.02)


@settings(max_examples=60)
@given(profiles, ages, st.lists(st.floats(0, 1e5), min_size=2, max_size=5))
def test_undetected_time_grows_with_age_and_is_never_more_than_the_time_that_passed(profile, since, later):
    plan = plan_for(profile, Terms(5))
    assert undetected(plan, since, since) == 0
    times = [undetected(plan, since, since + gap) for gap in sorted(later)]
    rounding = 1e-9 * (1 + since)
    assert all(0 <= time <= gap * (1 + 1e-9) + rounding for time, gap in zip(times, sorted(later), strict=True))
    assert all(before <= after + 1e-6 * (1 + after) for before, after in pairwise(times))


@given(profiles, ages)
def test_undetected_time_of_a_job_that_is_not_asked_for_grows_without_end(profile, since):
    plan = plan_for(profile, Terms(5))
    end = since + plan.whole.times[-1]
    assert undetected(plan, since, end + 1000) > undetected(plan, since, end) + 900


def test_job_that_should_have_ended_goes_before_one_that_is_fresh():
    assert chosen([waiting("fresh", 10, 60), waiting("ripe", 10, 0)], 90) == ["ripe"]


def test_of_like_jobs_the_one_that_waited_for_longer_goes_first():
    assert chosen([waiting("just", 80), waiting("long", 60)], 85, count=2) == ["long", "just"]


def test_delay_counts_in_polls_of_its_kind():
    """A second of a training is worth less than a second of an image."""
    patient, hurried = plan_for(VIDEOS, Terms(30)), plan_for(VIDEOS, Terms(1))
    jobs = [(waiting("patient", 50), patient), (waiting("hurried", 60), hurried)]
    assert most_undetected(jobs, 2, at(80)) == ["hurried", "patient"]


def test_time_before_the_registration_counts():
    fresh, older = waiting("fresh", 10, 0), waiting("older", 10, 0, head_start=55)
    assert chosen([fresh, older], 20) == ["older"]


def test_job_that_was_never_polled_counts_from_its_registration():
    assert chosen([never_polled("new", 50), never_polled("old", 0)], 70) == ["old"]


def test_jobs_whose_polls_fail_do_not_go_before_all_others():
    failing = waiting("failing", 99, unfinished_at=10)
    assert chosen([failing, waiting("clean", 60)], 100) == ["clean"]


def test_of_equals_the_one_that_waited_for_longest_goes_first():
    """Nothing ends within the first seconds: what is undetected is nothing for both."""
    assert chosen([waiting("later", 0.002), waiting("sooner", 0.001)], 0.003, count=2) == ["sooner", "later"]


@given(st.integers(0, 5), st.integers(0, 8))
def test_no_more_are_chosen_than_there_is_room_for(count, jobs):
    names = chosen([waiting(f"job_{number}", number) for number in range(jobs)], 100, count=count)
    assert len(names) == len(set(names)) == min(count, jobs)


@pytest.mark.parametrize("nature", sorted(NATURES))
def test_nobody_starves(nature):
    """Of jobs that outlive all that was learned, with one poll in four asked for, each has its turn again and again."""
    plan = plan_for(first_profile(NATURES[nature]), Terms(NATURES[nature].delay_per_poll))
    dice, step = Random(1), plan.whole.times[-1] / 50  # noqa: S311 - a simulation's dice
    jobs = {f"job_{number}": dice.uniform(0, plan.whole.times[-1]) for number in range(12)}
    polled, turns = dict(jobs), dict.fromkeys(jobs, 0)
    for tick in range(1, 200):
        now = plan.whole.times[-1] + tick * step
        due = [(waiting(name, polled[name] - jobs[name], jobs[name]), plan) for name in jobs]
        for name in most_undetected(due, 3, at(now)):
            polled[name], turns[name] = now, turns[name] + 1
    assert min(turns.values()) > 20
