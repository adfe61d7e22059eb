from dataclasses import replace

import pytest

from store.records import JobError, Status
from tracker.rules.reading import Absent, Problem, Unchanged
from tracker.rules.schedule import LONGEST_HINT
from tracker.rules.track import ask_alone, decide, give_up, is_out_of_time

from .strategies import (
    LIVE_STATUSES,
    NOW,
    PROBLEM_CODES,
    TIMING,
    at,
    data_of,
    job_that_is,
    moment,
    new_job,
    reading,
    transition_events,
    types_of,
)

QUEUED, RUNNING, ACTION_REQUIRED, SUCCEEDED, FAILED, CANCELED, EXPIRED = Status
UNAVAILABLE = Problem("http_status", "The provider answers HTTP 503.", 503)


def poll(job, answer, seconds=10.0):
    """The outcome of a poll, with the jitter in the middle."""
    return decide(job, answer, TIMING, at(seconds), 0.5)


def read(status, job=None, seconds=10.0, **facts):
    return poll(job or new_job(), reading(status, **facts), seconds)


def test_the_first_reading_is_sequence_one_and_follows_nothing():
    (transition,) = read(QUEUED).transitions
    assert (transition.sequence, transition.status, transition.previous_status) == (1, QUEUED, None)
    assert transition.detected_at == at(10)


def test_a_poll_is_counted_whatever_it_brings():
    for answer in (reading(RUNNING), UNAVAILABLE, Absent("not_found", 404)):
        job = poll(new_job(polls=4), answer).job
        assert (job.polls, job.last_polled_at) == (5, at(10))


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (reading(RUNNING), "ok"),
        (reading(SUCCEEDED), "ok"),
        (reading(RUNNING, is_unknown=True), "unknown_status"),
        (Unchanged(), "ok"),
        (Absent("gone", 410), "ok"),
        (Absent("not_found", 404), "http_status"),
        *((Problem(code, "…"), code) for code in PROBLEM_CODES),
    ],
)
def test_a_poll_has_the_verdict_that_it_is_clean_or_the_code_of_its_problem(answer, verdict):
    assert poll(new_job(), answer).verdict == verdict


def test_the_verdict_of_a_last_poll_is_not_lost_with_the_time_out():
    outcome = poll(new_job(timeout_at=at(5)), UNAVAILABLE)
    assert (outcome.job.status, outcome.job.poll_problem, outcome.verdict) == (EXPIRED, None, "http_status")


def test_a_poll_is_quiet_if_it_shows_nothing_but_that_the_job_goes_on():
    job = read(RUNNING, progress=0.5).job
    assert read(RUNNING, job, 20, progress=0.5).is_quiet
    assert poll(job, UNAVAILABLE, 20).is_quiet
    assert poll(job, Unchanged(), 20).is_quiet
    for news in ({"progress": 0.505}, {"progress": 0.5, "output": {"url": "https://a.example"}}, {"etag": "2"}):
        assert not read(RUNNING, job, 20, **news).is_quiet
    assert not read(SUCCEEDED, job, 20).is_quiet


def test_a_field_of_a_job_is_changed_by_its_name_and_nothing_else_is():
    job = new_job()
    assert job.but(polls=3) == replace(job, polls=3)
    assert job.but(polls=3).but(polls=job.polls) == job
    with pytest.raises(TypeError, match="A job has no poll"):
        job.but(poll=3)


def test_what_is_no_poll_has_no_verdict():
    outcomes = give_up(new_job(), NOW), ask_alone(new_job(), NOW), poll(job_that_is(SUCCEEDED), reading(SUCCEEDED))
    assert [outcome.verdict for outcome in outcomes] == [None, None, None]


def test_a_reading_of_the_same_status_tells_nothing():
    outcome = read(RUNNING, job_that_is(RUNNING))
    assert (outcome.transitions, outcome.events) == ((), ())


def test_a_job_that_seems_to_go_back_keeps_its_status_and_shows_the_providers_word():
    outcome = read(QUEUED, job_that_is(RUNNING), provider_status="re-queued")
    assert (outcome.job.status, outcome.job.provider_status, outcome.events) == (RUNNING, "re-queued", ())


