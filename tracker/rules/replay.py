"""Replays: which events are sent again, and how fast."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from store.records import (
    Delivery,
    DeliveryStatus,
    Filter,
    Found,
    Heading,
    Order,
    Replay,
    ReplayOutcome,
    ReplayStatus,
    Stretch,
    Subscription,
    SubscriptionStatus,
)
from tracker.rules.events import FINAL_EVENTS, is_wanted, labels_in
from tracker.rules.fanout import to_subscription

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST_BATCH = 200
"""Deliveries that are queued in one transaction at most."""

LARGEST_BACKLOG = 1000
"""While so many deliveries of a subscription are due and were tried before, a replay adds none to them."""

_PAUSE_BEFORE_BACKLOG = timedelta(seconds=1)


class Fate(Enum):
    """What a replay makes of an event: it waits for its subscriber once more, it waits anyway, or it is left out."""

    QUEUED = "queued"
    WAITS = "waits"
    LEFT_OUT = "left out"


def is_near(replay: Replay, event: Heading) -> bool:
    """Whether an event is within the span, both ends included, and of a type that is to be sent again."""
    return replay.since <= event.timestamp <= replay.until and is_wanted(Filter(replay.events), event.type, None)


def is_replayed(replay: Replay, subscription: Subscription, found: Found) -> bool:
    """Whether an event that is near is sent again, or waits to be sent anyway."""
    # The job may be gone, and its tags with it; the event tells them as they were.
    labels = labels_in(found.body) if found.body else None
    wish = replace(subscription.filter, events=replay.events)
    if wish.asks_for_labels and not is_wanted(wish, found.event.type, labels):
        return False
    return fate(replay, subscription.order, found) is not Fate.LEFT_OUT


def fate(replay: Replay, order: Order, found: Found) -> Fate:
    """What becomes of an event that the subscription wants, by what became of its delivery."""
    # Who wants the latest alone wants no news of the day before yesterday; the other orders want every event.
    if order is Order.LATEST and _is_stale(found):
        return Fate.LEFT_OUT
    if found.delivery is None:
        # Nothing failed that was never sent. And what tells of no job was meant for whom it was sent to alone.
        is_left_out = replay.only_failed or found.event.job_id is None
        return Fate.LEFT_OUT if is_left_out else Fate.QUEUED
    status = found.delivery.status
    if status is DeliveryStatus.PENDING:
        return Fate.LEFT_OUT if replay.only_failed else Fate.WAITS
    if status is DeliveryStatus.DELIVERED and replay.only_failed:
        return Fate.LEFT_OUT
    return Fate.QUEUED


def _is_stale(found: Found) -> bool:
    is_superseded = found.delivery is not None and found.delivery.status is DeliveryStatus.SUPERSEDED
    return is_superseded or (found.is_outdated and found.event.type not in FINAL_EVENTS)


def count(replay: Replay, stretch: Stretch) -> Replay:
    """The replay when one more stretch of it is counted."""
    total = replay.total + len(stretch.events)
    return replace(replay, total=total, counted_to=None if stretch.is_last else stretch.end)


def finish(replay: Replay, now: datetime) -> Replay:
    """The replay at its end. What was counted may since have arrived, or be gone: then it was not queued."""
    done = replace(replay, status=ReplayStatus.DONE, finished_at=now)
    return replace(done, total=replay.queued, counted_to=None)


def batch_size(replay: Replay) -> int:
    """How many events to queue at a time: about a second's worth."""
    return min(max(int(replay.rate), 1), LARGEST_BATCH)


def queue(
    replay: Replay,
    subscription: Subscription,
    stretch: Stretch,
    found: Sequence[Found],
    backlog: int,
    now: datetime,
) -> ReplayOutcome:
    """What one stretch comes to. `found` are its events as they stand now; `backlog` deliveries are due already.

    A subscription that is not active sends nothing, so nothing is gained by waiting for it: it collects.
    """
    if backlog >= LARGEST_BACKLOG and subscription.status is SubscriptionStatus.ACTIVE:
        return ReplayOutcome(replace(replay, next_at=now + _PAUSE_BEFORE_BACKLOG))
    fates = [(each, fate(replay, subscription.order, each)) for each in found]
    queued = [each for each, what in fates if what is Fate.QUEUED]
    requeued = tuple(_once_more(each.delivery, now) for each in queued if each.delivery)
    inserted = tuple(_for_the_first_time(each.event, subscription, now) for each in queued if not each.delivery)
    counted = replay.queued + len(queued) + sum(what is Fate.WAITS for _, what in fates)
    replay = replace(
        replay,
        position=stretch.end,
        queued=counted,
        total=max(replay.total, counted) if replay.counted_to is None else replay.total,
        next_at=now + timedelta(seconds=len(queued) / replay.rate),
    )
    return ReplayOutcome(finish(replay, now) if stretch.is_last else replay, requeued, inserted)


def _once_more(delivery: Delivery, now: datetime) -> Delivery:
    """The same delivery, due again; its attempts stay, and the schedule of retries begins anew."""
    return replace(
        delivery,
        status=DeliveryStatus.PENDING,
        next_attempt_at=now,
        updated_at=now,
        delivered_at=None,
        schedule_from=delivery.attempts,
    )


def _for_the_first_time(event: Heading, subscription: Subscription, now: datetime) -> Delivery:
    """The delivery of an event that happened before the subscription asked for its like."""
    # Due now, not since the event: it is not to go before what happens now.
    return replace(to_subscription(event, subscription), created_at=now, updated_at=now, next_attempt_at=now)
