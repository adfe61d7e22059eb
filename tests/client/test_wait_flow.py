"""Waiting for a job: one long poll at a time, through restarts, within its time. No network, and no time passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.client import JobFailed, JobTimeout, NotFound, Unauthorized, UnexpectedAnswer
from tracker.client.flows.steps import Answer, Lost
from tracker.client.flows.terms import LONGEST_PAUSE
from tracker.client.flows.waiting import LONGEST_PIECE, SLACK, wait
from tracker.client.models.job import JobSnapshot
from tracker.client.models.reading import read

from .play import Play, a_job, after, answer, problem

LOST = Lost("Connection refused")
JOB = read(JobSnapshot, a_job())
ENDED = answer(a_job(status="succeeded", sequence=3))
RUNNING = answer(a_job())


def pieces(play):
    return [float(dict(request.query)["timeout"]) for request in play.sent]


def holds_back(play, request):
    """A service that answers with the job as it is when the time is over."""
    play.seconds += float(dict(request.query)["timeout"])
    return RUNNING


def test_job_that_has_ended_is_not_asked_for():
    play, ended = Play(), read(JobSnapshot, a_job(status="failed"))
    assert play.run(wait(ended, 120, play.terms)) is ended


@pytest.mark.parametrize("is_telling", [False, True])
def test_end_that_is_no_success_can_be_raised(is_telling):
    play = Play()
    ended = read(JobSnapshot, a_job(status="failed", error={"message": "No credits", "hint": "Buy some"}))
    with pytest.raises(JobFailed, match=r"^job_1 \(scenario r1\) has ended as failed: No credits: Buy some$") as caught:
        play.run(wait(ended, 120, play.terms, is_telling=is_telling, raise_on_failure=True))
    assert caught.value.job is ended


def test_success_raises_nothing():
    play = Play(ENDED)
    assert play.run(wait(JOB, 120, play.terms, raise_on_failure=True)).succeeded


def test_wait_is_one_request_that_the_service_holds_back():
    play = Play(after(100, ENDED))
    assert play.run(wait(JOB, 120, play.terms)).status == "succeeded"
    assert play.paths() == ["GET /v1/jobs/job_1/wait {'timeout': '120.000'}"]
    assert play.sent[0].read_timeout == 120 + SLACK


def test_long_wait_is_made_of_the_longest_pieces():
    play = Play(*[holds_back] * 3, after(10, ENDED))
    play.run(wait(JOB, 1000, play.terms))
    assert pieces(play) == [300, 300, 300, 100]
    assert play.pauses == []


def test_wait_without_end_goes_on():
    play = Play(*[holds_back] * 20, ENDED)
    play.run(wait(JOB, None, play.terms))
    assert pieces(play) == [LONGEST_PIECE] * 21


@given(st.floats(0, 2000))
def test_wait_that_is_over_says_how_long_it_was_and_what_was_seen(timeout):
    play = Play(*[holds_back] * 20)
    with pytest.raises(JobTimeout) as caught:
        play.run(wait(JOB, timeout, play.terms))
    error = caught.value
    assert (error.job_id, error.status) == ("job_1", "running")
    assert error.waited == pytest.approx(timeout, abs=0.002)
    assert f"Waited {error.waited:.1f} s for job_1: it was last seen running." in str(error)
    assert isinstance(error, TimeoutError)


def test_wait_of_no_time_looks_once():
    play = Play(ENDED)
    assert play.run(wait(JOB, 0, play.terms)).succeeded
    assert pieces(play) == [0]


@pytest.mark.parametrize(
    "away", [LOST, problem(503), problem(429), Answer(502, "Bad Gateway", {}), Answer(504, "", {})]
)
def test_restart_of_the_service_is_waited_out(away):
    play = Play(after(30, RUNNING), *[away] * 9, after(1, ENDED))
    assert play.run(wait(JOB, 120, play.terms)).succeeded
    assert play.pauses[:4] == [0.5, 1, 2, 4]
    assert max(play.pauses) <= LONGEST_PAUSE


def test_service_that_stays_away_is_named_in_the_timeout():
    play = Play(*[LOST] * 100)
    with pytest.raises(
        JobTimeout, match=r"Waited 60\.0 s .* running; the service did not answer \(Connection refused\)"
    ):
        play.run(wait(JOB, 60, play.terms))
    assert play.seconds == 60


def test_answers_that_come_too_early_do_not_make_a_tight_loop():
    play = Play(*[RUNNING] * 50, ENDED)
    play.run(wait(JOB, 1000, play.terms))
    assert play.pauses[:6] == [0.5, 1, 2, 4, 8, 8]


@pytest.mark.parametrize(
    ("refusal", "error"), [(problem(404), NotFound), (problem(401), Unauthorized), (answer([]), UnexpectedAnswer)]
)
@pytest.mark.parametrize("is_telling", [False, True])
def test_what_waiting_does_not_mend_is_told(refusal, error, is_telling):
    play = Play(LOST, refusal) if not is_telling or error is not UnexpectedAnswer else Play(LOST, refusal, refusal)
    with pytest.raises(error):
        play.run(wait(JOB, 120, play.terms, is_telling=is_telling))
