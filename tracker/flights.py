"""The attempts that are in flight, counted in the ways that slots are shared by."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tracker.rules.slots import FIRST_TRUST, InFlight, host_of, trust_after

if TYPE_CHECKING:
    from store.records import ClaimedDelivery, Delivery


class Flights:
    """Counts attempts from their start until they are written, and how far each subscriber is trusted."""

    def __init__(self) -> None:
        self._by_subscriber: Counter[str] = Counter()
        self._by_host: Counter[str] = Counter()
        self._retries = 0
        self.begun = 0
        """All that ever started."""
        # By claim: a delivery whose lease was lost may fly twice.
        self._flying: dict[tuple[str, int], tuple[str, bool]] = {}
        self._trust: dict[str, int] = {}

    def start(self, claimed: ClaimedDelivery, *, is_retry: bool) -> None:
        """An attempt of this delivery takes a slot."""
        host = host_of(claimed.url)
        self._flying[_claim_of(claimed.delivery)] = host, is_retry
        self._by_subscriber[claimed.delivery.subscriber] += 1
        self._by_host[host] += 1
        self._retries += is_retry
        self.begun += 1

    def end(self, delivery: Delivery) -> None:
        """Its slot is free again."""
        host, is_retry = self._flying.pop(_claim_of(delivery))
        self._retries -= is_retry
        for counts, name in ((self._by_subscriber, delivery.subscriber), (self._by_host, host)):
            counts[name] -= 1
            if not counts[name]:
                del counts[name]

    def note(self, subscriber: str, *, arrived: bool) -> None:
        """An attempt showed how the subscriber answers."""
        trust = trust_after(self._trust.pop(subscriber, FIRST_TRUST), arrived=arrived)
        if trust != FIRST_TRUST:
            self._trust[subscriber] = trust

    def subscribers(self) -> list[str]:
        """Those that attempts are under way to."""
        return list(self._by_subscriber)

    def as_they_are(self) -> InFlight:
        """The counts at this moment."""
        return InFlight(self._by_subscriber, self._by_host, self._retries, self._trust)

    def __len__(self) -> int:
        return len(self._flying)


def _claim_of(delivery: Delivery) -> tuple[str, int]:
    return delivery.id, delivery.lease_epoch
