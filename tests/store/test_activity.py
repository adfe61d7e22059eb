"""Activity: each process writes its own rows, and all of them add up."""

from dataclasses import asdict, fields

import pytest

from store.activity import ActivityLog
from store.records import Activity, AttemptResult, DeliveryStatus, Status

WHOLE = Activity(120, "decart", **{field.name: number for number, field in enumerate(fields(Activity)[2:], start=1)})


@pytest.fixture
def log(database):
    return ActivityLog(database)


@pytest.fixture
def logs(postgres_url, open_database):
    """The logs of two processes on one database."""
    return ActivityLog(open_database(postgres_url)), ActivityLog(open_database(postgres_url))


def in_order(rows):
    return sorted(rows, key=lambda row: (row.minute, row.provider))


async def test_row_is_read_as_it_was_written(log):
    await log.write([WHOLE])
    assert await log.since(120, 1) == (WHOLE,)


async def test_what_is_written_again_takes_the_place_of_what_was_there(log):
    await log.write([Activity(5, "decart", polls=3), Activity(5, "", attempts_dns=1)])
    await log.write([Activity(5, "decart", polls=4, jobs_failed=1)])
    rows = in_order(await log.since(0, 1))
    assert rows == [Activity(5, "", attempts_dns=1), Activity(5, "decart", polls=4, jobs_failed=1)]


async def test_nothing_to_write_is_nothing(log):
    await log.write([])
    assert await log.since(0, 1) == ()


async def test_minutes_are_added_up_in_steps_by_provider(log):
    done = [(9, "decart", 1, 0.5), (10, "decart", 2, 3.0), (11, "decart", 4, 2.0), (14, "scenario", 8, 0.0)]
    rows = [
        Activity(minute, provider, polls=polls, delay_seconds=delay, longest_delay=delay)
        for minute, provider, polls, delay in [*done, (15, "decart", 16, 1.0)]
    ]
    await log.write(rows)
    assert in_order(await log.since(10, 5)) == [
        Activity(10, "decart", polls=6, delay_seconds=5.0, longest_delay=3.0),
        Activity(10, "scenario", polls=8),
        Activity(15, "decart", polls=16, delay_seconds=1.0, longest_delay=1.0),
    ]


async def test_what_is_before_the_first_minute_is_left_out(log):
    await log.write([Activity(9, "decart", polls=1), Activity(10, "decart", polls=2)])
    assert await log.since(10, 1) == (Activity(10, "decart", polls=2),)


async def test_processes_add_up_and_write_none_of_the_others_rows(logs):
    log, another = logs
    await log.write([Activity(5, "decart", polls=1, longest_delay=7.0)])
    await another.write([Activity(5, "decart", polls=10, longest_delay=2.0)])
    await another.write([Activity(5, "decart", polls=20, longest_delay=3.0)])
    assert await log.since(0, 1) == (Activity(5, "decart", polls=21, longest_delay=7.0),)


async def test_minutes_can_be_left_out_of_what_this_process_wrote(logs):
    log, another = logs
    await log.write([Activity(5, "decart", polls=1), Activity(6, "decart", polls=2)])
    await another.write([Activity(5, "decart", polls=10)])
    assert await log.since(0, 10, {5}) == (Activity(0, "decart", polls=12),)
    assert await another.since(0, 10, {5}) == (Activity(0, "decart", polls=3),)


async def test_own_minutes_can_be_left_out(log):
    await log.write([Activity(5, "decart", polls=1), Activity(6, "decart", polls=2)])
    assert await log.since(0, 1, {5}) == (Activity(6, "decart", polls=2),)


async def test_the_oldest_are_forgotten_in_small_batches(log):
    await log.write([Activity(minute, provider) for minute in range(4) for provider in ("", "decart")])
    assert await log.forget(3, 4) == 4
    assert {row.minute for row in await log.since(0, 1)} == {2, 3}
    assert await log.forget(3, 4) == 2
    assert await log.forget(3, 4) == 0
    assert {row.minute for row in await log.since(0, 1)} == {3}


def test_every_way_to_end_has_its_count():
    names = asdict(WHOLE).keys()
    assert names >= {f"jobs_{status}" for status in Status if status.is_final}
    assert names >= {f"attempts_{outcome}" for outcome in AttemptResult}
    never_by_an_attempt = {DeliveryStatus.PENDING, DeliveryStatus.SUPERSEDED}
    assert names >= {f"deliveries_{status}" for status in set(DeliveryStatus) - never_by_an_attempt}
