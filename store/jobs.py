"""Jobs and their transitions: registering, claiming, recording, listing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, or_, select, update

from store.accounts import replace_accounts
from store.delivery_order import insert_deliveries
from store.events import insert_events
from store.job_lists import find_jobs
from store.labels import move_labels
from store.leases import free_leases
from store.poll_times import TICKS_AND_THE_NEXT, poll_times, tick_of
from store.profiles import replace_profiles
from store.records import (
    HeldAccount,
    Job,
    Page,
    PollClaim,
    PollLane,
    PollOutcome,
    PollShare,
    StoredProfile,
    Transition,
    Waiting,
)
from store.registration import Registration, register_jobs
from store.rows import job_row, to_job, to_transition, to_waiting, transition_row
from store.subscriptions import all_subscriptions
from store.tables import JOB_COLUMNS, JOBS, TRANSITIONS

if TYPE_CHECKING:
    from store.attempts import FanOut
    from store.database import Database
    from store.job_filter import JobFilter

Choose: TypeAlias = Callable[[Sequence[Waiting], int, datetime], Sequence[str]]
"""The ids of so many jobs, those that are to be polled first."""

# What a poll may change. The rest of a row belongs to registration, and `callback_ended_at` to deliveries.
_CHANGED_BY_POLLS = (
    "provider_status",
    "progress",
    "output",
    "error",
    "sequence",
    "status_since",
    "steps",
    "polls",
    "started_at",
    "updated_at",
    "next_poll_at",
    "last_polled_at",
    "not_before",
    "poll_problem",
    "announced_progress",
    "progress_announced_at",
    "announcements",
    "reading",
    "result_expires_at",
    "etag",
    "is_alone",
    "list_misses",
    "sightings",
)
# The rest is changed by transitions only, of which most polls find none. To set it means to write indexes anew.
_CHANGED_BY_TRANSITIONS = ("status", "finished_at", "facet")


_RECORD = update(JOBS).where(JOBS.c.id == bindparam("job")).values(leased_until=None, poll_ticks=TICKS_AND_THE_NEXT)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a batch of outcomes came to in the store; `kept` are those that were written."""

    changed_jobs: tuple[str, ...]
    deliveries: int
    next_due_at: datetime | None
    kept: tuple[PollOutcome, ...] = ()


