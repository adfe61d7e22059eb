"""What the form for a subscription says."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.dashboard.asking import Flaw
from tracker.dashboard.filters import as_time
from tracker.dashboard.forms import Form
from tracker.dashboard.subscribing import (
    FIELDS,
    WrongHeaderError,
    by_field,
    headers_in,
    number,
    says_something,
    subscription_in,
)

names = st.from_regex(re.compile(r"[a-z][a-z-]*"), fullmatch=True)
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E))


@given(st.dictionaries(names, values))
def test_headers_are_read_as_they_are_written(headers):
    assert headers_in("\r\n".join(f" {name} :  {value} " for name, value in headers.items())) == headers


@pytest.mark.parametrize("text", ["no colon", "a: 1\nno colon", "a: 1\na: 2"])
def test_lines_that_are_no_headers_are_named(text):
    with pytest.raises(WrongHeaderError, match=r"no colon|twice"):
        headers_in(text)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("-1", -1),
        ("many", "many"),
        ("", ""),
        ("1,5", "1,5"),
        ("nan", "nan"),
        ("1e999", "1e999"),
        ("9" * 400, "9" * 400),
    ],
)
def test_number_is_one_or_stays_as_it_was_typed(typed, meant):
    assert number(typed) == meant
    assert type(number(typed)) is type(meant)


def test_what_is_left_empty_is_left_to_the_api():
    form = Form([("callback_url", " "), ("description", " "), ("tags", "\r\n"), ("payload", "full"), ("once", "x")])
    assert subscription_in(form) == {"callback_url": "", "payload": "full"}


def test_flaws_are_told_at_their_fields_and_the_others_on_their_own():
    flaws = [Flaw("events/0", "odd"), Flaw("events", "odder"), Flaw("limit", "none"), Flaw("", "all is wrong")]
    assert by_field(flaws, FIELDS) == {"events": ["odd", "odder"], "": ["limit: none", "all is wrong"]}


def test_folded_part_opens_for_what_is_not_usual():
    form = Form([("payload", "full"), ("order", "latest"), ("tags", "")])
    assert not says_something(form, ("payload", "tags"))
    assert says_something(form, ("payload", "order"))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("2026-01-01T12:00", "2026-01-01T12:00:00Z"),
        ("2026-01-01T12:00:05", "2026-01-01T12:00:05Z"),
        ("2026-01-01T12:00:05+02:00", "2026-01-01T12:00:05+02:00"),
        ("yesterday", "yesterday"),
        ("", ""),
    ],
)
def test_typed_time_is_utc_unless_it_says_otherwise(typed, told):
    assert as_time(typed) == told
