"""A job's life as a plot: what its provider says happened, what we saw of that and when, and each poll. Pure.

Places are percents of the width, so that a plot is as wide as its page and its words keep their size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from store.records import Status
from tracker.dashboard.spelling import moment, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

Json = dict[str, Any]

_ENDS = frozenset(status.value for status in Status if status.is_final)
_MOST_MARKS = 6
_STEPS = tuple(
    float(size * unit)
    for unit, sizes in ((0.001, (1, 10, 100)), (1, (1, 2, 5, 10, 30)), (60, (1, 2, 5, 10, 30)), (3600, (1, 2, 6, 12)))
    for size in sizes
) + tuple(86_400.0 * days for days in (1, 2, 5, 10, 30, 100, 365))
_FORESIGHT = 3.0
"""What is to come is drawn if the plot grows no more than so many times by it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A status from one moment to the next."""

    status: str
    left: float
    width: float
    told: str

    @property
    def is_end(self) -> bool:
        """Whether it is for good, and so has no length."""
        return self.status in _ENDS


@dataclass(frozen=True, slots=True)
class Delay:
    """What lies between a change and our seeing it."""

    occurred: float
    detected: float
    told: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the axis, and what is written there."""

    left: float
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The plot: two lanes of stretches, what connects them, the polls below, and the axis."""

    occurred: tuple[Stretch, ...]
    detected: tuple[Stretch, ...]
    delays: tuple[Delay, ...]
    polls: tuple[float, ...]
    next_poll: float | None
    expected: float | None
    now: float | None
    marks: tuple[Mark, ...]


def timeline_of(job: Json, history: Sequence[Json], poll_times: Iterable[str], now: datetime) -> Timeline:
    """The plot of a job with its transitions and polls; it goes on to the present unless the job has ended."""
    polls = [moment(each) for each in poll_times]
    told = [moment(job["created_at"]), *polls]
    told += [moment(row[name]) for row in history for name in ("occurred_at", "detected_at")]
    is_over = job["finished_at"] is not None
    scale = _scale(told if is_over else [*told, now], _coming(job))
    until = max(told) if is_over else now
    return Timeline(
        occurred=_stretches(history, "occurred_at", scale, until),
        detected=_stretches([_registered(job), *history], "detected_at", scale, until),
        delays=tuple(_delay(row, scale) for row in history),
        polls=tuple(scale.place(each) for each in polls),
        next_poll=scale.place_within(job["next_poll_at"]),
        expected=scale.place_within(job.get("expected_finish_at")),
        now=None if is_over else scale.place(now),
        marks=tuple(scale.marks()),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    start: datetime
    seconds: float

    def place(self, at: datetime) -> float:
        return round((at - self.start).total_seconds() / self.seconds * 100, 3)

    def place_within(self, text: str | None) -> float | None:
        place = None if text is None else self.place(moment(text))
        return place if place is not None and 0 <= place <= 100 else None

    def marks(self) -> Iterable[Mark]:
        step = next((step for step in _STEPS if self.seconds / step <= _MOST_MARKS), _STEPS[-1])
        for number in range(int(self.seconds / step) + 1):
            yield Mark(round(number * step / self.seconds * 100, 3), span(number * step) if number else "0")


def _registered(job: Json) -> Json:
    return {"status": Status.QUEUED.value, "detected_at": job["created_at"]}


def _scale(told: Sequence[datetime], coming: Sequence[datetime]) -> _Scale:
    """From the first moment to the last, with what is to come where that leaves room for the rest."""
    start, end = min(told), max(told)
    for at in coming:
        if at > end and (at - start) <= _FORESIGHT * (max(told) - start):
            end = at
    # A little room at the end, and a job that was just registered has a width too.
    return _Scale(start, max((end - start).total_seconds(), 0.001) * 1.02)


def _coming(job: Json) -> list[datetime]:
    return [moment(text) for text in (job["next_poll_at"], job.get("expected_finish_at")) if text]


def _stretches(rows: Sequence[Json], name: str, scale: _Scale, until: datetime) -> tuple[Stretch, ...]:
    starts = [moment(row[name]) for row in rows]
    return tuple(
        _stretch(row, start, start if row["status"] in _ENDS else end, scale)
        for row, start, end in zip(rows, starts, [*starts[1:], until], strict=False)
    )


def _stretch(row: Json, start: datetime, end: datetime, scale: _Scale) -> Stretch:
    seconds = max((end - start).total_seconds(), 0)
    return Stretch(row["status"], scale.place(start), round(seconds / scale.seconds * 100, 3), span(seconds))


def _delay(row: Json, scale: _Scale) -> Delay:
    occurred, detected = moment(row["occurred_at"]), moment(row["detected_at"])
    return Delay(scale.place(occurred), scale.place(detected), span(max((detected - occurred).total_seconds(), 0)))
