"""Walking through the pages of a list: when to turn the next one, and what becomes of jobs that it did not show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracker.rules.schedule import hinted_until
from tracker.rules.track import ask_alone, decide

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from store.records import Job, PollOutcome
    from tracker.rules.reading import Problem
    from tracker.rules.schedule import Timing

MOST_BARREN_PAGES = 5
"""Pages in a row that show none of the jobs that are sought: then they are not in this list."""

OF_THE_ACCOUNT = ("unauthorized", "rate_limited", "connection", "timeout")
"""Problems that every job of the account would meet: one job carries them, the others wait for the account."""


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


def not_shown(
    jobs: Sequence[Job], problem: Problem | None, hint: float | None, timing: Timing, now: datetime, jitter: float
) -> tuple[tuple[PollOutcome, ...], tuple[Job, ...]]:
    """What becomes of the jobs that a list did not show: outcomes, and jobs to be given back as they are.

    They are asked for alone, since absence from a list is not "not found". Where the account itself is at fault the
    first job carries the problem and the others wait.
    """
    if problem is not None and problem.code in OF_THE_ACCOUNT:
        first, *others = jobs
        return (decide(first, problem, timing, now, jitter),), tuple(others)
    at = hinted_until(now, hint)
    return tuple(ask_alone(job, now, not_before=at, missed=True) for job in jobs), ()
