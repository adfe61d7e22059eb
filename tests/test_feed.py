"""Many follow the feed, each misses nothing and repeats nothing, and the store is read once for all of them."""

import asyncio
import random
from contextlib import ExitStack, closing
from datetime import UTC, datetime

import pytest
from sqlalchemy import event as listening
from structlog.testing import capture_logs

from store.database import Database
from store.events import Events, insert_events
from store.records import Event, EventFilter
from tracker.feed import HEARTBEAT, Feed

GUARD = 30
READS_OF_A_BATCH = 2  # of the watermark first, and then of what lies below it
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
FAILED = EventFilter(types=("job.failed",))


def event(number, event_type="job.running"):
    return Event(f"evt_{number}", event_type, NOW, b'{"type":"job.running"}')


@pytest.fixture
def database(tmp_path):
    with closing(Database.open(f"sqlite:///{tmp_path / 'tracker.db'}")) as database:
        yield database


@pytest.fixture
def events(database):
    return Events(database)


@pytest.fixture
async def feed(events, surroundings):
    feed = Feed(events, surroundings)
    events.when_told(feed.wake)
    yield feed
    feed.close()
    await feed.drain()


@pytest.fixture
def tell(database):
    """Writes events into the feed in one transaction, by their numbers or as they are."""

    async def tell(*told):
        new = [event(each) if isinstance(each, int) else each for each in told]
        await database.write(lambda connection: insert_events(connection, new))

    return tell


@pytest.fixture
def reads(database):
    """One entry for each transaction that was read in."""
    begun = []
    listening.listen(database._reader, "begin", begun.append)
    return begun


async def take(reader, count):
    """The numbers of the next so many events, and no more than those."""
    taken = []
    async with asyncio.timeout(GUARD):
        while len(taken) < count:
            some = await reader.take()
            taken += [int(each.id.removeprefix("evt_")) for each in some]
            if not some:
                await reader.rest()
                reader.takes_heartbeat()
    return taken


async def at_the_end(reader):
    """Takes until there is no more, and the ring has been reached."""
    while await reader.take():
        pass


async def follow_from_the_end(feed, stack, count):
    """So many readers that wait for what happens next."""
    position = await feed._events.end()
    readers = [stack.enter_context(feed.follow(position)) for _ in range(count)]
    await feed.drain()
    for reader in readers:
        await at_the_end(reader)
    return readers


async def test_what_happens_is_told_in_order(feed, tell):
    with feed.follow(0) as reader:
        await tell(1, 2)
        await tell(3)
        assert await take(reader, 3) == [1, 2, 3]
        await tell(4)
        assert await take(reader, 1) == [4]


async def test_what_was_before_is_told_first(feed, tell):
    await tell(1, 2)
    with feed.follow(1) as reader:
        await tell(3)
        assert await take(reader, 2) == [2, 3]


async def test_what_is_not_wanted_is_passed_over(feed, tell):
    await tell(1, event(2, "job.failed"), 3)
    with feed.follow(0, FAILED) as reader:
        assert await take(reader, 1) == [2]
        await tell(4, event(5, "job.failed"))
        await tell(6)
        assert await take(reader, 1) == [5]
        await feed.drain()
        await at_the_end(reader)
        assert reader.position == 6


async def test_hundreds_who_follow_cost_one_read_for_each_batch(feed, tell, reads):
    with ExitStack() as stack:
        readers = await follow_from_the_end(feed, stack, 300)
        for first in range(1, 11, 2):
            reads.clear()
            await tell(first, first + 1)
            assert [await take(reader, 2) for reader in readers] == [[first, first + 1]] * 300
            assert len(reads) == READS_OF_A_BATCH


async def test_nobody_who_follows_costs_no_read(feed, tell, reads):
    await tell(1)
    await feed.tick()
    assert reads == []
    with feed.follow(0) as reader:
        await take(reader, 1)
        await feed.drain()
    reads.clear()
    await tell(2)
    await feed.tick()
    assert (reads, feed.followers) == ([], 0)


async def test_who_fell_behind_the_ring_misses_nothing(feed, tell, reads):
    with ExitStack() as stack:
        slow, quick = await follow_from_the_end(feed, stack, 2)
        for hundred in range(15):
            await tell(*range(hundred * 100, hundred * 100 + 100))
            await take(quick, 100)
        reads.clear()
        assert await take(slow, 1500) == list(range(1500))
        assert 10 <= len(reads) <= 30
        reads.clear()
        await tell(1500)
        assert (await take(slow, 1), await take(quick, 1)) == ([1500], [1500])
        assert len(reads) == READS_OF_A_BATCH


