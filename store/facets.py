"""Facets: what a job is that has few values, in one text. Lists of jobs are read along them. Pure.

However many jobs there are, there are few facets, and within each the jobs lie in the order of their ids. So whatever a
list is filtered by, it is a merge of a few streams: the cost is of the rows that it shows, not of those that it skips.

A facet holds the span of a job too, the rough class of the time from its registration to its end. A bound on the end is
then a bound on the registration, and so on the ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from store.ids import milliseconds
from store.records import Status

if TYPE_CHECKING:
    from datetime import datetime

    from store.records import Job


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet, taken apart; `span` is None before the end."""

    status: Status
    provider: str
    account: str
    kind: str
    span: int | None


def facet_of(job: Job) -> str:
    """The facet of a job. No name holds a space: the API takes none that does."""
    span = _span_of(job)
    return f"{job.status} {job.provider} {job.account} {job.kind} {'' if span is None else span}"


@lru_cache(maxsize=4096)
def parse_facet(text: str) -> Facet:
    """The parts of a facet."""
    status, provider, account, kind, span = text.split(" ")
    return Facet(Status(status), provider, account, kind, int(span) if span else None)


def _span_of(job: Job) -> int | None:
    """The class of the time from a job's registration to its end.

    0 is less than a second, n is from 4ⁿ⁻¹ to less than 4ⁿ seconds, -n the same for an end before the registration.
    """
    if job.finished_at is None:
        return None
    took = job.finished_at - job.created_at
    rank = (int(abs(took).total_seconds()).bit_length() + 1) // 2
    return rank if took > timedelta(0) else -rank


def registered_between(
    span: int | None, finished_after: datetime | None, finished_before: datetime | None
) -> tuple[int | None, int | None]:
    """The first and the last Unix millisecond in which a job was registered that took this span to end between these.

    None is no bound. What lies between them is only likely to be right.
    """
    if span is None:
        return None, None
    shortest, longest = _seconds_of(span)
    return (
        milliseconds(finished_after) - longest * 1000 - 1 if finished_after else None,
        milliseconds(finished_before) - shortest * 1000 + 1 if finished_before else None,
    )


def _seconds_of(span: int) -> tuple[int, int]:
    """The least and the most seconds of a span."""
    if span == 0:
        return -1, 1
    longest = 4 ** abs(span)
    shortest = longest // 4
    return (shortest, longest) if span > 0 else (-longest, -shortest)
