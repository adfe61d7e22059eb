"""The schema itself refuses what the rules promise never to write."""

from dataclasses import dataclass, field

import pytest
from sqlalchemy import CheckConstraint, UniqueConstraint, insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from store.facets import facet_of
from store.rows import job_row, subscription_row

from .builders import NOW, new_job, new_subscription

TABLES = SQLModel.metadata.tables
JOB = new_job().id
FINAL = {"status": "succeeded", "sequence": 1, "finished_at": NOW, "next_poll_at": None}
MOMENTS = {"occurred_at": NOW, "detected_at": NOW}
EVENT = {"id": "evt_1", "type": "job.running", "timestamp": NOW, "job_id": JOB, "sequence": 1, "body": b"{}"}
# One row of each table that breaks nothing, in an order in which each finds what it refers to.
ROWS = {
    "jobs": job_row(new_job()),
    "job_labels": {"job_id": JOB, "label": "tag", "value": "red", "facet": facet_of(new_job())},
    "transitions": {"job_id": JOB, "sequence": 1, "status": "running", "previous_status": None, **MOMENTS},
    "events": EVENT,
    "subscriptions": subscription_row(new_subscription()),
    "deliveries": {
        "id": "dlv_1",
        "event_id": "evt_1",
        "event_type": "job.running",
        "subscription_id": "sub_1",
        "subscriber": "sub_1",
        "status": "pending",
        "attempts": 0,
        "is_retry": False,
        "next_attempt_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
        "lease_epoch": 0,
    },
    "attempts": {
        "id": "att_1",
        "delivery_id": "dlv_1",
        "number": 1,
        "started_at": NOW,
        "duration_ms": 0,
        "outcome": "delivered",
    },
    "api_keys": {"id": "key_1", "name": "shop", "scope": "read", "digest": "digest", "created_at": NOW},
    "answers": {
        "caller": "key_1",
        "key": "k1",
        "request": "digest",
        "answered_at": NOW,
        "status": 201,
        "headers": {},
        "body": b"{}",
    },
    "secrets": {"name": "callback", "value": "whsec_YQ=="},
    "profiles": {"provider": "scenario", "kind": "job", "model": "", "state": b"1" * 4096, "updated_at": NOW},
    "subscribers": {"subscriber": "sub_1", "failures": 0, "holds": 0},
    "replays": {
        "id": "rpl_1",
        "subscription_id": "sub_0001",
        "since": NOW,
        "until": NOW,
        "events": ["job.*"],
        "only_failed": False,
        "rate": 1.0,
        "status": "running",
        "total": 0,
        "queued": 0,
        "position": 0,
        "next_at": NOW,
        "created_at": NOW,
    },
}
# What makes of each row another one that may stand beside it.
ANOTHER = {
    "jobs": {"id": "job_2", "remote_id": "remote-2"},
    "job_labels": {"value": "blue"},
    "transitions": {"sequence": 2, "status": "action_required", "previous_status": "running"},
    "events": {"id": "evt_2", "sequence": 2},
    "subscriptions": {"id": "sub_2"},
    "deliveries": {"id": "dlv_2", "subscription_id": "sub_2", "subscriber": "sub_2"},
    "attempts": {"id": "att_2", "number": 2},
    "api_keys": {"id": "key_2", "digest": "another digest"},
    "answers": {"caller": "key_2"},
    "secrets": {"name": "another"},
    "profiles": {"model": "another"},
    "subscribers": {"subscriber": "sub_2"},
    "replays": {"id": "rpl_2"},
}


@dataclass(frozen=True)
class Broken:
    """A constraint, and changes to a row that break it; `after` are changes to the row that is there before."""

    constraint: str
    changes: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)

    @property
    def table(self):
        return next(name for name in TABLES if self.constraint.startswith(f"{name}_"))


