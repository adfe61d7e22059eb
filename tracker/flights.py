"""The attempts that are in flight, counted in the ways that slots are shared by."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tracker.rules.slots import FIRST_TRUST, InFlight, host_of, trust_after

if TYPE_CHECKING:
    from store.records import ClaimedDelivery


class Flights:
    """Counts attempts from their start until they are written, and how far each subscriber is trusted."""

    def __init__(self) -> None:
        self._by_subscriber: Counter[str] = Counter()
        self._by_host: Counter[str] = Counter()
        self._retries: dict[str, ClaimedDelivery] = {}
        self._flying: dict[str, ClaimedDelivery] = {}
        self._trust: dict[str, int] = {}

    def start(self, claimed: ClaimedDelivery, *, is_retry: bool) -> None:
        """An attempt of this delivery takes a slot."""
        delivery = claimed.delivery
        self._flying[delivery.id] = claimed
        if is_retry:
            self._retries[delivery.id] = claimed
        self._by_subscriber[delivery.subscriber] += 1
        self._by_host[host_of(claimed.url)] += 1

    def end(self, delivery_id: str) -> None:
        """Its slot is free again."""
        claimed = self._flying.pop(delivery_id)
        self._retries.pop(delivery_id, None)
        for counts, name in ((self._by_subscriber, claimed.delivery.subscriber), (self._by_host, host_of(claimed.url))):
            counts[name] -= 1
            if not counts[name]:
                del counts[name]

    def note(self, subscriber: str, *, arrived: bool) -> None:
        """An attempt showed how the subscriber answers."""
        trust = trust_after(self._trust.pop(subscriber, FIRST_TRUST), arrived=arrived)
        if trust != FIRST_TRUST:
            self._trust[subscriber] = trust

    def as_they_are(self) -> InFlight:
        """The counts at this moment."""
        return InFlight(self._by_subscriber, self._by_host, len(self._retries), self._trust)