async def test_those_who_come_and_go_while_it_happens_miss_nothing(feed, tell):
    dice = random.Random(7)  # noqa: S311 - a game
    total = 400
    is_done = asyncio.Event()

    async def write():
        number = 0
        while number < total:
            size = min(dice.randint(1, 9), total - number)
            await tell(*range(number + 1, number + size + 1))
            number += size
        is_done.set()

    async def come_and_go():
        position, seen = 0, []
        while len(seen) < total:
            with feed.follow(position) as reader:
                for _ in range(dice.randint(1, 4)):
                    seen += [int(each.id.removeprefix("evt_")) for each in await reader.take()]
                    if len(seen) < total and dice.random() < 0.5:
                        await reader.rest()
                position = reader.position
            await asyncio.sleep(0)
        return seen

    async with asyncio.timeout(GUARD):
        _, *seen = await asyncio.gather(write(), *(come_and_go() for _ in range(20)))
    assert seen == [list(range(1, total + 1))] * 20
    assert feed.followers == 0


async def test_heartbeat_wakes_all_and_is_taken_once(feed, surroundings):
    with ExitStack() as stack:
        readers = await follow_from_the_end(feed, stack, 3)
        resting = [asyncio.create_task(reader.rest()) for reader in readers]
        await asyncio.sleep(0)
        assert not any(task.done() for task in resting)
        assert await feed.tick() == surroundings.now() + HEARTBEAT
        await asyncio.wait_for(asyncio.gather(*resting), GUARD)
        assert [(reader.takes_heartbeat(), reader.takes_heartbeat()) for reader in readers] == [(True, False)] * 3


async def test_heartbeat_that_comes_between_rests_is_not_lost(feed):
    with ExitStack() as stack:
        (reader,) = await follow_from_the_end(feed, stack, 1)
        await feed.tick()
        await reader.take()
        await asyncio.wait_for(reader.rest(), GUARD)
        assert reader.takes_heartbeat()


async def test_what_is_being_sent_from_one_heartbeat_to_the_next_but_one_is_stuck(feed):
    with feed.follow(0) as slow, feed.follow(0) as quick:
        with slow.sending():
            with quick.sending():
                await feed.tick()
            with quick.sending():
                assert not slow.stuck.is_set()
                await feed.tick()
            assert (slow.stuck.is_set(), quick.stuck.is_set()) == (True, False)
            await feed.tick()
        assert not quick.stuck.is_set()


async def test_close_ends_all_who_rest_and_lets_go_of_what_is_being_sent(feed):
    with ExitStack() as stack:
        resting, sending = await follow_from_the_end(feed, stack, 2)
        waiting = asyncio.create_task(resting.rest())
        with sending.sending():
            feed.close()
            await asyncio.wait_for(waiting, GUARD)
        assert (resting.is_over, resting.stuck.is_set(), sending.stuck.is_set()) == (True, False, True)


async def test_what_is_sent_after_the_close_is_sent_at_once_or_not_at_all(feed):
    feed.close()
    with feed.follow(0) as reader:
        with reader.sending():
            pass
        await asyncio.sleep(0)
        assert not reader.stuck.is_set()
        with reader.sending():
            await asyncio.wait_for(reader.stuck.wait(), GUARD)


class FailingEvents(Events):
    """Fails to read when it is told to."""

    is_failing = False

    async def after(self, *arguments, **options):
        if self.is_failing:
            message = "The disk is on fire."
            raise OSError(message)
        return await super().after(*arguments, **options)


async def test_fault_of_the_store_is_logged_and_made_up_for_at_the_next_heartbeat(database, surroundings, tell):
    events = FailingEvents(database)
    feed = Feed(events, surroundings)
    events.when_told(feed.wake)
    with ExitStack() as stack:
        (reader,) = await follow_from_the_end(feed, stack, 1)
        events.is_failing = True
        with capture_logs() as lines:
            await tell(1)
            await feed.drain()
        assert [line["event"] for line in lines] == ["feed.failed"]
        events.is_failing = False
        await feed.tick()
        assert await take(reader, 1) == [1]