def test_statuses_that_no_poll_saw_are_told_in_order():
    history = (moment(QUEUED, 1), moment(RUNNING, 2), moment(SUCCEEDED, 3))
    outcome = read(SUCCEEDED, history=history, output={"assets": ["a"]})
    assert types_of(outcome) == ["job.queued", "job.running", "job.succeeded"]
    assert [transition.occurred_at for transition in outcome.transitions] == [at(1), at(2), at(3)]
    assert outcome.job.started_at == at(2)


def test_an_event_holds_the_job_as_of_its_transition():
    outcome = read(SUCCEEDED, history=(moment(RUNNING, 1), moment(SUCCEEDED, 3)), output={"assets": ["a"]})
    running, succeeded = (data_of(event)["job"] for event in transition_events(outcome))
    assert (running["status"], running["output"], running["finished_at"]) == ("running", None, None)
    assert (succeeded["status"], succeeded["output"]) == ("succeeded", {"assets": ["a"]})
    assert succeeded["finished_at"] == "2026-11-22T10:00:03.000Z"


def test_the_end_stops_the_polls_and_brings_the_output():
    job = read(SUCCEEDED, job_that_is(RUNNING), output={"assets": ["a"]}, finished_at=at(8)).job
    assert (job.status, job.next_poll_at, job.finished_at, job.output) == (SUCCEEDED, None, at(8), {"assets": ["a"]})
    assert (job.poll_problem, job.not_before) == (None, None)


def test_a_bad_end_says_why_in_the_providers_words():
    error = JobError("out of memory", hint="use a smaller image", code="oom")
    assert read(FAILED, job_that_is(RUNNING), error=error).job.error == error


@pytest.mark.parametrize("status", [SUCCEEDED, FAILED, CANCELED, EXPIRED])
@pytest.mark.parametrize("answer", [reading(RUNNING), reading(FAILED), UNAVAILABLE, Absent("gone", 410)])
def test_a_final_job_stays_as_it_is_whatever_a_late_poll_says(status, answer):
    job = job_that_is(status, progress=0.5)
    outcome = poll(job, answer, seconds=100_000)
    assert (outcome.job, outcome.transitions, outcome.events) == (job, (), ())


def test_an_unknown_word_is_running_with_a_flag_that_counts():
    first = read(RUNNING, is_unknown=True, provider_status="marinating").job
    second = read(RUNNING, first, seconds=20, is_unknown=True, provider_status="marinating").job
    assert (first.status, first.provider_status) == (RUNNING, "marinating")
    assert (first.poll_problem.code, first.poll_problem.count) == ("unknown_status", 1)
    assert (second.poll_problem.count, second.poll_problem.since) == (2, at(10))
    assert "marinating" in second.poll_problem.message


def test_a_clean_poll_clears_the_problem():
    troubled = poll(job_that_is(RUNNING), UNAVAILABLE).job
    assert read(RUNNING, troubled, seconds=20).job.poll_problem is None


@pytest.mark.parametrize("code", PROBLEM_CODES)
@pytest.mark.parametrize("status", LIVE_STATUSES)
def test_a_problem_is_shown_and_changes_nothing_else(code, status):
    outcome = poll(job_that_is(status), Problem(code, "Something failed.", 500))
    assert (outcome.job.status, outcome.events, outcome.transitions) == (status, (), ())
    problem = outcome.job.poll_problem
    assert (problem.code, problem.message, problem.http_status) == (code, "Something failed.", 500)
    assert (problem.count, problem.since, problem.retry_at) == (1, at(10), outcome.job.next_poll_at)


def test_problems_in_a_row_count_up_and_back_off():
    job, waits = job_that_is(RUNNING), []
    for number in range(1, 8):
        job = poll(job, UNAVAILABLE, seconds=100 * number).job
        waits.append((job.next_poll_at - at(100 * number)).total_seconds())
    assert waits == pytest.approx([3, 6, 12, 24, 48, 60, 60])
    assert (job.poll_problem.count, job.poll_problem.since) == (7, at(100))


