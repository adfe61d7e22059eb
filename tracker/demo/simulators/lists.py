"""Lists of jobs in pages, newest first.

A token is a place in the order: a job that moves to the front while somebody turns the pages is missed.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tracker.demo.simulators.world import SimulatedJob

Dated = tuple[int, "SimulatedJob"]
"""A job and the moment that it is sorted by."""

_Place = tuple[int, str]
_BEGINNING: _Place = (-(2**62), "")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Listing:
    """How a provider's list behaves.

    No page holds more than `page_size` rows. A job appears in the list `late_seconds` after its making. Each
    `empty_every`-th request gets a page without rows that still has a token, and each `short_every`-th half a page;
    0 is never.
    """

    page_size: int = 100
    late_seconds: float = 0.0
    empty_every: int = 0
    short_every: int = 0

    def __post_init__(self) -> None:
        if self.page_size < 1 or self.empty_every == 1:
            message = f"No row would ever be listed with page_size={self.page_size}, empty_every={self.empty_every}."
            raise ValueError(message)

    def rows(self, asked: int, number: int) -> int:
        """How many rows the page may hold that answers the `number`-th request."""
        size = min(asked, self.page_size)
        if self.empty_every and number % self.empty_every == 0:
            return 0
        return max(size // 2, 1) if self.short_every and number % self.short_every == 0 else size


@dataclass(frozen=True, slots=True)
class Page:
    """Jobs in order, and the token of the next page; None when this is the last one."""

    jobs: tuple[SimulatedJob, ...]
    token: str | None


def page_of(jobs: Iterable[Dated], size: int, token: str | None) -> Page:
    """The jobs that follow the token's place, `size` of them at most; a page of size 0 leads back to its own place.

    Raises HTTPException 400 for a token that no page had.
    """
    place = _BEGINNING if token is None else _place_of(token)
    following = sorted((-moment, job.id, job) for moment, job in jobs if (-moment, job.id) > place)
    rows = following[:size]
    is_last = len(rows) == len(following) and size > 0
    next_place = rows[-1][:2] if rows else place
    return Page(tuple(job for _, _, job in rows), None if is_last else _token_of(next_place))


def moment_of(at: datetime) -> int:
    """A time as providers tell and compare it: in whole milliseconds."""
    return (at - _EPOCH) // _MILLISECOND


def time_in(query: Mapping[str, str], name: str) -> datetime | None:
    """A time in the query; HTTPException 400 when it is none, or has no zone."""
    text = query.get(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise HTTPException(400, f"{name} is {text!r}; it must be an ISO 8601 time with a zone.")
    return at


def number_in(query: Mapping[str, str], name: str, usual: int, most: int) -> int:
    """A number from 1 to `most` in the query; HTTPException 400 when it is none."""
    text = query.get(name, str(usual))
    if not (re.fullmatch("[0-9]{1,9}", text) and 1 <= int(text) <= most):
        raise HTTPException(400, f"{name} is {text!r}; it must be a number from 1 to {most}.")
    return int(text)


def _token_of(place: _Place) -> str:
    return base64.urlsafe_b64encode(f"{place[0]}/{place[1]}".encode()).decode()


def _place_of(token: str) -> _Place:
    try:
        moment, _, job_id = base64.urlsafe_b64decode(token).decode().partition("/")
        return int(moment), job_id
    except ValueError as error:
        raise HTTPException(400, f"The token {token!r} is none that a page had.") from error
