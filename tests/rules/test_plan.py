import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.rules.plan import View, documented, next_delay, outlook, plan_for, planned_polls, time_left
from tracker.rules.profile import NATURES, Ending, first_profile
from tracker.rules.programme import Terms
from tracker.rules.schedule import Timing

from .durations import profile_after, profiles, seen, terms, views

NEVER_A_PROBE = 0.999
VIDEOS = profile_after([seen(seconds) for seconds in (50, 70, 60, 80, 55, 65, 90, 75) * 5])
QUEUES = profile_after([Ending(q + 58, q + 62, queue_after=q - 2, queue_by=q + 2) for q in (20, 60, 150, 40, 90) * 6])
LINEAR = profile_after(
    [Ending(t - 1, t + 1, readings=((30, math.floor(3000 / t) / 100),)) for t in (50, 150, 80, 110, 65) * 6]
)


@settings(max_examples=60)
@given(profiles, terms, views(), st.floats(0, 1))
def test_delays_are_never_below_the_floor_and_never_above_the_longest_gap(profile, asked, job, dice):
    delay = next_delay(plan_for(profile, asked), job, dice)
    least = max(asked.floor, job.floor)
    assert least * 0.999 <= delay <= max(asked.longest, least) * 1.001


@settings(max_examples=30)
@given(profiles, terms, views(), st.floats(0, 1))
def test_the_same_question_has_the_same_answer(profile, asked, job, dice):
    delays = {next_delay(plan_for(profile, asked), job, dice) for _ in range(2)}
    assert len(delays) == 1


@settings(max_examples=30)
@given(profiles, views())
def test_what_is_left_is_never_negative(profile, job):
    left = time_left(plan_for(profile, Terms(5)), job)
    assert (left is None) == (profile.jobs == 0)
    assert left is None or 0 <= left < math.inf


def test_the_more_a_delay_costs_the_more_polls_there_are():
    polls = [outlook(plan_for(VIDEOS, Terms(worth))).polls for worth in (50, 5, 0.5)]
    assert polls == sorted(polls)
    assert polls[0] < 2 < polls[-1]


def test_a_probe_comes_early_and_seldom():
    plan = plan_for(VIDEOS, Terms(5))
    usual = next_delay(plan, View(), NEVER_A_PROBE)
    delays = [next_delay(plan, View(), step / 200) for step in range(200)]
    probes = [delay for delay in delays if delay < usual]
    assert 0 < len(probes) < 40
    assert min(probes) < usual / 4


def test_only_the_first_poll_is_a_probe():
    plan = plan_for(VIDEOS, Terms(5))
    assert next_delay(plan, View(50, 1), 0.0) == next_delay(plan, View(50, 1), NEVER_A_PROBE)


def test_a_queued_job_is_not_polled_for_an_end_that_cannot_be_near():
    plan = plan_for(QUEUES, Terms(5))
    assert plan.queue is not None
    assert next_delay(plan, View(20, 1, "queued", 0, 20), NEVER_A_PROBE) > 15


def test_a_running_job_is_polled_when_its_run_should_end():
    plan = plan_for(QUEUES, Terms(5))
    delay = next_delay(plan, View(105, 3, "running", 99, 101, started=100), NEVER_A_PROBE)
    assert 54 < delay < 65


def test_progress_moves_the_next_poll():
    plan = plan_for(LINEAR, Terms(5))
    slow, fast = (next_delay(plan, View(40, 1, readings=((40, p),)), NEVER_A_PROBE) for p in (0.25, 0.8))
    assert slow == pytest.approx(120, abs=20)
    assert fast == pytest.approx(10, abs=5)


def test_where_progress_is_trusted_an_early_look_pays():
    plan = plan_for(LINEAR, Terms(5))
    assert plan.look is not None
    assert plan.look < outlook(plan).median


def test_an_outlook_knows_its_jobs():
    view = outlook(plan_for(VIDEOS, Terms(5)))
    assert view.jobs == 40
    assert 60 < view.median < 75
    assert 78 < view.p90 < 105
    assert 1 < view.polls < 4


def test_the_documented_interval_costs_more():
    plan = plan_for(VIDEOS, Terms(5))
    polls, delay = documented(plan, Timing(first=3, interval=3))
    assert polls == pytest.approx(23, abs=4)
    assert delay == pytest.approx(1.5, abs=0.3)
    assert polls + delay / 5 > 3 * (outlook(plan).polls + outlook(plan).delay / 5)


def test_documented_intervals_that_grow_are_followed():
    polls, _ = documented(plan_for(VIDEOS, Terms(5)), Timing(first=1, interval=1, multiplier=1.5, cap=5))
    assert 14 < polls < 20


def test_planned_polls_can_be_limited():
    plan = plan_for(VIDEOS, Terms(5))
    ages = planned_polls(plan)
    assert planned_polls(plan, 2) == ages[:2]
    assert ages == sorted(ages)
    assert 35 < ages[0] < 70


def test_what_is_left_shrinks_while_a_job_runs():
    plan = plan_for(VIDEOS, Terms(5))
    left = [time_left(plan, View(age, 1)) for age in (0, 30, 50)]
    assert left == sorted(left, reverse=True)
    assert left[0] == pytest.approx(67, abs=8)


def test_what_is_left_follows_progress():
    assert time_left(plan_for(LINEAR, Terms(5)), View(40, 1, readings=((40, 0.25),))) == pytest.approx(120, abs=15)


def test_nothing_is_said_of_what_is_left_before_any_job_ended():
    assert time_left(plan_for(first_profile(NATURES["video"]), Terms(5)), View(10, 1)) is None
