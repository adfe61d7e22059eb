"""What was done over time: steps that cover a span, and sums that lose nothing."""

from dataclasses import fields
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import Activity
from tracker.rules.activity import (
    LONGEST_SPAN,
    MOST_STEPS,
    added,
    begin_of,
    in_steps,
    minute_of,
    step_of,
    steps_until,
)

from .strategies import NOW

COUNTS = [field.name for field in fields(Activity) if field.name not in ("minute", "provider", "longest_delay")]
spans = st.integers(1, LONGEST_SPAN)
times = st.integers(0, 10**7).map(lambda seconds: NOW + timedelta(seconds=seconds))
rows = st.builds(
    Activity,
    minute=st.integers(0, 200),
    provider=st.sampled_from(["", "decart", "scenario"]),
    polls=st.integers(0, 9),
    jobs_failed=st.integers(0, 9),
    delay_seconds=st.integers(0, 9).map(float),
    longest_delay=st.integers(0, 9).map(float),
)


@pytest.mark.parametrize(("span", "step"), [(1, 1), (60, 1), (120, 1), (121, 2), (360, 3), (720, 6), (1440, 12)])
def test_longer_spans_have_longer_steps(span, step):
    assert step_of(span) == step


@given(now=times, span=spans)
def test_steps_cover_the_span_up_to_the_present_and_are_not_many(now, span):
    steps = steps_until(now, span)
    assert 1 <= len(steps) <= MOST_STEPS
    assert begin_of(steps[-1]) <= now < begin_of(steps[-1] + steps.step)
    assert len(steps) * steps.step >= span
    assert (len(steps) - 1) * steps.step < span


@given(now=times, span=spans)
def test_a_step_begins_at_the_same_minutes_whenever_it_is_looked_at(now, span):
    assert all(minute % step_of(span) == 0 for minute in steps_until(now, span))


@given(times)
def test_a_time_is_in_its_minute(at):
    assert begin_of(minute_of(at)) <= at < begin_of(minute_of(at) + 1)


@given(st.lists(rows), st.integers(1, 12))
def test_steps_lose_nothing_and_hold_each_provider_once(listed, step):
    steps = in_steps(listed, step)
    for minute, found in steps.items():
        assert {row.minute for row in found} == {minute}
        assert minute % step == 0
        assert [row.provider for row in found] == sorted({row.provider for row in found})
    told = [row for found in steps.values() for row in found]
    assert added(told, 0) == added(listed, 0)


@given(st.lists(rows, min_size=1), st.randoms())
def test_order_does_not_matter(listed, dice):
    shuffled = dice.sample(listed, len(listed))
    assert added(shuffled, 7, "decart") == added(listed, 7, "decart")


@given(st.lists(rows, min_size=1))
def test_counts_are_summed_and_the_longest_delay_is_the_longest(listed):
    total = added(listed, 3, "decart")
    assert (total.minute, total.provider) == (3, "decart")
    assert all(getattr(total, name) == sum(getattr(row, name) for row in listed) for name in COUNTS)
    assert total.longest_delay == max(row.longest_delay for row in listed)
