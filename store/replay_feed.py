"""The feed as replays read it: part by part, each event with its delivery to one subscription."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, func, select

from store.records import Found, Heading, Order
from store.rows import to_delivery
from store.tables import DELIVERIES, EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from store.records import Subscription

HEADINGS_AT_A_TIME = 1000
"""Events that are looked at in one transaction at most, so that a filter that nothing passes holds up nobody."""

BODIES_AT_A_TIME = 100
"""Events whose bodies are in memory at a time: each may be a megabyte."""

_LATEST_STORED = timedelta(hours=1)
"""An event is stored no later than this after its timestamp: a poll's lease lasts a minute or two, and what comes after
it is dropped. So the feed, which is in the order of storing, is in the order of time but for so much."""


def span_of(connection: Connection, since: datetime, until: datetime, feed_end: int) -> tuple[int, int]:
    """Where in the feed, as far as it is complete, the events of this time lie: behind the first position, up to the
    second."""
    at = EVENTS.c.timestamp
    first, last = (
        connection.execute(select(edge(at)).where(at.between(since, until))).scalar_one()
        for edge in (func.min, func.max)
    )
    if first is None:
        return 0, 0
    starts = select(func.min(EVENTS.c.position)).where(at.between(first, min(first + _LATEST_STORED, last)))
    ends = select(func.max(EVENTS.c.position)).where(at.between(max(last - _LATEST_STORED, first), last))
    return connection.execute(starts).scalar_one() - 1, min(connection.execute(ends).scalar_one(), feed_end)


def headings_behind(connection: Connection, after: int, end: int) -> list[Heading]:
    """The next events behind a position and up to another, in the order of the feed."""
    columns = [EVENTS.c[name] for name in Heading.__dataclass_fields__]
    query = select(*columns).where(EVENTS.c.position > after, EVENTS.c.position <= end)
    rows = connection.execute(query.order_by(EVENTS.c.position).limit(HEADINGS_AT_A_TIME))
    return [Heading(*row) for row in rows]


def as_found(connection: Connection, subscription: Subscription, events: Sequence[Heading]) -> Iterator[Found]:
    """The events with their deliveries; with their bodies if the subscription asks for what only those tell."""
    for start in range(0, len(events), BODIES_AT_A_TIME):
        some = events[start : start + BODIES_AT_A_TIME]
        bodies = _bodies(connection, some) if subscription.filter.asks_for_labels else {}
        yield from _with_deliveries(connection, subscription, some, _deliveries(subscription, some), bodies)


def as_they_stand(connection: Connection, subscription: Subscription, events: Sequence[Heading]) -> list[Found]:
    """Those of the events that were not forgotten meanwhile, with their deliveries as they stand now."""
    ids = select(EVENTS.c.id).where(EVENTS.c.id.in_([event.id for event in events]))
    known = set(connection.execute(ids).scalars())
    still_there = [event for event in events if event.id in known]
    query = _deliveries(subscription, still_there).with_for_update()
    return _with_deliveries(connection, subscription, still_there, query, {})


def _bodies(connection: Connection, events: Sequence[Heading]) -> dict[str, bytes]:
    positions = [event.position for event in events]
    query = select(EVENTS.c.id, EVENTS.c.body).where(EVENTS.c.position.in_(positions))
    return {row.id: row.body for row in connection.execute(query)}


def _deliveries(subscription: Subscription, events: Sequence[Heading]) -> Select[Any]:
    ids = [event.id for event in events]
    return select(DELIVERIES).where(DELIVERIES.c.event_id.in_(ids), DELIVERIES.c.subscriber == subscription.id)


def _with_deliveries(
    connection: Connection,
    subscription: Subscription,
    events: Sequence[Heading],
    query: Select[Any],
    bodies: Mapping[str, bytes],
) -> list[Found]:
    deliveries = {row["event_id"]: to_delivery(row) for row in connection.execute(query).mappings()}
    newest = _newest(connection, subscription, events) if subscription.order is Order.LATEST else {}
    return [
        Found(event, deliveries.get(event.id), bodies.get(event.id), newest.get(event.job_id, 0) > event.position)
        for event in events
    ]


def _newest(connection: Connection, subscription: Subscription, events: Sequence[Heading]) -> dict[str | None, int]:
    """The position of the newest event of each job that the subscription was told of, or is to be."""
    query = (
        select(DELIVERIES.c.job_id, func.max(EVENTS.c.position).label("position"))
        .join(EVENTS, EVENTS.c.id == DELIVERIES.c.event_id)
        .where(DELIVERIES.c.job_id.in_({event.job_id for event in events}), DELIVERIES.c.subscriber == subscription.id)
        .group_by(DELIVERIES.c.job_id)
    )
    return {row.job_id: row.position for row in connection.execute(query)}
