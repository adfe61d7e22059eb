"""Subscriptions: who is told of what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select, update

from store.records import DeliveryStatus, Page, Subscription, SubscriptionStatus
from store.rows import subscription_row, to_subscription
from store.tables import DELIVERIES, SUBSCRIPTIONS

if TYPE_CHECKING:
    from datetime import datetime

    from store.database import Database


class Subscriptions:
    """The subscriptions of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, subscription: Subscription) -> None:
        """Stores a new subscription; it is told of what happens from now on."""
        row = subscription_row(subscription)
        await self._database.write(lambda connection: connection.execute(insert(SUBSCRIPTIONS), row) and None)

    async def get(self, subscription_id: str) -> Subscription | None:
        """The subscription with this id."""
        query = select(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id == subscription_id)
        row = await self._database.read(lambda connection: connection.execute(query).mappings().first())
        return to_subscription(row) if row else None

    async def find(self, limit: int, after: str | None = None) -> Page[Subscription]:
        """A page of subscriptions, newest first; `after` is the id that the page before ended with."""
        query = select(SUBSCRIPTIONS).order_by(SUBSCRIPTIONS.c.id.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(SUBSCRIPTIONS.c.id < after)
        found = await self._database.read(
            lambda connection: [to_subscription(row) for row in connection.execute(query).mappings()]
        )
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    async def remove(self, subscription_id: str, now: datetime) -> bool:
        """Deletes a subscription and cancels the deliveries that wait for it."""
        return await self._database.write(lambda connection: _remove(connection, subscription_id, now))


def all_subscriptions(connection: Connection) -> tuple[Subscription, ...]:
    """Every subscription at this moment of the transaction; paused and disabled ones collect deliveries too."""
    query = select(SUBSCRIPTIONS).order_by(SUBSCRIPTIONS.c.id)
    return tuple(to_subscription(row) for row in connection.execute(query).mappings())


def disable_subscription(connection: Connection, subscription_id: str, reason: str, now: datetime) -> None:
    """Stops the attempts of a subscription; its deliveries stay pending."""
    connection.execute(
        update(SUBSCRIPTIONS)
        .where(SUBSCRIPTIONS.c.id == subscription_id)
        .values(status=SubscriptionStatus.DISABLED, status_reason=reason, updated_at=now)
    )


def _remove(connection: Connection, subscription_id: str, now: datetime) -> bool:
    waiting = (DELIVERIES.c.subscription_id == subscription_id, DELIVERIES.c.status == DeliveryStatus.PENDING)
    connection.execute(
        update(DELIVERIES).where(*waiting).values(status=DeliveryStatus.CANCELED, next_attempt_at=None, updated_at=now)
    )
    gone = connection.execute(delete(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id == subscription_id))
    return bool(gone.rowcount)
