"""What a job learns from a reading besides its status: progress, steps, output, times."""

from itertools import pairwise

import pytest

from store.records import Status, Step
from tracker.rules.reading import Problem

from .strategies import NOW, Poll, at, data_of, events_of, job_that_is, new_job, play, reading

RUNNING, SUCCEEDED = Status.RUNNING, Status.SUCCEEDED


def watch(*progress, every=1.0, status=RUNNING):
    """Plays readings of a running job's progress, `every` so many seconds."""
    polls = [Poll(at(every * (index + 1)), reading(status, progress=value)) for index, value in enumerate(progress)]
    return play(job_that_is(RUNNING), polls)


def progress_told(told):
    return [data_of(event)["job"]["progress"] for event in events_of(told) if event.type == "job.progress"]


def test_progress_is_told_when_it_moved_by_a_hundredth():
    assert progress_told(watch(0.10, 0.11, 0.115, 0.12)) == [0.10, 0.11, 0.12]


def test_every_exact_hundredth_is_told_despite_binary_rounding():
    hundredths = [count / 100 for count in range(1, 100)]
    assert progress_told(watch(*hundredths)) == hundredths


def test_small_moves_add_up():
    assert progress_told(watch(0.1, 0.104, 0.108, 0.112)) == [0.1, 0.112]


def test_progress_is_told_once_a_second_at_most():
    assert progress_told(watch(0.1, 0.2, 0.3, 0.4, 0.5, every=0.5)) == [0.1, 0.3, 0.5]


def test_progress_that_falls_is_told_too():
    assert progress_told(watch(0.5, 0.3)) == [0.5, 0.3]


def test_no_progress_is_no_news():
    assert progress_told(watch(None, 0.0, 0.009)) == []


def test_the_end_brings_its_progress_itself():
    told = watch(1.0, status=SUCCEEDED)
    (event,) = events_of(told)
    assert (event.type, data_of(event)["job"]["progress"]) == ("job.succeeded", 1.0)


def test_a_reading_without_progress_leaves_the_last_one():
    assert watch(0.5, None)[-1].outcome.job.progress == 0.5


def test_progress_and_steps_carry_the_sequence_of_the_last_transition():
    answer = reading(RUNNING, progress=0.5, steps=(Step("a", "node", "pending"),))
    events = events_of(play(new_job(), [Poll(at(1), answer)]))
    assert [event.type for event in events] == ["job.running", "job.step", "job.progress"]
    assert [event.sequence for event in events] == [data_of(event)["sequence"] for event in events] == [1, 1, 1]


def test_a_step_is_told_when_it_is_new_or_moved():
    a, b, done = Step("a", "node", "pending"), Step("b", None, "pending"), Step("a", "node", "success")
    polls = [Poll(at(seconds), reading(RUNNING, steps=steps)) for seconds, steps in ((1, (a, b)), (2, (done, b)))]
    steps = [data_of(event)["step"] for event in events_of(play(job_that_is(RUNNING), polls))]
    assert steps == [
        {"id": "a", "type": "node", "status": "pending", "previous_status": None},
        {"id": "b", "type": None, "status": "pending", "previous_status": None},
        {"id": "a", "type": "node", "status": "success", "previous_status": "pending"},
    ]


def test_the_last_steps_are_told_before_the_end():
    answer = reading(SUCCEEDED, steps=(Step("a", "node", "success"),))
    (told,) = play(job_that_is(RUNNING), [Poll(at(1), answer)])
    assert [event.type for event in told.outcome.events] == ["job.step", "job.succeeded"]


def test_a_reading_without_output_or_steps_leaves_the_last_ones():
    step = Step("a", "node", "pending")
    full, bare = reading(RUNNING, output={"assets": ["a"]}, steps=(step,)), reading(RUNNING)
    job = play(job_that_is(RUNNING), [Poll(at(1), full), Poll(at(2), bare)])[-1].outcome.job
    assert (job.output, job.steps) == ({"assets": ["a"]}, (step,))


@pytest.mark.parametrize("times", [{}, {"started_at": at(-5)}])
def test_a_job_started_when_it_first_ran(times):
    statuses = [RUNNING, Status.ACTION_REQUIRED, RUNNING]
    polls = [Poll(at(index + 1), reading(status, **times)) for index, status in enumerate(statuses)]
    started = {told.outcome.job.started_at for told in play(new_job(), polls)}
    assert started == {times.get("started_at", at(1))}


def test_a_job_is_updated_by_news_and_not_by_polls():
    polls = [Poll(at(1), reading(RUNNING)), Poll(at(2), reading(RUNNING)), Poll(at(3), Problem("timeout", "Late."))]
    told = play(new_job(), [*polls, Poll(at(4), reading(RUNNING, progress=0.001))])
    assert [one.outcome.job.updated_at for one in told] == [at(1), at(1), at(1), at(4)]
    assert all(one.outcome.job.polls == other.outcome.job.polls - 1 for one, other in pairwise(told))


def test_the_last_reading_is_kept_for_users():
    answer = reading(RUNNING, progress=0.5, retry_after=2.0, created_at=NOW)
    (told,) = play(new_job(), [Poll(at(1), answer)])
    kept = told.outcome.job.reading
    assert (kept["status"], kept["provider_status"], kept["progress"]) == ("running", "RUNNING", 0.5)
    assert (kept["created_at"], kept["finished_at"], kept["retry_after"]) == ("2026-11-22T10:00:00.000Z", None, 2.0)
