"""What polls make of a provider that keeps a history: the same story, however they are spaced."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from store.records import Status
from tracker.rules.reading import Absent, Reading
from tracker.rules.track import decide

from .strategies import (
    TIMING,
    Poll,
    at,
    final_statuses,
    histories,
    moment,
    new_job,
    play,
    problems,
    reading,
    statuses,
    transitions_of,
)


@st.composite
def polled_histories(draw):
    """A provider's complete history, and the lengths at which polls saw it; the last poll sees all."""
    history = draw(histories(final=final_statuses).filter(bool))
    seen = draw(st.sets(st.integers(1, len(history))))
    return history, sorted(seen | {len(history)})


def poll_at(history, length):
    """A poll that sees the history so far, whose last moment is the present."""
    last = history[length - 1]
    answer = Reading(last.status, last.provider_status, history=history[:length])
    return Poll(at(length * 200), answer)


def waits_for_user(poll):
    if poll.answer.status.is_final:
        return poll
    return replace(poll, answer=replace(poll.answer, status=Status.ACTION_REQUIRED))


@given(polled_histories())
def test_however_polls_are_spaced_the_same_statuses_are_told_with_the_same_times(pair):
    history, seen = pair
    often = transitions_of(play(new_job(), [poll_at(history, length) for length in range(1, len(history) + 1)]))
    seldom = transitions_of(play(new_job(), [poll_at(history, length) for length in seen]))
    assert [(one.sequence, one.status, one.occurred_at) for one in often] == [
        (one.sequence, one.status, one.occurred_at) for one in seldom
    ]


@given(polled_histories(), problems | st.just(Absent("not_found", 404)))
def test_polls_that_fail_in_between_lose_no_status(pair, failure):
    history, seen = pair
    clean = [poll_at(history, length) for length in seen]
    disturbed = [one for poll in clean for one in (Poll(poll.at, failure), poll)]
    told, expected = (transitions_of(play(new_job(created_at=at(10_000)), polls)) for polls in (disturbed, clean))
    assert [(one.status, one.occurred_at) for one in told] == [(one.status, one.occurred_at) for one in expected]


@given(polled_histories(), st.sets(st.integers(0, 5)))
def test_live_statuses_occur_in_the_order_in_which_they_are_told(pair, waiting):
    """Some readings are of a job that waits for a user, of which the history knows nothing (Scenario)."""
    history, _ = pair
    polls = [poll_at(history, length) for length in range(1, len(history) + 1)]
    polls = [waits_for_user(poll) if index in waiting else poll for index, poll in enumerate(polls)]
    live = [one for one in transitions_of(play(new_job(), polls)) if not one.status.is_final]
    assert all(before.occurred_at <= after.occurred_at for before, after in pairwise(live))


@given(statuses, st.floats(-1000, 1000))
def test_what_the_provider_dates_occurred_when_it_says(status, seconds):
    (transition,) = decide(
        new_job(), reading(status, history=(moment(status, seconds),)), TIMING, at(5), 0.5
    ).transitions
    assert (transition.occurred_at, transition.detected_at) == (at(seconds), at(5))