CHECKS = (
    Broken("jobs_status_known", {"status": "sleeping"}),
    Broken("jobs_final_has_end", {"finished_at": NOW}),
    Broken("jobs_final_has_end", FINAL | {"finished_at": None}),
    Broken("jobs_final_never_polled", {"next_poll_at": None}),
    Broken("jobs_final_never_polled", FINAL | {"next_poll_at": NOW}),
    Broken("jobs_final_was_told", FINAL | {"sequence": 0}),
    Broken("jobs_progress_is_share", {"progress": 1.01}),
    Broken("jobs_progress_is_share", {"progress": -0.01}),
    Broken("jobs_counts", {"sequence": -1}),
    Broken("jobs_counts", {"polls": -1}),
    Broken("jobs_counts", {"run": 0}),
    Broken("transitions_count_from_one", {"sequence": 0}),
    Broken("transitions_status_known", {"status": "sleeping"}),
    Broken("transitions_first_has_none_before", {"previous_status": None}),
    Broken("transitions_first_has_none_before", {"job_id": "job_2", "sequence": 1}),
    Broken("transitions_change_something", {"status": "running"}),
    Broken("transitions_end_is_final", {"previous_status": "failed"}),
    Broken("events_of_job_have_sequence", {"sequence": None}),
    Broken("events_of_job_have_sequence", {"job_id": None}),
    Broken("subscriptions_status_known", {"status": "asleep"}),
    Broken("deliveries_status_known", {"status": "lost", "next_attempt_at": None}),
    Broken("deliveries_pending_is_due", {"next_attempt_at": None}),
    Broken("deliveries_pending_is_due", {"status": "canceled"}),
    Broken("deliveries_arrival_has_time", {"delivered_at": NOW}),
    Broken("deliveries_arrival_has_time", {"status": "delivered", "next_attempt_at": None}),
    Broken("deliveries_have_one_address", {"callback_url": "https://own.example/hook"}),
    Broken("deliveries_have_one_address", {"subscription_id": None}),
    Broken("deliveries_attempts_count", {"attempts": -1}),
    Broken("attempts_outcome_known", {"outcome": "shrugged"}),
    Broken("attempts_counts", {"number": 0}),
    Broken("attempts_counts", {"duration_ms": -1}),
    Broken("api_keys_scope_known", {"scope": "everything"}),
    Broken("answers_are_of_success", {"status": 199}),
    Broken("answers_are_of_success", {"status": 300}),
    Broken("profiles_are_small", {"state": b"1" * 4097}),
    Broken("subscribers_failures_count", {"failures": -1}),
    Broken("replays_status_known", {"status": "stuck"}),
    Broken("replays_counts", {"queued": -1}),
    Broken("replays_counts", {"total": -1}),
    Broken("replays_counts", {"rate": 0.0}),
)
UNIQUES = (
    Broken("jobs_one_per_run", {"remote_id": "remote-1"}, after=FINAL),
    Broken("jobs_one_tracked", {"remote_id": "remote-1", "run": 2}),
    Broken("transitions_one_end", {"status": "failed"}, after={"status": "succeeded"}),
    Broken("events_one_per_id", {"id": "evt_1"}),
    Broken("events_one_per_transition", {"type": "job.succeeded", "sequence": 1}),
    Broken("deliveries_one_per_subscriber", {"subscriber": "sub_1"}),
    Broken("attempts_one_per_number", {"number": 1}),
    Broken("api_keys_one_per_digest", {"digest": "digest"}),
)
STRANGERS = {
    "job_labels": {"job_id": "job_unknown"},
    "transitions": {"job_id": "job_unknown"},
    "deliveries": {"event_id": "evt_unknown"},
    "attempts": {"delivery_id": "dlv_unknown"},
    "replays": {"subscription_id": "sub_unknown"},
}


@pytest.fixture
def add(database):
    async def insert_row(table, row):
        await database.write(lambda connection: connection.execute(insert(TABLES[table]), row) and None)

    return insert_row


@pytest.fixture
def fill(add):
    """Stores a valid row in each table, one of them changed."""

    async def insert_rows(table=None, changes=None):
        for name, row in ROWS.items():
            await add(name, row | (changes or {} if name == table else {}))

    return insert_rows


def names_of(kind):
    constraints = {each.name for table in TABLES.values() for each in table.constraints if isinstance(each, kind)}
    return {name for name in constraints if name}


def unique_indexes():
    return {index.name for table in TABLES.values() for index in table.indexes if index.unique}


def test_every_check_has_its_row_here():
    assert {broken.constraint for broken in CHECKS} == names_of(CheckConstraint)


def test_every_unique_has_its_row_here():
    assert {broken.constraint for broken in UNIQUES} == names_of(UniqueConstraint) | unique_indexes()


def test_every_reference_has_its_row_here():
    assert set(STRANGERS) == {name for name, table in TABLES.items() if table.foreign_keys}


async def test_rows_that_keep_all_promises_are_stored(add, fill):
    await fill()
    for table, changes in ANOTHER.items():
        await add(table, ROWS[table] | changes)


@pytest.mark.parametrize("broken", CHECKS, ids=lambda broken: f"{broken.constraint}-{broken.changes}")
async def test_row_that_breaks_a_check_is_refused(add, fill, broken):
    await fill()
    with pytest.raises(IntegrityError, match=broken.constraint):
        await add(broken.table, ROWS[broken.table] | ANOTHER[broken.table] | broken.changes)


@pytest.mark.parametrize("broken", UNIQUES, ids=lambda broken: broken.constraint)
async def test_row_that_repeats_what_is_unique_is_refused(add, fill, broken):
    await fill(broken.table, broken.after)
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        await add(broken.table, ROWS[broken.table] | ANOTHER[broken.table] | broken.changes)


@pytest.mark.parametrize("table", STRANGERS)
async def test_row_that_refers_to_nothing_is_refused(add, fill, table):
    await fill()
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        await add(table, ROWS[table] | ANOTHER[table] | STRANGERS[table])


@pytest.mark.parametrize("table", ROWS)
async def test_row_without_what_it_must_have_is_refused(add, fill, table):
    await fill()
    for column in TABLES[table].columns:
        if not column.nullable and column.name != "position":
            with pytest.raises(IntegrityError, match=r"(?i)null"):
                await add(table, ROWS[table] | ANOTHER[table] | {column.name: None})


@pytest.mark.parametrize("event_type", ["job.progress", "job.step"])
async def test_events_between_transitions_share_the_sequence_of_the_last(add, fill, event_type):
    await fill()
    for number in (2, 3):
        await add("events", EVENT | {"id": f"evt_{number}", "type": event_type})


async def test_same_remote_job_is_stored_once_for_each_run_that_ended_and_once_for_the_one_that_goes_on(add):
    for number, state in enumerate((FINAL, FINAL, {}), start=1):
        await add("jobs", job_row(new_job(number, remote_id="same", run=number)) | state)


async def test_event_that_has_a_delivery_cannot_be_deleted_alone(database, fill):
    await fill()
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        await database.write(lambda connection: connection.execute(TABLES["events"].delete()))
