"""How free slots are shared among subscribers, so that a slow or dead one never delays another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from store.records import Lane, Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

IN_FLIGHT_PER_SUBSCRIBER = 4
"""Attempts that a subscriber may have in flight, unless its subscription says otherwise."""

FIRST_TRUST = 1
MOST_TRUST = 128


@dataclass(frozen=True, slots=True)
class Slots:
    """How many attempts may be in flight: in all, to one host, and retries.

    What retries may not take is there for first tries, however many subscribers fail.
    """

    total: int
    per_host: int
    for_retries: int


def slots_of(total: int) -> Slots:
    """A quarter is kept from any one host, and from retries."""
    most = max(total * 3 // 4, 1)
    return Slots(total, per_host=most, for_retries=most)


@dataclass(frozen=True, slots=True)
class InFlight:
    """Attempts in flight, by subscriber and by host, and how many are retries; `trust` is how many each may have."""

    by_subscriber: Mapping[str, int] = field(default_factory=dict)
    by_host: Mapping[str, int] = field(default_factory=dict)
    retries: int = 0
    trust: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_subscriber.values())


def share_slots(lanes: Sequence[Lane], in_flight: InFlight, slots: Slots, now: datetime) -> tuple[Share, ...]:
    """How many due deliveries of each lane to claim for the slots that are free.

    Slots go round, one each, those due longest first. First tries go before retries; what a subscriber on trial is
    served counts as a retry.
    """
    ready = [lane for lane in lanes if lane.held_until is None or lane.held_until <= now]
    rooms = _Rooms(ready, in_flight, slots)
    free = slots.total - in_flight.total
    first_tries = [(lane.first_try_at, lane.subscriber) for lane in ready if lane.held_until is None]
    first = rooms.share(_due(first_tries, now), free)
    free -= sum(first.values())
    again = [_retry_or_trial(lane) for lane in ready]
    is_retry = {subscriber: is_retry for _, subscriber, is_retry in again}
    queue = _due([(at, subscriber) for at, subscriber, _ in again], now)
    second = rooms.share(queue, min(free, slots.for_retries - in_flight.retries))
    return (
        *(Share(subscriber, False, count) for subscriber, count in first.items()),
        *(Share(subscriber, is_retry[subscriber], count) for subscriber, count in second.items()),
    )


def next_due_at(lanes: Sequence[Lane], in_flight: InFlight, slots: Slots) -> datetime | None:
    """When a lane that has room is due next; the others are looked at when an attempt ends."""
    rooms = _Rooms(lanes, in_flight, slots)
    return min((at for lane in lanes if rooms.has_room(lane.subscriber) and (at := ready_at(lane))), default=None)


def cap_of(lane: Lane, trust: int | None) -> int:
    """How many attempts a subscriber may have in flight: one while it is on trial, and more as attempts arrive."""
    if lane.held_until is not None:
        return 1
    return min(lane.max_in_flight or IN_FLIGHT_PER_SUBSCRIBER, FIRST_TRUST if trust is None else trust)


def trust_after(trust: int, *, arrived: bool) -> int:
    """How many attempts a subscriber may have in flight after one of them has ended."""
    return min(trust * 2, MOST_TRUST) if arrived else max(trust // 2, 1)


def host_of(url: str) -> str:
    """Host and port that a callback URL leads to."""
    return urlsplit(url).netloc


class _Rooms:
    """How many more attempts each subscriber and each host has room for."""

    def __init__(self, lanes: Sequence[Lane], in_flight: InFlight, slots: Slots) -> None:
        # The subscriber of jobs' own callbacks is the origin that they lead to.
        self._hosts = {lane.subscriber: host_of(lane.callback_url or lane.subscriber) for lane in lanes}
        self._of_subscriber = {
            lane.subscriber: cap_of(lane, in_flight.trust.get(lane.subscriber))
            - in_flight.by_subscriber.get(lane.subscriber, 0)
            for lane in lanes
        }
        self._of_host = {host: slots.per_host - in_flight.by_host.get(host, 0) for host in self._hosts.values()}

    def has_room(self, subscriber: str) -> bool:
        """Whether it may have one more attempt in flight."""
        return self._of_subscriber[subscriber] > 0 and self._of_host[self._hosts[subscriber]] > 0

    def share(self, queue: Sequence[str], free: int) -> dict[str, int]:
        """Gives slots out one by one, round and round, until none is free or nobody has room."""
        counts: dict[str, int] = {}
        while free > 0 and (queue := [subscriber for subscriber in queue if self.has_room(subscriber)]):
            for subscriber in queue:
                if free > 0 and self.has_room(subscriber):
                    self._of_subscriber[subscriber] -= 1
                    self._of_host[self._hosts[subscriber]] -= 1
                    counts[subscriber] = counts.get(subscriber, 0) + 1
                    free -= 1
        return counts


def _due(times: Sequence[tuple[datetime | None, str]], now: datetime) -> list[str]:
    """Those whose time has come, the longest due first."""
    return [subscriber for _, subscriber in sorted((at, name) for at, name in times if at is not None and at <= now)]


def _retry_or_trial(lane: Lane) -> tuple[datetime | None, str, bool]:
    """When the next retry of a lane is due; of a subscriber on trial, whatever is due first, and whether it is one."""
    first_try_at, retry_at = lane.first_try_at, lane.retry_at
    is_on_trial = lane.held_until is not None
    if is_on_trial and first_try_at is not None and (retry_at is None or first_try_at <= retry_at):
        return first_try_at, lane.subscriber, False
    return retry_at, lane.subscriber, True


def ready_at(lane: Lane) -> datetime | None:
    """When a lane has something that may be sent, unless its subscriber or its host has its fill by then."""
    due = min((at for at in (lane.first_try_at, lane.retry_at) if at is not None), default=None)
    return due if due is None or lane.held_until is None else max(due, lane.held_until)
