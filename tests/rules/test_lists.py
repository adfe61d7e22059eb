"""Walks through lists: when the next page is worth its request, and what becomes of jobs that none shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import Status
from tracker.rules.lists import MOST_BARREN_PAGES, OF_THE_ACCOUNT, Rest, Walk, not_shown
from tracker.rules.reading import Problem, Reading
from tracker.rules.track import MOST_LIST_MISSES, ask_alone, decide, seen_in_list

from .strategies import NOW, TIMING, at, hints, jitters, new_job, problems

MIDDLE = 0.5


def jobs(count):
    return [new_job(id=f"job_{number}") for number in range(count)]


def test_walk_goes_on_while_jobs_are_sought_and_there_is_a_next_page():
    assert Walk("token").goes_on(sought=1)
    assert not Walk("token").goes_on(sought=0)
    assert not Walk(None).goes_on(sought=9)


def test_empty_page_is_not_the_end_but_several_in_a_row_are():
    walk, pages = Walk("token"), 0
    while walk.goes_on(sought=1000):
        walk, pages = walk.turned("token", 0), pages + 1
    assert pages == MOST_BARREN_PAGES
    assert Walk("token", MOST_BARREN_PAGES).turned("token", 1).goes_on(1000), "a page with a job begins the count anew"


@given(st.integers(1, 1000), st.lists(st.integers(0, 3), max_size=50))
def test_walk_never_costs_more_than_twice_what_asking_one_by_one_would(sought, pages):
    """At worst a page shows one job in so many barren pages as there may be, and the rest is asked for alone."""
    walk, left, requests = Walk("token"), sought, 0
    for found in pages:
        if not walk.goes_on(left):
            break
        shown = min(found, left)
        walk, left, requests = walk.turned("token", shown), left - shown, requests + 1
    assert requests <= (sought - left) * (MOST_BARREN_PAGES + 1) + MOST_BARREN_PAGES + 1


@pytest.mark.parametrize("code", OF_THE_ACCOUNT)
def test_problem_of_the_account_is_carried_by_one_job_and_the_others_are_given_back(code):
    problem = Problem(code, "…", retry_after=9)
    outcomes, given_back = not_shown(jobs(3), problem, 9, TIMING, NOW, MIDDLE)
    assert [(outcome.job.id, outcome.job.poll_problem.code) for outcome in outcomes] == [("job_0", code)]
    assert given_back == tuple(jobs(3)[1:])


@given(st.none() | problems.filter(lambda problem: problem.code not in OF_THE_ACCOUNT), hints, jitters)
def test_jobs_that_a_list_does_not_show_are_asked_for_alone_and_nothing_is_said_of_them(problem, hint, jitter):
    outcomes, given_back = not_shown(jobs(3), problem, hint, TIMING, NOW, jitter)
    assert given_back == ()
    for before, outcome in zip(jobs(3), outcomes, strict=True):
        after = outcome.job
        assert (outcome.transitions, outcome.events) == ((), ())
        assert (after.status, after.sequence, after.polls, after.poll_problem) == (Status.QUEUED, 0, 0, None)
        assert (after.is_alone, after.list_misses) == (True, int(problem is None and not hint))
        assert before.id == after.id
        assert after.next_poll_at == (after.not_before or NOW)
        assert after.next_poll_at <= after.timeout_at


@given(hints)
def test_job_asked_for_alone_waits_for_the_hint_that_came_with_the_list(hint):
    (outcome,), _ = not_shown(jobs(1), None, hint, TIMING, NOW, MIDDLE)
    assert (outcome.job.next_poll_at - NOW).total_seconds() == pytest.approx(min(hint or 0, 3600), abs=1e-3)


def test_after_so_many_lists_in_a_row_that_did_not_show_it_a_job_is_asked_for_alone_for_good():
    job, ways = new_job(), []
    for _ in range(MOST_LIST_MISSES + 1):
        alone = ask_alone(job, NOW, missed=True).job
        assert alone.is_alone
        job = decide(alone, Reading(Status.RUNNING, "busy"), TIMING, NOW, MIDDLE).job
        ways.append(job.is_alone)
    assert ways == [False] * (MOST_LIST_MISSES - 1) + [True] * 2


def test_list_that_shows_a_job_forgets_that_others_did_not():
    job = new_job(list_misses=2)
    assert decide(seen_in_list(job), Reading(Status.RUNNING, "busy"), TIMING, NOW, MIDDLE).job.list_misses == 0


def test_row_that_does_not_say_enough_is_no_miss():
    assert ask_alone(new_job(), NOW).job.list_misses == 0


def test_job_that_no_list_reaches_is_asked_for_alone_for_good():
    alone = ask_alone(new_job(), NOW, for_good=True).job
    assert decide(alone, Reading(Status.RUNNING, "busy"), TIMING, NOW, MIDDLE).job.is_alone


def test_floor_that_was_there_before_is_kept():
    assert ask_alone(new_job(not_before=at(50)), NOW).job.next_poll_at == at(50)


def test_list_that_had_a_problem_rests_longer_each_time_and_an_answer_ends_that():
    problem, rest, now, seconds = Problem("http_status", "500", 500), Rest(), NOW, []
    for _ in range(9):
        rest = rest.after(problem, now)
        assert not rest.is_over(now)
        assert rest.is_over(rest.until)
        seconds.append((rest.until - now).total_seconds())
        now = rest.until
    assert seconds == [10, 20, 40, 80, 160, 320, 640, 900, 900]
    assert rest.after(None, now) == Rest()
    assert Rest().is_over(NOW)
