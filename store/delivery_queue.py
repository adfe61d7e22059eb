"""What waits to be delivered: its lanes, and taking leases on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, literal, or_, select, update

from store.records import Backlog, ClaimedDelivery, Delivery, DeliveryStatus, Lane, Share, Subscription
from store.records import SubscriptionStatus as Standing
from store.rows import to_delivery, to_subscription
from store.subscriptions import cancel_what_waits
from store.tables import DELIVERIES, EVENTS, SUBSCRIBERS, SUBSCRIPTIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.sql.dml import ReturningUpdate

_WAITING = (
    DELIVERIES.c.status == DeliveryStatus.PENDING.value,
    DELIVERIES.c.leased_until.is_(None),
    DELIVERIES.c.behind_since.is_(None),
)
_FORCED = (DELIVERIES.c.forced_at.is_not(None), DELIVERIES.c.leased_until.is_(None))
_MOST_FORCED = 64
"""Forced deliveries that are looked at at a time."""


def backlog(connection: Connection, now: datetime) -> Backlog:
    """Who has deliveries waiting, by subscriber, without those whose subscription is not active; and what is forced."""
    forced = select(DELIVERIES.c.id).where(*_FORCED, DELIVERIES.c.next_attempt_at <= now).limit(_MOST_FORCED)
    lanes = tuple(Lane(*row) for row in connection.execute(_LANES))
    return Backlog(lanes, len(connection.execute(forced).all()))


def claim(
    connection: Connection,
    shares: Sequence[Share],
    forced: int,
    now: datetime,
    lease_until: datetime,
    leased_by: str,
) -> tuple[ClaimedDelivery, ...]:
    """Takes a lease on so many forced deliveries, and on the due deliveries of these shares."""
    times = {"now": now, "until": lease_until, "by": leased_by}
    deliveries = _leased(connection, _LEASE_FORCED, times | {"count": forced}) if forced else []
    for share in shares:
        asked = {"of_subscriber": share.subscriber, "of_retries": share.is_retry, "count": share.count}
        deliveries += _leased(connection, _LEASE_SHARE, times | asked)
    event_ids = {delivery.event_id for delivery in deliveries}
    events = connection.execute(select(EVENTS.c.id, EVENTS.c.body).where(EVENTS.c.id.in_(event_ids)))
    bodies = {event.id: event.body for event in events}
    sought = {delivery.subscription_id for delivery in deliveries if delivery.subscription_id}
    rows = connection.execute(select(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id.in_(sought))).mappings()
    subscriptions = {row["id"]: to_subscription(row) for row in rows}
    gone = sought - subscriptions.keys()
    _end_what_waits_for(connection, gone, deliveries, now)
    wanted = [delivery for delivery in deliveries if delivery.subscription_id not in gone]
    return tuple(_with_all_it_needs(delivery, bodies, subscriptions) for delivery in wanted)


def due_retries(connection: Connection, subscriber: str, now: datetime, most: int) -> int:
    """How many deliveries of a subscriber are due that are no first tries, counted up to `most`."""
    is_due = (
        *_WAITING,
        DELIVERIES.c.subscriber == subscriber,
        DELIVERIES.c.is_retry == literal(value=True),
        DELIVERIES.c.next_attempt_at <= now,
    )
    due = select(DELIVERIES.c.id).where(*is_due).limit(most)
    return connection.execute(select(func.count()).select_from(due.subquery())).scalar_one()


def _lanes_query() -> Select[Any]:
    """Skips from subscriber to subscriber along the index: the cost is of their number, not of the backlog's."""
    first = select(func.min(DELIVERIES.c.subscriber).label("subscriber")).where(*_WAITING)
    lane = first.cte("lane", recursive=True)
    following = (
        select(func.min(DELIVERIES.c.subscriber))
        .where(*_WAITING, DELIVERIES.c.subscriber > lane.c.subscriber)
        .scalar_subquery()
    )
    lane = lane.union_all(select(following).where(lane.c.subscriber.is_not(None)))
    return (
        select(
            lane.c.subscriber,
            _next_due(lane.c.subscriber, is_retry=False),
            _next_due(lane.c.subscriber, is_retry=True),
            SUBSCRIPTIONS.c.callback_url,
            SUBSCRIPTIONS.c.max_in_flight,
            SUBSCRIBERS.c.held_until,
        )
        .outerjoin(SUBSCRIPTIONS, SUBSCRIPTIONS.c.id == lane.c.subscriber)
        .outerjoin(SUBSCRIBERS, SUBSCRIBERS.c.subscriber == lane.c.subscriber)
        .where(
            lane.c.subscriber.is_not(None),
            or_(SUBSCRIPTIONS.c.status.is_(None), SUBSCRIPTIONS.c.status == Standing.ACTIVE.value),
        )
    )