@pytest.mark.parametrize("seconds", [0, 30, 60])
def test_a_404_soon_after_registration_is_only_a_problem(seconds):
    job = poll(new_job(), Absent("not_found", 404), seconds).job
    assert (job.status, job.sequence) == (QUEUED, 0)
    assert (job.poll_problem.code, job.poll_problem.http_status) == ("http_status", 404)
    assert job.next_poll_at > at(seconds)


def test_a_404_later_expires_the_job():
    outcome = poll(job_that_is(RUNNING, provider_status="in-progress"), Absent("not_found", 404), seconds=60.001)
    assert types_of(outcome) == ["job.expired"]
    assert (outcome.job.error.code, outcome.job.finished_at) == ("not_found", at(60.001))
    assert outcome.job.provider_status == "in-progress"


def test_a_410_expires_the_job_at_once():
    outcome = poll(new_job(), Absent("gone", 410), seconds=0)
    assert types_of(outcome) == ["job.expired"]
    assert outcome.job.error.code == "gone"


@pytest.mark.parametrize("answer", [UNAVAILABLE, Absent("not_found", 404), reading(QUEUED)])
def test_a_job_expires_when_its_time_is_over(answer):
    job = poll(job_that_is(QUEUED, timeout_at=at(10)), answer).job
    assert (job.status, job.error.code, job.next_poll_at, job.poll_problem) == (EXPIRED, "timeout", None, None)


def test_the_last_poll_still_tells_what_it_saw_before_the_time_out():
    outcome = read(RUNNING, new_job(timeout_at=at(10)), progress=0.5)
    assert types_of(outcome) == ["job.running", "job.progress", "job.expired"]
    assert [transition.sequence for transition in outcome.transitions] == [1, 2]


def test_an_end_that_is_read_after_the_time_out_is_the_end():
    assert read(SUCCEEDED, new_job(timeout_at=at(5))).job.status is SUCCEEDED


def test_the_provider_is_not_polled_before_it_asks_to_be():
    for answer in (reading(RUNNING, retry_after=120), replace(UNAVAILABLE, retry_after=120)):
        job = poll(new_job(), answer).job
        assert (job.next_poll_at, job.not_before) == (at(130), at(130))


def test_a_hint_shorter_than_the_interval_does_not_hasten_the_poll():
    job = read(RUNNING, retry_after=0.5).job
    assert (job.next_poll_at, job.not_before) == (at(13), at(10.5))


def test_a_hint_of_days_counts_for_an_hour():
    assert read(RUNNING, retry_after=1e6).job.next_poll_at == at(10 + LONGEST_HINT)


def test_a_job_is_polled_once_more_when_its_time_is_over_and_not_later():
    assert read(RUNNING, new_job(timeout_at=at(11))).job.next_poll_at == at(11)


def test_a_job_gives_up_when_a_hint_forbids_its_last_poll():
    job = read(RUNNING, new_job(timeout_at=at(20)), retry_after=60).job
    assert (job.next_poll_at, job.not_before) == (at(20), at(70))
    assert not is_out_of_time(job, at(19))
    assert is_out_of_time(job, at(20))
    outcome = give_up(job, at(20))
    assert types_of(outcome) == ["job.expired"]
    assert (outcome.job.error.code, outcome.job.polls, outcome.job.next_poll_at) == ("timeout", 1, None)


def test_a_job_without_a_hint_is_polled_when_its_time_is_over():
    assert not is_out_of_time(job_that_is(RUNNING, timeout_at=NOW), at(5))
    assert not is_out_of_time(job_that_is(RUNNING, timeout_at=NOW, not_before=at(4)), at(5))


def test_a_final_job_is_not_given_up():
    job = job_that_is(SUCCEEDED, timeout_at=NOW, not_before=at(60))
    assert give_up(job, at(5)).job == job
    assert give_up(job, at(5)).events == ()
