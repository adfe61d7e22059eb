import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.rules.schedule import (
    JITTER,
    LONGEST_HINT,
    LONGEST_PROBLEM_DELAY,
    Timing,
    first_poll_at,
    hinted_until,
    next_delay,
    problem_delay,
    spread,
)

from .strategies import NOW, at, datetimes, jitters, timings

counts = st.integers(1, 100_000)
MIDDLE = 0.5


def test_the_first_poll_comes_after_the_first_delay():
    assert first_poll_at(Timing(first=2, interval=10), NOW, None) == at(2)


def test_no_poll_comes_before_poll_after():
    assert first_poll_at(Timing(first=2, interval=10), NOW, at(60)) == at(60)


def test_a_poll_after_in_the_past_changes_nothing():
    assert first_poll_at(Timing(first=2, interval=10), NOW, at(-60)) == at(2)


def test_a_fixed_interval_stays():
    assert [next_delay(Timing(1, 3), polls, MIDDLE) for polls in (1, 2, 50)] == pytest.approx([3, 3, 3])


def test_an_interval_grows_by_its_multiplier_up_to_its_cap():
    timing = Timing(first=1, interval=1, multiplier=1.5, cap=5)
    delays = [next_delay(timing, polls, MIDDLE) for polls in range(1, 7)]
    assert delays == pytest.approx([1, 1.5, 2.25, 3.375, 5, 5])


def test_the_wait_after_problems_doubles_up_to_a_minute():
    delays = [problem_delay(Timing(1, 3), problems, MIDDLE) for problems in range(1, 8)]
    assert delays == pytest.approx([3, 6, 12, 24, 48, 60, 60])


def test_a_slow_kind_is_not_polled_faster_because_its_polls_fail():
    assert problem_delay(Timing(first=1, interval=300), 1, MIDDLE) == pytest.approx(300)


@pytest.mark.parametrize("asked", [None, 0, 0.0, -5])
def test_no_hint_sets_no_floor(asked):
    assert hinted_until(NOW, asked) is None


def test_a_hint_is_believed_for_an_hour_at_most():
    assert hinted_until(NOW, 90) == at(90)
    assert hinted_until(NOW, 1e9) == at(LONGEST_HINT) == at(3600)


def test_delays_are_spread_to_both_sides():
    assert [spread(100, 0.2, jitter) for jitter in (0, 0.5, 1)] == pytest.approx([80, 100, 120])


@given(timings(), datetimes, st.none() | datetimes)
def test_the_first_poll_is_never_early(timing, now, poll_after):
    first = first_poll_at(timing, now, poll_after)
    assert first >= now
    assert poll_after is None or first >= poll_after


@given(timings(), counts, jitters)
def test_delays_stay_within_the_documented_ones(timing, polls, jitter):
    delay = next_delay(timing, polls, jitter)
    assert min(timing.interval, timing.longest_gap) * (1 - JITTER) * 0.999 <= delay
    assert delay <= max(timing.longest * (1 + JITTER) * 1.001, timing.minimum)
    assert min(timing.minimum, timing.longest_gap) <= delay <= timing.longest_gap


@given(timings(), counts)
def test_delays_never_shrink_from_poll_to_poll(timing, polls):
    assert next_delay(timing, polls, MIDDLE) <= next_delay(timing, polls + 1, MIDDLE)


@given(timings(), counts, jitters)
def test_waits_after_problems_never_shrink_and_have_an_end(timing, problems, jitter):
    wait, later = (problem_delay(timing, count, jitter) for count in (problems, problems + 1))
    assert min(timing.interval, timing.longest_gap) * (1 - JITTER) * 0.999 <= wait <= later
    assert later <= max(timing.longest, LONGEST_PROBLEM_DELAY, timing.minimum) * (1 + JITTER) * 1.001


@given(st.floats(0, 1e6), st.floats(0, 1), jitters)
def test_spread_keeps_within_its_share(seconds, share, jitter):
    assert seconds * (1 - share) * 0.999 <= spread(seconds, share, jitter) <= seconds * (1 + share) * 1.001


@given(datetimes, st.floats(min_value=0.001))
def test_a_hint_lies_ahead_and_within_the_hour(now, asked):
    until = hinted_until(now, asked)
    assert 0 < (until - now).total_seconds() <= LONGEST_HINT
