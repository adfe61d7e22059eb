"""Deliveries and their attempts: fanning out, claiming, recording, listing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, func, insert, literal, select, update

from store.errors import StoreError
from store.events import insert_events
from store.records import (
    Attempt,
    AttemptOutcome,
    ClaimedDelivery,
    Delivery,
    DeliveryStatus,
    Event,
    Job,
    Lane,
    Page,
    Share,
    Subscription,
    SubscriptionStatus,
)
from store.rows import attempt_row, delivery_row, to_attempt, to_delivery, to_subscription
from store.subscriptions import disable_subscription
from store.tables import ATTEMPTS, DELIVERIES, EVENTS, JOBS, SUBSCRIPTIONS

if TYPE_CHECKING:
    from datetime import datetime

    from store.database import Database

FanOut: TypeAlias = Callable[[Event, Job | None, Sequence[Subscription]], Sequence[Delivery]]
"""Who is told of an event: one delivery for each."""


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries a list shows; None filters nothing."""

    subscription_id: str | None = None
    job_id: str | None = None
    event_id: str | None = None
    statuses: tuple[DeliveryStatus, ...] = ()


class SubscriptionGoneError(StoreError):
    """A delivery cannot be sent: its subscription was deleted."""


class Deliveries:
    """The deliveries of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_test(self, event: Event, delivery: Delivery) -> None:
        """Stores an event that one subscription alone is told of. Raises SubscriptionGoneError."""

        def work(connection: Connection) -> None:
            _require_subscription(connection, delivery)
            insert_events(connection, [event])
            insert_deliveries(connection, [delivery])

        await self._database.write(work)

    async def get(self, delivery_id: str) -> Delivery | None:
        """The delivery with this id."""
        return await self._database.read(lambda connection: _get(connection, delivery_id))

    async def attempts(self, delivery_ids: Sequence[str]) -> dict[str, tuple[Attempt, ...]]:
        """The attempts of each of these deliveries, in order."""
        query = select(ATTEMPTS).where(ATTEMPTS.c.delivery_id.in_(delivery_ids)).order_by(ATTEMPTS.c.number)
        found = await self._database.read(
            lambda connection: [to_attempt(row) for row in connection.execute(query).mappings()]
        )
        return {id_: tuple(attempt for attempt in found if attempt.delivery_id == id_) for id_ in delivery_ids}

    async def find(self, wanted: DeliveryFilter, limit: int, after: str | None = None) -> Page[Delivery]:
        """A page of deliveries, newest first; `after` is the id that the page before ended with."""
        query = select(DELIVERIES).where(*_conditions(wanted)).order_by(DELIVERIES.c.id.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(DELIVERIES.c.id < after)
        found = await self._database.read(
            lambda connection: [to_delivery(row) for row in connection.execute(query).mappings()]
        )
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    async def lanes(self) -> tuple[Lane, ...]:
        """Who has deliveries waiting, by subscriber; those whose subscription is not active are left out."""
        return await self._database.read(lambda connection: tuple(Lane(*row) for row in connection.execute(_LANES)))

    async def claim(self, shares: Sequence[Share], now: datetime, lease_until: datetime) -> tuple[ClaimedDelivery, ...]:
        """Takes a lease on the due deliveries of these shares, the longest due of each first."""
        return await self._database.write(lambda connection: _claim(connection, shares, now, lease_until))

    async def record(self, outcomes: Sequence[AttemptOutcome]) -> None:
        """Writes attempts and what they made of their deliveries, in one transaction.

        An outcome whose lease was lost is dropped whole.
        """
        await self._database.write(lambda connection: _record(connection, outcomes))

    async def release(self, deliveries: Iterable[Delivery]) -> None:
        """Gives leases back unused, so that the deliveries are due at once."""
        leases = [{"delivery": delivery.id, "epoch": delivery.lease_epoch} for delivery in deliveries]
        held = (DELIVERIES.c.id == bindparam("delivery")) & (DELIVERIES.c.lease_epoch == bindparam("epoch"))
        if leases:
            statement = update(DELIVERIES).where(held).values(leased_until=None)
            await self._database.write(lambda connection: connection.execute(statement, leases) and None)

    async def recover_leases(self, expired_at: datetime | None) -> int:
        """Frees the deliveries whose lease ran out before `expired_at` (None: all leases), and counts them."""
        return await self._database.write(lambda connection: free_leases(connection, DELIVERIES, expired_at))

    async def retry(self, delivery_id: str, now: datetime) -> Delivery | None:
        """Makes a delivery due at once, whatever became of it; one whose attempt is under way stays as it is.

        Raises SubscriptionGoneError.
        """
        return await self._database.write(lambda connection: _retry(connection, delivery_id, now))


def free_leases(connection: Connection, table: Table, expired_at: datetime | None) -> int:
    """Frees the rows of `table` whose lease ran out before `expired_at` (None: all leases), and counts them."""
    leased = table.c.leased_until
    lost = leased.is_not(None) if expired_at is None else leased <= expired_at
    return connection.execute(update(table).where(lost).values(leased_until=None)).rowcount


def insert_deliveries(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Stores new deliveries."""
    if deliveries:
        connection.execute(insert(DELIVERIES), [delivery_row(delivery) for delivery in deliveries])


