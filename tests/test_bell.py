"""Those who wait for a job are woken when it is rung for."""

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
