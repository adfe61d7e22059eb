"""Which events of the feed a reader is shown."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import Event, EventFilter, Status
from tracker.rules.events import EVENT_TYPES, FINAL_EVENTS, JOB_EVENTS, subscription_test_event
from tracker.rules.feed import passes, types_of

from .strategies import NOW, Poll, at, new_job, play, reading

EVENT = Event("evt_1", "job.failed", NOW, b"{}", "job_1", 1, 7, "decart", "video", ("hero", "b"))
FITTING = EventFilter(("job.failed",), ("job_1",), ("decart",), ("video",), ("hero",))
OTHER = EventFilter(("job.running",), ("job_2",), ("scenario",), ("image",), ("c",))
SORTS = [field.name for field in fields(EventFilter)]


def test_filter_of_nothing_takes_all():
    assert passes(EVENT, EventFilter())
    assert passes(subscription_test_event("sub_1", "nonce", NOW), EventFilter())


@pytest.mark.parametrize("sort", SORTS)
def test_any_value_of_a_sort_will_do(sort):
    values = (*getattr(OTHER, sort), *getattr(FITTING, sort))
    assert passes(EVENT, replace(EventFilter(), **{sort: values}))


@given(st.sets(st.sampled_from(SORTS)))
def test_all_sorts_must_fit(wrong):
    wanted = replace(FITTING, **{sort: getattr(OTHER, sort) for sort in wrong})
    assert passes(EVENT, wanted) is not bool(wrong)


@pytest.mark.parametrize("sort", SORTS[1:])
def test_event_about_no_job_passes_no_filter_of_jobs(sort):
    event = subscription_test_event("sub_1", "nonce", NOW)
    assert not passes(event, replace(EventFilter(), **{sort: getattr(FITTING, sort)}))


@pytest.mark.parametrize(
    ("patterns", "types"),
    [
        ((), ()),
        (("job.failed",), ("job.failed",)),
        (("*",), EVENT_TYPES),
        (("subscription.*",), ("subscription.test", "subscription.disabled")),
        (("job.*",), (*JOB_EVENTS, "job.progress", "job.step")),
        (("job.expired", *FINAL_EVENTS), FINAL_EVENTS),
    ],
)
def test_patterns_stand_for_types(patterns, types):
    assert types_of(patterns) == types


def test_events_of_a_job_say_what_they_can_be_found_by():
    job = new_job(tags=("hero",))
    events = play(job, [Poll(at(1), reading(Status.RUNNING, progress=0.5))])[0].outcome.events
    assert len(events) == 2
    assert {(event.job_id, event.provider, event.kind, event.tags) for event in events} == {
        ("job_1", "scenario", "job", ("hero",))
    }
