"""Facets, and what a span tells of the time of registration."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from store.facets import Facet, facet_of, parse_facet, registered_between
from store.ids import milliseconds
from store.records import Status

from .builders import NOW, new_job

MOMENTS = st.integers(0, 200 * 365 * 86400 * 1000).map(
    lambda age: datetime(1970, 1, 2, tzinfo=UTC) + timedelta(milliseconds=age)
)
NEAR = st.builds(lambda seconds: NOW + timedelta(seconds=seconds), st.floats(-100, 100))


def ended(created_at, finished_at):
    return new_job(created_at=created_at, finished_at=finished_at, status=Status.FAILED)


def test_facet_is_taken_apart_into_what_it_was_made_of():
    assert parse_facet(facet_of(new_job())) == Facet(Status.QUEUED, "scenario", "default", "inference", None)
    job = ended(NOW, NOW + timedelta(seconds=20))
    assert parse_facet(facet_of(job)) == Facet(Status.FAILED, "scenario", "default", "inference", 3)


def test_spans_are_few():
    spans = {
        parse_facet(facet_of(ended(NOW, NOW + timedelta(seconds=seconds)))).span for seconds in range(-3600, 86400)
    }
    assert spans == {*range(-6, 10)}


@given(MOMENTS | NEAR, MOMENTS | NEAR, MOMENTS | NEAR, MOMENTS | NEAR)
@example(NOW, NOW, NOW - timedelta(microseconds=1), NOW + timedelta(microseconds=1))
@example(NOW, NOW + timedelta(seconds=4), NOW + timedelta(seconds=3.999999), NOW + timedelta(seconds=4.000001))
def test_job_that_ended_between_two_times_was_registered_between_those_of_its_span(created_at, finished_at, one, other):
    after, before = min(one, other), max(one, other)
    if not after < finished_at < before:
        after, before = finished_at - timedelta(microseconds=1), finished_at + timedelta(microseconds=1)
    span = parse_facet(facet_of(ended(created_at, finished_at))).span
    first, last = registered_between(span, after, before)
    assert first <= milliseconds(created_at) <= last


def test_no_span_and_no_bound_bound_nothing():
    assert registered_between(None, NOW, NOW) == (None, None)
    assert registered_between(3, None, None) == (None, None)
