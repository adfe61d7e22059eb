"""Recording attempts: what they make of their deliveries, and of their subscribers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from store.delivery_order import insert_deliveries, put_in_order
from store.dialects import upsert
from store.events import insert_events
from store.records import (
    AttemptOutcome,
    AttemptResult,
    Delivery,
    DeliveryStatus,
    Event,
    Health,
    Job,
    Subscription,
)
from store.rows import attempt_row, delivery_row, health_row, to_health
from store.subscriptions import all_subscriptions, disable_subscription
from store.tables import ATTEMPTS, DELIVERIES, JOBS, SUBSCRIBERS

if TYPE_CHECKING:
    from datetime import datetime

FanOut: TypeAlias = Callable[[Event, Job | None, Sequence[Subscription]], Sequence[Delivery]]
"""Who is told of an event: one delivery for each."""


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """What decides inside the store's transactions.

    `fan_out`: who is told of an event. `health_after`: how a subscriber stands after one more attempt. `is_given_up`:
    whether one has only failed for too long. `disabled_event`: what tells others of a subscription that is disabled for
    a reason, at a time.
    """

    fan_out: FanOut
    health_after: Callable[[Health, AttemptOutcome], Health]
    is_given_up: Callable[[Health, datetime], bool]
    disabled_event: Callable[[Subscription, str, datetime], Event]


@dataclass(frozen=True, slots=True)
class RecordedAttempts:
    """What a batch of attempts came to in the store: those that were written, and how many deliveries are new."""

    kept: tuple[AttemptOutcome, ...] = ()
    deliveries: int = 0


def record(connection: Connection, outcomes: Sequence[AttemptOutcome], rules: DeliveryRules) -> RecordedAttempts:
    """Writes attempts and what they came to."""
    kept = _still_leased(connection, outcomes)
    if not kept:
        return RecordedAttempts()
    ids = [outcome.delivery.id for outcome in kept]
    connection.execute(_FORGET_UNCOUNTED, {"ids": ids})
    changed = [changed_row(outcome.delivery) | {"delivery": outcome.delivery.id} for outcome in kept]
    connection.execute(_RECORD_ATTEMPT, changed)
    connection.execute(insert(ATTEMPTS), [attempt_row(outcome.attempt) for outcome in kept])
    put_in_order(connection, [outcome.delivery for outcome in kept])
    health = _note_health(connection, kept, rules.health_after)
    failed = [outcome for outcome in kept if outcome.attempt.outcome is not AttemptResult.DELIVERED]
    told = sum(_end_what_is_unwanted(connection, each, health[each.delivery.subscriber], rules) for each in failed)
    return RecordedAttempts(tuple(kept), told)


_CHANGED_BY_ATTEMPTS = (
    *("status", "attempts", "is_retry", "next_attempt_at", "updated_at", "delivered_at", "schedule_from"),
    *("behind_since", "forced_at"),
)
_RECORD_ATTEMPT = (
    update(DELIVERIES)
    .where(DELIVERIES.c.id == bindparam("delivery"))
    .values({name: bindparam(name) for name in _CHANGED_BY_ATTEMPTS} | {"leased_until": None})
)
_COUNTED = select(DELIVERIES.c.attempts).where(DELIVERIES.c.id == ATTEMPTS.c.delivery_id).scalar_subquery()
# What failed for a fault of our own side used up no number: the attempt that does takes its place.
_FORGET_UNCOUNTED = delete(ATTEMPTS).where(
    ATTEMPTS.c.delivery_id.in_(bindparam("ids", expanding=True)), ATTEMPTS.c.number > _COUNTED
)


def changed_row(delivery: Delivery) -> dict[str, Any]:
    """The columns of `deliveries` that an attempt, or a wish for one, changes."""
    return {name: value for name, value in delivery_row(delivery).items() if name in _CHANGED_BY_ATTEMPTS}


def _still_leased(connection: Connection, outcomes: Sequence[AttemptOutcome]) -> list[AttemptOutcome]:
    ids = [outcome.delivery.id for outcome in outcomes]
    query = select(DELIVERIES.c.id, DELIVERIES.c.lease_epoch, DELIVERIES.c.status).where(
        DELIVERIES.c.id.in_(ids), DELIVERIES.c.leased_until.is_not(None)
    )
    rows = {row.id: row for row in connection.execute(query.order_by(DELIVERIES.c.id).with_for_update())}
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
    canceled = replace(outcome.delivery, status=DeliveryStatus(status), next_attempt_at=None, forced_at=None)
    return replace(outcome, delivery=canceled)


def _note_health(
    connection: Connection,
    outcomes: Sequence[AttemptOutcome],
    health_after: Callable[[Health, AttemptOutcome], Health],
) -> dict[str, Health]:
    """Writes how the subscribers of these attempts stand now, and returns it; who simply accepts has no row."""
    subscribers = {outcome.delivery.subscriber for outcome in outcomes}
    in_order = select(SUBSCRIBERS).order_by(SUBSCRIBERS.c.subscriber).with_for_update()
    query = in_order.where(SUBSCRIBERS.c.subscriber.in_(subscribers))
    before = {row["subscriber"]: to_health(row) for row in connection.execute(query).mappings()}
    after = {subscriber: before.get(subscriber, Health(subscriber)) for subscriber in subscribers}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.delivery.updated_at):
        subscriber = outcome.delivery.subscriber
        after[subscriber] = health_after(after[subscriber], outcome)
    changed = {name: health for name, health in after.items() if health != before.get(name, Health(name))}
    well = [name for name, health in changed.items() if health == Health(name)]
    connection.execute(delete(SUBSCRIBERS).where(SUBSCRIBERS.c.subscriber.in_(well)))
    upsert(connection, SUBSCRIBERS, [health_row(health) for name, health in changed.items() if name not in well])
    return after


def _end_what_is_unwanted(connection: Connection, failed: AttemptOutcome, health: Health, rules: DeliveryRules) -> int:
    """Disables a subscription that asks for no more, or has failed for too long; returns how many are told of it."""
    delivery = failed.delivery
    if failed.unsubscribes and delivery.subscription_id is None:
        _end_callback(connection, delivery)
    elif failed.unsubscribes:
        return _disable(connection, delivery, "The subscriber answered 410 Gone.", rules)
    elif not failed.is_ours and rules.is_given_up(health, delivery.updated_at):
        return _disable(connection, delivery, _ONLY_FAILED.format(health.failing_since), rules)
    return 0


_ONLY_FAILED = "No attempt has succeeded since {:%Y-%m-%d %H:%M} UTC."


def _disable(connection: Connection, delivery: Delivery, reason: str, rules: DeliveryRules) -> int:
    now = delivery.updated_at
    subscriptions = all_subscriptions(connection)
    disabled = next((each for each in subscriptions if each.id == delivery.subscription_id), None)
    if disabled is None or not disable_subscription(connection, disabled.id, reason, now):
        return 0
    event = rules.disabled_event(disabled, reason, now)
    insert_events(connection, [event])
    told = rules.fan_out(event, None, [each for each in subscriptions if each.id != disabled.id])
    insert_deliveries(connection, told)
    return len(told)


def _end_callback(connection: Connection, delivery: Delivery) -> None:
    now = delivery.updated_at
    connection.execute(update(JOBS).where(JOBS.c.id == delivery.job_id).values(callback_ended_at=now))
    waiting = (
        DELIVERIES.c.job_id == delivery.job_id,
        DELIVERIES.c.subscription_id.is_(None),
        DELIVERIES.c.status == DeliveryStatus.PENDING,
    )
    canceled = {"status": DeliveryStatus.CANCELED, "next_attempt_at": None, "updated_at": now, "forced_at": None}
    connection.execute(update(DELIVERIES).where(*waiting).values(canceled))
