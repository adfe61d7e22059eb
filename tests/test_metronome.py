"""The beat of a loop, on the real scheduler. Its clock is the test's: what is due in the past is due at once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.events import EVENT_JOB_SUBMITTED
from structlog.testing import capture_logs

from tracker.metronome import LATE_AFTER, Metronome
from tracker.surroundings import Surroundings

PAST = datetime(2000, 1, 1, tzinfo=UTC)
FUTURE = datetime(3000, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
GUARD = 10


class Loop:
    """A loop whose ticks return what the test lays out, then None; the test waits for ticks instead of sleeping."""

    def __init__(self, metronome, *results):
        self.results = list(results)
        self.ticks = 0
        self.running = 0
        self.most_at_once = 0
        self.seen = 0
        self.began = asyncio.Semaphore(0)
        self.ended = asyncio.Semaphore(0)
        self.gate = asyncio.Event()
        self.gate.set()
        self.beat = metronome.beat("test", self.tick)

    async def tick(self):
        self.ticks += 1
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        self.began.release()
        await self.gate.wait()
        self.running -= 1
        self.ended.release()
        result = self.results.pop(0) if self.results else None
        if isinstance(result, Exception):
            raise result
        return result

    async def settles_after(self, ticks):
        """Waits for the end of so many ticks in all, and sees that no more follow of themselves."""
        while self.seen < ticks:
            await asyncio.wait_for(self.ended.acquire(), GUARD)
            self.seen += 1
        for _ in range(20):
            await asyncio.sleep(0)
        assert self.ticks == ticks


@pytest.fixture
def now(clock):
    clock.at = PAST
    return clock


@pytest.fixture
async def metronome(now):
    metronome = Metronome(Surroundings(now=now))
    metronome.start()
    yield metronome
    metronome.stop()
    # The scheduler ends in the next turn of the event loop.
    await asyncio.sleep(0)


def planned_at(metronome):
    """When the scheduler is going to run the beat."""
    job = metronome._scheduler.get_job("test")
    return job and job.next_run_time


async def test_beat_does_nothing_before_it_is_woken(metronome):
    await Loop(metronome).settles_after(0)


async def test_woken_beat_ticks_once(metronome):
    loop = Loop(metronome)
    for ticks in (1, 2):
        loop.beat.wake()
        await loop.settles_after(ticks)


async def test_wakes_before_a_tick_come_to_one_tick(metronome):
    loop = Loop(metronome)
    for _ in range(5):
        loop.beat.wake()
    await loop.settles_after(1)


async def test_tick_that_is_due_at_once_follows_at_once(metronome):
    # The scheduler skips a run while another instance of it is running, and a run plans the next one.
    loop = Loop(metronome, *[PAST] * 50)
    loop.beat.wake()
    await loop.settles_after(51)


async def test_tick_that_is_due_soon_follows_then():
    metronome = Metronome(Surroundings())
    metronome.start()
    due = datetime.now(UTC) + timedelta(milliseconds=30)
    loop = Loop(metronome, due)
    loop.beat.wake()
    for _ in range(2):
        await asyncio.wait_for(loop.ended.acquire(), GUARD)
    assert datetime.now(UTC) >= due
    metronome.stop()
    await asyncio.sleep(0)


async def test_tick_that_is_due_later_is_planned_for_then(metronome):
    loop = Loop(metronome, FUTURE)
    loop.beat.wake()
    await loop.settles_after(1)
    assert planned_at(metronome) == FUTURE


async def test_wake_during_a_tick_leads_to_another_tick(metronome):
    loop = Loop(metronome, FUTURE)
    loop.gate.clear()
    loop.beat.wake()
    await asyncio.wait_for(loop.began.acquire(), GUARD)
    for _ in range(3):
        loop.beat.wake()
    loop.gate.set()
    await loop.settles_after(2)


async def test_wake_for_a_time_during_a_tick_is_kept_unless_the_tick_says_sooner(metronome):
    loop = Loop(metronome, FUTURE, FUTURE + 2 * SECOND)
    for ticks in (1, 2):
        loop.gate.clear()
        loop.beat.wake()
        await asyncio.wait_for(loop.began.acquire(), GUARD)
        loop.beat.wake_at(FUTURE + SECOND)
        loop.gate.set()
        await asyncio.wait_for(loop.ended.acquire(), GUARD)
        await asyncio.sleep(0)
        assert (loop.ticks, planned_at(metronome)) == (ticks, FUTURE + (ticks - 1) * SECOND)


async def test_earliest_of_several_times_is_kept(metronome):
    loop = Loop(metronome)
    for seconds in (5, 3, 4):
        loop.beat.wake_at(FUTURE + seconds * SECOND)
    assert planned_at(metronome) == FUTURE + 3 * SECOND
    loop.beat.wake()
    await loop.settles_after(1)


async def test_ticks_never_overlap_however_often_and_for_when_the_beat_is_woken(metronome, now):
    loop = Loop(metronome)
    for turn in range(200):
        now.at = PAST - turn * SECOND
        loop.beat.wake()
        (loop.gate.clear if turn % 3 else loop.gate.set)()
        await asyncio.sleep(0)
    loop.gate.set()
    await asyncio.wait_for(loop.ended.acquire(), GUARD)
    assert loop.ticks > 10
    assert loop.most_at_once == 1


async def test_wake_for_an_earlier_time_while_a_run_is_on_its_way_does_not_run_two(metronome, now):
    loop = Loop(metronome)
    loop.gate.clear()
    runs = asyncio.Semaphore(0)

    def wake_earlier(_event):
        now.at -= SECOND
        if loop.ticks == 0:
            loop.beat.wake()
        runs.release()

    metronome._scheduler.add_listener(wake_earlier, EVENT_JOB_SUBMITTED)
    loop.beat.wake()
    for _ in range(2):
        await asyncio.wait_for(runs.acquire(), GUARD)
    for _ in range(5):
        await asyncio.sleep(0)
    assert loop.running == 1
    loop.gate.set()
    await loop.settles_after(2)
    assert loop.most_at_once == 1


async def test_failing_tick_is_logged_and_tried_again(metronome):
    loop = Loop(metronome, RuntimeError("the disk is full"), RuntimeError("still"), None)
    with capture_logs() as logs:
        loop.beat.wake()
        await loop.settles_after(3)
    assert [(line["event"], line["loop"]) for line in logs] == [("loop.failed", "test")] * 2


async def test_failing_tick_is_tried_again_after_a_pause_unless_it_is_woken(metronome, now):
    loop = Loop(metronome, RuntimeError("the disk is full"))
    loop.gate.clear()
    with capture_logs():
        loop.beat.wake()
        await asyncio.wait_for(loop.began.acquire(), GUARD)
        now.at = FUTURE
        loop.gate.set()
        await loop.settles_after(1)
    assert planned_at(metronome) == FUTURE + 5 * SECOND
    loop.beat.wake_at(PAST)
    await asyncio.wait_for(loop.ended.acquire(), GUARD)
    assert loop.ticks == 2


async def test_loop_whose_last_tick_failed_is_at_fault_until_one_goes_well(metronome, now):
    loop = Loop(metronome, RuntimeError("the disk is full"))
    now.at = FUTURE
    with capture_logs():
        loop.beat.wake_at(PAST)
        await loop.settles_after(1)
    assert metronome.faults() == ["The test loop failed at its last tick; the log says why."]
    loop.beat.wake_at(PAST)
    await loop.settles_after(2)
    assert metronome.faults() == []


async def test_loop_whose_tick_does_not_end_is_at_fault(metronome, now):
    loop = Loop(metronome, FUTURE)
    loop.gate.clear()
    loop.beat.wake()
    await asyncio.wait_for(loop.began.acquire(), GUARD)
    now.at += LATE_AFTER
    assert metronome.faults() == []
    now.at += SECOND
    assert metronome.faults() == ["The test loop hangs."]
    loop.gate.set()
    await loop.settles_after(1)
    assert metronome.faults() == []


async def test_loop_that_does_not_tick_when_it_asked_to_is_at_fault(metronome, now):
    loop = Loop(metronome, FUTURE)
    loop.beat.wake()
    await loop.settles_after(1)
    # The scheduler goes by the clock of the machine, so it does not see that the time has come.
    now.at = FUTURE + LATE_AFTER
    assert metronome.faults() == []
    now.at += SECOND
    assert metronome.faults() == ["The test loop does not tick."]


async def test_loop_that_waits_to_be_woken_is_never_late(metronome, now):
    loop = Loop(metronome)
    loop.beat.wake()
    await loop.settles_after(1)
    now.at = FUTURE
    assert metronome.faults() == []


async def test_loops_of_a_metronome_that_was_not_started_are_not_at_fault(now):
    metronome = Metronome(Surroundings(now=now))
    Loop(metronome).beat.wake()
    now.at = FUTURE
    assert metronome.faults() == []


async def test_beats_do_not_wait_for_each_other(metronome):
    slow, quick = Loop(metronome), Loop(metronome)
    quick.beat = metronome.beat("another", quick.tick)
    slow.gate.clear()
    slow.beat.wake()
    await asyncio.wait_for(slow.began.acquire(), GUARD)
    quick.beat.wake()
    await quick.settles_after(1)
    slow.gate.set()
    await slow.settles_after(1)


async def test_metronome_that_was_stopped_wakes_nothing(now):
    metronome = Metronome(Surroundings(now=now))
    metronome.start()
    loop = Loop(metronome)
    loop.beat.wake()
    metronome.stop()
    await loop.settles_after(0)
    loop.beat.wake()
    loop.beat.wake_at(PAST - SECOND)
    await loop.settles_after(0)