class Jobs:
    """The jobs of one database.

    Two rules decide inside its transactions: `fan_out`, who is told of an event, and `choose`, which of more due jobs
    than can be claimed go first.
    """

    def __init__(self, database: Database, fan_out: FanOut, choose: Choose) -> None:
        self._database = database
        self._fan_out = fan_out
        self._choose = choose

    async def register(self, job: Job, *, rerun: bool = False) -> tuple[Job, bool]:
        """Stores a new job, or finds the one that is already there: (job, whether it is new).

        The same remote job is tracked once. After its end it is tracked again only as a `rerun`, with the next `run`.
        """
        (result,) = await self.register_many([Registration(job, rerun)])
        return result

    async def register_many(self, registrations: Sequence[Registration]) -> list[tuple[Job, bool]]:
        """The same for many in one transaction, as if they had come one after the other."""
        return await self._database.write(lambda connection: register_jobs(connection, registrations))

    async def get(self, job_id: str) -> Job | None:
        """The job with this id."""
        return await self._database.read(lambda connection: _get(connection, job_id))

    async def find(self, wanted: JobFilter, limit: int, after: str | None = None) -> Page[Job]:
        """A page of jobs, newest first; `after` is the id that the page before ended with."""
        return await self._database.read(lambda connection: find_jobs(connection, wanted, limit, after))

    async def history(self, job_id: str) -> tuple[Transition, ...]:
        """The transitions of a job, oldest first."""
        query = select(TRANSITIONS).where(TRANSITIONS.c.job_id == job_id).order_by(TRANSITIONS.c.sequence)
        return await self._database.read(
            lambda connection: tuple(to_transition(row) for row in connection.execute(query).mappings())
        )

    async def poll_times(self, job_id: str) -> tuple[datetime, ...]:
        """When a job was polled, the oldest first: at least its last `MOST_POLL_TIMES / 2` polls."""
        return await self._database.read(lambda connection: poll_times(connection, job_id))

    async def lanes(self) -> tuple[PollLane, ...]:
        """The lanes that jobs wait in, and when the first job of each is due."""
        return await self._database.read(_lanes)

    async def claim(self, shares: Sequence[PollShare], now: datetime, lease_until: datetime) -> PollClaim:
        """Takes a lease on the due jobs of these shares; returns them, the longest due first, and the lanes without."""
        return await self._database.write(lambda connection: self._claim(connection, shares, now, lease_until))

    async def claim_out_of_time(self, before: datetime, limit: int, lease_until: datetime) -> tuple[Job, ...]:
        """Takes a lease on up to `limit` jobs whose time was over before a time, whatever they wait for."""
        late = (JOBS.c.finished_at.is_(None), JOBS.c.timeout_at <= before, JOBS.c.leased_until.is_(None))
        ids = select(JOBS.c.id).where(*late).order_by(JOBS.c.timeout_at).limit(limit)
        return await self._database.write(lambda connection: self._lease(connection, ids, lease_until))

    async def record(
        self,
        outcomes: Sequence[PollOutcome],
        profiles: Sequence[StoredProfile] = (),
        accounts: Sequence[HeldAccount] = (),
    ) -> Recorded:
        """Writes polls: jobs, transitions, events and one delivery per matching subscription, in one transaction.

        An outcome whose lease was lost, or whose job is gone, is dropped whole. `profiles` and `accounts` are written
        along.
        """
        return await self._database.write(lambda connection: self._record(connection, outcomes, profiles, accounts))

    async def release(self, jobs: Iterable[Job]) -> None:
        """Gives leases back unused, so that the jobs are due at once."""
        leases = [{"job": job.id, "epoch": job.lease_epoch} for job in jobs]
        held = (JOBS.c.id == bindparam("job")) & (JOBS.c.lease_epoch == bindparam("epoch"))
        if leases:
            statement = update(JOBS).where(held).values(leased_until=None)
            await self._database.write(lambda connection: connection.execute(statement, leases) and None)

    async def recover_leases(self, expired_at: datetime | None) -> int:
        """Frees the jobs whose lease ran out before `expired_at` (None: all leases), and counts them."""
        return await self._database.write(lambda connection: free_leases(connection, JOBS, expired_at))

    async def poll_now(self, job_id: str, now: datetime) -> Job | None:
        """Makes a job due at once, or as soon as its provider's hint allows; a final job stays as it is."""
        return await self._database.write(lambda connection: _poll_now(connection, job_id, now))

    async def note_cancel(self, job_id: str, now: datetime) -> None:
        """Remembers that a job's provider accepted to cancel it."""
        statement = update(JOBS).where(JOBS.c.id == job_id).values(cancel_accepted_at=now)
        await self._database.write(lambda connection: connection.execute(statement) and None)

    async def forget(self, job_id: str) -> bool:
        """Stops tracking a job and deletes it with its history; what was already announced is still delivered."""
        statement = delete(JOBS).where(JOBS.c.id == job_id)
        return await self._database.write(lambda connection: bool(connection.execute(statement).rowcount))

    async def forget_finished(self, before: datetime, limit: int) -> int:
        """Deletes up to `limit` jobs that ended before a time, with their histories, and counts them.

        The time is that of our seeing it: a job that ended long ago at its provider may have been registered today.
        """
        is_old = (JOBS.c.finished_at < before, JOBS.c.updated_at < before)
        old = select(JOBS.c.id).where(*is_old).order_by(JOBS.c.finished_at).limit(limit)
        statement = delete(JOBS).where(JOBS.c.id.in_(old))
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)

    def _claim(
        self, connection: Connection, shares: Sequence[PollShare], now: datetime, lease_until: datetime
    ) -> PollClaim:
        ids: list[str] = []
        for share in shares:
            due = [row for lane in share.lanes for row in _due(connection, lane, share, now)]
            ids += [row.id for row in due] if len(due) <= share.count else self._choose(due, share.count, now)
        return PollClaim(self._lease(connection, ids, lease_until) if ids else (), _lanes(connection))

    def _lease(self, connection: Connection, ids: Sequence[str] | Select[Any], until: datetime) -> tuple[Job, ...]:
        return _lease(connection, ids, until, self._database.process_id)

    def _record(
        self,
        connection: Connection,
        outcomes: Sequence[PollOutcome],
        profiles: Sequence[StoredProfile],
        accounts: Sequence[HeldAccount],
    ) -> Recorded:
        replace_profiles(connection, profiles)
        replace_accounts(connection, accounts)
        kept = _still_leased(connection, outcomes)
        moved = [outcome for outcome in kept if outcome.transitions]
        _update(connection, [outcome for outcome in kept if not outcome.transitions], _CHANGED_BY_POLLS)
        _update(connection, moved, _CHANGED_BY_POLLS + _CHANGED_BY_TRANSITIONS)
        move_labels(connection, [outcome.job for outcome in moved])
        transitions = [transition_row(transition) for outcome in kept for transition in outcome.transitions]
        if transitions:
            connection.execute(insert(TRANSITIONS), transitions)
        told = [(event, outcome.job) for outcome in kept for event in outcome.events]
        insert_events(connection, [event for event, _ in told])
        subscriptions = all_subscriptions(connection) if told else ()
        deliveries = [delivery for event, job in told for delivery in self._fan_out(event, job, subscriptions)]
        insert_deliveries(connection, deliveries)
        due = [outcome.job.next_poll_at for outcome in kept if outcome.job.next_poll_at]
        changed = tuple(outcome.job.id for outcome in kept if outcome.events)
        return Recorded(changed, len(deliveries), min(due, default=None), tuple(kept))


