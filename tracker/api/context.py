"""What the handlers work with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from starlette.requests import Request

    from store.deliveries import Deliveries
    from store.events import Events
    from store.jobs import Jobs
    from store.keys import Keys
    from store.records import KeptAnswer, Replay
    from store.replays import Replays
    from store.subscriptions import Subscriptions
    from store.vault import Vault
    from tracker.accounts import Accounts
    from tracker.api.idempotency import Idempotency
    from tracker.api.limits import Limit
    from tracker.bell import Bell
    from tracker.feed import Feed
    from tracker.intervals import Intervals
    from tracker.key_ring import KeyRing
    from tracker.present import Overview
    from tracker.providers.catalog import Catalog
    from tracker.rules.addresses import Allowed
    from tracker.rules.exchange import ExchangeResult, HttpRequest
    from tracker.surroundings import Surroundings
    from tracker.tally import Tally


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of a running service that the API uses.

    `callback_flaw` says why a callback URL is refused (None: it is not); `ask_provider` sends a request to a provider.
    `poll_at` asks the polling loop for a tick at a time, `deliver` the delivery loop for one at once. `start_replay`
    begins a replay and counts the first of it. `overview` says how the service stands, and `unready` why it is not
    ready, if it is not. `scrape` tells the metrics in the form that an Accept header asks for, and its media type.
    """

    jobs: Jobs
    events: Events
    subscriptions: Subscriptions
    deliveries: Deliveries
    replays: Replays
    keys: Keys
    key_ring: KeyRing
    idempotency: Idempotency
    limit: Limit
    catalog: Catalog
    accounts: Accounts
    intervals: Intervals
    surroundings: Surroundings
    bell: Bell
    feed: Feed
    tally: Tally
    allowed: Allowed
    callback_secret: str = field(repr=False)
    public_key: str
    vault: Vault
    callback_flaw: Callable[[str, Allowed], str | None]
    ask_provider: Callable[[HttpRequest], Awaitable[ExchangeResult]]
    poll_at: Callable[[datetime], None]
    deliver: Callable[[], None]
    start_replay: Callable[[Replay, Callable[[Replay], KeptAnswer | None]], Awaitable[Replay]]
    overview: Callable[[], Awaitable[Overview]]
    unready: Callable[[], Awaitable[list[str]]]
    scrape: Callable[[str], Awaitable[tuple[bytes, str]]]


def context_of(request: Request) -> Context:
    """The running service's context; the service puts it there before it listens."""
    return cast("Context", request.app.state.context)
