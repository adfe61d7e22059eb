"""The asynchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import httpx

from tracker.client import webhooks
from tracker.client.address import http_options, terms_of
from tracker.client.async_jobs import AsyncJobs
from tracker.client.async_shell import AsyncNoun, AsyncShell, method, pages
from tracker.client.calls import deliveries, service, subscriptions
from tracker.client.flows.streaming import feed, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from types import TracebackType

    from tracker.client.calls.call import Several
    from tracker.client.flows.terms import Surroundings
    from tracker.client.models.event import Event


class AsyncEvents(AsyncNoun):
    """`tracker.events`: what happened to all jobs."""

    def list(self, *, after: str | None = None, types: Several = (), page_size: int = 200) -> AsyncIterator[Event]:
        """What the feed holds, oldest first, to its present end; `event.cursor` is what `after` takes to go on.

        `types` are names or prefixes (`job.*`).
        """
        return self.shell.iterate(feed(after, types, page_size, self.shell.terms))

    def stream(self, *, after: str | None = None, types: Several = ()) -> AsyncGenerator[Event, None]:
        """Events as they happen, for ever: from now on, or what came after a cursor first.

        A broken connection is made anew, and from the service's first word on nothing is missed in between; only what
        cannot even begin raises. It holds a connection until it is closed (`contextlib.aclosing`) or let go of.
        """
        return self.shell.iterate(stream(after, types, self.shell.terms))


class AsyncSubscriptions(AsyncNoun):
    """`tracker.subscriptions`: where events go."""

    create = method(subscriptions.create)
    get = method(subscriptions.get_subscription)
    list = pages(subscriptions.list_subscriptions)
    update = method(subscriptions.update)
    remove = method(subscriptions.remove)
    test = method(subscriptions.test)
    rotate_secret = method(subscriptions.rotate_secret)
    replay = method(subscriptions.replay)
    replays = pages(subscriptions.list_replays)
    get_replay = method(subscriptions.get_replay)


class AsyncDeliveries(AsyncNoun):
    """`tracker.deliveries`: what became of an event on its way."""

    get = method(deliveries.get_delivery)
    list = pages(deliveries.list_deliveries)
    retry = method(deliveries.retry)


class AsyncProviders(AsyncNoun):
    """`tracker.providers`: the APIs that can be polled."""

    get = method(service.get_provider)
    list = method(service.list_providers)


class AsyncKeys(AsyncNoun):
    """`tracker.keys`: who may call; it takes an admin key."""

    create = method(service.create_key)
    get = method(service.get_key)
    list = pages(service.list_keys)
    revoke = method(service.revoke_key)


class AsyncWebhooks(AsyncNoun):
    """`tracker.webhooks`: what arrives at a callback URL."""

    verify = staticmethod(webhooks.verify)
    callback_secret = method(service.callback_secret)


class AsyncTracker:
    """A client that blocks; it may be shared by threads. Close it, or use it in `with`.

    `url` and `api_key` are those in TRACKER_URL and TRACKER_API_KEY unless given. `timeout` is seconds for each wait on
    the network; a job is waited for as long as `Job.wait` says. What cannot be reached or is busy (429, 503) is asked
    again up to `max_retries` times, with growing pauses, where asking twice does no harm. `http_client` is an httpx
    client of your own, for a proxy or other certificates; `surroundings` are time and dice. Raises TrackerError.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 30.0,
        max_retries: int = 4,
        http_client: httpx.AsyncClient | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._terms = terms_of(url, api_key, timeout, max_retries, surroundings)
        self._is_own = http_client is None
        self._http = http_client or httpx.AsyncClient(**http_options(self._terms))
        shell = AsyncShell(self._http, self._terms)
        self.jobs = AsyncJobs(shell)
        self.events = AsyncEvents(shell)
        self.subscriptions = AsyncSubscriptions(shell)
        self.deliveries = AsyncDeliveries(shell)
        self.providers = AsyncProviders(shell)
        self.keys = AsyncKeys(shell)
        self.webhooks = AsyncWebhooks(shell)

    async def aclose(self) -> None:
        """Closes the connections; an `http_client` of your own is yours to close."""
        if self._is_own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncTracker({self._terms.url!r})"
