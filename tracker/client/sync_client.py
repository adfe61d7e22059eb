"""The synchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import httpx

from tracker.client import webhooks
from tracker.client.address import http_options, terms_of
from tracker.client.calls import deliveries, service, subscriptions
from tracker.client.flows.streaming import feed, stream
from tracker.client.sync_jobs import Jobs
from tracker.client.sync_shell import Noun, Shell, method, pages

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType

    from tracker.client.calls.call import Several
    from tracker.client.flows.terms import Surroundings
    from tracker.client.models.event import Event


class Events(Noun):
    """`tracker.events`: what happened to all jobs."""

    def list(self, *, after: str | None = None, types: Several = (), page_size: int = 200) -> Iterator[Event]:
        """What the feed holds, oldest first, to its present end; `event.cursor` is what `after` takes to go on.

        `types` are names or prefixes (`job.*`).
        """
        return self.shell.iterate(feed(after, types, page_size, self.shell.terms))

    def stream(self, *, after: str | None = None, types: Several = ()) -> Generator[Event, None, None]:
        """Events as they happen, for ever: from now on, or what came after a cursor first.

        A broken connection is made anew, and from the service's first word on nothing is missed in between; only what
        cannot even begin raises. It holds a connection until it is closed (`contextlib.closing`) or let go of.
        """
        return self.shell.iterate(stream(after, types, self.shell.terms))


class Subscriptions(Noun):
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


class Deliveries(Noun):
    """`tracker.deliveries`: what became of an event on its way."""

    get = method(deliveries.get_delivery)
    list = pages(deliveries.list_deliveries)
    retry = method(deliveries.retry)


class Providers(Noun):
    """`tracker.providers`: the APIs that can be polled."""

    get = method(service.get_provider)
    list = method(service.list_providers)


class Keys(Noun):
    """`tracker.keys`: who may call; it takes an admin key."""

    create = method(service.create_key)
    get = method(service.get_key)
    list = pages(service.list_keys)
    revoke = method(service.revoke_key)


class Webhooks(Noun):
    """`tracker.webhooks`: what arrives at a callback URL."""

    verify = staticmethod(webhooks.verify)
    callback_secret = method(service.callback_secret)


class Tracker:
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
        http_client: httpx.Client | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._terms = terms_of(url, api_key, timeout, max_retries, surroundings)
        self._is_own = http_client is None
        self._http = http_client or httpx.Client(**http_options(self._terms))
        shell = Shell(self._http, self._terms)
        self.jobs = Jobs(shell)
        self.events = Events(shell)
        self.subscriptions = Subscriptions(shell)
        self.deliveries = Deliveries(shell)
        self.providers = Providers(shell)
        self.keys = Keys(shell)
        self.webhooks = Webhooks(shell)

    def close(self) -> None:
        """Closes the connections; an `http_client` of your own is yours to close."""
        if self._is_own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Tracker({self._terms.url!r})"
