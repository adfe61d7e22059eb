"""How long the deletion of what is old holds the writer, while polls and webhooks go on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text

from store.records import Attempt, AttemptResult, Delivery, DeliveryStatus, Event, Job, KeptAnswer, Status, Transition
from store.rows import attempt_row, delivery_row, event_row, job_row, transition_row
from store.tables import ANSWERS, ATTEMPTS, DELIVERIES, EVENTS, JOBS, TRANSITIONS
from tests.bench.engine import jobs_at_work, put_in, subscribe
from tests.bench.machine import far_side, service

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Table

    from tracker.service import Service

_OLD = timedelta(days=40)
_DELETES = ("DELETE FROM jobs", "DELETE FROM events", "DELETE FROM answers")


@dataclass
class Held:
    """Seconds that the writer was held, by transactions that deleted what is old and by the others."""

    retention: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Of the transactions that deleted: what the writer's thread worked, without what the machine made it wait."""
    deleted: int = 0


def watch(running: Service) -> Held:
    """Times every transaction of the writer, from its begin to its commit."""
    held, engine = Held(), running._database._writer
    began, worked, has_deleted = perf_counter(), thread_time(), False

    @event.listens_for(engine, "begin")
    def begin(_connection: Connection) -> None:
        nonlocal began, worked, has_deleted
        began, worked, has_deleted = perf_counter(), thread_time(), False

    @event.listens_for(engine, "after_cursor_execute")
    def executed(_connection: Any, cursor: Any, statement: str, *_: object) -> None:
        nonlocal has_deleted
        if statement.startswith(_DELETES):
            has_deleted = True
            held.deleted += cursor.rowcount

    # SQLAlchemy tells of a commit before it does it; what is checked in has been committed.
    @event.listens_for(engine, "checkin")
    def checked_in(*_: object) -> None:
        (held.retention if has_deleted else held.others).append(perf_counter() - began)
        if has_deleted:
            held.cpu.append(thread_time() - worked)

    return held


def fill(connection: Connection, how_many: int, old: datetime) -> None:
    """Makes so many finished jobs, each with two transitions, two events, a delivery and its attempt, and an answer."""
    times = (old, old, old + timedelta(days=1))
    for start in range(0, how_many, 5000):
        _fill(connection, range(start, min(start + 5000, how_many)), times)


def _fill(connection: Connection, numbers: range, times: tuple[datetime, datetime, datetime]) -> None:
    old = times[0]
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ("jobs", "transitions", "events", "deliveries")}
    attempts, answers = [], []
    for number in numbers:
        job = f"job_old{number:023d}"
        ended = {"status": Status.SUCCEEDED, "sequence": 2, "finished_at": old, "status_since": old}
        rows["jobs"].append(
            job_row(Job(job, "decart", "job", "default", f"old-{number}", 1, *times, next_poll_at=None, **ended))
        )
        story = ((1, Status.RUNNING, None), (2, Status.SUCCEEDED, Status.RUNNING))
        for sequence, status, previous in story:
            told = Transition(job, sequence, status, previous, status.value, None, old, old)
            rows["transitions"].append(transition_row(told))
            happened = Event(f"evt_{job}_{sequence}", f"job.{status.value}", old, b"x" * 1300, job, sequence)
            rows["events"].append(event_row(happened))
        whom = (job, "sub_old", "sub_old", None)
        sent = {"status": DeliveryStatus.DELIVERED, "attempts": 1, "delivered_at": old}
        delivery = Delivery(f"dlv_{job}", f"evt_{job}_2", "job.succeeded", *whom, old, old, None, **sent)
        rows["deliveries"].append(delivery_row(delivery))
        attempts.append(attempt_row(Attempt(f"att_{job}", delivery.id, 1, old, 20, AttemptResult.DELIVERED, 204)))
        kept = KeptAnswer("key_old", f"key-{number}", "digest", old, 201, {}, b"x" * 800)
        answers.append({name: getattr(kept, name) for name in kept.__dataclass_fields__})
    made: list[tuple[Table, list[dict[str, Any]]]] = [
        (JOBS, rows["jobs"]),
        (TRANSITIONS, rows["transitions"]),
        (EVENTS, rows["events"]),
        (DELIVERIES, rows["deliveries"]),
        (ATTEMPTS, attempts),
        (ANSWERS, answers),
    ]
    for table, values in made:
        connection.execute(table.insert(), values)


async def hold(how_many: int, rate: float, seconds: float) -> tuple[Held, float]:
    """Deletes that many old jobs and all of theirs while so many jobs a second end and are told of.

    Returns the times, and the seconds until nothing old was left.
    """
    async with far_side() as url, service(url) as running:
        old = running.surroundings.now() - _OLD
        await running._database.write(lambda connection: fill(connection, how_many, old))
        await subscribe(running, [f"{url}/ok/{number}" for number in range(50)], ends=True)
        start = running.surroundings.now() + timedelta(seconds=1.5)
        jobs = jobs_at_work(running, int(rate * seconds), start, "end")
        due = [
            job.but(next_poll_at=start + timedelta(seconds=number / rate), tags=(f"s{number % 50}",))
            for number, job in enumerate(jobs)
        ]
        await put_in(running, due)
        running.poll_beat.wake()
        await asyncio.sleep(1.5)
        held, began = watch(running), perf_counter()
        running.sweep_beat.wake()
        took = seconds
        while perf_counter() - began < seconds:
            await asyncio.sleep(0.1)
            if took == seconds and not await _has_old(running):
                took = perf_counter() - began
        return held, took


async def _has_old(running: Service) -> bool:
    query = text("SELECT EXISTS (SELECT 1 FROM events WHERE id LIKE 'evt_job_old%')")
    return bool(await running._database.read(lambda connection: connection.execute(query).scalar()))
