from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import AttemptResult, Health
from tracker.rules import retry
from tracker.rules.health import (
    BREAKS_AT,
    FIRST_HOLD,
    GIVES_UP_AFTER,
    LONGEST_HOLD,
    OVERLOADED,
    OWN_FAULT_HOLD,
    has_only_failed_for_too_long,
    health_after,
)

from .strategies import NOW, at
from .test_retry import attempt, new_delivery

CLEAN = Health("sub_1")


def outcome(http_status=500, started=0.0, ended=None, retry_after=None, result=None, *, is_ours=False):
    one = replace(attempt(http_status, outcome=result), started_at=at(started))
    now = at(started if ended is None else ended)
    return retry.decide(new_delivery(), one, (5.0, 300.0), now, 0.5, retry_after, is_ours=is_ours)


def after(*outcomes, health=CLEAN):
    for one in outcomes:
        health = health_after(health, one)
    return health


def test_who_accepts_what_comes_is_clean():
    assert after(outcome(200), outcome(204, 1)) == CLEAN


def test_failures_are_counted_from_the_first_in_a_row():
    health = after(outcome(500, 3), outcome(404, 4), outcome(None, 5, result=AttemptResult.TIMEOUT))
    assert (health.failures, health.failing_since, health.held_until) == (3, at(3), None)


def test_one_success_forgives_all():
    assert after(*[outcome(500, second) for second in range(9)], outcome(200, 400)) == CLEAN


def test_the_breaker_opens_at_the_failures_in_a_row_that_it_says():
    failures = [outcome(500, second) for second in range(BREAKS_AT)]
    assert after(*failures[:-1]).held_until is None
    health = after(*failures)
    assert (health.held_at, health.holds) == (at(BREAKS_AT - 1), 1)
    assert health.held_until == at(BREAKS_AT - 1 + FIRST_HOLD)


def test_each_trial_that_fails_doubles_the_hold_up_to_the_longest():
    health, waits = CLEAN, []
    for number in range(12):
        health = after(outcome(500, 100 * number), health=health)
        if health.held_until is not None:
            waits.append((health.held_until - at(100 * number)).total_seconds())
    assert waits[:3] == [FIRST_HOLD, 2 * FIRST_HOLD, 4 * FIRST_HOLD]
    assert waits[-1] == LONGEST_HOLD


@pytest.mark.parametrize("status", OVERLOADED)
def test_an_overloaded_subscriber_is_held_back_as_a_whole_at_once(status):
    assert after(outcome(status, 3)).held_until == at(3 + FIRST_HOLD)


@pytest.mark.parametrize("status", [429, 503])
def test_it_is_held_back_as_long_as_it_asks(status):
    assert after(outcome(status, 3, retry_after=600)).held_until == at(603)
    assert after(outcome(status, 3, retry_after=1)).held_until == at(3 + FIRST_HOLD)


def test_attempts_that_were_under_way_together_count_as_one_hold():
    health = after(*[outcome(503, 0, ended=2 + number) for number in range(4)])
    assert (health.holds, health.failures, health.held_until) == (1, 4, at(2 + FIRST_HOLD))


def test_one_of_them_that_asks_for_more_gets_it():
    assert after(outcome(503, 0, 1), outcome(429, 0, 2, retry_after=60)).held_until == at(62)


def test_a_success_that_was_under_way_does_not_end_the_pause():
    health = after(outcome(429, 0, 1, retry_after=60), outcome(200, 0.5, 2))
    assert (health.failures, health.failing_since) == (0, None)
    assert health.held_until == at(61)
    assert after(outcome(200, 61), health=health) == CLEAN


def test_a_fault_of_our_own_is_not_charged():
    health = after(outcome(None, 3, result=AttemptResult.DNS, is_ours=True))
    assert (health.failures, health.failing_since) == (0, None)
    assert health.held_until == at(3 + OWN_FAULT_HOLD)


def test_who_has_only_failed_for_five_days_is_given_up():
    health = after(outcome(500, 3))
    assert not has_only_failed_for_too_long(health, at(2) + GIVES_UP_AFTER)
    assert has_only_failed_for_too_long(health, at(3) + GIVES_UP_AFTER)
    assert timedelta(days=5) == GIVES_UP_AFTER
    assert not has_only_failed_for_too_long(CLEAN, at(10**7))


statuses = st.sampled_from([200, 204, 302, 400, 410, 429, 500, 502, 503, 504])
spans = st.tuples(statuses, st.floats(0, 60), st.floats(0, 15), st.none() | st.floats(0, 10**6), st.booleans())


@given(st.lists(spans, max_size=30))
def test_what_holds_of_every_run_of_attempts(runs):
    health, second = CLEAN, 0.0
    for status, pause, took, asked, is_ours in runs:
        second += pause
        one = outcome(status, second, second + took, asked, is_ours=is_ours)
        before, health = health, health_after(health, one)
        assert health.failures >= 0
        assert (health.failing_since is None) == (health.failures == 0)
        assert (health.held_until is None) == (health.held_at is None) == (health.holds == 0)
        if status >= 300 and not is_ours:
            assert health.failures == before.failures + 1
        if before.held_until is not None and health.held_until is not None:
            assert health.held_until >= min(before.held_until, one.delivery.updated_at)
    assert health.failing_since is None or health.failing_since >= NOW
