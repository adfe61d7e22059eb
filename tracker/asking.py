"""Asks providers about jobs: request, exchange, reading, and what the answer says of the account."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import structlog

from tracker.providers.catalog import MissingCredentialsError
from tracker.providers.environment import ProviderError
from tracker.providers.listing import PageOf
from tracker.rules.exchange import ExchangeFailure, ExchangeResult, HttpRequest
from tracker.rules.reading import Answer, Problem, Unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from store.records import Job
    from tracker.accounts import Account
    from tracker.outbound import Outbound
    from tracker.providers.catalog import Catalog
    from tracker.surroundings import Surroundings

T = TypeVar("T")

_AT_ONCE_SECONDS = 1.0
"""A kept connection that is no more is noticed at once; who hangs up later has taken the request."""

_log = structlog.stdlib.get_logger("tracker")


class Asker:
    """What the polling loop knows of providers. It raises nothing but cancellation.

    `asked` is called with the provider's name at each request that is sent.
    """

    def __init__(
        self, catalog: Catalog, outbound: Outbound, surroundings: Surroundings, asked: Callable[[str], None]
    ) -> None:
        self._catalog = catalog
        self._outbound = outbound
        self._surroundings = surroundings
        self._asked = asked

    async def ask(self, job: Job, account: Account) -> Answer:
        """What the provider says of a job."""
        answer: Answer
        try:
            provider = self._catalog.find(job.provider)
            result = await self._exchange(provider.request(job), account)
            answer = provider.read(job, result, self._surroundings.now())
        except Exception as error:
            answer = problem_of(error, job.id)
        account.note(answer)
        return answer

    async def turn_page(
        self, asked: Sequence[Job], sought: Sequence[Job], page: str | None, account: Account
    ) -> PageOf:
        """What a page of the list that is asked for `asked` says of those of them that are still sought."""
        first = asked[0]
        try:
            provider = self._catalog.find(first.provider)
            result = await self._exchange(provider.list_request(asked, page), account)
            found = provider.read_page(sought, result, self._surroundings.now())
        except Exception as error:
            found = PageOf(problem=problem_of(error, first.id))
        account.note(found.problem or Unchanged())
        account.note_list(first.kind, found.problem)
        return found

    def list_interval(self, provider: str, kind: str) -> float | None:
        """The interval in seconds of a kind whose jobs a list shows; None: they are asked for one by one."""

        def interval() -> float | None:
            known = self._catalog.find(provider)
            return known.timing(kind).interval if known.has_list(kind) else None

        return self._known(interval, None)

    def list_key(self, job: Job, now: datetime) -> str | None:
        """Jobs with one key can be sought in one list; None: no list shows this one."""
        return self._known(lambda: self._catalog.find(job.provider).list_key(job, now), None)

    def most_by_one_request(self, job: Job) -> int | None:
        """How many jobs like this one a list request can name; None: it names none."""
        return self._known(lambda: self._catalog.find(job.provider).most_by_one_request(job.kind), None)

    async def _exchange(self, request: HttpRequest, account: Account) -> ExchangeResult:
        started = asyncio.get_running_loop().time()
        self._asked(account.provider)
        result = await self._outbound.exchange(request)
        is_hung_up = isinstance(result, ExchangeFailure) and result.is_hung_up and request.method == "GET"
        was_at_once = asyncio.get_running_loop().time() - started < _AT_ONCE_SECONDS
        if is_hung_up and was_at_once and account.room(self._surroundings.now()) > 0:
            # The far side let go of a connection that was kept for the next request, as it may at any time.
            account.begin()
            self._asked(account.provider)
            try:
                result = await self._outbound.exchange(request)
            finally:
                account.end()
        account.reach.note(result)
        return result

    @staticmethod
    def _known(look: Callable[[], T], otherwise: T) -> T:
        try:
            return look()
        except ProviderError:
            return otherwise


def problem_of(error: Exception, job_id: str) -> Problem:
    """What a poll that raised this shows: the job keeps a next poll, and a fault of ours is told in the log."""
    if isinstance(error, MissingCredentialsError):
        return Problem("unauthorized", str(error))
    if isinstance(error, ProviderError):
        return Problem("invalid", str(error))
    # A fault of ours must not leave the job without a next poll, nor pass unseen.
    _log.error("poll.failed", job_id=job_id, exc_info=error)
    return Problem("invalid", f"Tracker failed to poll this job: {type(error).__name__}.")
