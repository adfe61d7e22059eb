"""Telling each change of a job as it happens: the stream says when to look, the history says what is new."""

import json

import pytest

from tracker.client import JobTimeout, NotFound, UnexpectedAnswer
from tracker.client.flows.steps import Answer, Lost
from tracker.client.flows.streaming import SILENCE
from tracker.client.flows.waiting import wait
from tracker.client.models.job import JobSnapshot
from tracker.client.models.reading import read

from .play import Play, a_job, after, answer, problem

LOST = Lost("Connection reset")
STREAM = Answer(200, "OK", {"content-type": "text/event-stream; charset=utf-8"})
HEARTBEAT = b": heartbeat\n\n"
STATUSES = ("queued", "running", "action_required", "running", "succeeded")
ENDED = answer(a_job(status="succeeded", sequence=5))
FRESH = read(JobSnapshot, a_job(status="queued", sequence=0))


def told(number, event_type=None):
    """What the stream says of a change."""
    status = STATUSES[number - 1]
    data = {"sequence": number, "job": a_job(status=status)}
    event = {"id": "evt_1", "type": event_type or f"job.{status}", "timestamp": "2026-01-01T12:00:00Z", "data": data}
    return f"id: 9\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def history(until):
    rows = [{"sequence": number, "status": status} for number, status in enumerate(STATUSES[:until], 1)]
    return answer({"data": rows, "next_cursor": None})


def changes(play, timeout=120, job=FRESH):
    result = play.run(wait(job, timeout, play.terms, is_telling=True))
    return result.status, [(row.sequence, row.status) for row in play.emitted]


ALL = ("succeeded", list(enumerate(STATUSES, 1)))


def test_each_change_is_told_when_it_happens_and_once():
    play = Play(
        STREAM,
        history(0),
        told(1),
        history(1),
        told(2),
        history(2),
        told(5),
        history(5),
        ENDED,
    )
    assert changes(play) == ALL
    assert play.paths()[0] == "GET /v1/jobs/job_1/events"
    assert play.sent[0].headers["accept"] == "text/event-stream"


def test_what_was_before_the_stream_is_told_too():
    assert changes(Play(STREAM, history(5), ENDED)) == ALL


def test_what_the_job_shows_already_is_not_told():
    play = Play(STREAM, history(2), told(5), history(5), ENDED)
    job = read(JobSnapshot, a_job(status="running", sequence=2))
    assert changes(play, job=job) == ("succeeded", list(enumerate(STATUSES, 1))[2:])


def test_progress_steps_and_heartbeats_ask_for_nothing():
    play = Play(STREAM, history(1), HEARTBEAT, told(1, "job.progress"), told(1, "job.step"), told(5), history(5), ENDED)
    assert changes(play) == ALL
    assert len([request for request in play.sent if request.path.endswith("/history")]) == 2


def test_changes_that_were_told_are_not_looked_for_again():
    play = Play(STREAM, history(2), told(1) + told(2), told(2), told(5), history(5), ENDED)
    assert changes(play) == ALL


def test_progress_behind_a_change_that_was_missed_is_news():
    play = Play(STREAM, history(1), told(2, "job.progress"), history(2), told(5), history(5), ENDED)
    assert changes(play) == ALL


def test_stream_that_tells_something_else_is_an_error():
    with pytest.raises(UnexpectedAnswer, match="an event of the stream"):
        changes(Play(STREAM, history(1), b"data: <html>\n\n"))


@pytest.mark.parametrize("end", [None, LOST])
def test_broken_stream_is_opened_anew_and_misses_nothing(end):
    play = Play(STREAM, history(1), end, LOST, problem(503), STREAM, history(5), ENDED)
    assert changes(play) == ALL


def test_history_that_cannot_be_had_is_had_later():
    play = Play(STREAM, LOST, told(2), problem(503), None, STREAM, history(5), ENDED)
    assert changes(play) == ALL


@pytest.mark.parametrize("refusal", [answer({"data": []}), problem(406)])
def test_without_a_stream_all_is_told_at_the_end(refusal):
    assert changes(Play(refusal, ENDED, history(5))) == ALL


def test_without_a_stream_what_is_known_is_told_when_the_time_is_over():
    play = Play(problem(406), after(60, answer(a_job())), history(2))
    with pytest.raises(JobTimeout, match="last seen running"):
        changes(play, timeout=60)
    assert [row.status for row in play.emitted] == ["queued", "running"]


def test_job_that_is_not_there_is_told():
    play = Play(problem(404))
    with pytest.raises(NotFound):
        changes(play)


def test_no_read_outlives_the_wait():
    """Heartbeats keep a stream from ever being silent, so towards the end it is opened for less silence."""

    def heartbeat(play, _request):
        play.seconds += 15
        return HEARTBEAT

    def silence(play, _request):
        play.seconds += play.sent[-2].read_timeout
        return Lost("ReadTimeout")

    quiet = [STREAM, history(1)]
    play = Play(*quiet, *[heartbeat] * 6, *quiet, heartbeat, *quiet, silence, dice=0)
    with pytest.raises(JobTimeout, match=r"^Waited 120\.0 s for job_1: it was last seen queued\. It"):
        changes(play, timeout=120)
    opened = [request.read_timeout for request in play.sent if request.path.endswith("/events")]
    assert opened == [SILENCE, 30, 15]


def test_much_news_near_the_end_does_not_make_a_loop_of_requests():
    """Progress may be told each second; it is not for each that the stream is opened anew."""

    def serve(play, request):
        if request is None:
            play.seconds += 1
            return told(1, "job.progress")
        return STREAM if request.path.endswith("/events") else history(1)

    play = Play(*[serve] * 1000, dice=0)
    with pytest.raises(JobTimeout, match=r"^Waited 12[01]\.\d s"):
        changes(play, timeout=120)
    assert len([request for request in play.sent if request.path.endswith("/events")]) < 30


def test_wait_of_no_time_looks_once():
    play = Play(STREAM, history(1))
    with pytest.raises(JobTimeout):
        changes(play, timeout=0)
    assert [row.status for row in play.emitted] == ["queued"]


def test_end_that_was_told_is_waited_for_no_longer_than_allowed():
    play = Play(after(10, STREAM), history(5), after(1, LOST), after(200, LOST))
    with pytest.raises(JobTimeout, match="last seen succeeded; the service did not answer"):
        changes(play, timeout=60)
