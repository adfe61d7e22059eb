"""What is measured when Prometheus asks: how long the oldest work is due, and what is taken, held or waited for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import Gauge
from prometheus_client.exposition import choose_encoder

from tracker.rules.accounts import AccountStatus
from tracker.waiting import what_waits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tracker.metrics import Metrics
    from tracker.parts import Parts

_HELD = (AccountStatus.SLOWED, AccountStatus.SUSPENDED)
_OPENMETRICS = "application/openmetrics-text"
_OF_ALL = "Read from the database, so the same for every process on it."


class Gauges:
    """Measures, and tells that with all that was counted. It costs the number of lanes, not of what waits in them.

    `slots` are there in all, by the name of their loop.
    """

    def __init__(self, metrics: Metrics, parts: Parts, slots: Mapping[str, int]) -> None:
        self._metrics = metrics
        self._parts = parts
        self._lay_out()
        self._follow(slots, {"poll": lambda: parts.poller.busy, "deliver": lambda: parts.deliverer.busy})

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """All metrics and their media type: OpenMetrics for those who accept that, else Prometheus' text."""
        now = self._parts.surroundings.now()
        waiting = await what_waits(self._parts, now)
        self._oldest_poll.set(waiting.oldest_poll)
        self._oldest_delivery.set(waiting.oldest_delivery)
        self._held_subscribers.set(waiting.held_subscribers)
        self._measure_accounts()
        # The library fails on versions that it does not know.
        encode, media_type = choose_encoder(_OPENMETRICS if _OPENMETRICS in accept else "")
        return encode(self._metrics.registry), media_type

    def _measure_accounts(self) -> None:
        held: Counter[tuple[str, str]] = Counter()
        unreachable: set[str] = set()
        for account in self._parts.accounts:
            provider = self._metrics.label_of(account.provider)
            held.update({(provider, status): account.standing.status is status for status in _HELD})
            unreachable |= {provider} if account.reach.breaker.is_open else set()
        for (provider, status), count in held.items():
            self._held_accounts.labels(provider, status).set(count)
            self._open_breakers.labels(provider).set(provider in unreachable)

    def _lay_out(self) -> None:
        registry = self._metrics.registry
        self._oldest_poll = Gauge(
            "tracker_oldest_due_poll_seconds",
            f"Seconds that the oldest due poll waits, of accounts that are not held. {_OF_ALL}",
            registry=registry,
        )
        self._oldest_delivery = Gauge(
            "tracker_oldest_due_delivery_seconds",
            f"Seconds that the oldest due delivery waits, of subscribers that are not held. {_OF_ALL}",
            registry=registry,
        )
        self._held_subscribers = Gauge(
            "tracker_held_subscribers",
            f"Subscribers that something waits for and that a breaker holds back. {_OF_ALL}",
            registry=registry,
        )
        self._held_accounts = Gauge(
            "tracker_held_accounts",
            "Accounts whose provider refuses their credentials (suspended) or wants fewer requests (slowed).",
            ("provider", "status"),
            registry=registry,
        )
        self._open_breakers = Gauge(
            "tracker_open_breakers", "1 where the provider cannot be reached.", ("provider",), registry=registry
        )

    def _follow(self, slots: Mapping[str, int], busy: Mapping[str, Callable[[], int]]) -> None:
        """What is counted in memory is looked at when the metrics are told."""
        registry, parts = self._metrics.registry, self._parts
        total = Gauge("tracker_slots", "Requests that there may be at a time, by loop.", ("loop",), registry=registry)
        taken = Gauge("tracker_busy_slots", "Slots that are taken.", ("loop",), registry=registry)
        for loop, count in slots.items():
            total.labels(loop).set(count)
            taken.labels(loop).set_function(busy[loop])
        writes = Gauge("tracker_waiting_writes", "Writes that wait for their transaction.", registry=registry)
        writes.set_function(lambda: parts.database.waiting_writes)
        requests = Gauge("tracker_waiting_requests", "Requests that wait for the end of a job.", registry=registry)
        requests.set_function(lambda: parts.bell.waiters)
