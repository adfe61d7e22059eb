"""How the service stands, over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.records import Status
from tracker import __version__
from tracker.api.context import Context, context_of
from tracker.api.pages import json_response
from tracker.rules.accounts import AccountStatus
from tracker.rules.payload import rfc3339, rfc3339_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from tracker.present import Loop, Overview


async def show(request: Request) -> Response:
    """`GET /v1/overview`: for pages that ask again and again; what is counted is up to some seconds old."""
    context = context_of(request)
    seen = await context.overview()
    told = {
        "at": rfc3339(context.surroundings.now()),
        "version": __version__,
        "started_at": rfc3339(seen.started_at),
        "replicas": seen.replicas,
        "jobs": _jobs_payload(seen),
        "polls": _loop_payload(seen.polling, seen.waiting.oldest_poll),
        "deliveries": _deliveries_payload(seen),
        "accounts": list(_held_accounts(context)),
        "breakers": list(_open_breakers(context)),
    }
    return json_response(told)


def _jobs_payload(seen: Overview) -> dict[str, Any]:
    jobs = seen.census.jobs
    total = {status: sum(counts.get(status, 0) for counts in jobs.values()) for status in Status}
    return {
        "counted_at": rfc3339(seen.counted_at),
        "by_status": _each_status(total),
        "by_provider": {name: _each_status(counts) for name, counts in sorted(jobs.items())},
    }


def _each_status(counts: Mapping[Status, int]) -> dict[str, int]:
    return {status.value: counts.get(status, 0) for status in Status}


def _loop_payload(loop: Loop, oldest: float) -> dict[str, Any]:
    return {"slots": loop.slots, "busy_slots": loop.busy, "oldest_due_seconds": round(oldest, 3)}


def _deliveries_payload(seen: Overview) -> dict[str, Any]:
    census = seen.census
    counts = {"pending": census.pending, "exhausted": census.exhausted, "blocked": census.blocked}
    held = {"held_subscribers": seen.waiting.held_subscribers}
    return _loop_payload(seen.delivering, seen.waiting.oldest_delivery) | held | counts


def _held_accounts(context: Context) -> Iterable[dict[str, Any]]:
    for account in sorted(context.accounts, key=lambda account: (account.provider, account.name)):
        standing = account.standing
        if standing.status is not AccountStatus.ACTIVE:
            yield {
                "provider": account.provider,
                "name": account.name,
                "status": standing.status.value,
                "since": rfc3339_or_none(standing.since),
                "retry_at": rfc3339_or_none(standing.until),
                "message": standing.message,
            }


def _open_breakers(context: Context) -> Iterable[dict[str, Any]]:
    reaches = {account.provider: account.reach for account in context.accounts}
    for provider, reach in sorted(reaches.items()):
        breaker = reach.breaker
        if breaker.is_open:
            yield {
                "provider": provider,
                "failures": breaker.failures,
                "since": rfc3339_or_none(breaker.since),
                "retry_at": rfc3339_or_none(breaker.until),
            }
