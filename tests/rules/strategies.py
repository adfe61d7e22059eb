"""Jobs at a fixed time, and arbitrary answers of providers: what the tests of the rules share."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import orjson
from hypothesis import strategies as st

from store.records import FINAL_STATUSES, Job, JobError, PollOutcome, Status, Step
from tracker.rules.events import JOB_EVENTS
from tracker.rules.reading import Absent, Answer, Moment, Problem, ProblemCode, Reading, Unchanged
from tracker.rules.schedule import Timing
from tracker.rules.track import decide

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
TIMING = Timing(first=1, interval=3)
DAY = 86_400
LIVE_STATUSES = tuple(status for status in Status if not status.is_final)
PROBLEM_CODES = tuple(code for code in get_args(ProblemCode) if code != "unknown_status")


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def new_job(**changes):
    """A job that was registered at `NOW` and was never polled."""
    job = Job("job_1", "scenario", "job", "default", "remote-1", 1, NOW, NOW, timeout_at=at(DAY), next_poll_at=at(1))
    return replace(job, **changes)


def job_that_is(status, **changes):
    """A job that has this status since `NOW`."""
    final = {"finished_at": NOW, "next_poll_at": None} if status.is_final else {}
    return new_job(**{"status": status, "sequence": 1, "status_since": NOW} | final | changes)


def reading(status, **changes):
    """A clean reading; the provider's word is ours in capitals."""
    return Reading(**{"status": status, "provider_status": status.value.upper()} | changes)


def moment(status, seconds):
    return Moment(status, status.value.upper(), at(seconds))


def data_of(event):
    return orjson.loads(event.body)["data"]


def transition_events(outcome):
    return [event for event in outcome.events if event.type in JOB_EVENTS]


def types_of(outcome):
    return [event.type for event in outcome.events]


@dataclass(frozen=True)
class Poll:
    at: datetime
    answer: Answer
    jitter: float = 0.5


@dataclass(frozen=True)
class Told:
    """A poll, the job before it, and what it came to."""

    before: Job
    poll: Poll
    outcome: PollOutcome


def play(job, polls, timing=TIMING):
    """Polls the job again and again, after its end too."""
    told = []
    for poll in polls:
        outcome = decide(job, poll.answer, timing, poll.at, poll.jitter)
        told.append(Told(job, poll, outcome))
        job = outcome.job
    return told


def transitions_of(told):
    return [transition for one in told for transition in one.outcome.transitions]


def events_of(told):
    return [event for one in told for event in one.outcome.events]


jitters = st.floats(0, 1)
datetimes = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - UTC is given
live_statuses = st.sampled_from(LIVE_STATUSES)
final_statuses = st.sampled_from(FINAL_STATUSES)
statuses = st.one_of(live_statuses, live_statuses, live_statuses, final_statuses)
words = st.sampled_from(["pending", "in-progress", 'Größe "XL"', "\u2028"])
hints = st.none() | st.floats(0, 20_000)
errors = st.builds(JobError, words, st.none() | words, st.none() | words)
steps = st.lists(
    st.builds(Step, st.sampled_from("abc"), st.none() | words, st.sampled_from(["pending", "processing", "success"])),
    max_size=3,
    unique_by=lambda step: step.id,
).map(tuple)


@st.composite
def timings(draw):
    interval = draw(st.floats(0.1, 600))
    multiplier = draw(st.floats(1, 10))
    cap = draw(st.floats(interval, 3600)) if multiplier > 1 else None
    minimum, lifetime = draw(st.floats(0.1, 30)), draw(st.none() | st.floats(1, 7200))
    return Timing(draw(st.floats(0, 600)), interval, multiplier, cap, minimum=minimum, result_lifetime=lifetime)


@st.composite
def histories(draw, final=statuses):
    """A provider's history: each moment later than the one before; only the last may be of the statuses `final`."""
    seen = draw(st.lists(live_statuses, max_size=5))
    seen += draw(st.lists(final, max_size=1))
    gaps = draw(st.lists(st.integers(1, 100_000), min_size=len(seen), max_size=len(seen)))
    times = [sum(gaps[: index + 1]) / 1000 for index in range(len(gaps))]
    return tuple(moment(status, seconds - 60) for status, seconds in zip(seen, times, strict=True))


def readings(history=()):
    """Readings with this history; those of an unknown word say that the job runs."""
    times = st.none() | st.integers(-100, DAY).map(at)
    known = st.builds(
        Reading,
        statuses,
        words,
        progress=st.none() | st.floats(0, 1),
        output=st.none() | st.dictionaries(words, words, max_size=1),
        error=st.none() | errors,
        history=st.just(history),
        steps=steps,
        created_at=times,
        started_at=times,
        finished_at=times,
        retry_after=hints,
    )
    unknown = st.builds(Reading, st.just(Status.RUNNING), words, st.just(True), history=st.just(history))
    return st.one_of(known, known, known, unknown)


problems = st.builds(Problem, st.sampled_from(PROBLEM_CODES), words, st.none() | st.integers(300, 599), hints)
unchanged = st.builds(Unchanged, hints)
absences = st.sampled_from([Absent("not_found", 404), Absent("gone", 410), Absent("not_found", 404, 30.0)])


def answers(history=()):
    return st.one_of(readings(history), readings(history), readings(history), unchanged, problems, absences)


@st.composite
def streams(draw, answers_with=answers, longest_gap=200.0):
    """Polls of one job, later and later, whose readings show ever more of one history."""
    history, seen, now, polls = draw(histories()), 0, NOW, []
    for gap in draw(st.lists(st.floats(0.001, longest_gap), min_size=1, max_size=7)):
        seen = draw(st.integers(seen, len(history)))
        now += timedelta(seconds=gap)
        polls.append(Poll(now, draw(answers_with(history[:seen])), draw(jitters)))
    return polls
