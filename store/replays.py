"""Replays: what a subscription was told, or should have been, sent again out of the feed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from store.answers import keep_answer
from store.deliveries import SubscriptionGoneError
from store.delivery_order import insert_deliveries, put_in_order
from store.delivery_queue import due_retries
from store.dialects import feed_end
from store.old_rows import delete_free
from store.records import (
    Found,
    Heading,
    Page,
    Replay,
    ReplayOutcome,
    ReplayStatus,
    Stretch,
    Subscription,
)
from store.replay_feed import HEADINGS_AT_A_TIME, as_found, as_they_stand, headings_behind, span_of
from store.rows import delivery_row, replay_row, to_replay
from store.subscriptions import subscription_in
from store.tables import DELIVERIES, REPLAYS
from store.timing import timed

if TYPE_CHECKING:
    from store.database import Database
    from store.records import Delivery, KeptAnswer
    from store.timing import Spent

IsNear: TypeAlias = Callable[[Replay, Heading], bool]
"""Whether an event may be one to send again, as far as its heading tells."""

IsReplayed: TypeAlias = Callable[[Replay, Subscription, Found], bool]
"""Whether an event that is near is one to send again."""

Queue: TypeAlias = Callable[[Replay, Subscription, Stretch, Sequence[Found], int, datetime], ReplayOutcome]
"""What a stretch comes to, when so many deliveries of the subscription are due that were tried before."""


class Replays:
    """The replays of one database.

    Three rules decide inside its transactions; the backlog that `queue` is told is counted up to `largest_backlog`.
    """

    def __init__(
        self,
        database: Database,
        is_near: IsNear,
        is_replayed: IsReplayed,
        queue: Queue,
        largest_backlog: int,
    ) -> None:
        self._database = database
        self._is_near = is_near
        self._is_replayed = is_replayed
        self._decide = queue
        self._largest_backlog = largest_backlog

    async def span(self, since: datetime, until: datetime) -> tuple[int, int]:
        """Where in the feed the events of this time lie: behind the first position, up to the second."""
        end = await self._database.read(feed_end)
        return await self._database.read(lambda connection: span_of(connection, since, until, end))

    async def look(self, replay: Replay, after: int, most: int) -> Stretch:
        """The next up to `most` events behind a position that are to be sent again. Raises SubscriptionGoneError.

        It reads a bounded part of the feed, so that a stretch may hold less, or none, and not be the last.
        """
        return await self._database.read(lambda connection: self._look(connection, replay, after, most))

    async def add(self, replay: Replay, answer: KeptAnswer | None = None) -> None:
        """Stores a new replay, and along with it what its maker is answered.

        Raises SubscriptionGoneError, AlreadyAnsweredError.
        """

        def work(connection: Connection) -> None:
            keep_answer(connection, answer)
            _add(connection, replay)

        await self._database.write(work)

    async def get(self, replay_id: str) -> Replay | None:
        """The replay with this id."""
        query = select(REPLAYS).where(REPLAYS.c.id == replay_id)
        row = await self._database.read(lambda connection: connection.execute(query).mappings().first())
        return to_replay(row) if row else None

    async def find(self, subscription_id: str, limit: int, after: str | None = None) -> Page[Replay]:
        """A page of a subscription's replays, newest first; `after` is the id that the page before ended with."""
        query = select(REPLAYS).where(REPLAYS.c.subscription_id == subscription_id)
        query = query.order_by(REPLAYS.c.id.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(REPLAYS.c.id < after)
        found = await self._database.read(
            lambda connection: [to_replay(row) for row in connection.execute(query).mappings()]
        )
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    async def due(self, now: datetime, limit: int) -> tuple[Replay, ...]:
        """Up to `limit` replays that are to be counted on, or to queue more, the longest due first."""
        is_due = or_(REPLAYS.c.next_at <= now, REPLAYS.c.counted_to.is_not(None))
        query = select(REPLAYS).where(_IS_RUNNING, is_due).order_by(REPLAYS.c.next_at).limit(limit)
        return await self._database.read(
            lambda connection: tuple(to_replay(row) for row in connection.execute(query).mappings())
        )

    async def next_at(self, now: datetime) -> datetime | None:
        """When the next replay is due; one that is to be counted on is so at once."""
        return await self._database.read(lambda connection: _next_at(connection, now))

    async def record_count(self, before: Replay, after: Replay) -> None:
        """Writes how far a replay is counted, unless another process has counted the same."""
        unchanged = (REPLAYS.c.id == before.id, _IS_RUNNING, REPLAYS.c.counted_to == before.counted_to)
        counted = update(REPLAYS).where(*unchanged).values(total=after.total, counted_to=after.counted_to)
        await self._database.write(lambda connection: connection.execute(counted) and None)

    async def queue(self, replay: Replay, stretch: Stretch, now: datetime) -> ReplayOutcome | None:
        """Makes a stretch due and moves the replay behind it, in one transaction.

        None: the replay is not as it was when the stretch was read (another process did this, or it is gone).
        """
        return await self._database.write(lambda connection: self._queue(connection, replay, stretch, now))

    async def forget(self, before: datetime, limit: int, spent: Spent | None = None) -> int:
        """Deletes up to `limit` replays that were done before a time, and counts them."""
        old = select(REPLAYS.c.id).where(REPLAYS.c.finished_at < before).limit(limit)
        return await self._database.write(timed(lambda connection: delete_free(connection, REPLAYS, old), spent))

    def _look(self, connection: Connection, replay: Replay, after: int, most: int) -> Stretch:
        subscription = _subscription(connection, replay)
        headings = headings_behind(connection, after, replay.end_position)
        near = [event for event in headings if self._is_near(replay, event)]
        found = as_found(connection, subscription, near)
        replayed = (each.event for each in found if self._is_replayed(replay, subscription, each))
        chosen = tuple(islice(replayed, most + 1))
        if len(chosen) > most:
            return Stretch(chosen[:most], chosen[most - 1].position, is_last=False)
        end = headings[-1].position if headings else replay.end_position
        return Stretch(chosen, end, is_last=len(headings) < HEADINGS_AT_A_TIME)

    def _queue(self, connection: Connection, replay: Replay, stretch: Stretch, now: datetime) -> ReplayOutcome | None:
        present = _unless_moved(connection, replay)
        if present is None:
            return None
        subscription = _subscription(connection, present)
        found = as_they_stand(connection, subscription, stretch.events)
        backlog = due_retries(connection, subscription.id, now, self._largest_backlog)
        outcome = self._decide(present, subscription, stretch, found, backlog, now)
        requeue_deliveries(connection, outcome.requeued)
        insert_deliveries(connection, outcome.inserted)
        _let_live_ones_go_first(connection, outcome.inserted)
        connection.execute(update(REPLAYS).where(REPLAYS.c.id == replay.id).values(replay_row(outcome.replay)))
        return outcome


_REQUEUED = ("status", "next_attempt_at", "updated_at", "delivered_at", "schedule_from")
_REQUEUE = (
    update(DELIVERIES)
    # What is under way is being sent as it is.
    .where(DELIVERIES.c.id == bindparam("delivery"), DELIVERIES.c.leased_until.is_(None))
    .values({name: bindparam(name) for name in _REQUEUED} | {"is_retry": True})
)


def requeue_deliveries(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Makes deliveries that had ended due once more, in order, and behind the first tries of their subscriber."""
    rows = [{"delivery": each.id, **delivery_row(each)} for each in deliveries]
    if rows:
        connection.execute(_REQUEUE, [{name: row[name] for name in ("delivery", *_REQUEUED)} for row in rows])
        put_in_order(connection, deliveries)


def _let_live_ones_go_first(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """First tries go before retries, and what happens now before what happened long ago."""
    ids = [delivery.id for delivery in deliveries]
    if ids:
        connection.execute(update(DELIVERIES).where(DELIVERIES.c.id.in_(ids)).values(is_retry=True))


_IS_RUNNING = REPLAYS.c.status == ReplayStatus.RUNNING.value


def _subscription(connection: Connection, replay: Replay) -> Subscription:
    subscription = subscription_in(connection, replay.subscription_id)
    if subscription is None:
        message = f"The subscription {replay.subscription_id!r} is gone, and its replays with it."
        raise SubscriptionGoneError(message)
    return subscription


def _add(connection: Connection, replay: Replay) -> None:
    _subscription(connection, replay)
    connection.execute(insert(REPLAYS), replay_row(replay))


def _unless_moved(connection: Connection, replay: Replay) -> Replay | None:
    """The replay as it is, if nobody went on with it since it was read; it is ours until the transaction ends."""
    unmoved = (_IS_RUNNING, REPLAYS.c.position == replay.position, REPLAYS.c.next_at == replay.next_at)
    query = select(REPLAYS).where(REPLAYS.c.id == replay.id, *unmoved).with_for_update()
    row = connection.execute(query).mappings().first()
    return to_replay(row) if row else None


def _next_at(connection: Connection, now: datetime) -> datetime | None:
    uncounted = select(REPLAYS.c.id).where(_IS_RUNNING, REPLAYS.c.counted_to.is_not(None)).limit(1)
    if connection.execute(uncounted).first():
        return now
    at: datetime | None = connection.execute(select(func.min(REPLAYS.c.next_at)).where(_IS_RUNNING)).scalar_one()
    return at