_WAITING = (
    DELIVERIES.c.status == DeliveryStatus.PENDING.value,
    DELIVERIES.c.leased_until.is_(None),
    DELIVERIES.c.behind_since.is_(None),
)


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
    inactive = select(SUBSCRIPTIONS.c.id).where(SUBSCRIPTIONS.c.status != SubscriptionStatus.ACTIVE.value)
    return select(
        lane.c.subscriber, _next_due(lane.c.subscriber, is_retry=False), _next_due(lane.c.subscriber, is_retry=True)
    ).where(lane.c.subscriber.is_not(None), lane.c.subscriber.not_in(inactive))


def _next_due(subscriber: ColumnElement[str], *, is_retry: bool) -> ColumnElement[datetime | None]:
    return (
        select(func.min(DELIVERIES.c.next_attempt_at))
        .where(*_WAITING, DELIVERIES.c.subscriber == subscriber, DELIVERIES.c.is_retry == literal(is_retry))
        .scalar_subquery()
    )


_LANES = _lanes_query()


def _get(connection: Connection, delivery_id: str) -> Delivery | None:
    row = connection.execute(select(DELIVERIES).where(DELIVERIES.c.id == delivery_id)).mappings().first()
    return to_delivery(row) if row else None


def _conditions(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    columns = {
        "subscription_id": wanted.subscription_id,
        "job_id": wanted.job_id,
        "event_id": wanted.event_id,
    }
    conditions: list[ColumnElement[bool]] = [
        DELIVERIES.c[name] == value for name, value in columns.items() if value is not None
    ]
    return conditions + ([DELIVERIES.c.status.in_(wanted.statuses)] if wanted.statuses else [])


def _claim(
    connection: Connection, shares: Sequence[Share], now: datetime, lease_until: datetime
) -> tuple[ClaimedDelivery, ...]:
    deliveries = [delivery for share in shares for delivery in _claim_share(connection, share, now, lease_until)]
    event_ids = {delivery.event_id for delivery in deliveries}
    events = connection.execute(select(EVENTS.c.id, EVENTS.c.body).where(EVENTS.c.id.in_(event_ids)))
    bodies = {event.id: event.body for event in events}
    sought = {delivery.subscription_id for delivery in deliveries if delivery.subscription_id}
    rows = connection.execute(select(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id.in_(sought))).mappings()
    subscriptions = {row["id"]: to_subscription(row) for row in rows}
    return tuple(_with_all_it_needs(delivery, bodies, subscriptions) for delivery in deliveries)


def _claim_share(connection: Connection, share: Share, now: datetime, lease_until: datetime) -> list[Delivery]:
    due = (
        select(DELIVERIES.c.id)
        .where(
            *_WAITING,
            DELIVERIES.c.subscriber == share.subscriber,
            DELIVERIES.c.is_retry == share.is_retry,
            DELIVERIES.c.next_attempt_at <= now,
        )
        .order_by(DELIVERIES.c.next_attempt_at, DELIVERIES.c.id)
        .limit(share.count)
        .with_for_update(skip_locked=True)
    )
    lease = (
        update(DELIVERIES)
        .where(DELIVERIES.c.id.in_(due))
        .values(leased_until=lease_until, lease_epoch=DELIVERIES.c.lease_epoch + 1)
        .returning(*DELIVERIES.c)
    )
    rows = connection.execute(lease).mappings().all()
    # RETURNING promises no order.
    longest_due_first = sorted(rows, key=lambda row: (row["next_attempt_at"], row["id"]))
    return [to_delivery(row) for row in longest_due_first]


def _with_all_it_needs(
    delivery: Delivery, bodies: Mapping[str, bytes], subscriptions: Mapping[str, Subscription]
) -> ClaimedDelivery:
    body = bodies[delivery.event_id]
    if delivery.callback_url is not None:
        return ClaimedDelivery(delivery, delivery.callback_url, body, (), {})
    subscription = subscriptions[delivery.subscription_id or ""]
    return ClaimedDelivery(delivery, subscription.callback_url, body, subscription.secrets, subscription.headers)


_CHANGED_BY_ATTEMPTS = ("status", "attempts", "is_retry", "next_attempt_at", "updated_at", "delivered_at")
_RECORD_ATTEMPT = (
    update(DELIVERIES)
    .where(DELIVERIES.c.id == bindparam("delivery"))
    .values({name: bindparam(name) for name in _CHANGED_BY_ATTEMPTS} | {"leased_until": None})
)


def _record(connection: Connection, outcomes: Sequence[AttemptOutcome]) -> None:
    kept = _still_leased(connection, outcomes)
    if not kept:
        return
    connection.execute(
        _RECORD_ATTEMPT, [_changed_row(outcome.delivery) | {"delivery": outcome.delivery.id} for outcome in kept]
    )
    connection.execute(insert(ATTEMPTS), [attempt_row(outcome.attempt) for outcome in kept])
    for outcome in kept:
        if outcome.unsubscribes:
            _unsubscribe(connection, outcome.delivery)


def _still_leased(connection: Connection, outcomes: Sequence[AttemptOutcome]) -> list[AttemptOutcome]:
    ids = [outcome.delivery.id for outcome in outcomes]
    query = select(DELIVERIES.c.id, DELIVERIES.c.lease_epoch, DELIVERIES.c.status).where(
        DELIVERIES.c.id.in_(ids), DELIVERIES.c.leased_until.is_not(None)
    )
    rows = {row.id: row for row in connection.execute(query.with_for_update())}
    held = [
        outcome
        for outcome in outcomes
        if outcome.delivery.id in rows and rows[outcome.delivery.id].lease_epoch == outcome.delivery.lease_epoch
    ]
    return [_unless_canceled(outcome, rows[outcome.delivery.id].status) for outcome in held]


def _unless_canceled(outcome: AttemptOutcome, status: str) -> AttemptOutcome:
    """A delivery that was canceled while its attempt was under way is not tried again."""
    if status == DeliveryStatus.PENDING or outcome.delivery.status is not DeliveryStatus.PENDING:
        return outcome
    canceled = replace(outcome.delivery, status=DeliveryStatus(status), next_attempt_at=None)
    return replace(outcome, delivery=canceled)


def _changed_row(delivery: Delivery) -> dict[str, Any]:
    return {name: value for name, value in delivery_row(delivery).items() if name in _CHANGED_BY_ATTEMPTS}


def _unsubscribe(connection: Connection, delivery: Delivery) -> None:
    now = delivery.updated_at
    if delivery.subscription_id is not None:
        disable_subscription(connection, delivery.subscription_id, "The subscriber answered 410 Gone.", now)
        return
    connection.execute(update(JOBS).where(JOBS.c.id == delivery.job_id).values(callback_ended_at=now))
    waiting = (
        DELIVERIES.c.job_id == delivery.job_id,
        DELIVERIES.c.subscription_id.is_(None),
        DELIVERIES.c.status == DeliveryStatus.PENDING,
    )
    canceled = {"status": DeliveryStatus.CANCELED, "next_attempt_at": None, "updated_at": now}
    connection.execute(update(DELIVERIES).where(*waiting).values(canceled))


def _retry(connection: Connection, delivery_id: str, now: datetime) -> Delivery | None:
    delivery = _get(connection, delivery_id)
    if delivery is None:
        return None
    _require_subscription(connection, delivery)
    again = replace(delivery, status=DeliveryStatus.PENDING, next_attempt_at=now, updated_at=now, delivered_at=None)
    idle = (DELIVERIES.c.id == delivery_id, DELIVERIES.c.leased_until.is_(None))
    changed = connection.execute(update(DELIVERIES).where(*idle).values(_changed_row(again)))
    return again if changed.rowcount else delivery


def _require_subscription(connection: Connection, delivery: Delivery) -> None:
    """A delivery that waits for a subscription that is gone could never be claimed."""
    query = select(SUBSCRIPTIONS.c.id).where(SUBSCRIPTIONS.c.id == delivery.subscription_id)
    if delivery.subscription_id is not None and connection.execute(query).first() is None:
        message = f"The subscription {delivery.subscription_id!r} of this delivery is gone."
        raise SubscriptionGoneError(message)
