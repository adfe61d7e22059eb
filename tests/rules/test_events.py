import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import Filter, Status, Step, Transition
from tracker.rules.diff import StepChange
from tracker.rules.events import (
    DEFAULT_EVENTS,
    EVENT_TYPES,
    is_known_pattern,
    is_wanted,
    progress_event,
    step_event,
    subscription_test_event,
    transition_event,
    unknown_patterns,
)
from tracker.rules.payload import job_payload

from .strategies import NOW, at, data_of, datetimes, job_that_is, new_job, statuses, words

FINAL = {"job.succeeded", "job.failed", "job.canceled", "job.expired"}
JOB = new_job(provider="scenario", kind="training", tags=("red", "blue"))
MOVED = StepChange(Step("node-1", "user-approval", "success"), "pending")

names = st.lists(st.sampled_from("abc"), max_size=2).map(tuple)
filters = st.builds(Filter, st.lists(st.sampled_from([*EVENT_TYPES, "job.*", "*"]), max_size=3).map(tuple))
tagged_filters = st.builds(Filter, st.just(("*",)), names, names, names)
tagged_jobs = st.builds(
    lambda provider, kind, tags: new_job(provider=provider, kind=kind, tags=tags),
    st.sampled_from("abc"),
    st.sampled_from("abc"),
    names,
)


def running(sequence=2, occurred_at=NOW):
    return Transition("job_1", sequence, Status.RUNNING, Status.QUEUED, "in-progress", 0.5, occurred_at, at(3))


def wanted(*events, job=JOB):
    return {event_type for event_type in EVENT_TYPES if is_wanted(Filter(events), event_type, job)}


def test_the_event_types_are_those_of_the_contract():
    of_jobs = {f"job.{status}" for status in Status}
    others = {"job.progress", "job.step", "subscription.test", "subscription.disabled"}
    assert set(EVENT_TYPES) == of_jobs | others
    assert len(EVENT_TYPES) == 11


def test_who_asks_for_nothing_gets_the_four_ends():
    assert set(DEFAULT_EVENTS) == wanted(*DEFAULT_EVENTS) == FINAL


def test_a_name_asks_for_that_event_alone():
    assert wanted("job.progress") == {"job.progress"}


def test_a_prefix_asks_for_all_of_its_events():
    assert wanted("job.*") == {name for name in EVENT_TYPES if name.startswith("job.")}
    assert wanted("subscription.*") == {"subscription.test", "subscription.disabled"}


def test_a_star_asks_for_everything():
    assert wanted("*") == set(EVENT_TYPES)


def test_no_pattern_asks_for_nothing():
    assert wanted() == set()


@pytest.mark.parametrize("pattern", ["job", "job.", "job.s*", "jo*", "**", ".*", "*.*", "Job.*", "job.done", "", " *"])
def test_a_pattern_that_no_event_fits_is_named(pattern):
    assert not is_known_pattern(pattern)
    assert unknown_patterns(["job.*", pattern, "*"]) == [pattern]
    assert wanted(pattern) == set()


@pytest.mark.parametrize("pattern", [*EVENT_TYPES, "job.*", "subscription.*", "*"])
def test_a_pattern_that_some_event_fits_is_known(pattern):
    assert is_known_pattern(pattern)


@pytest.mark.parametrize(
    ("wish", "is_passed"),
    [
        (Filter(("*",), providers=("scenario",)), True),
        (Filter(("*",), providers=("decart",)), False),
        (Filter(("*",), providers=("decart", "scenario")), True),
        (Filter(("*",), kinds=("training",)), True),
        (Filter(("*",), kinds=("train",)), False),
        (Filter(("*",), tags=("green", "blue")), True),
        (Filter(("*",), tags=("green",)), False),
        (Filter(("*",), providers=("scenario",), kinds=("training",), tags=("red",)), True),
        (Filter(("*",), providers=("scenario",), kinds=("job",), tags=("red",)), False),
        (Filter(("job.failed",), providers=("scenario",)), False),
    ],
)
def test_filters_of_different_sorts_are_anded_and_values_of_one_sort_ored(wish, is_passed):
    assert is_wanted(wish, "job.running", JOB) is is_passed


def test_an_event_without_a_job_passes_no_filter_of_jobs():
    assert is_wanted(Filter(("*",)), "subscription.test", None)
    assert not is_wanted(Filter(("*",), tags=("red",)), "subscription.test", None)


