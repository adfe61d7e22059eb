"""Watching jobs along the stream of events, until they have ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from store.records import FINAL_STATUSES, Status
from tracker.cli.connection import LARGEST_PAGE
from tracker.cli.following import Break, open_news
from tracker.cli.output import ExitCode, note, stop
from tracker.cli.screens import ended_well, is_final
from tracker.client.flows.streaming import Beat, Broken, News, Opened, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tracker.cli.connection import Connection
    from tracker.cli.output import Document
    from tracker.cli.screens import Screen
    from tracker.client.flows.terms import Surroundings

_SECONDS_BETWEEN_LOOKS = 10.0
"""What no event tells, a problem with polls or that a job was forgotten, is looked for at heartbeats."""
_MOST_MISSES = 15
"""Tries to reach the service again, some 50 seconds: a restart takes less."""


def unfinished_jobs(service: Connection) -> list[str]:
    """The ids of the jobs that are still tracked, newest first, as many as can be watched."""
    statuses = [status.value for status in Status if status not in FINAL_STATUSES]
    page = service.page("jobs", params={"status": statuses, "limit": LARGEST_PAGE})
    if page.get("next_cursor"):
        note(f"Watching the newest {LARGEST_PAGE} of the unfinished jobs.")
    return [job["id"] for job in page["data"]]


class Watch:
    """Some jobs that are watched: which of them have not ended, and how each was last seen."""

    def __init__(
        self,
        service: Connection,
        job_ids: Iterable[str],
        screen: Screen,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.left = list(dict.fromkeys(job_ids))
        self.seen: dict[str, Document] = {}
        self.all_well = True
        self._service = service
        self._screen = screen
        self._clock = clock
        self._looked_at = clock()
        self._break = Break()

    async def follow(self, surroundings: Surroundings | None = None) -> None:
        """Show the jobs until each has ended."""
        if not self.left:
            return
        # Asked anew after a break, it is for those that are left by then.
        async with open_news(self._service, {"job_id": self.left}, surroundings=surroundings) as stream:
            async for news in stream:
                self.take(news)
                if not self.left:
                    return

    def take(self, news: News) -> None:
        """Show what an event tells; look for oneself when the stream opens, and sometimes when it is quiet."""
        self._break.take(news)
        if isinstance(news, Told) and news.event.data.get("job"):
            self.show(news.event.data["job"])
        elif isinstance(news, Opened) or (isinstance(news, Beat) and self._is_look_due()):
            self._look()
        elif isinstance(news, Broken) and news.misses >= _MOST_MISSES:
            stop(f"Tracker cannot be reached any more ({news.reason}).", ExitCode.UNREACHABLE)

    def show(self, job: Document) -> None:
        """Show a job as it was at some time, unless it was seen as it was later."""
        last = self.seen.get(job["id"])
        if last is not None and job["updated_at"] < last["updated_at"]:
            return
        self.seen[job["id"]] = job
        self._screen.show(job)
        if is_final(job):
            self._end(job["id"], is_well=ended_well(job))

    def _is_look_due(self) -> bool:
        return self._clock() - self._looked_at >= _SECONDS_BETWEEN_LOOKS

    def _look(self) -> None:
        for job_id in tuple(self.left):
            job = self._service.find("jobs", job_id)
            if job is None:
                note(f"Error: {job_id} was not found.")
                self._end(job_id, is_well=False)
            else:
                self.show(job)
        self._looked_at = self._clock()

    def _end(self, job_id: str, *, is_well: bool) -> None:
        if job_id in self.left:
            self.left.remove(job_id)
            self.all_well = self.all_well and is_well
