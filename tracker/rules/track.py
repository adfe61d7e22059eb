"""What a poll of a job comes to: the answer goes in; the job as it is now and what to announce come out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from store.records import NEWS, Event, Job, JobError, PollOutcome, PollProblem, Status, Transition
from tracker.rules.diff import Change, StepChange, merged_steps, status_changes, step_changes
from tracker.rules.events import progress_event, step_event, transition_event
from tracker.rules.payload import reading_payload
from tracker.rules.plan import Plan
from tracker.rules.plan import next_delay as planned_delay
from tracker.rules.reading import Absent, Answer, Problem, Reading, Unchanged
from tracker.rules.schedule import LONGEST_HINT, Timing, hinted_until, next_delay, problem_delay
from tracker.rules.sightings import seen, seen_again, view_of

MOST_LIST_MISSES = 3
"""A job that so many lists in a row did not show is asked for alone from then on."""

CLEAN = "ok"
"""The verdict of a poll without a problem."""

PROGRESS_STEP = 0.01
PROGRESS_PERIOD = timedelta(seconds=1)
"""Progress is announced when it moved by the step, and no more often than the period."""


def decide(
    job: Job, answer: Answer, timing: Timing, now: datetime, jitter: float, plan: Plan | None = None
) -> PollOutcome:
    """The outcome of a poll of `job` that was answered `now`; `jitter` is within 0 and 1.

    The next poll is when `plan` says; without one, after the documented interval.
    """
    if job.status.is_final:
        return PollOutcome(job, is_quiet=True)
    story = _Story(job.but(polls=job.polls + 1, last_polled_at=now), now)
    if isinstance(answer, Reading):
        story.job = story.job.but(sightings=seen(job, answer, now))
        _read(story, answer, _Pace(timing, plan, jitter))
    elif isinstance(answer, Unchanged):
        story.job = story.job.but(sightings=seen_again(job, now))
        _go_on(story, answer, _Pace(timing, plan, jitter))
    elif isinstance(answer, Problem):
        _postpone(story, answer, timing, jitter)
    elif job.cancel_accepted_at is not None:
        # Some providers forget what they cancel.
        story.job = story.job.but(next_poll_at=None, not_before=None, poll_problem=None)
        story.transition(Change(Status.CANCELED, story.job.provider_status, now))
    elif _is_believed(job, answer, timing, now):
        story.end(_absence(answer))
    else:
        _postpone(story, _too_young(answer, timing), timing, jitter)
    # Asked before the time-out clears the problem.
    verdict = story.job.poll_problem.code if story.job.poll_problem else CLEAN
    # A list that was only late with a row may have it the next time.
    is_alone = story.job.list_misses >= MOST_LIST_MISSES
    if story.job.is_alone != is_alone:
        story.job = story.job.but(is_alone=is_alone)
    if not story.job.status.is_final and now >= job.timeout_at:
        story.end(_TIMEOUT)
    return story.outcome(verdict)


def seen_in_list(job: Job) -> Job:
    """The job once a list has shown it."""
    return job.but(list_misses=0)


def ask_alone(
    job: Job, now: datetime, *, not_before: datetime | None = None, missed: bool = False, for_good: bool = False
) -> PollOutcome:
    """No poll: what a list did not show, or not whole, is asked for alone, as soon as the provider's hint allows.

    `missed`: the list did not show the job, which is not to say that the provider does not know it. `for_good`: no list
    will.
    """
    misses = MOST_LIST_MISSES if for_good else job.list_misses + missed
    floor = not_before or job.not_before
    at = now if floor is None else max(now, min(floor, job.timeout_at))
    return PollOutcome(job.but(is_alone=True, list_misses=misses, next_poll_at=at, not_before=floor))


def is_out_of_time(job: Job, now: datetime) -> bool:
    """Whether the job's time is over while a provider's hint still forbids its last poll."""
    return now >= job.timeout_at and job.not_before is not None and job.not_before > now


def give_up(job: Job, now: datetime) -> PollOutcome:
    """The end of a job whose time is over and that may not be polled once more."""
    if job.status.is_final:
        return PollOutcome(job, is_quiet=True)
    story = _Story(job, now)
    story.end(_TIMEOUT)
    return story.outcome()


_news_of = attrgetter(*NEWS)


@dataclass(frozen=True, slots=True)
class _Pace:
    """What decides on the next clean poll."""

    timing: Timing
    plan: Plan | None
    jitter: float

    def next_poll_at(self, job: Job, hint: float | None, now: datetime) -> datetime:
        if self.plan is None:
            return now + timedelta(seconds=next_delay(self.timing, job.polls, self.jitter))
        floor = min(hint or 0.0, LONGEST_HINT)
        return now + timedelta(seconds=planned_delay(self.plan, view_of(job, self.timing, now, floor), self.jitter))


class _Story:
    """Moves a job from one transition to the next and notes what there is to tell, in order."""

    def __init__(self, job: Job, now: datetime) -> None:
        self.asked = job
        self.job = job
        self.now = now
        self.transitions: list[Transition] = []
        self.events: list[Event] = []

    def transition(self, change: Change) -> None:
        previous = self.job.status if self.job.sequence else None
        self.job = self.job.but(
            status=change.status,
            provider_status=change.provider_status,
            sequence=self.job.sequence + 1,
            status_since=change.occurred_at,
            updated_at=self.now,
            started_at=self.job.started_at or _start(change),
            finished_at=change.occurred_at if change.status.is_final else None,
        )
        transition = Transition(
            self.job.id,
            self.job.sequence,
            change.status,
            previous,
            change.provider_status,
            self.job.progress,
            change.occurred_at,
            self.now,
        )
        self.transitions.append(transition)
        self.events.append(transition_event(self.job, transition))

    def step(self, change: StepChange) -> None:
        self.job = self.job.but(announcements=self.job.announcements + 1, updated_at=self.now)
        self.events.append(step_event(self.job, change, self.now))

    def progress(self) -> None:
        self.job = self.job.but(
            announcements=self.job.announcements + 1,
            announced_progress=self.job.progress,
            progress_announced_at=self.now,
        )
        self.events.append(progress_event(self.job, self.now))

    def end(self, error: JobError) -> None:
        """Expires the job: its provider no longer knows it, or its time is over."""
        self.job = self.job.but(error=error, next_poll_at=None, poll_problem=None)
        self.transition(Change(Status.EXPIRED, self.job.provider_status, self.now))

    def outcome(self, verdict: str | None = None) -> PollOutcome:
        is_quiet = not self.events and _news_of(self.job) == _news_of(self.asked)
        return PollOutcome(self.job, tuple(self.transitions), tuple(self.events), verdict, is_quiet)


def _read(story: _Story, reading: Reading, pace: _Pace) -> None:
    """Tells the changes that the reading shows; a final one comes last, after the steps that led to it."""
    changes = status_changes(story.job, reading, story.now)
    *passed, last = changes or (None,)
    is_final = last is not None and last.status.is_final
    story.job = _planned(story.job, reading, pace, story.now, is_final=is_final)
    for change in passed:
        story.transition(change)
    known_steps = story.job.steps
    story.job = _with_facts(story.job, reading, story.now)
    if last is not None and not is_final:
        story.transition(last)
    for step_change in step_changes(known_steps, reading.steps):
        story.step(step_change)
    if last is not None and is_final:
        story.job = story.job.but(error=reading.error, result_expires_at=_result_end(last, pace.timing))
        story.transition(last)
    elif _is_worth_telling(story.job, story.now):
        story.progress()


def _go_on(story: _Story, unchanged: Unchanged, pace: _Pace) -> None:
    """A clean poll that found everything as the last reading said."""
    at = pace.next_poll_at(story.job, unchanged.retry_after, story.now)
    story.job = _plan(story.job, at, unchanged.retry_after, story.now).but(poll_problem=None)


def _result_end(last: Change, timing: Timing) -> datetime | None:
    """Until when the result can be fetched, where the provider keeps it for a time only."""
    if last.status is not Status.SUCCEEDED or timing.result_lifetime is None:
        return None
    return last.occurred_at + timedelta(seconds=timing.result_lifetime)


def _planned(job: Job, reading: Reading, pace: _Pace, now: datetime, *, is_final: bool) -> Job:
    if is_final:
        return job.but(next_poll_at=None, not_before=None, poll_problem=None)
    job = _plan(job, pace.next_poll_at(job, reading.retry_after, now), reading.retry_after, now)
    if not reading.is_unknown:
        return job if job.poll_problem is None else job.but(poll_problem=None)
    message = (
        f"The provider's status {reading.provider_status!r} is not in its description: taken for running. "
        f"Add the word to the description's status map."
    )
    return job.but(poll_problem=_problem(job, Problem("unknown_status", message, 200), now))


def _postpone(story: _Story, problem: Problem, timing: Timing, jitter: float) -> None:
    """Keeps the job as it is, shows the problem, and backs off."""
    now = story.now
    shown = _problem(story.job, problem, now)
    at = now + timedelta(seconds=problem_delay(timing, shown.count, jitter))
    job = _plan(story.job, at, problem.retry_after, now)
    story.job = job.but(poll_problem=replace(shown, retry_at=job.next_poll_at))


def _plan(job: Job, at: datetime, retry_after: float | None, now: datetime) -> Job:
    """Sets the next poll: not before the provider's hint, and not after the job's time is over."""
    floor = hinted_until(now, retry_after)
    at = at if floor is None else max(at, floor)
    return job.but(next_poll_at=max(now, min(at, job.timeout_at)), not_before=floor)


def _problem(job: Job, problem: Problem, now: datetime) -> PollProblem:
    """The problem as the job shows it: `since` and `count` go on while polls in a row have one."""
    known = job.poll_problem
    if known and (known.code == "unknown_status") != (problem.code == "unknown_status"):
        # A word that nobody knows was a clean poll all the same: it adds nothing to a row of failures.
        known = None
    return PollProblem(
        problem.code,
        problem.message,
        problem.http_status,
        since=known.since if known else now,
        count=known.count + 1 if known else 1,
        retry_at=job.next_poll_at,
    )


def _with_facts(job: Job, reading: Reading, now: datetime) -> Job:
    """The job with all that a reading says of it but its status."""
    facts: dict[str, Any] = {
        "provider_status": reading.provider_status,
        "progress": job.progress if reading.progress is None else reading.progress,
        "output": reading.output or job.output,
        "steps": merged_steps(job.steps, reading.steps),
        "started_at": job.started_at or reading.started_at,
        "etag": reading.etag,
    }
    is_news = any(getattr(job, name) != value for name, value in facts.items())
    return job.but(**facts, updated_at=now if is_news else job.updated_at, reading=reading_payload(reading))


def _is_worth_telling(job: Job, now: datetime) -> bool:
    if job.progress is None:
        return False
    is_due = job.progress_announced_at is None or now - job.progress_announced_at >= PROGRESS_PERIOD
    # The tolerance keeps a step of exactly 0.01 from being lost to binary rounding.
    return is_due and abs(job.progress - (job.announced_progress or 0.0)) >= PROGRESS_STEP - 1e-9


def _start(change: Change) -> datetime | None:
    return change.occurred_at if change.status is Status.RUNNING else None


def _is_believed(job: Job, absent: Absent, timing: Timing, now: datetime) -> bool:
    return absent.code == "gone" or now - job.created_at > timedelta(seconds=timing.not_found_grace)


def _too_young(absent: Absent, timing: Timing) -> Problem:
    message = (
        f"The provider answers HTTP {absent.http_status}: it does not know the job. It was registered less than "
        f"{timing.not_found_grace:.0f} s ago, so it is asked for again."
    )
    return Problem("http_status", message, absent.http_status, absent.retry_after)


def _absence(absent: Absent) -> JobError:
    words = "no longer has" if absent.code == "gone" else "does not know"
    return JobError(f"The provider {words} the job (HTTP {absent.http_status}).", code=absent.code)


_TIMEOUT = JobError(
    "The job did not end within its time-out.",
    hint="Register it again with a longer timeout_seconds if the provider is still at work on it.",
    code="timeout",
)
