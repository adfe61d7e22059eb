"""How an account stands with its provider, and what its budget lets pass."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import Status
from tracker.rules.accounts import (
    FAILURES_TO_OPEN,
    FIRST_BREAK,
    FIRST_SLOWING,
    FIRST_SUSPENSION,
    LONGEST_BREAK,
    LONGEST_SLOWING,
    LONGEST_SUSPENSION,
    AccountStatus,
    Breaker,
    Budget,
    Standing,
    breaker_after,
    canonical_name,
    standing_after,
)
from tracker.rules.reading import Absent, Problem, Reading, Unchanged
from tracker.rules.schedule import LONGEST_HINT

from .strategies import NOW, at, jitters

MIDDLE = 0.5
UNAUTHORIZED = Problem("unauthorized", "The provider refuses the credentials (HTTP 401).", 401)
LIMITED = Problem("rate_limited", "The provider asks to slow down (HTTP 429).", 429)
CLEAN = (Reading(Status.RUNNING, "busy"), Absent("not_found", 404), Unchanged())
NEUTRAL = (Problem("http_status", "500", 500), Problem("timeout", "none"), Problem("not_json", "html", 200))
budgets = st.builds(Budget, st.floats(0.01, 1000), st.integers(1, 1000))


def wait_of(standing, now=NOW):
    return (standing.until - now).total_seconds()


@given(budgets, st.integers(0, 2000), st.integers(0, 2000))
def test_room_is_never_more_than_the_budget_leaves(budget, in_flight, recent):
    room = budget.room(in_flight, recent)
    assert room >= 0
    assert room == 0 or in_flight + room <= budget.concurrent
    assert room == 0 or in_flight + recent + room <= budget.per_window


@given(budgets)
def test_budget_of_a_window_is_at_most_its_share_of_requests_and_at_least_one(budget):
    assert budget.per_window >= 1
    assert budget.per_window <= max(budget.requests_per_second * budget.window.total_seconds() * (1 + 1e-5), 1)


@pytest.mark.parametrize(("rate", "window", "requests"), [(0.1, 10, 1), (1, 1, 1), (2.5, 1, 2), (100, 1, 100)])
def test_less_than_one_request_a_second_is_one_in_a_longer_window(rate, window, requests):
    budget = Budget(rate, 10)
    assert (budget.window, budget.per_window) == (timedelta(seconds=window), requests)


@pytest.mark.parametrize("answer", CLEAN)
def test_clean_answer_makes_an_account_active(answer):
    held = standing_after(Standing(), UNAUTHORIZED, NOW, MIDDLE)
    assert standing_after(held, answer, at(9), MIDDLE) == Standing()


@pytest.mark.parametrize("answer", CLEAN)
def test_clean_answer_that_was_under_way_when_the_account_was_held_does_not_free_it(answer):
    held = standing_after(Standing(), LIMITED, NOW, MIDDLE)
    assert standing_after(held, answer, at(1.9), MIDDLE) == held


@pytest.mark.parametrize("answer", NEUTRAL)
def test_answer_that_says_nothing_of_the_account_leaves_it_as_it_stands(answer):
    held = standing_after(Standing(), LIMITED, NOW, MIDDLE)
    assert standing_after(held, answer, at(9), MIDDLE) == held
    assert standing_after(Standing(), answer, at(9), MIDDLE) == Standing()


@pytest.mark.parametrize(
    ("problem", "status", "first", "longest"),
    [
        (UNAUTHORIZED, AccountStatus.SUSPENDED, FIRST_SUSPENSION, LONGEST_SUSPENSION),
        (LIMITED, AccountStatus.SLOWED, FIRST_SLOWING, LONGEST_SLOWING),
    ],
)
def test_each_failed_try_waits_twice_as_long_up_to_an_end(problem, status, first, longest):
    standing, now, waits = Standing(), NOW, []
    for _ in range(12):
        standing = standing_after(standing, problem, now, MIDDLE)
        assert (standing.status, standing.since, standing.message) == (status, NOW, problem.message)
        waits.append(wait_of(standing, now))
        now = standing.until
    assert waits == [min(first * 2**number, longest) for number in range(12)]


@given(st.floats(0, 1e9), jitters)
def test_account_is_left_alone_at_least_as_long_as_its_provider_asks_up_to_the_longest_hint(asked, jitter):
    standing = standing_after(Standing(), Problem("rate_limited", "slow", 429, asked), NOW, jitter)
    assert wait_of(standing) >= min(asked, LONGEST_HINT) - 1e-6
    assert wait_of(standing) <= max(min(asked, LONGEST_HINT), FIRST_SLOWING * 1.1) + 1e-6


def test_answers_that_were_under_way_when_the_account_was_held_do_not_double_the_wait():
    held = standing_after(Standing(), LIMITED, NOW, MIDDLE)
    assert standing_after(held, LIMITED, at(0.5), MIDDLE) == held
    later = standing_after(held, Problem("rate_limited", "slow", 429, 60), at(0.5), MIDDLE)
    assert (later.until, later.tries) == (at(60.5), 1)


def test_wrong_credentials_go_before_too_many_requests():
    slowed = standing_after(Standing(), LIMITED, NOW, MIDDLE)
    suspended = standing_after(slowed, UNAUTHORIZED, at(1), MIDDLE)
    assert (suspended.status, suspended.since, suspended.tries) == (AccountStatus.SUSPENDED, at(1), 1)


def fail(breaker, times, now=NOW):
    for _ in range(times):
        breaker = breaker_after(breaker, is_reached=False, now=now, jitter=MIDDLE)
    return breaker


def test_breaker_opens_at_the_fifth_failure_in_a_row():
    assert FAILURES_TO_OPEN == 5
    assert not fail(Breaker(), 4).is_open
    opened = fail(Breaker(), 5)
    assert (opened.is_open, opened.since, opened.until) == (True, NOW, at(FIRST_BREAK))


def test_any_answer_closes_the_breaker_and_begins_the_count_anew():
    assert breaker_after(fail(Breaker(), 4), is_reached=True, now=NOW, jitter=MIDDLE) == Breaker()
    assert breaker_after(fail(Breaker(), 9), is_reached=True, now=NOW, jitter=MIDDLE) == Breaker()


def test_failures_that_were_under_way_when_the_breaker_opened_do_not_put_its_try_off():
    opened = fail(Breaker(), 5)
    assert fail(opened, 20, at(1)).until == opened.until


def test_each_failed_try_of_a_provider_waits_twice_as_long_up_to_an_end():
    breaker, waits = fail(Breaker(), 5), []
    for _ in range(8):
        now = breaker.until
        breaker = fail(breaker, 1, now)
        waits.append((breaker.until - now).total_seconds())
        assert breaker.since == NOW
    assert waits == [10, 20, 40, *[LONGEST_BREAK] * 5]


def test_names_with_the_same_variables_are_one_account():
    assert canonical_name("Team_A") == canonical_name("team-a") == "team-a"


def test_account_that_was_slowed_for_long_is_not_asked_sooner_for_wrong_credentials():
    slowed = standing_after(Standing(), Problem("rate_limited", "slow", 429, 600), NOW, MIDDLE)
    suspended = standing_after(slowed, UNAUTHORIZED, at(1), MIDDLE)
    assert (suspended.status, suspended.until) == (AccountStatus.SUSPENDED, at(600))


def test_answer_that_was_under_way_makes_a_suspended_account_none_that_is_merely_slowed():
    suspended = standing_after(Standing(), UNAUTHORIZED, NOW, MIDDLE)
    assert standing_after(suspended, LIMITED, at(1), MIDDLE) == suspended
    later = standing_after(suspended, Problem("rate_limited", "slow", 429, 60), at(1), MIDDLE)
    assert (later.status, later.until) == (AccountStatus.SUSPENDED, at(61))
