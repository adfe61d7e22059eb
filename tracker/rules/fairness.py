"""How free slots are shared among subscribers, so that a slow or dead one never delays another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.records import Lane, Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


def share_slots(
    lanes: Sequence[Lane], in_flight: Mapping[str, int], cap: int, free: int, now: datetime
) -> tuple[Share, ...]:
    """How many due deliveries of each lane to claim for `free` slots.

    No subscriber gets more than `cap` in flight. Slots go round, one each, those due longest first; first tries go
    before retries.
    """
    room = {lane.subscriber: cap - in_flight.get(lane.subscriber, 0) for lane in lanes}
    shares: list[Share] = []
    for is_retry in (False, True):
        due = sorted((at, lane.subscriber) for lane in lanes if (at := _due_at(lane, is_retry=is_retry)) and at <= now)
        counts = _go_round([subscriber for _, subscriber in due], room, free)
        free -= sum(counts.values())
        shares += [Share(subscriber, is_retry, count) for subscriber, count in counts.items()]
    return tuple(shares)


def next_due_at(lanes: Sequence[Lane], in_flight: Mapping[str, int], cap: int) -> datetime | None:
    """When a lane that has room is due next; those at their cap are looked at when an attempt of theirs ends."""
    open_lanes = [lane for lane in lanes if in_flight.get(lane.subscriber, 0) < cap]
    times = [at for lane in open_lanes for at in (lane.first_try_at, lane.retry_at) if at is not None]
    return min(times, default=None)


def _due_at(lane: Lane, *, is_retry: bool) -> datetime | None:
    return lane.retry_at if is_retry else lane.first_try_at


def _go_round(subscribers: Sequence[str], room: dict[str, int], free: int) -> dict[str, int]:
    """Gives slots out one by one until none is free or nobody has room; takes them out of `room`."""
    counts: dict[str, int] = {}
    hungry = [subscriber for subscriber in subscribers if room[subscriber] > 0]
    while free > 0 and hungry:
        for subscriber in hungry[:free]:
            counts[subscriber] = counts.get(subscriber, 0) + 1
            room[subscriber] -= 1
        free -= min(free, len(hungry))
        hungry = [subscriber for subscriber in hungry if room[subscriber] > 0]
    return counts
