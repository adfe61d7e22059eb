"""How values are spelled, and which addresses may be links."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.dashboard.media import MOST, media_in
from tracker.dashboard.spelling import clock, is_web_address, percent, span, tone


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 ms"),
        (0.0123, "12 ms"),
        (1, "1.0 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (3725, "1 h 2 min"),
        (90_061, "1 d 1 h"),
    ],
)
def test_span_has_two_units_at_most(seconds, told):
    assert span(seconds) == told


def test_progress_is_whole_at_the_end_alone():
    assert [percent(part) for part in (0, 0.256, 0.9999, 1)] == ["0 %", "25 %", "99 %", "100 %"]


def test_clock_tells_utc_without_a_script():
    assert clock("2026-01-01T12:00:00.123Z") == "2026-01-01 12:00:00 UTC"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("success", "succeeded"),
        ("processing", "running"),
        ("FAILURE", "failed"),
        ("skipped", "canceled"),
        ("odd", "queued"),
    ],
)
def test_providers_words_for_steps_have_colours(word, status):
    assert tone(word) == status


@pytest.mark.parametrize("address", ["https://a.example/b.png?c=d", "http://127.0.0.1:1/x", "HTTPS://A.EXAMPLE/"])
def test_web_addresses_may_be_links(address):
    assert is_web_address(address)


@pytest.mark.parametrize(
    "address",
    [
        *("javascript:alert(1)", "data:text/html,x", "java\nscript:alert(1)", " https://a.example", "//a.example/x"),
        *(
            "https://",
            "https:///x",
            "file:///etc/passwd",
            "https://a.example/\u202egnp.exe",
            "http://[::1",
            "http:a",
            "",
            None,
            7,
            {},
        ),
    ],
)
def test_nothing_else_may(address):
    assert not is_web_address(address)


def test_media_are_found_wherever_they_stand():
    output = {
        "images": [{"url": "https://a.example/x.PNG?s=1"}, "http://a.example/v.mp4"],
        "more": {"u": "https://b.example/1"},
    }
    found = [(medium.pointer, medium.kind) for medium in media_in(output)]
    assert found == [("/images/0/url", "image"), ("/images/1", "video"), ("/more/u", "any")]


json_values = st.recursive(
    st.none() | st.booleans() | st.text() | st.sampled_from(["https://a.example/x", "javascript:x"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_media_are_web_addresses_alone(output):
    found = media_in(output)
    assert all(is_web_address(medium.address) for medium in found)
    assert len(found) <= MOST
