"""Those who wait for a job are woken when it is rung for, and look at it together."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.bell import Bell


@pytest.fixture
def bell():
    return Bell()


def test_ring_wakes_all_who_listen_to_that_job_and_nobody_else(bell):
    with bell.listen("job_1") as first, bell.listen("job_1") as second, bell.listen("job_2") as other:
        bell.ring(["job_1", "job_unheard-of"])
        assert (first.is_set(), second.is_set(), other.is_set()) == (True, True, False)


def test_ring_for_several_jobs_wakes_each(bell):
    with bell.listen("job_1") as first, bell.listen("job_2") as second:
        bell.ring(iter(("job_1", "job_2")))
        assert first.is_set()
        assert second.is_set()


def test_ring_before_anybody_listens_is_not_kept(bell):
    bell.ring(["job_1"])
    with bell.listen("job_1") as event:
        assert not event.is_set()


def test_each_ring_is_heard_anew(bell):
    with bell.listen("job_1") as event:
        for _ in range(2):
            bell.ring(["job_1"])
            assert event.is_set()
            event.clear()


async def test_who_waits_goes_on_at_the_ring(bell):
    with bell.listen("job_1") as event:
        bell.ring(["job_1"])
        await event.wait()


def test_who_stopped_listening_is_not_woken_and_leaves_nothing_behind(bell):
    with bell.listen("job_1") as staying:
        with bell.listen("job_1") as leaving:
            pass
        bell.ring(["job_1"])
        assert (staying.is_set(), leaving.is_set()) == (True, False)
    assert bell._waiting == {}


def test_listener_that_fails_leaves_nothing_behind(bell):
    with pytest.raises(RuntimeError), bell.listen("job_1"):
        raise RuntimeError
    assert bell._waiting == {}


def test_close_wakes_everybody_for_good(bell):
    assert not bell.is_closed
    with bell.listen("job_1") as first, bell.listen("job_2") as second:
        bell.close()
        assert (first.is_set(), second.is_set(), bell.is_closed) == (True, True, True)
    bell.close()
    assert bell.is_closed


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abcd"), max_size=5))
def test_whoever_listens_to_a_rung_job_is_woken(listened, rung):
    bell = Bell()
    listening = [bell.listen(job_id) for job_id in listened]
    events = [each.__enter__() for each in listening]
    bell.ring(rung)
    assert [event.is_set() for event in events] == [job_id in rung for job_id in listened]
    for each in listening:
        each.__exit__(None, None, None)
    assert bell._waiting == {}


class Store:
    """What is looked at: each look is held until it is let go, and says how many there were before it."""

    def __init__(self):
        self.looks = []

    async def read(self, job_id):
        look = asyncio.get_running_loop().create_future()
        self.looks.append(look)
        return job_id, await look

    async def begun(self, bell, *job_ids):
        """Looks at these jobs that are under way."""
        tasks = [asyncio.create_task(bell.look(job_id, self.read)) for job_id in job_ids]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return tasks


async def test_those_who_look_at_the_same_time_share_one_look(bell):
    store = Store()
    tasks = await store.begun(bell, "job_1", "job_1", "job_2", "job_1")
    assert len(store.looks) == 2
    for number, look in enumerate(store.looks):
        look.set_result(number)
    assert await asyncio.gather(*tasks) == [("job_1", 0), ("job_1", 0), ("job_2", 1), ("job_1", 0)]
    assert bell._looks == {}


async def test_look_that_began_before_a_ring_is_not_shared_after_it(bell):
    store = Store()
    before = await store.begun(bell, "job_1")
    bell.ring(["job_1"])
    after = await store.begun(bell, "job_1", "job_1")
    assert len(store.looks) == 2
    store.looks[0].set_result("as it was")
    await asyncio.gather(*before)
    joined = await store.begun(bell, "job_1")
    store.looks[1].set_result("as it is")
    assert await asyncio.gather(*after, *joined) == [("job_1", "as it is")] * 3
    assert len(store.looks) == 2


async def test_look_that_is_over_is_not_shared(bell):
    store = Store()
    for number in range(2):
        tasks = await store.begun(bell, "job_1")
        store.looks[number].set_result(number)
        assert await asyncio.gather(*tasks) == [("job_1", number)]


async def test_who_stops_waiting_does_not_take_the_look_from_the_others(bell):
    store = Store()
    leaving, staying = await store.begun(bell, "job_1", "job_1")
    leaving.cancel()
    await asyncio.sleep(0)
    store.looks[0].set_result("as it is")
    assert await staying == ("job_1", "as it is")
    assert leaving.cancelled()


async def test_look_that_fails_fails_for_all_and_is_not_kept(bell):
    store = Store()
    tasks = await store.begun(bell, "job_1", "job_1")
    store.looks[0].set_exception(OSError("unreadable"))
    assert [str(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == ["unreadable"] * 2
    assert bell._looks == {}
