import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.rules.plan import View, next_delay, plan_for
from tracker.rules.profile import NATURES, Ending, first_profile
from tracker.rules.profile_bytes import LARGEST, ProfileError, profile_from_bytes, profile_or, profile_to_bytes
from tracker.rules.programme import Terms

from .durations import profile_after, profiles

COLD = first_profile(NATURES["image"])
FULL = profile_after(
    [Ending(q + 58, q + 62, queue_after=q, queue_by=q + 3, readings=((q + 30, 0.5),)) for q in range(1, 100)]
)


@settings(max_examples=30)
@given(profiles)
def test_a_profile_round_trips(profile):
    data = profile_to_bytes(profile)
    assert profile_to_bytes(profile_from_bytes(data)) == data


def test_a_profile_that_was_stored_plans_the_same_polls():
    stored = profile_from_bytes(profile_to_bytes(FULL))
    job = View(age=40, polls=1, phase="running", phase_after=20, phase_by=40)
    delays = [next_delay(plan_for(profile, Terms(5)), job, 0.5) for profile in (FULL, stored)]
    assert delays[0] == pytest.approx(delays[1], rel=0.05)


def test_the_fullest_profile_keeps_to_the_limit():
    assert 3000 < len(profile_to_bytes(FULL)) <= LARGEST


@settings(max_examples=50)
@given(st.integers(0, len(profile_to_bytes(FULL)) - 1), st.integers(1, 255))
def test_a_damaged_byte_is_never_believed(place, change):
    data = bytearray(profile_to_bytes(FULL))
    data[place] ^= change
    if place != 1:  # padding
        with pytest.raises(ProfileError):
            profile_from_bytes(bytes(data))


@given(st.binary(max_size=200))
def test_garbage_is_refused(data):
    with pytest.raises(ProfileError):
        profile_from_bytes(data)


@pytest.mark.parametrize("data", [None, b"", b"garbage", profile_to_bytes(FULL)[:-1]])
def test_what_is_refused_gives_way_to_the_cold_start(data):
    assert profile_or(data, COLD) is COLD


def test_another_version_is_refused_by_name():
    with pytest.raises(ProfileError, match="not of version"):
        profile_from_bytes(bytes([99]) + profile_to_bytes(FULL)[1:])
