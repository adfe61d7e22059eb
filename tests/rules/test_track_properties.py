"""What holds for every job, whatever its provider answers and whenever it is asked."""

from itertools import pairwise

import orjson
from hypothesis import given
from hypothesis import strategies as st

from store.records import NEWS, PACE, Job, Status
from tracker.rules.reading import Reading
from tracker.rules.schedule import LONGEST_HINT
from tracker.rules.track import PROGRESS_PERIOD, PROGRESS_STEP, decide, give_up, is_out_of_time

from .strategies import (
    NOW,
    TIMING,
    absences,
    answers,
    at,
    data_of,
    events_of,
    jitters,
    job_that_is,
    live_statuses,
    new_job,
    play,
    problems,
    readings,
    streams,
    timings,
    transition_events,
    transitions_of,
)

jobs = st.builds(lambda seconds: new_job(timeout_at=at(seconds)), st.floats(1, 3000))


@given(jobs, streams())
def test_the_transitions_of_a_job_are_a_chain_without_gaps(job, polls):
    transitions = transitions_of(play(job, polls))
    assert [transition.sequence for transition in transitions] == list(range(1, len(transitions) + 1))
    assert [transition.previous_status for transition in transitions[:1]] == [None] * bool(transitions)
    assert all(after.previous_status is before.status for before, after in pairwise(transitions))
    assert not any(transition.status.is_final for transition in transitions[:-1])
    assert all(transition.status is not Status.QUEUED for transition in transitions[1:])


@given(jobs, streams())
def test_a_quiet_poll_changes_nothing_but_the_pace(job, polls):
    for told in play(job, polls):
        before, after = told.before, told.outcome.job
        changed = {name for name in Job.__dataclass_fields__ if getattr(before, name) != getattr(after, name)}
        assert changed <= {*PACE, *NEWS}
        assert told.outcome.is_quiet == (not told.outcome.events and changed <= {*PACE})


@given(jobs, streams())
def test_the_job_is_what_its_last_transition_says(job, polls):
    for told in play(job, polls):
        if told.outcome.transitions:
            last, job = told.outcome.transitions[-1], told.outcome.job
            assert (job.status, job.sequence, job.status_since) == (last.status, last.sequence, last.occurred_at)
            assert job.finished_at == (last.occurred_at if last.status.is_final else None)
            assert last.detected_at == told.poll.at


@given(jobs, streams())
def test_a_job_that_ended_stays_as_it_ended(job, polls):
    ended = [told for told in play(job, polls) if told.before.status.is_final]
    assert all(told.outcome.job == told.before and not told.outcome.events for told in ended)


@given(jobs, streams())
def test_each_transition_has_one_event_in_order(job, polls):
    for told in play(job, polls):
        events = transition_events(told.outcome)
        expected = [(f"job.{one.status.value}", one.sequence) for one in told.outcome.transitions]
        assert [(event.type, event.sequence) for event in events] == expected
        assert [(data_of(event)["job"]["status"], data_of(event)["job"]["sequence"]) for event in events] == [
            (one.status.value, one.sequence) for one in told.outcome.transitions
        ]


@given(jobs, streams())
def test_event_ids_are_unique_and_the_end_comes_last(job, polls):
    events = events_of(play(job, polls))
    assert len({event.id for event in events}) == len(events)
    ends = [index for index, event in enumerate(events) if event.type[4:] in {s.value for s in Status if s.is_final}]
    assert ends in ([], [len(events) - 1])


@given(jobs, streams(), timings())
def test_deciding_twice_gives_equal_events_byte_for_byte(job, polls, timing):
    first, second = (play(job, polls, timing) for _ in range(2))
    assert [told.outcome for told in first] == [told.outcome for told in second]


@given(jobs, streams(), timings())
def test_polls_go_on_until_the_end_and_never_in_the_past(job, polls, timing):
    for told in play(job, polls, timing):
        after, now = told.outcome.job, told.poll.at
        assert (after.next_poll_at is None) == after.status.is_final
        if after.next_poll_at is not None:
            assert now <= after.next_poll_at <= job.timeout_at


@given(jobs, streams(), timings())
def test_no_poll_comes_before_the_hint_unless_the_time_out_does(job, polls, timing):
    for told in play(job, polls, timing):
        after, asked = told.outcome.job, told.poll.answer.retry_after or 0.0
        if after.next_poll_at is not None:
            waited = (after.next_poll_at - told.poll.at).total_seconds()
            assert waited >= min(asked, LONGEST_HINT) - 1e-6 or after.next_poll_at == job.timeout_at


@given(jobs, streams())
def test_a_job_ends_no_later_than_the_first_poll_after_its_time(job, polls):
    for told in play(job, polls):
        assert told.outcome.job.status.is_final or told.poll.at < job.timeout_at


@given(jobs, answers(), jitters)
def test_a_job_that_may_not_be_polled_once_more_gives_up(job, answer, jitter):
    after = decide(job, answer, TIMING, NOW, jitter).job
    if after.next_poll_at == job.timeout_at and is_out_of_time(after, job.timeout_at):
        assert give_up(after, job.timeout_at).job.status is Status.EXPIRED


@given(streams(answers_with=lambda _: problems))
def test_no_number_of_problems_changes_a_status(polls):
    told = play(job_that_is(Status.RUNNING), polls)
    assert events_of(told) == []
    assert [one.outcome.job.poll_problem.count for one in told] == list(range(1, len(polls) + 1))
    assert {one.outcome.job.poll_problem.since for one in told} == {polls[0].at}


@given(live_statuses, st.floats(0, 300), absences)
def test_absence_is_believed_at_once_when_gone_and_after_the_grace_when_not_found(status, seconds, absent):
    job = decide(job_that_is(status), absent, TIMING, at(seconds), 0.5).job
    is_believed = absent.code == "gone" or seconds > 60
    assert (job.status, job.error and job.error.code) == (
        (Status.EXPIRED, absent.code) if is_believed else (status, None)
    )


@given(streams(answers_with=lambda seen: st.one_of(readings(seen), readings(seen), problems)))
def test_a_job_shows_a_problem_exactly_while_its_polls_have_one(polls):
    for told in play(new_job(), polls):
        answer, job = told.poll.answer, told.outcome.job
        is_clean = isinstance(answer, Reading) and not answer.is_unknown
        if not told.before.status.is_final:
            assert (job.poll_problem is None) == (is_clean or job.status.is_final)


@given(streams(longest_gap=2.0))
def test_progress_is_told_seldom_and_only_when_it_moved(polls):
    told, last_at, last = 0.0, None, 0.0
    events = [event for event in events_of(play(new_job(), polls)) if event.type == "job.progress"]
    for event in events:
        told = data_of(event)["job"]["progress"]
        assert last_at is None or event.timestamp - last_at >= PROGRESS_PERIOD
        assert abs(told - last) >= PROGRESS_STEP - 1e-6
        last_at, last = event.timestamp, told


@given(streams())
def test_every_event_is_json_that_names_the_job(polls):
    for event in events_of(play(new_job(), polls)):
        body = orjson.loads(event.body)
        assert (body["type"], body["data"]["job"]["id"], event.job_id) == (event.type, "job_1", "job_1")
        assert body["data"]["sequence"] == event.sequence == body["data"]["job"]["sequence"]
