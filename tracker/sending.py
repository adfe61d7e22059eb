"""One attempt of a delivery: sign → post → judge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from store.records import Attempt, AttemptOutcome, AttemptResult, ClaimedDelivery
from tracker.rules import retry
from tracker.rules.exchange import ExchangeFailure, ExchangeResult, HttpRequest, retry_after
from tracker.rules.payload import webhook_body

if TYPE_CHECKING:
    from datetime import datetime

    from tracker.outbound import Outbound
    from tracker.signer import Signer
    from tracker.surroundings import Surroundings

KEPT_OF_ANSWER = 4096
"""Bytes of a subscriber's answer that are read and kept."""


class Sender:
    """Makes attempts.

    `schedule` are the seconds to wait after attempt 1, 2, …; `jobs_url` is where a thin webhook says that its job can
    be asked for.
    """

    def __init__(
        self,
        outbound: Outbound,
        surroundings: Surroundings,
        schedule: tuple[float, ...],
        signer: Signer,
        jobs_url: str,
    ) -> None:
        self._outbound = outbound
        self._surroundings = surroundings
        self._schedule = schedule
        self._signer = signer
        self._jobs_url = jobs_url

    async def attempt(self, claimed: ClaimedDelivery) -> AttemptOutcome:
        """Sends a delivery once, and tells what that makes of it."""
        started = self._surroundings.now()
        result = await self._outbound.exchange(self._request(claimed, started))
        now = self._surroundings.now()
        attempt = self._judged(claimed, result, started, now)
        asked = None if isinstance(result, ExchangeFailure) else retry_after(result.headers, now)
        is_ours = isinstance(result, ExchangeFailure) and result.is_ours
        jitter = self._surroundings.jitter()
        return retry.decide(claimed.delivery, attempt, self._schedule, now, jitter, asked, is_ours=is_ours)

    def _request(self, claimed: ClaimedDelivery, now: datetime) -> HttpRequest:
        body = webhook_body(claimed.body, claimed.delivery.payload, self._jobs_url)
        return HttpRequest("POST", claimed.url, self._signer.headers(claimed, body, now), body)

    def _judged(self, claimed: ClaimedDelivery, result: ExchangeResult, started: datetime, now: datetime) -> Attempt:
        attempt = Attempt(
            self._surroundings.new_id("att"),
            claimed.delivery.id,
            claimed.delivery.attempts + 1,
            started,
            max(round((now - started).total_seconds() * 1000), 0),
            AttemptResult.DELIVERED,
            address=result.trace.address,
            is_private=result.trace.is_private,
            phases=result.trace.phases,
        )
        if isinstance(result, ExchangeFailure):
            return replace(attempt, outcome=_result_of(result), error=result.message, error_class=result.error_class)
        outcome = retry.judge(result.status)
        error = None if outcome is AttemptResult.DELIVERED else f"The subscriber answered HTTP {result.status}."
        body = result.body.decode("utf-8", "replace").replace("\0", "")
        return replace(attempt, outcome=outcome, http_status=result.status, error=error, response_body=body)


def _result_of(failure: ExchangeFailure) -> AttemptResult:
    try:
        return AttemptResult(failure.code)
    except ValueError:
        return AttemptResult.CONNECTION
