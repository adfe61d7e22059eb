from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import Status, Step
from tracker.rules.diff import status_changes, step_changes

from .strategies import (
    at,
    final_statuses,
    histories,
    job_that_is,
    live_statuses,
    moment,
    new_job,
    reading,
    readings,
    statuses,
    steps,
)

QUEUED, RUNNING, ACTION_REQUIRED, SUCCEEDED, FAILED = list(Status)[:5]
LATER = at(100)
Q1, R2, A3, S4 = moment(QUEUED, 1), moment(RUNNING, 2), moment(ACTION_REQUIRED, 3), moment(SUCCEEDED, 4)
jobs = st.builds(new_job) | st.builds(job_that_is, statuses)


def changes(job, status, **facts):
    return [(change.status, change.occurred_at) for change in status_changes(job, reading(status, **facts), LATER)]


def test_the_first_reading_is_a_change_even_to_queued():
    assert changes(new_job(), QUEUED) == [(QUEUED, LATER)]


def test_the_same_status_again_is_no_change():
    assert changes(job_that_is(RUNNING), RUNNING) == []


def test_a_job_that_seems_to_go_back_to_queued_has_not_changed():
    assert changes(job_that_is(RUNNING), QUEUED) == []
    assert changes(job_that_is(ACTION_REQUIRED), QUEUED) == []


def test_a_change_keeps_the_providers_own_word():
    (change,) = status_changes(new_job(), reading(RUNNING, provider_status="warming-up"), LATER)
    assert change.provider_status == "warming-up"


def test_a_change_occurs_when_the_provider_says_so():
    times = {"created_at": at(1), "started_at": at(2), "finished_at": at(3)}
    assert changes(new_job(), QUEUED, **times) == [(QUEUED, at(1))]
    assert changes(new_job(), RUNNING, **times) == [(RUNNING, at(2))]
    assert changes(job_that_is(RUNNING), FAILED, **times) == [(FAILED, at(3))]


@pytest.mark.parametrize("status", Status)
def test_a_change_without_a_time_of_the_provider_occurs_now(status):
    assert changes(new_job(), status) == [(status, LATER)]


def test_the_history_tells_what_polls_did_not_see():
    told = changes(new_job(), SUCCEEDED, history=(Q1, R2, A3, S4), finished_at=at(9))
    assert told == [(QUEUED, at(1)), (RUNNING, at(2)), (ACTION_REQUIRED, at(3)), (SUCCEEDED, at(4))]


def test_what_the_history_told_before_is_not_told_again():
    job = job_that_is(RUNNING, status_since=at(2))
    assert changes(job, SUCCEEDED, history=(Q1, R2, S4)) == [(SUCCEEDED, at(4))]


def test_moments_of_one_instant_are_not_told_again():
    twice = (moment(RUNNING, 1), moment(ACTION_REQUIRED, 1), moment(RUNNING, 1))
    assert [status for status, _ in changes(new_job(), RUNNING, history=twice)] == [RUNNING, ACTION_REQUIRED, RUNNING]
    assert changes(job_that_is(RUNNING, status_since=at(1)), RUNNING, history=twice) == []


def test_the_first_of_several_words_for_one_status_says_when_it_began():
    assert changes(new_job(), QUEUED, history=(Q1, moment(QUEUED, 5))) == [(QUEUED, at(1))]
    assert changes(job_that_is(RUNNING), SUCCEEDED, history=(S4, moment(SUCCEEDED, 6))) == [(SUCCEEDED, at(4))]


def test_a_final_status_in_the_midst_of_a_history_is_not_the_end():
    history = (R2, moment(FAILED, 3), moment(RUNNING, 5))
    assert changes(new_job(), RUNNING, history=history) == [(RUNNING, at(2))]


def test_the_reading_has_the_last_word_over_its_history():
    assert changes(new_job(), SUCCEEDED, history=(Q1, R2)) == [(QUEUED, at(1)), (RUNNING, at(2)), (SUCCEEDED, LATER)]


def test_a_status_seen_without_the_history_does_not_bring_older_moments_back():
    job = job_that_is(ACTION_REQUIRED, status_since=at(50))
    assert changes(job, ACTION_REQUIRED, history=(Q1, R2)) == []


