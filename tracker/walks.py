"""A walk through the pages of a list in search of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracker.rules.lists import Walk, not_shown
from tracker.rules.schedule import Timing, hinted_until
from tracker.rules.track import ask_alone, seen_in_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from store.records import Job, PollOutcome
    from tracker.accounts import Account
    from tracker.providers.listing import PageOf
    from tracker.rules.reading import Answer


class ListWalk:
    """The jobs that are sought, which are leased until a time, and the page to turn next.

    The list is asked for all of `asked` on each page: a token belongs to the query that it was given out for.
    """

    def __init__(self, account: Account, jobs: Iterable[Job], leased_until: datetime) -> None:
        self.account = account
        self.asked = tuple(jobs)
        self.sought = {job.id: job for job in self.asked}
        self.kind = self.asked[0].kind
        self.leased_until = leased_until
        self.is_turning = False
        self._walk = Walk()

    @property
    def page(self) -> str | None:
        """What names the next page; None for the first."""
        return self._walk.page

    def found_on(self, page: PageOf, decided: Callable[[Job, Answer], PollOutcome], now: datetime) -> list[PollOutcome]:
        """What a page shows of the jobs that are sought; those are sought no more."""
        found = [(self.sought.pop(id_), reading) for id_, reading in page.readings.items()]
        outcomes = [decided(seen_in_list(job), reading) for job, reading in found]
        unclear = [self.sought.pop(id_) for id_ in page.insufficient]
        outcomes += [ask_alone(job, now, not_before=hinted_until(now, page.retry_after)) for job in unclear]
        self._walk = self._walk.turned(page.next_page, len(outcomes))
        return outcomes

    def goes_on(self, page: PageOf) -> bool:
        """Whether the next page is worth its request."""
        return page.problem is None and not page.retry_after and self._walk.goes_on(len(self.sought))

    def give_up(self, now: datetime) -> list[PollOutcome]:
        """What becomes of the jobs that are still sought when their leases run out: they are asked for alone."""
        return [ask_alone(job, now, missed=self.page is not None) for job in self.sought.values()]

    def end(
        self, page: PageOf, timing: Timing, now: datetime, jitter: float
    ) -> tuple[tuple[PollOutcome, ...], tuple[Job, ...]]:
        """What becomes of the jobs that no page showed: outcomes, and jobs to be given back as they are."""
        rest = tuple(self.sought.values())
        return not_shown(rest, page.problem, page.retry_after, timing, now, jitter) if rest else ((), ())
