"""What polls saw of a job: ages, phases and times, for its next poll and for what it teaches."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.records import Sightings, Status
from tracker.rules.plan import plan_for
from tracker.rules.profile import Ending, first_profile, learn, nature_of
from tracker.rules.programme import Terms
from tracker.rules.reading import Absent, Problem, Unchanged
from tracker.rules.schedule import LONGEST_HINT, Timing
from tracker.rules.sightings import ending_of, seen, seen_again, view_of
from tracker.rules.track import decide, give_up

from .strategies import DAY, TIMING, at, jitters, moment, new_job, play, problems, reading, streams, timings
from .strategies import Poll as At

QUEUES = Timing(first=1, interval=3, tells_queue=True)
PROBLEM = Problem("timeout", "…")
RUNNING, QUEUED, SUCCEEDED = reading(Status.RUNNING), reading(Status.QUEUED), reading(Status.SUCCEEDED)


def polled(*answers, job=None, timing=QUEUES):
    """The job after these answers, each given so many seconds after its registration."""
    return play(job or new_job(), [At(at(seconds), answer) for seconds, answer in answers], timing)[-1].outcome.job


def taught(*answers, job=None, timing=QUEUES):
    return ending_of(polled(*answers, job=job, timing=timing), timing)


def test_age_counts_from_the_registration_where_the_provider_tells_no_time():
    assert polled((8, RUNNING)).sightings == Sightings(unfinished_at=8, running_since=8)


def test_age_counts_from_when_the_provider_made_the_job():
    made = replace(RUNNING, created_at=at(-30))
    assert polled((8, made)).sightings == Sightings(head_start=30, unfinished_at=38, running_since=38)
    assert taught((8, made), (20, SUCCEEDED)) == Ending(38, 50, queue_by=38)


@pytest.mark.parametrize("seconds", [1, 300, -31 * DAY])
def test_provider_whose_clock_is_wrong_is_not_believed(seconds):
    assert polled((8, replace(RUNNING, created_at=at(seconds)))).sightings.unfinished_at == 8


def test_first_reading_alone_says_when_the_job_was_made():
    later = replace(RUNNING, created_at=at(-99))
    assert polled((8, replace(RUNNING, created_at=at(-5))), (10, later)).sightings.head_start == 5
    assert polled((8, RUNNING), (10, later)).sightings.head_start == 0


def test_phases_are_bounded_by_the_polls_that_saw_them():
    job = polled((5, QUEUED), (9, QUEUED), (14, RUNNING), (20, RUNNING))
    assert job.sightings == Sightings(unfinished_at=20, queued_until=9, running_since=14)
    assert ending_of(polled((40, SUCCEEDED), job=job), QUEUES) == Ending(20, 40, queue_after=9, queue_by=14)


def test_queueing_is_taught_only_where_the_provider_tells_it_from_running():
    assert taught((5, QUEUED), (14, RUNNING), (40, SUCCEEDED), timing=TIMING).queue_by is None


def test_queue_of_a_job_that_was_never_seen_running_ended_before_it_was_found():
    assert taught((5, QUEUED), (40, SUCCEEDED)) == Ending(5, 40, queue_after=5, queue_by=40)


def test_job_that_waits_for_its_user_runs():
    assert polled((8, reading(Status.ACTION_REQUIRED))).sightings.running_since == 8


def test_job_that_is_put_back_into_the_queue_runs_anew():
    started = replace(RUNNING, started_at=at(3))
    job = polled((5, started), (9, QUEUED))
    assert (job.sightings.queued_until, job.sightings.running_since, job.sightings.started) == (9, None, None)
    assert view_of(job, QUEUES, at(9)).phase == "queued"
    assert polled((14, RUNNING), job=job).sightings.running_since == 14


def test_job_that_was_never_seen_unfinished_ended_at_any_time_before():
    assert taught((12, SUCCEEDED)) == Ending(0, 12, queue_by=12)
    assert taught((12, SUCCEEDED), timing=TIMING) == Ending(0, 12)


def test_start_and_end_are_exact_where_the_provider_tells_them():
    end = replace(SUCCEEDED, finished_at=at(33))
    ending = taught((5, QUEUED), (14, replace(RUNNING, started_at=at(11))), (40, end))
    assert ending == Ending(14, 40, queue_after=5, queue_by=14, started=11, ended=33)


def test_start_and_end_are_read_from_the_history():
    history = (moment(Status.QUEUED, 0), moment(Status.RUNNING, 11), moment(Status.SUCCEEDED, 33))
    ending = taught((14, replace(RUNNING, history=history[:2])), (40, replace(SUCCEEDED, history=history)))
    assert (ending.started, ending.ended) == (11, 33)


def test_start_is_learned_from_the_last_reading_too():
    """Where the one poll of a job finds its end, that reading alone tells when its run began."""
    ending = taught((40, replace(SUCCEEDED, started_at=at(11), finished_at=at(33))))
    assert ending == Ending(0, 40, queue_by=40, started=11, ended=33)


def test_end_that_the_polls_contradict_is_not_believed():
    for said, ended in ((-5, None), (10, None), (14, 14), (33, 33), (40, 40), (41, None), (900, None)):
        assert taught((14, RUNNING), (40, replace(SUCCEEDED, finished_at=at(said)))).ended == ended
    for said, started in ((-5, 0), (90, 14)):
        assert polled((14, replace(RUNNING, started_at=at(said)))).sightings.started == started


def test_failure_is_told_apart():
    assert taught((14, RUNNING), (40, reading(Status.FAILED))) == Ending(14, 40, has_failed=True, queue_by=14)


def test_canceled_job_teaches_only_that_it_took_longer():
    ending = taught((5, QUEUED), (14, RUNNING), (40, reading(Status.CANCELED)))
    assert ending == Ending(14, math.inf, queue_after=5)


def test_job_that_its_provider_forgot_or_that_ran_out_of_time_teaches_only_that_it_took_longer():
    assert taught((14, RUNNING), (400, Absent("gone", 410))) == Ending(14, math.inf)
    job = polled((14, RUNNING), job=new_job(timeout_at=at(50)))
    assert ending_of(give_up(job, at(50)).job, QUEUES) == Ending(14, math.inf)


def test_job_of_which_nothing_was_seen_teaches_nothing():
    assert ending_of(new_job(), QUEUES) is None
    assert ending_of(polled((14, RUNNING)), QUEUES) is None
    assert taught((14, reading(Status.CANCELED))) is None
    assert taught((14, PROBLEM), (400, Absent("gone", 410))) is None
    assert ending_of(give_up(new_job(), at(DAY)).job, QUEUES) is None


def test_poll_that_failed_saw_nothing():
    assert polled((8, RUNNING), (20, PROBLEM)).sightings.unfinished_at == 8
    assert polled((8, PROBLEM)).sightings is None
    assert polled((8, RUNNING), (20, Absent("not_found", 404))).sightings.unfinished_at == 8
    assert taught((8, RUNNING), (20, PROBLEM), (30, SUCCEEDED)) == Ending(8, 30, queue_by=8)


def test_unchanged_job_is_as_unfinished_as_a_job_that_is_read_again():
    assert polled((8, RUNNING), (20, Unchanged())).sightings == polled((8, RUNNING), (20, RUNNING)).sightings
    assert polled((8, QUEUED), (20, Unchanged())).sightings == polled((8, QUEUED), (20, QUEUED)).sightings


def test_readings_of_progress_are_the_first_and_the_last_that_said_something_new():
    answers = [(seconds, replace(RUNNING, progress=progress)) for seconds, progress in
               ((2, None), (4, 0.1), (6, 0.2), (8, 0.5), (10, 0.5), (12, None))]  # fmt: skip
    job = polled(*answers)
    assert job.sightings.readings == ((4, 0.1), (8, 0.5))
    assert ending_of(polled((30, SUCCEEDED), job=job), QUEUES).readings == ((4, 0.1), (8, 0.5))


def test_plan_sees_the_job_as_polls_saw_it():
    job = polled((5, QUEUED), (14, replace(RUNNING, progress=0.3, started_at=at(11))))
    view = view_of(job, QUEUES, at(15), floor=7)
    assert (view.age, view.polls, view.floor) == (15, 2, 7)
    assert (view.phase, view.phase_after, view.phase_by, view.started) == ("running", 5, 14, 11)
    assert view.readings == ((14, 0.3),)


def test_plan_sees_no_phase_where_none_is_told_or_none_was_seen():
    assert view_of(polled((5, QUEUED)), TIMING, at(9)).phase is None
    assert view_of(new_job(), QUEUES, at(9)).phase is None
    assert view_of(polled((5, QUEUED)), QUEUES, at(9)).phase == "queued"


tells = st.booleans()


@given(streams(), tells)
def test_ending_is_an_interval_whatever_the_answers(polls, tells_queue):
    timing = replace(TIMING, tells_queue=tells_queue)
    ending = ending_of(play(new_job(), polls, timing)[-1].outcome.job, timing)
    if ending is None:
        return
    assert 0 <= ending.after <= ending.by
    assert 0 <= ending.queue_after <= (ending.by if ending.queue_by is None else ending.queue_by) <= ending.by
    assert ending.ended is None or ending.after <= ending.ended <= ending.by
    assert ending.started is None or 0 <= ending.started <= ending.by
    assert [age for age, _ in ending.readings] == sorted(age for age, _ in ending.readings)


@given(streams(), tells)
def test_any_ending_can_be_learned(polls, tells_queue):
    timing = replace(TIMING, tells_queue=tells_queue)
    ending = ending_of(play(new_job(), polls, timing)[-1].outcome.job, timing)
    if ending is not None:
        profile = learn(first_profile(nature_of(timing)), ending)
        assert profile.jobs == 1
        plan_for(profile, Terms(2.0))


@given(streams())
def test_what_was_seen_only_grows(polls):
    ages = [0.0]
    for told in play(new_job(), polls):
        known = told.outcome.job.sightings or Sightings()
        assert ages[-1] <= known.unfinished_at or known.head_start
        assert known.queued_until <= known.unfinished_at
        assert known.running_since is None or known.queued_until <= known.running_since <= known.unfinished_at
        ages.append(known.unfinished_at)


@given(st.floats(-1e7, 1e7), st.floats(-1e7, 1e7))
def test_clock_that_jumps_makes_no_negative_age(made, now):
    answer = replace(RUNNING, created_at=at(made))
    known = seen(new_job(), answer, at(now))
    assert known.unfinished_at >= 0
    assert seen_again(new_job(sightings=known), at(now - 50)).unfinished_at >= 0


def planned(timing):
    profile = learn(first_profile(nature_of(timing)), Ending(20, 25))
    return plan_for(profile, Terms(2.0, timing.minimum, max(min(timing.longest_gap, timing.timeout), timing.minimum)))


@settings(max_examples=60)
@given(timings(), streams(), jitters, st.integers(1, 3000))
def test_planned_poll_is_within_the_minimum_the_hint_and_the_time_out(timing, polls, jitter, timeout):
    plan, job = planned(timing), new_job(timeout_at=at(timeout))
    for poll in polls:
        job = decide(job, poll.answer, timing, poll.at, jitter, plan).job
        if job.status.is_final:
            assert job.next_poll_at is None
            return
        earliest = timedelta(seconds=min(timing.minimum, timing.longest_gap) * 0.999)
        hint = timedelta(seconds=min(poll.answer.retry_after or 0.0, LONGEST_HINT))
        assert poll.at <= job.next_poll_at <= job.timeout_at
        assert job.next_poll_at >= min(poll.at + max(earliest, hint), job.timeout_at)


@given(problems, jitters)
def test_problem_backs_off_as_without_a_plan(problem, jitter):
    job = polled((8, RUNNING))
    with_plan = decide(job, problem, TIMING, at(20), jitter, planned(TIMING))
    assert with_plan == decide(job, problem, TIMING, at(20), jitter)


def test_planned_poll_waits_for_the_providers_hint():
    asked = decide(new_job(), Unchanged(500.0), TIMING, at(9), 0.5, planned(TIMING)).job
    assert asked.next_poll_at >= at(509)
    assert asked.not_before == at(509)
    assert decide(new_job(), Unchanged(), TIMING, at(9), 0.5, planned(TIMING)).job.next_poll_at < at(109)
