"""The stream of all events: it goes on where it broke. And the feed. No network, and no time passes."""

import json

import pytest

from tracker.client import ConnectionFailed, InvalidRequest, Unauthorized, UnexpectedAnswer
from tracker.client.flows.steps import Answer, Lost
from tracker.client.flows.streaming import SILENCE, feed, stream

from .play import Play, a_job, answer, problem

LOST = Lost("Connection reset")
STREAM = Answer(200, "OK", {"content-type": "text/event-stream"})
AT = "2026-01-01T12:00:00.000Z"


def a_row(number, event_type="job.succeeded"):
    return {"id": f"evt_{number}", "type": event_type, "timestamp": AT, "data": {"job": a_job()}}


def frame(number, event_type="job.succeeded"):
    return f"id: c{number}\nevent: {event_type}\ndata: {json.dumps(a_row(number, event_type))}\n\n".encode()


def resumed_from(play):
    return [request.headers.get("last-event-id") for request in play.sent]


def test_stream_goes_on_where_it_broke():
    play = Play(STREAM, frame(1) + frame(2), LOST, LOST, problem(503), STREAM, frame(3), None, STREAM, frame(4))
    events = play.first(4, stream(None, (), play.terms))
    assert [(event.id, event.cursor) for event in events] == [(f"evt_{n}", f"c{n}") for n in (1, 2, 3, 4)]
    assert resumed_from(play) == [None, "c2", "c2", "c2", "c3"]
    assert {request.read_timeout for request in play.sent} == {SILENCE}


def test_stream_begins_behind_a_cursor():
    play = Play(STREAM, frame(8))
    play.first(1, stream("c7", (), play.terms))
    assert resumed_from(play) == ["c7"]


def test_cursor_that_comes_without_an_event_counts():
    play = Play(STREAM, b"id: c5\n\n", LOST, STREAM, frame(6))
    play.first(1, stream(None, (), play.terms))
    assert resumed_from(play) == [None, "c5"]


def test_stream_that_was_open_is_tried_for_ever_with_growing_pauses():
    play = Play(STREAM, frame(1), *[LOST] * 100, STREAM, frame(2))
    assert len(play.first(2, stream(None, (), play.terms))) == 2
    assert play.pauses[:6] == [0.5, 0.5 * 2, 2, 4, 8, 8]


def test_pauses_begin_anew_once_it_is_open():
    play = Play(STREAM, LOST, LOST, LOST, STREAM, LOST, STREAM, frame(1))
    play.first(1, stream(None, (), play.terms))
    assert play.pauses == [0.5, 1, 2, 0.5]


def test_stream_that_never_opens_is_an_error():
    play = Play(*[LOST] * 5)
    with pytest.raises(ConnectionFailed, match=r"reset.*TRACKER_URL"):
        play.first(1, stream(None, (), play.terms))


@pytest.mark.parametrize(
    ("head", "error"),
    [(problem(401), Unauthorized), (problem(422), InvalidRequest), (answer({"data": []}), UnexpectedAnswer)],
)
def test_refusal_is_told_also_in_the_middle(head, error):
    for replies in ([head], [STREAM, frame(1), LOST, head]):
        play = Play(*replies)
        with pytest.raises(error):
            play.first(2, stream(None, (), play.terms))


def test_event_that_is_none_is_told():
    play = Play(STREAM, b"id: c1\ndata: {}\n\n")
    with pytest.raises(UnexpectedAnswer, match="an event of the stream"):
        play.first(1, stream(None, (), play.terms))


@pytest.mark.parametrize(
    ("types", "asked"), [((), []), ("job.*", ["job.*"]), (["job.failed", "job.c*"], ["job.failed", "job.c*"])]
)
def test_service_is_asked_for_the_wanted_types_alone(types, asked):
    play = Play(STREAM, frame(1), LOST, STREAM, frame(2), page([3], "c3"), page([], "c3"))
    play.first(2, stream(None, types, play.terms))
    play.run(feed(None, types, 2, play.terms))
    assert [[value for name, value in request.query if name == "type"] for request in play.sent] == [asked] * 4


def page(numbers, cursor):
    return answer({"data": [a_row(number) for number in numbers], "next_cursor": cursor})


def test_feed_is_read_to_its_present_end():
    play = Play(page([1, 2], "c2"), page([3], "c3"), page([], "c3"))
    play.run(feed(None, (), 2, play.terms))
    assert [event.id for event in play.emitted] == ["evt_1", "evt_2", "evt_3"]
    assert [dict(request.query) for request in play.sent] == [
        {"limit": "2"},
        {"after": "c2", "limit": "2"},
        {"after": "c3", "limit": "2"},
    ]


def test_page_without_rows_that_leads_on_is_not_the_last():
    play = Play(page([], "c200"), page([201], "c201"), page([], "c250"), page([], "c250"))
    play.run(feed(None, ("job.failed",), 2, play.terms))
    assert [event.id for event in play.emitted] == ["evt_201"]


def test_going_on_from_any_event_of_the_feed_skips_none():
    play = Play(page([1, 2], "c2"), page([3, 4], "c4"), page([], "c4"))
    play.run(feed("c0", (), 2, play.terms))
    assert [event.cursor for event in play.emitted] == ["c0", "c2", "c2", "c4"]
