"""Storing deliveries, and the order that a subscription wants those of one job in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from store.records import FINAL_STATUSES, DeliveryStatus, Order
from store.rows import delivery_row
from store.tables import DELIVERIES, EVENTS, JOBS, SUBSCRIPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from store.records import Delivery

_FINAL_EVENTS = tuple(f"job.{status.value}" for status in FINAL_STATUSES)
_IS_PENDING = DELIVERIES.c.status == DeliveryStatus.PENDING.value
_OTHER, _ITS_EVENT = DELIVERIES.alias("other"), EVENTS.alias("its_event")


def _has_another(is_meant: Callable[[ColumnElement[int]], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Whether another delivery of the same job to the same subscriber is meant, by the position of its event."""
    position = select(EVENTS.c.position).where(EVENTS.c.id == DELIVERIES.c.event_id)
    return (
        select(_OTHER.c.id)
        .join(_ITS_EVENT, _ITS_EVENT.c.id == _OTHER.c.event_id)
        .where(
            _OTHER.c.job_id == DELIVERIES.c.job_id,
            _OTHER.c.subscriber == DELIVERIES.c.subscriber,
            is_meant(position.correlate(DELIVERIES).scalar_subquery()),
        )
        .correlate(DELIVERIES)
        .exists()
    )


_IS_OTHER_PENDING = _OTHER.c.status == DeliveryStatus.PENDING.value
_HAS_EARLIER = _has_another(lambda position: and_(_IS_OTHER_PENDING, _ITS_EVENT.c.position < position))
_HAS_NEWER = _has_another(lambda position: _ITS_EVENT.c.position > position)


def insert_deliveries(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Stores new deliveries, each behind those that it has to wait for."""
    if deliveries:
        connection.execute(insert(DELIVERIES), [delivery_row(delivery) for delivery in deliveries])
        put_in_order(connection, deliveries)


def put_in_order(connection: Connection, deliveries: Iterable[Delivery]) -> None:
    """Sees to the order of what waits for the same subscriptions about the same jobs as these deliveries.

    To be called after any change of which deliveries are pending.
    """
    told = [each for each in deliveries if each.subscription_id is not None and each.job_id is not None]
    orders = _orders_of(connection, {each.subscription_id or "" for each in told})
    if orders:
        _wait_for_others(connection, {each.job_id or "" for each in told})
    for subscription_id, order in orders.items():
        of_it = [each for each in told if each.subscription_id == subscription_id]
        is_meant = DELIVERIES.c.job_id.in_({each.job_id for each in of_it})
        _arrange(connection, subscription_id, order, max(each.updated_at for each in of_it), is_meant)


def put_all_in_order(connection: Connection, subscription_id: str, order: Order, now: datetime) -> None:
    """Sees to the order of all that waits for a subscription: that may have changed its mind."""
    _arrange(connection, subscription_id, order, now, DELIVERIES.c.job_id.is_not(None))


def _orders_of(connection: Connection, subscription_ids: set[str]) -> dict[str, Order]:
    if not subscription_ids:
        return {}
    query = select(SUBSCRIPTIONS.c.id, SUBSCRIPTIONS.c.order).where(
        SUBSCRIPTIONS.c.id.in_(subscription_ids), SUBSCRIPTIONS.c.order != Order.NONE.value
    )
    # Who gives the order up must find what is put behind something here.
    rows = connection.execute(query.order_by(SUBSCRIPTIONS.c.id).with_for_update(read=True))
    return {row.id: Order(row.order) for row in rows}


def _wait_for_others(connection: Connection, job_ids: set[str]) -> None:
    """Until the transaction ends no other one tells of these jobs, or sees to their order.

    Else one could put a delivery behind another whose arrival is being written, and nobody would ever free it.
    """
    query = select(JOBS.c.id).where(JOBS.c.id.in_(job_ids)).order_by(JOBS.c.id)
    connection.execute(query.with_for_update(key_share=True)).all()


def _arrange(
    connection: Connection, subscription_id: str, order: Order, now: datetime, is_meant: ColumnElement[bool]
) -> None:
    meant = (DELIVERIES.c.subscription_id == subscription_id, is_meant, _IS_PENDING)
    if order is Order.LATEST:
        _supersede(connection, meant, now)
    is_behind = DELIVERIES.c.behind_since.is_not(None)
    if order is Order.NONE:
        connection.execute(update(DELIVERIES).where(*meant, is_behind).values(behind_since=None))
        return
    connection.execute(update(DELIVERIES).where(*meant, is_behind, ~_HAS_EARLIER).values(behind_since=None))
    is_free = (~is_behind, DELIVERIES.c.leased_until.is_(None), DELIVERIES.c.forced_at.is_(None))
    connection.execute(update(DELIVERIES).where(*meant, *is_free, _HAS_EARLIER).values(behind_since=now))


def _supersede(connection: Connection, meant: tuple[ColumnElement[bool], ...], now: datetime) -> None:
    """Ends what was not delivered before something newer came; what tells of a job's end is always delivered."""
    superseded = {
        "status": DeliveryStatus.SUPERSEDED.value,
        "next_attempt_at": None,
        "behind_since": None,
        "updated_at": now,
    }
    is_stale = (
        DELIVERIES.c.leased_until.is_(None),
        DELIVERIES.c.forced_at.is_(None),
        DELIVERIES.c.event_type.not_in(_FINAL_EVENTS),
        _HAS_NEWER,
    )
    connection.execute(update(DELIVERIES).where(*meant, *is_stale).values(superseded))