def _get(connection: Connection, job_id: str, *, to_change: bool = False) -> Job | None:
    query = select(*JOB_COLUMNS).where(JOBS.c.id == job_id)
    row = connection.execute(query.with_for_update() if to_change else query).mappings().first()
    return to_job(row) if row else None


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


def _lanes(connection: Connection) -> tuple[PollLane, ...]:
    return tuple(map(_to_lane, connection.execute(_LANES)))


def _to_lane(row: Row[Any]) -> PollLane:
    provider, account, kind, *alone = row.lane.split(" ")
    return PollLane(row.lane, provider, account, kind, bool(alone), row.due_at)


def _due(connection: Connection, lane: str, share: PollShare, now: datetime) -> list[Waiting]:
    """The jobs of a lane that are due, or may be asked for along with those that are."""
    query = (
        select(*(JOBS.c[name] for name in Waiting.__dataclass_fields__))
        .where(*_WAITING, JOBS.c.lane == lane, JOBS.c.next_poll_at <= share.until)
        .order_by(JOBS.c.next_poll_at)
        .limit(share.count * _CANDIDATES)
        .with_for_update(skip_locked=True)
    )
    if share.until > now:
        query = query.where(or_(JOBS.c.next_poll_at <= now, JOBS.c.not_before.is_(None), JOBS.c.not_before <= now))
    return [to_waiting(row) for row in connection.execute(query).mappings()]


def _lease(
    connection: Connection, ids: Sequence[str] | Select[Any], lease_until: datetime, leased_by: str
) -> tuple[Job, ...]:
    """Takes what is still free; what another process has its hand on is left to that one."""
    wanted = select(JOBS.c.id).where(JOBS.c.id.in_(ids), JOBS.c.leased_until.is_(None))
    free = wanted.with_for_update(skip_locked=True).cte("free")
    taken = (
        update(JOBS)
        .where(JOBS.c.id.in_(select(free.c.id)))
        .values(leased_until=lease_until, lease_epoch=JOBS.c.lease_epoch + 1, leased_by=leased_by)
        .returning(*JOB_COLUMNS)
    )
    rows = connection.execute(taken).mappings().all()
    # RETURNING promises no order.
    return tuple(to_job(row) for row in sorted(rows, key=lambda row: (row["next_poll_at"], row["id"])))


def _still_leased(connection: Connection, outcomes: Sequence[PollOutcome]) -> list[PollOutcome]:
    ids = [outcome.job.id for outcome in outcomes]
    query = select(JOBS.c.id, JOBS.c.lease_epoch, JOBS.c.callback_ended_at).where(
        JOBS.c.id.in_(ids), JOBS.c.leased_until.is_not(None)
    )
    rows = {row.id: row for row in connection.execute(query.order_by(JOBS.c.id).with_for_update())}
    return [
        # The callback may have ended (HTTP 410) while the poll was under way.
        replace(outcome, job=replace(outcome.job, callback_ended_at=rows[outcome.job.id].callback_ended_at))
        for outcome in outcomes
        if outcome.job.id in rows and rows[outcome.job.id].lease_epoch == outcome.job.lease_epoch
    ]


def _update(connection: Connection, outcomes: Sequence[PollOutcome], names: Sequence[str]) -> None:
    if outcomes:
        rows = [(job_row(outcome.job), {"job": outcome.job.id, "tick": tick_of(outcome)}) for outcome in outcomes]
        connection.execute(_RECORD, [{name: row[name] for name in names} | beside for row, beside in rows])


def _poll_now(connection: Connection, job_id: str, now: datetime) -> Job | None:
    job = _get(connection, job_id, to_change=True)
    if job is None or job.status.is_final:
        return job
    at = now if job.not_before is None else max(now, job.not_before)
    at = min(at, job.next_poll_at or at)
    connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(next_poll_at=at))
    return replace(job, next_poll_at=at)
