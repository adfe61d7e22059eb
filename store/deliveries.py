"""Deliveries and their attempts: looking at them, taking leases on them, and asking for one again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, and_, bindparam, select, text, update

from store.answers import keep_answer
from store.attempts import DeliveryRules, RecordedAttempts, changed_row, record
from store.delivery_order import insert_deliveries
from store.delivery_queue import backlog, claim
from store.errors import StoreError
from store.events import insert_events
from store.leases import free_leases
from store.records import (
    Attempt,
    AttemptOutcome,
    Backlog,
    ClaimedDelivery,
    Delivery,
    DeliveryStatus,
    Event,
    KeptAnswer,
    Page,
    Share,
)
from store.rows import to_attempt, to_delivery
from store.tables import ATTEMPTS, DELIVERIES, GIVEN_UP, IS_GIVEN_UP, SUBSCRIPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from store.database import Database


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

    def __init__(self, database: Database, rules: DeliveryRules) -> None:
        self._database = database
        self._rules = rules

    async def add_test(self, event: Event, delivery: Delivery, answer: KeptAnswer | None = None) -> None:
        """Stores an event that one subscription alone is told of, and along with it what its maker is answered.

        Raises SubscriptionGoneError, AlreadyAnsweredError.
        """

        def work(connection: Connection) -> None:
            keep_answer(connection, answer)
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

    async def backlog(self, now: datetime) -> Backlog:
        """Who has deliveries waiting, by subscriber; those whose subscription is not active are left out."""
        return await self._database.read(lambda connection: backlog(connection, now))

    async def claim(
        self, shares: Sequence[Share], now: datetime, lease_until: datetime, forced: int = 0
    ) -> tuple[ClaimedDelivery, ...]:
        """Takes a lease on the due deliveries of these shares, the longest due of each first, after `forced` ones."""
        own = self._database.process_id
        return await self._database.write(lambda connection: claim(connection, shares, forced, now, lease_until, own))

    async def record(self, outcomes: Sequence[AttemptOutcome]) -> RecordedAttempts:
        """Writes attempts and what they made of their deliveries and subscribers, in one transaction.

        An outcome whose lease was lost is dropped whole. A subscription that is disabled thereby is told of to others,
        which makes new deliveries.
        """
        return await self._database.write(lambda connection: record(connection, outcomes, self._rules))

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
        """Has a delivery sent at once, whatever became of it and whatever holds its subscriber back.

        One whose attempt is under way stays as it is. Raises SubscriptionGoneError.
        """
        return await self._database.write(lambda connection: _retry(connection, delivery_id, now))


def _get(connection: Connection, delivery_id: str, *, to_change: bool = False) -> Delivery | None:
    query = select(DELIVERIES).where(DELIVERIES.c.id == delivery_id)
    row = connection.execute(query.with_for_update() if to_change else query).mappings().first()
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
    if wanted.statuses:
        is_wanted = DELIVERIES.c.status.in_(wanted.statuses)
        is_rare = GIVEN_UP.issuperset(wanted.statuses)
        conditions.append(and_(is_wanted, text(IS_GIVEN_UP)) if is_rare else is_wanted)
    return conditions


def _retry(connection: Connection, delivery_id: str, now: datetime) -> Delivery | None:
    delivery = _get(connection, delivery_id, to_change=True)
    if delivery is None:
        return None
    _require_subscription(connection, delivery)
    again = replace(
        delivery,
        status=DeliveryStatus.PENDING,
        next_attempt_at=now,
        updated_at=now,
        delivered_at=None,
        # What has ended begins its schedule anew; what goes on keeps its place in it.
        schedule_from=delivery.schedule_from if delivery.status is DeliveryStatus.PENDING else delivery.attempts,
        behind_since=None,
        forced_at=now,
    )
    idle = (DELIVERIES.c.id == delivery_id, DELIVERIES.c.leased_until.is_(None))
    changed = connection.execute(update(DELIVERIES).where(*idle).values(changed_row(again)))
    return again if changed.rowcount else delivery


def _require_subscription(connection: Connection, delivery: Delivery) -> None:
    """A delivery that waits for a subscription that is gone could never be claimed."""
    query = select(SUBSCRIPTIONS.c.id).where(SUBSCRIPTIONS.c.id == delivery.subscription_id)
    if delivery.subscription_id is not None and connection.execute(query).first() is None:
        message = f"The subscription {delivery.subscription_id!r} of this delivery is gone."
        raise SubscriptionGoneError(message)
