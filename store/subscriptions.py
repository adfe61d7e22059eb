"""Subscriptions: who is told of what."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select, update

from store.answers import keep_answer
from store.delivery_order import put_all_in_order
from store.records import DeliveryStatus, KeptAnswer, Page, Subscription, SubscriptionStatus
from store.rows import subscription_row, to_health, to_subscription
from store.tables import DELIVERIES, SUBSCRIBERS, SUBSCRIPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from store.database import Database


class Subscriptions:
    """The subscriptions of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, subscription: Subscription, answer: KeptAnswer | None = None) -> None:
        """Stores a new subscription; it is told of what happens from now on.

        What its maker is answered is stored along with it. Raises AlreadyAnsweredError.
        """

        def work(connection: Connection) -> None:
            keep_answer(connection, answer)
            connection.execute(insert(SUBSCRIPTIONS), subscription_row(subscription))

        await self._database.write(work)

    async def get(self, subscription_id: str) -> Subscription | None:
        """The subscription with this id, and its health."""
        return await self._database.read(lambda connection: _watched_in(connection, subscription_id))

    async def find(self, limit: int, after: str | None = None) -> Page[Subscription]:
        """A page of subscriptions and their health, newest first; `after` is the id that the page before ended with."""
        query = select(SUBSCRIPTIONS).order_by(SUBSCRIPTIONS.c.id.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(SUBSCRIPTIONS.c.id < after)

        def work(connection: Connection) -> list[Subscription]:
            return _with_health(connection, [to_subscription(row) for row in connection.execute(query).mappings()])

        found = await self._database.read(work)
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    async def change(
        self,
        subscription_id: str,
        changed: Callable[[Subscription], Subscription],
        *,
        from_now: bool = False,
        answered: Callable[[Subscription], KeptAnswer | None] = lambda _after: None,
    ) -> Subscription | None:
        """Writes a subscription as `changed` makes it and returns it; None: there is none.

        One that is made active, or leads elsewhere, is tried at once, however it has answered before. `from_now`
        cancels what waits for it. What the change is `answered` with is stored along with it. Raises
        AlreadyAnsweredError.
        """

        def work(connection: Connection) -> Subscription | None:
            after = _change(connection, subscription_id, changed, from_now=from_now)
            if after is not None:
                keep_answer(connection, answered(after))
            return after

        return await self._database.write(work)

    async def remove(self, subscription_id: str, now: datetime) -> bool:
        """Deletes a subscription and cancels the deliveries that wait for it."""
        return await self._database.write(lambda connection: _remove(connection, subscription_id, now))


def subscription_in(connection: Connection, subscription_id: str, *, to_change: bool = False) -> Subscription | None:
    """The subscription with this id at this moment of the transaction; `to_change`: it stays so until that ends."""
    query = select(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id == subscription_id)
    if to_change:
        query = query.with_for_update()
    row = connection.execute(query).mappings().first()
    return to_subscription(row) if row else None


def _watched_in(connection: Connection, subscription_id: str) -> Subscription | None:
    found = subscription_in(connection, subscription_id)
    return _with_health(connection, [found])[0] if found else None


def _with_health(connection: Connection, subscriptions: Sequence[Subscription]) -> list[Subscription]:
    meant = SUBSCRIBERS.c.subscriber.in_([each.id for each in subscriptions])
    rows = connection.execute(select(SUBSCRIBERS).where(meant)).mappings()
    known = {row["subscriber"]: to_health(row) for row in rows}
    return [replace(each, health=known.get(each.id)) for each in subscriptions]


def all_subscriptions(connection: Connection) -> tuple[Subscription, ...]:
    """Every subscription at this moment of the transaction; paused and disabled ones collect deliveries too."""
    query = select(SUBSCRIPTIONS).order_by(SUBSCRIPTIONS.c.id)
    return tuple(to_subscription(row) for row in connection.execute(query).mappings())


def disable_subscription(connection: Connection, subscription_id: str, reason: str, now: datetime) -> bool:
    """Stops the attempts of a subscription; its deliveries stay pending. Tells whether it was not disabled before."""
    before = subscription_in(connection, subscription_id, to_change=True)
    disabled = {"status": SubscriptionStatus.DISABLED, "status_reason": reason, "updated_at": now}
    connection.execute(update(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id == subscription_id).values(disabled))
    return before is not None and before.status is not SubscriptionStatus.DISABLED


def _change(
    connection: Connection,
    subscription_id: str,
    changed: Callable[[Subscription], Subscription],
    *,
    from_now: bool,
) -> Subscription | None:
    before = subscription_in(connection, subscription_id, to_change=True)
    if before is None:
        return None
    [before] = _with_health(connection, [before])
    after = changed(before)
    connection.execute(update(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id == before.id).values(subscription_row(after)))
    is_made_active = after.status is SubscriptionStatus.ACTIVE and before.status is not SubscriptionStatus.ACTIVE
    if is_made_active or after.callback_url != before.callback_url:
        connection.execute(delete(SUBSCRIBERS).where(SUBSCRIBERS.c.subscriber == before.id))
        after = replace(after, health=None)
    if from_now:
        cancel_what_waits(connection, before.id, after.updated_at)
    if after.order is not before.order:
        put_all_in_order(connection, before.id, after.order, after.updated_at)
    return after


def _remove(connection: Connection, subscription_id: str, now: datetime) -> bool:
    cancel_what_waits(connection, subscription_id, now)
    connection.execute(delete(SUBSCRIBERS).where(SUBSCRIBERS.c.subscriber == subscription_id))
    gone = connection.execute(delete(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id == subscription_id))
    return bool(gone.rowcount)


def cancel_what_waits(connection: Connection, subscription_id: str, now: datetime) -> None:
    """Ends the deliveries that wait for a subscription."""
    waiting = (DELIVERIES.c.subscription_id == subscription_id, DELIVERIES.c.status == DeliveryStatus.PENDING)
    canceled = {
        "status": DeliveryStatus.CANCELED,
        "next_attempt_at": None,
        "behind_since": None,
        "forced_at": None,
        "updated_at": now,
    }
    connection.execute(update(DELIVERIES).where(*waiting).values(canceled))