def test_a_second_turn_of_running_does_not_begin_when_the_first_one_did():
    job = job_that_is(ACTION_REQUIRED, status_since=at(50))
    assert changes(job, RUNNING, history=(Q1, R2)) == [(RUNNING, LATER)]
    assert changes(job, RUNNING, started_at=at(2)) == [(RUNNING, LATER)]


def test_a_status_without_a_time_does_not_begin_before_one_that_the_provider_dated_later_than_now():
    ahead = moment(RUNNING, 130)
    told = changes(new_job(), ACTION_REQUIRED, history=(Q1, ahead))
    assert told == [(QUEUED, at(1)), (RUNNING, at(130)), (ACTION_REQUIRED, at(130))]
    told = changes(new_job(), ACTION_REQUIRED, history=(R2, ahead))
    assert told == [(RUNNING, at(2)), (ACTION_REQUIRED, at(130))]
    job = job_that_is(ACTION_REQUIRED, status_since=at(130))
    assert changes(job, ACTION_REQUIRED, history=(Q1, ahead)) == []
    assert changes(job, RUNNING) == [(RUNNING, at(130))]


def test_a_later_turn_is_not_dated_by_the_start_of_the_job():
    told = changes(new_job(), RUNNING, history=(R2, A3), started_at=at(2))
    assert told == [(RUNNING, at(2)), (ACTION_REQUIRED, at(3)), (RUNNING, LATER)]


def test_the_end_occurs_when_the_provider_says_so_though_its_clock_is_behind():
    job = job_that_is(RUNNING, status_since=at(50))
    assert changes(job, SUCCEEDED, finished_at=at(49)) == [(SUCCEEDED, at(49))]


def test_steps_that_are_new_or_moved_are_changes_in_the_readings_order():
    known = [Step("a", "node", "pending"), Step("b", "node", "pending"), Step("gone", "node", "pending")]
    read = [Step("c", None, "pending"), Step("a", "node", "success"), Step("b", "node", "pending")]
    told = [(change.step.id, change.step.status, change.previous_status) for change in step_changes(known, read)]
    assert told == [("c", "pending", None), ("a", "success", "pending")]


@st.composite
def jobs_and_readings(draw):
    return draw(jobs), draw(readings(draw(histories())))


@given(jobs_and_readings())
def test_changes_lead_from_what_is_known_to_what_is_read(pair):
    job, read = pair
    told = status_changes(job, read, LATER)
    taken = [job.status] * bool(job.sequence) + [change.status for change in told]
    assert all(previous is not status and not previous.is_final for previous, status in pairwise(taken))
    assert QUEUED not in taken[1:]
    assert taken[-1] is read.status or job.status.is_final or read.status is QUEUED


@given(jobs_and_readings())
def test_a_reading_that_was_told_has_nothing_left_to_tell(pair):
    job, read = pair
    told = status_changes(job, read, LATER)
    if told:
        job = job_that_is(told[-1].status, status_since=told[-1].occurred_at)
    assert status_changes(job, read, LATER) == ()


@given(final_statuses, readings())
def test_a_final_job_has_no_changes(final, read):
    assert status_changes(job_that_is(final), read, LATER) == ()


@given(histories(final=live_statuses), live_statuses)
def test_a_first_reading_tells_each_moment_that_is_not_a_repetition(history, status):
    times = {at for _, at in changes(new_job(), status, history=history)}
    expected, known = set(), None
    for one in history:
        if one.status is not known and (known is None or one.status is not QUEUED):
            expected.add(one.at)
            known = one.status
    assert expected <= times
    assert len(times - expected) <= 1


@given(steps)
def test_steps_do_not_differ_from_themselves(some):
    assert step_changes(some, some) == ()


@given(steps, steps)
def test_known_steps_and_their_changes_give_the_steps_that_were_read(known, read):
    told = {step.id: step.status for step in known}
    told |= {change.step.id: change.step.status for change in step_changes(known, read)}
    assert {step.id: told[step.id] for step in read} == {step.id: step.status for step in read}
