"""Walking through the pages of a list: when to turn the next one, and what becomes of jobs that it did not show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tracker.rules.schedule import hinted_until
from tracker.rules.track import ask_alone, decide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.records import Job, PollOutcome
    from tracker.rules.reading import Problem
    from tracker.rules.schedule import Timing

MOST_BARREN_PAGES = 5
"""Pages in a row that show none of the jobs that are sought: then they are not in this list."""

OF_THE_ACCOUNT = ("unauthorized", "rate_limited")
"""Problems that every job of the account may well meet: one job carries them, the others wait for the account."""

FIRST_REST, LONGEST_REST = 10.0, 900.0
"""Seconds that a list is left alone which had a problem: the first time, and at most after doubling."""


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a walk through a list has come: the next page, and the pages in a row that showed nothing sought."""

    page: str | None = None
    barren: int = 0

    def turned(self, next_page: str | None, found: int) -> Walk:
        """The walk after a page that showed `found` of the jobs that are sought."""
        return Walk(next_page, 0 if found else self.barren + 1)

    def goes_on(self, sought: int) -> bool:
        """Whether the next page is worth its request, while `sought` jobs could be asked for one by one instead.

        A page may be empty though more follow, so an empty one is not the end; but a page costs as much as a job.
        """
        return self.page is not None and sought > 0 and self.barren < min(MOST_BARREN_PAGES, sought + 1)


@dataclass(frozen=True, slots=True)
class Rest:
    """How long the list of a kind is left alone: its jobs are asked for one by one meanwhile.

    A list may fail by itself, be forbidden, or be rated lower than single answers: only those tell.
    """

    until: datetime | None = None
    times: int = 0

    def is_over(self, now: datetime) -> bool:
        """Whether the list may be asked for."""
        return self.until is None or now >= self.until

    def after(self, problem: Problem | None, now: datetime) -> Rest:
        """The rest after a page of the list was asked for."""
        if problem is None:
            return Rest()
        seconds = min(FIRST_REST * 2.0 ** min(self.times, 16), LONGEST_REST)
        return Rest(now + timedelta(seconds=seconds), self.times + 1)


def not_shown(
    jobs: Sequence[Job], problem: Problem | None, hint: float | None, timing: Timing, now: datetime, jitter: float
) -> tuple[tuple[PollOutcome, ...], tuple[Job, ...]]:
    """What becomes of the jobs that a list did not show: outcomes, and jobs to be given back as they are.

    They are asked for alone, since absence from a list is not "not found". Where the account may be at fault the first
    job carries the problem and the others wait. Only a list that was sound to its end has missed a job.
    """
    if problem is not None and problem.code in OF_THE_ACCOUNT:
        first, *others = jobs
        return (decide(first, problem, timing, now, jitter),), tuple(others)
    at = hinted_until(now, hint)
    is_miss = problem is None and at is None
    return tuple(ask_alone(job, now, not_before=at, missed=is_miss) for job in jobs), ()
