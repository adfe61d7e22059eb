"""Polls that find nothing new, tags, and results that live for a time."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from store.records import Status
from tracker.rules.reading import Absent, Problem, Unchanged
from tracker.rules.schedule import Timing, first_poll_at, next_delay, problem_delay
from tracker.rules.track import decide

from .strategies import NOW, TIMING, at, jitters, new_job, reading


def test_unchanged_job_is_a_clean_poll_that_tells_nothing():
    job = replace(decide(new_job(), reading(Status.RUNNING), TIMING, at(1), 0.5).job, poll_problem=None)
    outcome = decide(job, Unchanged(), TIMING, at(9), 0.5)
    assert (outcome.transitions, outcome.events) == ((), ())
    seen = replace(job.sightings, unfinished_at=9.0)
    changed = {"polls": job.polls + 1, "last_polled_at": at(9), "next_poll_at": at(12), "sightings": seen}
    assert outcome.job == replace(job, **changed)


def test_unchanged_job_clears_the_problem_of_the_poll_before():
    troubled = decide(new_job(), Problem("timeout", "…"), TIMING, at(1), 0.5).job
    assert decide(troubled, Unchanged(), TIMING, at(9), 0.5).job.poll_problem is None


def test_unchanged_job_waits_for_its_providers_hint():
    assert decide(new_job(), Unchanged(50.0), TIMING, at(9), 0.5).job.next_poll_at == at(59)


def test_tag_of_the_last_reading_is_kept_for_the_next_poll():
    tagged = decide(new_job(), replace(reading(Status.RUNNING), etag='"v1"'), TIMING, at(1), 0.5).job
    assert tagged.etag == '"v1"'
    assert decide(tagged, Unchanged(), TIMING, at(9), 0.5).job.etag == '"v1"'
    assert decide(tagged, reading(Status.RUNNING), TIMING, at(9), 0.5).job.etag is None


def test_result_that_lives_for_a_time_says_until_when():
    timing = replace(TIMING, result_lifetime=1800)
    done = decide(new_job(), replace(reading(Status.SUCCEEDED), finished_at=at(4)), timing, at(5), 0.5).job
    assert done.result_expires_at == at(1804)
    for status in (Status.FAILED, Status.CANCELED):
        assert decide(new_job(), reading(status), timing, at(5), 0.5).job.result_expires_at is None
    assert decide(new_job(), reading(Status.SUCCEEDED), TIMING, at(5), 0.5).job.result_expires_at is None


@given(st.integers(1, 30), jitters)
def test_result_is_never_missed_for_polls_that_are_too_far_apart(problems, jitter):
    """A job may end just after a poll: its result is still there at the next one."""
    timing = Timing(5, 600, result_lifetime=60)
    assert next_delay(timing, problems, jitter) <= 30
    assert problem_delay(timing, problems, jitter) <= 30
    assert first_poll_at(timing, NOW, None) <= at(30)
    job = new_job()
    for _ in range(problems):
        now = job.next_poll_at
        job = decide(job, Problem("timeout", "…"), timing, now, jitter).job
        assert (job.next_poll_at - now).total_seconds() <= 30


def test_grace_of_a_kind_is_how_long_a_404_is_only_a_problem():
    timing = replace(TIMING, not_found_grace=5)
    assert not decide(new_job(), Absent("not_found", 404), timing, at(5), 0.5).job.status.is_final
    assert decide(new_job(), Absent("not_found", 404), timing, at(5.1), 0.5).job.status is Status.EXPIRED


def test_job_that_its_provider_forgets_after_it_accepted_to_cancel_it_is_canceled():
    for absent in (Absent("not_found", 404), Absent("gone", 410)):
        outcome = decide(new_job(cancel_accepted_at=at(1)), absent, TIMING, at(2), 0.5)
        assert (outcome.job.status, outcome.job.error, outcome.job.next_poll_at) == (Status.CANCELED, None, None)
        assert [event.type for event in outcome.events] == ["job.canceled"]
