"""How many requests one caller may make."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tracker.rules.allowance import BURST_SECONDS, after_request, full, seconds_until_next

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RATES = st.sampled_from([0.1, 1.0, 2.5, 50.0, 500.0])
PAUSES = st.lists(st.floats(0, 3), max_size=60)


def made(rate, pauses):
    """When requests passed of a caller that tries again after each of these pauses, from a full allowance on."""
    now, allowance, passed = NOW, full(rate, NOW), []
    for pause in pauses:
        now += timedelta(seconds=pause)
        after = after_request(allowance, rate, now)
        if after is not None:
            allowance = after
            passed.append(now)
    return passed


@given(RATES, PAUSES)
def test_no_span_sees_more_than_its_seconds_and_a_burst(rate, pauses):
    passed = made(rate, pauses)
    for first, start in enumerate(passed):
        for last in range(first, len(passed)):
            seconds = (passed[last] - start).total_seconds()
            assert last - first + 1 <= max(1.0, rate * BURST_SECONDS) + rate * seconds + 1e-6


@given(RATES, PAUSES)
def test_caller_who_waits_as_told_may_go_on_and_not_much_earlier(rate, pauses):
    now, allowance = NOW, full(rate, NOW)
    for pause in pauses:
        now += timedelta(seconds=pause)
        after = after_request(allowance, rate, now)
        if after is None:
            seconds = seconds_until_next(allowance, rate, now)
            assert after_request(allowance, rate, now + timedelta(seconds=seconds)) is not None
            assert seconds == 1 or after_request(allowance, rate, now + timedelta(seconds=seconds - 1.001)) is None
        else:
            allowance = after


@given(RATES)
def test_burst_passes_at_once_and_one_more_does_not(rate):
    burst = max(1, int(rate * BURST_SECONDS))
    assert len(made(rate, [0.0] * (burst + 5))) == burst


@given(RATES, st.floats(0, 1e6))
def test_clock_that_is_set_back_takes_nothing_away(rate, seconds):
    before = full(rate, NOW)
    assert after_request(before, rate, NOW - timedelta(seconds=seconds)).left == before.left - 1
