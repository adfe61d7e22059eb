"""What polls saw of a job, for its next delay and for the profile: ages and phases out of readings and times.

An age is in seconds since the job began: by its provider's clock where it says when it was made, else since it was
registered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from store.records import Job, Sightings, Status
from tracker.rules.plan import View
from tracker.rules.profile import Ending

if TYPE_CHECKING:
    from datetime import datetime

    from tracker.rules.reading import Reading
    from tracker.rules.schedule import Timing

_LONGEST_HEAD_START = 30 * 86_400.0
"""Seconds. A job that was made longer ago, or later than it was registered, has a provider with a wrong clock."""


def seen(job: Job, reading: Reading, now: datetime) -> Sightings:
    """What is known of a job once a poll, answered `now`, has read this of it."""
    known = job.sightings or Sightings(head_start=_head_start(job, reading))
    age, started = _age(job, known, now), _told_start(reading)
    if started is not None:
        known = replace(known, started=min(_age(job, known, started), age))
    if reading.status.is_final:
        ended = _told_end(reading)
        return known if ended is None else replace(known, ended=_age(job, known, ended))
    readings = _readings(known, age, reading.progress)
    if reading.status is Status.QUEUED:
        # It may have been taken for running before: some providers put a job back into their queue.
        return Sightings(known.head_start, unfinished_at=age, queued_until=age, readings=readings)
    since = age if known.running_since is None else known.running_since
    return replace(known, unfinished_at=age, running_since=since, readings=readings)


def seen_again(job: Job, now: datetime) -> Sightings:
    """What is known of a job once a poll has found it unchanged."""
    known = job.sightings or Sightings()
    age = _age(job, known, now)
    is_queued = job.sequence > 0 and job.status is Status.QUEUED
    return replace(known, unfinished_at=age, queued_until=age if is_queued else known.queued_until)


def view_of(job: Job, timing: Timing, now: datetime, floor: float = 0.0) -> View:
    """An unfinished job as a plan sees it; `floor` is the wait in seconds that the provider asks for."""
    known = job.sightings or Sightings()
    is_running = known.running_since is not None
    phase = None if not timing.tells_queue or not job.polls else "running" if is_running else "queued"
    return View(
        age=_age(job, known, now),
        polls=job.polls,
        phase=phase,  # type: ignore[arg-type]  # one of the two words, or None
        phase_after=known.queued_until,
        phase_by=known.running_since or 0.0,
        started=known.started,
        readings=known.readings,
        floor=floor,
    )


def ending_of(job: Job, timing: Timing) -> Ending | None:
    """What a job that has ended teaches; None: nothing."""
    if not job.status.is_final or job.last_polled_at is None:
        return None
    known = job.sightings or Sightings()
    detected = _age(job, known, job.last_polled_at)
    has_end = job.status in (Status.SUCCEEDED, Status.FAILED)
    if not has_end and not known.unfinished_at:
        return None
    after = min(known.unfinished_at, detected)
    if not has_end:
        return Ending(after, queue_after=known.queued_until, readings=known.readings)
    # An end that the polls contradict is told by a clock that goes wrong: it would teach that polls are always on time.
    is_possible = known.ended is not None and after <= known.ended <= detected
    ended = known.ended if is_possible else None
    running_since = detected if known.running_since is None else known.running_since
    queue_by = running_since if timing.tells_queue else None
    return Ending(
        after=after,
        by=max(detected, after + 1e-3),
        has_failed=job.status is Status.FAILED,
        queue_after=min(known.queued_until, detected if queue_by is None else queue_by),
        queue_by=queue_by,
        started=known.started,
        ended=ended,
        readings=known.readings,
    )


def _age(job: Job, known: Sightings, at: datetime) -> float:
    """The age at a time; 0 before the job began, which only a wrong clock says."""
    return max((at - job.created_at).total_seconds() + known.head_start, 0.0)


def _head_start(job: Job, reading: Reading) -> float:
    if reading.created_at is None:
        return 0.0
    seconds = (job.created_at - reading.created_at).total_seconds()
    return seconds if 0.0 <= seconds <= _LONGEST_HEAD_START else 0.0


def _told_start(reading: Reading) -> datetime | None:
    """When the run began, where the provider says so."""
    runs = [moment.at for moment in reading.history if moment.status is Status.RUNNING]
    return reading.started_at or (runs[0] if runs else None)


def _told_end(reading: Reading) -> datetime | None:
    """When the job ended, where the provider says so."""
    ends = [moment.at for moment in reading.history if moment.status is reading.status]
    return reading.finished_at or (ends[-1] if ends else None)


def _readings(known: Sightings, age: float, progress: float | None) -> tuple[tuple[float, float], ...]:
    """The first reading of progress and the last that said something new: a plan needs no others."""
    if progress is None or (known.readings and known.readings[-1][1] == progress):
        return known.readings
    return (*known.readings[:1], (age, progress))
