import pytest
from hypothesis import given

from store.records import FINAL_STATUSES, Status
from tracker.rules.status import may_follow

from .strategies import LIVE_STATUSES, final_statuses, live_statuses, statuses


def test_the_final_statuses_are_the_four_that_end_a_job():
    assert {status.value for status in Status if status.is_final} == {"succeeded", "failed", "canceled", "expired"}
    assert len(FINAL_STATUSES) == 4


@pytest.mark.parametrize("status", Status)
def test_a_job_that_was_never_read_may_have_any_status(status):
    assert may_follow(None, status)


@pytest.mark.parametrize("previous", LIVE_STATUSES)
def test_no_job_goes_back_to_queued(previous):
    assert not may_follow(previous, Status.QUEUED)


def test_running_and_action_required_take_turns():
    assert may_follow(Status.RUNNING, Status.ACTION_REQUIRED)
    assert may_follow(Status.ACTION_REQUIRED, Status.RUNNING)


def test_a_queued_job_may_need_an_action_before_it_runs():
    assert may_follow(Status.QUEUED, Status.ACTION_REQUIRED)


@given(final_statuses, statuses)
def test_a_final_status_is_for_good(final, status):
    assert not may_follow(final, status)


@given(live_statuses, final_statuses)
def test_every_live_job_may_end_in_any_way(live, final):
    assert may_follow(live, final)


@given(statuses)
def test_a_status_does_not_follow_itself(status):
    assert not may_follow(status, status)