@given(tagged_filters, tagged_jobs)
def test_a_filter_is_a_conjunction_of_its_sorts(wish, job):
    parts = [Filter(("*",), wish.providers), Filter(("*",), (), wish.kinds), Filter(("*",), (), (), wish.tags)]
    assert is_wanted(wish, "job.failed", job) == all(is_wanted(part, "job.failed", job) for part in parts)


@given(tagged_filters.filter(lambda wish: len(wish.tags) > 1), tagged_jobs)
def test_the_values_of_a_sort_are_alternatives(wish, job):
    each = [Filter(wish.events, wish.providers, wish.kinds, (tag,)) for tag in wish.tags]
    assert is_wanted(wish, "job.failed", job) == any(is_wanted(one, "job.failed", job) for one in each)


@given(filters, filters, st.sampled_from(EVENT_TYPES))
def test_more_patterns_want_all_that_each_of_them_wants(one, other, event_type):
    both = Filter(one.events + other.events)
    assert is_wanted(both, event_type, JOB) == (is_wanted(one, event_type, JOB) or is_wanted(other, event_type, JOB))


def test_the_body_of_a_transition_has_the_shape_of_the_contract():
    job = job_that_is(Status.RUNNING, sequence=2)
    event = transition_event(job, running(occurred_at=at(-1.5)))
    assert orjson.loads(event.body) == {
        "type": "job.running",
        "timestamp": "2026-11-22T10:00:03.000Z",
        "data": {
            "sequence": 2,
            "previous_status": "queued",
            "occurred_at": "2026-11-22T09:59:58.500Z",
            "detected_at": "2026-11-22T10:00:03.000Z",
            "job": job_payload(job),
        },
    }
    assert (event.type, event.timestamp, event.job_id, event.sequence) == ("job.running", at(3), "job_1", 2)


def test_a_step_event_adds_the_step():
    data = data_of(step_event(JOB, MOVED, NOW))
    assert data["step"] == {"id": "node-1", "type": "user-approval", "status": "success", "previous_status": "pending"}


def test_a_progress_event_adds_nothing():
    progress, step = progress_event(JOB, NOW), step_event(JOB, MOVED, NOW)
    assert set(data_of(progress)) == {"sequence", "previous_status", "occurred_at", "detected_at", "job"}
    assert set(data_of(step)) - set(data_of(progress)) == {"step"}


def test_a_test_event_names_its_subscription():
    event = subscription_test_event("sub_1", "nonce", NOW)
    assert orjson.loads(event.body)["data"] == {"subscription": {"id": "sub_1"}}
    assert (event.type, event.job_id, event.sequence) == ("subscription.test", None, None)


def test_each_test_of_a_subscription_is_an_event_of_its_own():
    ids = {subscription_test_event(who, nonce, NOW).id for who in ("sub_1", "sub_2") for nonce in ("a", "b")}
    assert len(ids) == 4


def test_the_id_does_not_depend_on_when_and_by_whom_it_was_detected():
    early = running()
    late = Transition("job_1", 2, Status.RUNNING, None, "other", 0.9, at(50), at(99))
    assert transition_event(JOB, early).id == transition_event(new_job(polls=9), late).id


def test_events_between_transitions_are_told_apart_by_their_number():
    jobs = [new_job(sequence=1, announcements=count) for count in (1, 2)]
    ids = {event.id for job in jobs for event in (progress_event(job, NOW), step_event(job, MOVED, NOW))}
    assert len(ids) == 4


@given(st.integers(1, 50), st.integers(1, 50), st.sampled_from(["job_1", "job_2"]), statuses, statuses)
def test_an_id_is_a_function_of_job_sequence_and_type(one, other, job_id, status, previous):
    first = transition_event(new_job(), Transition("job_1", one, status, None, None, None, NOW, NOW))
    second = transition_event(new_job(id=job_id), Transition(job_id, other, status, previous, None, None, at(1), at(2)))
    assert first.id.startswith("evt_")
    assert (first.id == second.id) == ((one, "job_1") == (other, job_id))


@given(statuses, datetimes, words, st.dictionaries(words, st.text() | st.floats(0, 1) | st.none(), max_size=2))
def test_every_body_is_json_and_the_same_bytes_each_time(status, when, word, metadata):
    job = job_that_is(status, metadata=metadata)
    transition = Transition("job_1", 1, status, None, word, None, when, when)
    event = transition_event(job, transition)
    assert event == transition_event(job, transition)
    assert orjson.loads(event.body)["data"]["job"]["metadata"] == metadata
