"""A call, and what of it is tried again: no network, and no time passes."""

from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.client import ApiError, Conflict, ConnectionFailed, NotFound, RateLimited, ServerError, UnexpectedAnswer
from tracker.client.calls import jobs, subscriptions
from tracker.client.flows.batches import track_many
from tracker.client.flows.performing import perform
from tracker.client.flows.steps import Answer, Lost
from tracker.client.flows.terms import FIRST_PAUSE, LONGEST_PAUSE

from .play import START, Play, a_job, answer, problem

LOST = Lost("Connection refused")
GET = jobs.get_job("job_1")
POST = jobs.track("scenario", "r1")
PATCH = subscriptions.update("sub_1", status="paused")
DELETE = jobs.forget("job_1")


@pytest.mark.parametrize("trouble", [LOST, problem(429), problem(503)])
@pytest.mark.parametrize("call", [GET, POST])
def test_what_may_pass_is_tried_again_until_it_has(call, trouble):
    play = Play(trouble, trouble, answer(a_job()))
    assert play.run(perform(call, play.terms)).id == "job_1"
    assert len(play.sent) == 3


def test_each_post_has_a_key_that_its_retries_share():
    play = Play(LOST, problem(503), answer(a_job()), answer(a_job()))
    play.run(perform(POST, play.terms))
    play.run(perform(POST, play.terms))
    assert [request.headers["idempotency-key"] for request in play.sent] == ["key-1", "key-1", "key-1", "key-2"]


def test_get_has_no_key():
    play = Play(answer(a_job()))
    play.run(perform(GET, play.terms))
    assert "idempotency-key" not in play.sent[0].headers


@pytest.mark.parametrize(("trouble", "error"), [(LOST, ConnectionFailed), (problem(503), ServerError)])
def test_patch_is_sent_once_only(trouble, error):
    play = Play(trouble)
    with pytest.raises(error):
        play.run(perform(PATCH, play.terms))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500, 502])
@pytest.mark.parametrize("call", [GET, POST, DELETE])
def test_refusal_is_told_at_once(call, status):
    play = Play(problem(status))
    with pytest.raises(ApiError) as caught:
        play.run(perform(call, play.terms))
    assert (caught.value.status, len(play.sent)) == (status, 1)


@pytest.mark.parametrize("max_retries", [0, 1, 6])
def test_retries_are_as_many_as_allowed(max_retries):
    play = Play(*[LOST] * (max_retries + 1), max_retries=max_retries)
    with pytest.raises(ConnectionFailed, match=r"http://tracker\.example.*GET /v1/jobs/job_1.*refused.*TRACKER_URL"):
        play.run(perform(GET, play.terms))
    assert len(play.sent) == max_retries + 1


@given(dice=st.floats(0, 1), misses=st.integers(1, 40))
def test_pauses_grow_within_bounds_and_are_jittered_whole(dice, misses):
    play = Play(*[LOST] * misses, answer(a_job()), max_retries=misses, dice=dice)
    play.run(perform(GET, play.terms))
    assert play.pauses == [dice * min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) for attempt in range(misses)]


@pytest.mark.parametrize("asked", ["7", format_datetime(START.replace(second=7))])
@pytest.mark.parametrize("status", [429, 503])
def test_pause_that_the_service_asks_for_is_kept(status, asked):
    play = Play(problem(status, retry_after=asked), answer(a_job()), dice=0.5)
    play.run(perform(GET, play.terms))
    assert play.pauses == [7 + 0.5 * FIRST_PAUSE]


@pytest.mark.parametrize("asked", ["", "soon", "-1", "1.5", "Wed, 99 Jan"])
def test_pause_that_makes_no_sense_is_the_usual_one(asked):
    play = Play(problem(503, retry_after=asked), answer(a_job()))
    play.run(perform(GET, play.terms))
    assert play.pauses == [FIRST_PAUSE]


def test_long_pause_is_the_callers_to_take():
    play = Play(problem(429, retry_after="61"))
    with pytest.raises(RateLimited) as caught:
        play.run(perform(GET, play.terms))
    assert (caught.value.retry_after, play.pauses) == (61, [])


def test_conflict_after_a_lost_answer_may_be_our_own_request_at_work():
    play = Play(LOST, problem(409), answer(a_job()))
    assert play.run(perform(POST, play.terms)).id == "job_1"


def test_conflict_that_stays_is_told():
    play = Play(LOST, *[problem(409)] * 4)
    with pytest.raises(Conflict):
        play.run(perform(POST, play.terms))


def test_removal_whose_answer_was_lost_is_done():
    play = Play(LOST, problem(404))
    assert play.run(perform(DELETE, play.terms)) is None


def test_removal_of_what_is_not_there_is_told():
    play = Play(problem(503), problem(404))
    with pytest.raises(NotFound):
        play.run(perform(DELETE, play.terms))


@pytest.mark.parametrize(
    "stranger",
    [
        Answer(200, "OK", {"content-type": "text/html"}, b"<html>"),
        Answer(200, "OK", {}, b""),
        answer([1]),
        answer({"id": "job_1"}),
        answer(a_job(created_at="yesterday")),
        Answer(301, "Moved", {"location": "http://other.example"}),
    ],
)
def test_answer_in_another_form_is_told_with_a_way_out(stranger):
    play = Play(stranger)
    with pytest.raises(UnexpectedAnswer, match=r"http://tracker\.example answered .* not Tracker's .*TRACKER_URL"):
        play.run(perform(GET, play.terms))


def test_answer_in_another_form_is_not_repeated_in_the_message():
    play = Play(answer({"id": "sub_1", "callback_url": "https://a.example", "secret": ["whsec_hush"]}))
    with pytest.raises(UnexpectedAnswer) as caught:
        play.run(perform(subscriptions.get_subscription("sub_1"), play.terms))
    assert "secret: Input should be a valid string" in str(caught.value)
    assert "whsec_hush" not in str(caught.value)


@pytest.mark.parametrize("rows", [[], [{}], [{"status": "new"}], [{"status": 201, "job": {"id": 1}}], [1]])
def test_results_in_another_form_are_told_too(rows):
    play = Play(answer({"data": rows}))
    with pytest.raises(UnexpectedAnswer):
        play.run(track_many([{"provider": "p", "remote_id": "r"}], play.terms))


def test_refusal_of_a_stranger_shows_no_body():
    play = Play(Answer(404, "Not Found", {"content-type": "text/html"}, b"<html>hush"))
    with pytest.raises(NotFound) as caught:
        play.run(perform(GET, play.terms))
    assert str(caught.value) == (
        "404 Not Found (GET /v1/jobs/job_1): http://tracker.example gave no reason in Tracker's form: "
        "check url= or TRACKER_URL."
    )
