"""What an `Accept` header lets an answer be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.rules.negotiation import is_acceptable, named_weight, names_tag

JSON = "application/json"
RANGES = ("application/json", "application/*", "*/*", "text/html", "text/*", "application/xml")


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/*",
        JSON,
        "Application/JSON",
        "application/json; charset=utf-8",
        "text/html, application/json;q=0.1",
        "text/html, */*;q=0.01",
        "application/json;q=1, */*;q=0",
        "text/html;q=0, */*",
        "application/json;q=nonsense",
        "nonsense",
        ",,",
    ],
)
def test_header_that_leaves_json_in(accept):
    assert is_acceptable(accept, JSON)


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "text/*",
        "application/xml, text/html;q=0.9",
        "application/json;q=0",
        "application/json;q=0, */*",
        "application/*;q=0.0, text/html",
        "*/*;q=0",
    ],
)
def test_header_that_leaves_json_out(accept):
    assert not is_acceptable(accept, JSON)


@given(st.lists(st.tuples(st.sampled_from(RANGES), st.sampled_from((0, 0.5, 1))), min_size=1, unique_by=lambda r: r[0]))
def test_most_specific_range_decides_wherever_it_stands(ranges):
    weights = dict(ranges)
    expected = next((weights[name] for name in RANGES[:3] if name in weights), 0) > 0
    for order in (ranges, ranges[::-1]):
        assert is_acceptable(", ".join(f"{name};q={weight}" for name, weight in order), JSON) is expected


@given(st.text(max_size=60), st.sampled_from([JSON, "text/event-stream"]))
def test_any_text_is_read(accept, media_type):
    assert is_acceptable(accept, media_type) in (True, False)


@pytest.mark.parametrize(
    ("accept", "weight"),
    [("", 0), ("*/*", 0), ("text/*", 0), ("text/html", 1), ("a/b, Text/HTML; q=0.3", 0.3), ("text/html;q=x", 1)],
)
def test_weight_is_given_by_name_alone(accept, weight):
    assert named_weight(accept, "text/html") == weight


@pytest.mark.parametrize("header", ["*", " * ", 'W/"a"', '"a"', '"b", W/"a"', 'W/"b",W/"a" ,"c"', '"a,b", "a"'])
def test_tag_that_is_named_however_it_is_written(header):
    assert names_tag(header, 'W/"a"')


@pytest.mark.parametrize("header", ["", "a", "W/a", '"A"', 'W/"ab"', '"b", "c"', '"*"', "*, b", '"'])
def test_tag_that_is_not_named(header):
    assert not names_tag(header, 'W/"a"')
