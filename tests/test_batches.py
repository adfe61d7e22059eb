"""Outcomes that finish together are written together."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from store.errors import DatabaseAwayError
from tracker import batches
from tracker.batches import Batches, finish_or_cancel

GUARD = 10


class Writer:
    """Writes while its gate is open; notes what it wrote and what was settled, in order."""

    def __init__(self, *, is_open=True, failing=()):
        self.batches = []
        self.settled = []
        self.failing = failing
        self.began = asyncio.Semaphore(0)
        self.gate = asyncio.Event()
        if is_open:
            self.gate.set()
        self.into = Batches("tests", self.write, self.settled.append)

    async def write(self, batch):
        self.began.release()
        await self.gate.wait()
        if set(self.failing).intersection(batch):
            message = "the disk is full"
            raise OSError(message)
        self.batches.append(batch)

    def put(self, *items):
        for item in items:
            self.into.put(item)

    async def drained(self):
        await asyncio.wait_for(self.into.drain(), GUARD)
        return self.batches


async def test_what_is_put_in_together_is_one_batch_in_order():
    writer = Writer()
    writer.put(1, 2, 3)
    assert await writer.drained() == [[1, 2, 3]]
    assert writer.settled == [[1, 2, 3]]


class Away:
    """A database that is away for so many writes."""

    def __init__(self, times):
        self.times = times
        self.asked = asyncio.Event()
        self.written = []

    async def write(self, batch):
        self.asked.set()
        if self.times:
            self.times -= 1
            raise DatabaseAwayError
        self.written.append(batch)


async def test_batch_waits_for_a_database_that_is_away(monkeypatch):
    monkeypatch.setattr(batches, "PAUSE_WHILE_AWAY", 0)
    away, settled = Away(3), []
    into = Batches("tests", away.write, settled.append)
    into.put(1)
    into.put(2)
    with capture_logs() as logs:
        await asyncio.wait_for(into.drain(), GUARD)
    assert (away.written, settled) == ([[1, 2]], [[1, 2]])
    assert [entry["event"] for entry in logs] == ["outcomes.waiting"] * 3


async def test_what_cannot_be_written_when_the_service_stops_is_given_up():
    away, settled = Away(10**6), []
    into = Batches("tests", away.write, settled.append)
    into.put(1)
    await asyncio.wait_for(away.asked.wait(), GUARD)
    with capture_logs() as logs:
        await asyncio.wait_for(into.close(), GUARD)
    assert (away.written, settled) == ([], [[1]])
    assert logs[-1]["event"] == "outcome.lost"


async def test_batches_gather_while_one_is_written():
    writer = Writer(is_open=False)
    writer.put(1)
    await asyncio.wait_for(writer.began.acquire(), GUARD)
    writer.put(2, 3)
    await asyncio.sleep(0)
    writer.put(4)
    writer.gate.set()
    assert await writer.drained() == [[1], [2, 3, 4]]


async def test_batch_is_settled_after_it_was_written_and_not_before():
    writer = Writer(is_open=False)
    writer.put(1)
    await asyncio.wait_for(writer.began.acquire(), GUARD)
    assert writer.settled == []
    writer.gate.set()
    await writer.drained()
    assert writer.settled == [[1]]


async def test_outcome_that_cannot_be_written_takes_no_other_with_it():
    writer = Writer(is_open=False, failing=[2])
    with capture_logs() as logs:
        writer.put(1, 2)
        await asyncio.wait_for(writer.began.acquire(), GUARD)
        writer.put(3)
        writer.gate.set()
        assert await writer.drained() == [[1], [3]]
    assert writer.settled == [[1], [2], [3]]
    assert [(line["event"], line["batch"]) for line in logs] == [("outcome.lost", "tests")]


async def test_what_is_put_in_after_a_drain_is_written_too():
    writer = Writer()
    for item in (1, 2):
        writer.put(item)
        await writer.drained()
    assert writer.batches == [[1], [2]]


async def test_drain_of_nothing_returns_at_once():
    assert await Writer().drained() == []


async def test_drain_waits_for_what_is_put_in_meanwhile():
    writer = Writer(is_open=False)
    writer.put(1)
    draining = asyncio.create_task(writer.into.drain())
    await asyncio.wait_for(writer.began.acquire(), GUARD)
    writer.put(2)
    writer.gate.set()
    await asyncio.wait_for(draining, GUARD)
    assert writer.settled == [[1], [2]]


async def test_what_settling_puts_in_is_written_too():
    writer = Writer()
    writer.into = Batches("tests", writer.write, lambda batch: batch == [1] and writer.put(2))
    writer.put(1)
    assert await writer.drained() == [[1], [2]]


@given(st.lists(st.sampled_from(["put", "yield"]), max_size=30))
def test_every_outcome_is_written_once_in_order_and_settled(acts):
    async def act():
        writer = Writer()
        for number, what in enumerate(acts):
            if what == "put":
                writer.put(number)
            else:
                await asyncio.sleep(0)
        await writer.drained()
        return writer

    writer = asyncio.run(act())
    assert [item for batch in writer.batches for item in batch] == [n for n, what in enumerate(acts) if what == "put"]
    assert writer.settled == writer.batches


@pytest.fixture
async def tasks():
    """Tasks by name: one that ends when it is let, and one that never does."""
    gate = asyncio.Event()
    started = {
        asyncio.get_running_loop().create_task(gate.wait()): "quick",
        asyncio.get_running_loop().create_task(asyncio.Event().wait()): "endless",
    }
    return gate, started


async def test_tasks_that_do_not_finish_in_time_are_canceled_and_named(tasks):
    gate, started = tasks
    gate.set()
    assert await finish_or_cancel(started, 0.05) == ["endless"]
    assert [(name, task.cancelled()) for task, name in started.items()] == [("quick", False), ("endless", True)]


async def test_tasks_that_all_finish_are_not_waited_for_any_longer():
    task = asyncio.create_task(asyncio.sleep(0))
    async with asyncio.timeout(GUARD):
        assert await finish_or_cancel({task: "quick"}, 300) == []


async def test_no_tasks_are_no_wait():
    async with asyncio.timeout(GUARD):
        assert await finish_or_cancel({}, 300) == []


async def test_task_that_fails_while_it_is_canceled_holds_nothing_up():
    async def stubborn():
        try:
            await asyncio.Event().wait()
        finally:
            message = "no time to tidy up"
            raise RuntimeError(message)

    task = asyncio.create_task(stubborn())
    assert await finish_or_cancel({task: "stubborn"}, 0.01) == ["stubborn"]
