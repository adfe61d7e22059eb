"""Providers over REST: what is described, and how their accounts stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.records import Status
from tracker.api.context import Context, context_of
from tracker.api.learned import learned_payload
from tracker.api.pages import json_response, list_response
from tracker.api.problems import ApiError
from tracker.providers.environment import DEFAULT_ACCOUNT, ProviderError
from tracker.rules.payload import rfc3339_or_none

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tracker.accounts import Account, Reach
    from tracker.providers.catalog import Provider
    from tracker.providers.description import Kind
    from tracker.rules.accounts import Budget


async def index(request: Request) -> Response:
    """`GET /v1/providers`: all of them, by name."""
    context = context_of(request)
    providers = sorted(context.catalog, key=lambda provider: provider.description.name)
    return list_response(request, [_payload(context, provider) for provider in providers], None)


async def show(request: Request) -> Response:
    """`GET /v1/providers/{name}`."""
    context = context_of(request)
    try:
        provider = context.catalog.find(request.path_params["name"])
    except ProviderError as error:
        raise ApiError(404, str(error)) from error
    return json_response(_payload(context, provider) | {"learned": learned_payload(context, provider)})


def _payload(context: Context, provider: Provider) -> dict[str, Any]:
    described = provider.description
    known = {account.name: account for account in context.accounts.of(described.name)}
    names = [*known, *(name for name in provider.accounts() if name not in known)]
    return {
        "name": described.name,
        "title": described.title,
        "docs": described.docs,
        "base_url": provider.base_url,
        "default_kind": described.kind_if_unnamed,
        "credentials": sorted(described.variables().values()),
        "budget": _budget_payload(provider.budget(DEFAULT_ACCOUNT)),
        "breaker": _breaker_payload(context.accounts.reach(described.name)),
        "accounts": [
            _account_payload(context.accounts.find(described.name, name), has_credentials=name in provider.accounts())
            for name in sorted(names)
        ],
        "kinds": {name: _kind_payload(kind) for name, kind in described.kinds.items()},
    }


def _kind_payload(kind: Kind) -> dict[str, Any]:
    words = {status.value: list(getattr(kind.status, status.value)) for status in Status} if kind.status else {}
    return {
        "path": kind.path,
        "statuses": {status: known for status, known in words.items() if known},
        "timing": kind.timing.model_dump(),
        "result_lifetime": kind.result_lifetime,
        "lists": kind.list is not None,
        "cancels": kind.cancel is not None,
    }


def _account_payload(account: Account, *, has_credentials: bool) -> dict[str, Any]:
    standing = account.standing
    return {
        "name": account.name,
        "has_credentials": has_credentials,
        "status": standing.status.value,
        "since": rfc3339_or_none(standing.since),
        "retry_at": rfc3339_or_none(standing.until),
        "message": standing.message,
        "budget": _budget_payload(account.budget),
        "in_flight": account.in_flight,
    }


def _budget_payload(budget: Budget) -> dict[str, Any]:
    return {"requests_per_second": budget.requests_per_second, "concurrent": budget.concurrent}


def _breaker_payload(reach: Reach) -> dict[str, Any]:
    breaker = reach.breaker
    return {
        "is_open": breaker.is_open,
        "failures": breaker.failures,
        "since": rfc3339_or_none(breaker.since),
        "retry_at": rfc3339_or_none(breaker.until),
    }