def _next_due(subscriber: ColumnElement[str], *, is_retry: bool) -> ColumnElement[datetime | None]:
    return (
        select(func.min(DELIVERIES.c.next_attempt_at))
        .where(*_WAITING, DELIVERIES.c.subscriber == subscriber, DELIVERIES.c.is_retry == literal(is_retry))
        .scalar_subquery()
    )


_LANES = _lanes_query()


def _lease(ids: Select[Any]) -> ReturningUpdate[Any]:
    """Built once: to build a statement costs more than to run it."""
    # Not a subquery: PostgreSQL may run one several times, and take more than was asked for.
    free = ids.limit(bindparam("count")).with_for_update(skip_locked=True).cte("free")
    return (
        update(DELIVERIES)
        .where(DELIVERIES.c.id.in_(select(free.c.id)))
        .values(leased_until=bindparam("until"), lease_epoch=DELIVERIES.c.lease_epoch + 1, leased_by=bindparam("by"))
        .returning(*DELIVERIES.c)
    )


_IS_DUE = DELIVERIES.c.next_attempt_at <= bindparam("now")
_LEASE_FORCED = _lease(
    select(DELIVERIES.c.id).where(*_FORCED, _IS_DUE).order_by(DELIVERIES.c.forced_at, DELIVERIES.c.id)
)
_LEASE_SHARE = _lease(
    select(DELIVERIES.c.id)
    .where(
        *_WAITING,
        DELIVERIES.c.subscriber == bindparam("of_subscriber"),
        DELIVERIES.c.is_retry == bindparam("of_retries"),
        _IS_DUE,
    )
    .order_by(DELIVERIES.c.next_attempt_at, DELIVERIES.c.id)
)


def _leased(connection: Connection, lease: ReturningUpdate[Any], values: dict[str, Any]) -> list[Delivery]:
    rows = connection.execute(lease, values).mappings().all()
    # RETURNING promises no order.
    longest_due_first = sorted(rows, key=lambda row: (row["next_attempt_at"], row["id"]))
    return [to_delivery(row) for row in longest_due_first]


def _end_what_waits_for(
    connection: Connection, gone: Collection[str], claimed: Sequence[Delivery], now: datetime
) -> None:
    """Another process may have told a subscription of something while it was being deleted."""
    for subscription_id in sorted(gone):
        cancel_what_waits(connection, subscription_id, now)
        ids = [delivery.id for delivery in claimed if delivery.subscription_id == subscription_id]
        connection.execute(update(DELIVERIES).where(DELIVERIES.c.id.in_(ids)).values(leased_until=None))


def _with_all_it_needs(
    delivery: Delivery, bodies: Mapping[str, bytes], subscriptions: Mapping[str, Subscription]
) -> ClaimedDelivery:
    body = bodies[delivery.event_id]
    if delivery.callback_url is not None:
        return ClaimedDelivery(delivery, delivery.callback_url, body, (), {})
    subscription = subscriptions[delivery.subscription_id or ""]
    url, secrets, headers = subscription.callback_url, subscription.secrets, subscription.headers
    return ClaimedDelivery(delivery, url, body, secrets, headers, subscription.signs_v1a)
