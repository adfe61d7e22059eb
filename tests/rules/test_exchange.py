from datetime import timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.rules.exchange import retry_after

from .strategies import NOW, at


def asked(value):
    return retry_after({"retry-after": value}, NOW)


def test_seconds_are_taken_as_they_are():
    assert [asked(value) for value in ("0", "120", " 5 ")] == [0, 120, 5]


def test_a_date_is_so_many_seconds_ahead():
    assert asked("Sun, 22 Nov 2026 10:02:00 GMT") == 120


def test_a_date_in_the_past_asks_for_no_wait():
    assert asked("Sun, 22 Nov 2026 09:00:00 GMT") == 0


def test_without_the_header_nothing_is_asked():
    assert retry_after({"content-type": "text/plain"}, NOW) is None


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "1e3", "٣", "Sun, 99 Nov 2026 10:00:00 GMT", "0x10"])
def test_what_is_neither_a_number_nor_a_date_asks_for_nothing(value):
    assert asked(value) is None


@pytest.mark.parametrize("zone", ["-0000", ""])
def test_a_date_without_a_zone_is_utc(zone):
    assert asked(f"Sun, 22 Nov 2026 10:01:00 {zone}") == 60


def test_a_number_of_any_length_is_a_number_of_seconds():
    assert asked("9" * 5000) == 999_999_999_999


@given(st.integers(0, 10**9))
def test_any_number_of_seconds_is_understood(seconds):
    assert asked(str(seconds)) == seconds


@given(st.integers(-(10**6), 10**9), st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours))))
def test_any_date_is_understood_in_any_zone(seconds, zone):
    assert asked(format_datetime(at(seconds), usegmt=True)) == max(seconds, 0)
    assert asked(format_datetime(at(seconds).astimezone(zone))) == max(seconds, 0)


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{1,9} [+-]?[0-9A-Z]{0,6}"))
def test_no_header_makes_it_fail(value):
    wait = asked(value)
    assert wait is None or 0 <= wait < 10**12
