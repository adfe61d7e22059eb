"""What waits to be polled: its lanes, and taking leases on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, Select, bindparam, func, or_, select, update

from store.records import Job, PollLane, PollShare, Waiting
from store.rows import to_job_in_order, to_waiting
from store.tables import JOB_COLUMNS, JOBS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.sql.dml import ReturningUpdate

_WAITING = (JOBS.c.next_poll_at.is_not(None), JOBS.c.leased_until.is_(None))
_CANDIDATES = 4
"""How many times more due jobs of a lane than can be claimed are looked at, the longest due first."""


def _lanes_query() -> Select[Any]:
    """Skips from lane to lane along the index: the cost is of their number, not of that of the jobs."""
    lane = select(func.min(JOBS.c.lane).label("lane")).where(*_WAITING).cte("lanes", recursive=True)
    following = select(func.min(JOBS.c.lane)).where(*_WAITING, JOBS.c.lane > lane.c.lane).scalar_subquery()
    lane = lane.union_all(select(following).where(lane.c.lane.is_not(None)))
    due_at = select(func.min(JOBS.c.next_poll_at)).where(*_WAITING, JOBS.c.lane == lane.c.lane).scalar_subquery()
    return select(lane.c.lane, due_at.label("due_at")).where(lane.c.lane.is_not(None))


_LANES = _lanes_query()


def poll_lanes(connection: Connection) -> tuple[PollLane, ...]:
    """The lanes that jobs wait in, and when the first job of each is due."""
    return tuple(map(_to_lane, connection.execute(_LANES)))


def _to_lane(row: Row[Any]) -> PollLane:
    provider, account, kind, *alone = row.lane.split(" ")
    return PollLane(row.lane, provider, account, kind, bool(alone), row.due_at)


def _due_query() -> Select[Any]:
    return (
        select(*(JOBS.c[name] for name in Waiting.__dataclass_fields__))
        .where(*_WAITING, JOBS.c.lane == bindparam("of_lane"), JOBS.c.next_poll_at <= bindparam("until"))
        .order_by(JOBS.c.next_poll_at)
        .limit(bindparam("count"))
        .with_for_update(skip_locked=True)
    )


# Statements are built once: to build one costs more than to run it.
_DUE = _due_query()
_DUE_OR_RIDING = _due_query().where(
    or_(JOBS.c.next_poll_at <= bindparam("now"), JOBS.c.not_before.is_(None), JOBS.c.not_before <= bindparam("now"))
)


def due_jobs(connection: Connection, lane: str, share: PollShare, now: datetime) -> list[Waiting]:
    """The jobs of a lane that are due, or may be asked for along with those that are."""
    asked = {"of_lane": lane, "until": share.until, "count": share.count * _CANDIDATES}
    if share.until > now:
        return [to_waiting(row) for row in connection.execute(_DUE_OR_RIDING, asked | {"now": now})]
    return [to_waiting(row) for row in connection.execute(_DUE, asked)]


_IS_FREE = JOBS.c.leased_until.is_(None)


def _lease_of(ids: Select[Any]) -> ReturningUpdate[Any]:
    """What another process has its hand on is left to that one."""
    # Not a subquery: PostgreSQL may run one several times, and take more than was asked for.
    free = ids.with_for_update(skip_locked=True).cte("free")
    return (
        update(JOBS)
        .where(JOBS.c.id.in_(select(free.c.id)))
        .values(leased_until=bindparam("until"), lease_epoch=JOBS.c.lease_epoch + 1, leased_by=bindparam("by"))
        .returning(*JOB_COLUMNS)
    )


LEASE = _lease_of(select(JOBS.c.id).where(JOBS.c.id.in_(bindparam("ids", expanding=True)), _IS_FREE))
"""Gives a process (`by`) a lease `until` a time on those of `ids` that are free."""

LEASE_LATE = _lease_of(
    select(JOBS.c.id)
    .where(JOBS.c.finished_at.is_(None), JOBS.c.timeout_at <= bindparam("before"), _IS_FREE)
    .order_by(JOBS.c.timeout_at)
    .limit(bindparam("count"))
)
"""The same on up to `count` jobs whose time was over `before` a time, whatever they wait for."""


def leased_jobs(connection: Connection, lease: ReturningUpdate[Any], values: dict[str, Any]) -> tuple[Job, ...]:
    """Runs `LEASE` or `LEASE_LATE`; returns the jobs, the longest due first."""
    jobs = [to_job_in_order(row) for row in connection.execute(lease, values)]
    # RETURNING promises no order. None is final, so each has a time.
    return tuple(sorted(jobs, key=lambda job: (job.next_poll_at or job.created_at, job.id)))
