import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import JobError, PollProblem, Status, Transition
from tracker.rules.payload import job_payload, rfc3339, rfc3339_or_none, transition_payload

from .strategies import NOW, at, datetimes, job_that_is, new_job, statuses

FIELDS = [
    *("id", "provider", "kind", "account", "remote_id", "params", "status", "provider_status", "progress", "output"),
    *("error", "tags", "metadata", "callback_url", "sequence", "run", "polls", "created_at", "started_at"),
    *("updated_at", "finished_at", "timeout_at", "next_poll_at", "last_polled_at", "poll_problem"),
    "result_expires_at",
]
years = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - UTC is given


def test_a_job_has_the_fields_of_the_contract():
    assert list(job_payload(new_job())) == FIELDS


def test_what_only_the_service_needs_is_not_shown():
    job = new_job(lease_epoch=7, not_before=at(5), announcements=3, reading={"status": "running"})
    assert job_payload(job) == job_payload(new_job())


def test_a_fresh_job_is_queued_with_sequence_zero():
    shown = job_payload(new_job())
    assert (shown["status"], shown["sequence"], shown["polls"], shown["run"]) == ("queued", 0, 0, 1)
    unknown = ("provider_status", "progress", "output", "error", "started_at", "finished_at", "poll_problem")
    assert all(shown[name] is None for name in unknown)


def test_an_error_shows_only_what_is_known_of_it():
    def shown(error):
        return job_payload(job_that_is(Status.FAILED, error=error))["error"]

    assert shown(JobError("out of memory")) == {"message": "out of memory"}
    assert shown(JobError("bad", "try again", "e1")) == {"message": "bad", "hint": "try again", "code": "e1"}


def test_a_poll_problem_is_shown_whole():
    problem = PollProblem("http_status", "The provider answers HTTP 502.", 502, NOW, 3, at(60))
    assert job_payload(new_job(poll_problem=problem))["poll_problem"] == {
        "code": "http_status",
        "message": "The provider answers HTTP 502.",
        "http_status": 502,
        "since": "2026-11-22T10:00:00.000Z",
        "count": 3,
        "retry_at": "2026-11-22T10:01:00.000Z",
    }


def test_a_row_of_the_history_has_the_fields_of_the_contract():
    row = Transition("job_1", 1, Status.QUEUED, None, "pending", None, at(-1), NOW)
    assert transition_payload(row) == {
        "sequence": 1,
        "status": "queued",
        "previous_status": None,
        "provider_status": "pending",
        "progress": None,
        "occurred_at": "2026-11-22T09:59:59.000Z",
        "detected_at": "2026-11-22T10:00:00.000Z",
    }
    assert transition_payload(replace(row, previous_status=Status.RUNNING))["previous_status"] == "running"


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (NOW, "2026-11-22T10:00:00.000Z"),
        (NOW + timedelta(microseconds=123_999), "2026-11-22T10:00:00.123Z"),
        (NOW.astimezone(timezone(timedelta(hours=2))), "2026-11-22T10:00:00.000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_utc_with_milliseconds(when, text):
    assert rfc3339(when) == text


def test_no_time_is_null():
    assert rfc3339_or_none(None) is None
    assert rfc3339_or_none(NOW) == rfc3339(NOW)


@given(years)
def test_any_time_is_written_in_one_form_and_reads_back(when):
    text = rfc3339(when)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert timedelta(0) <= when - datetime.fromisoformat(text) < timedelta(milliseconds=1)


@given(years, years)
def test_texts_of_times_sort_as_the_times_do(one, other):
    assert one > other or rfc3339(one) <= rfc3339(other)


@given(statuses, datetimes, st.lists(st.text(), max_size=3).map(tuple), st.dictionaries(st.text(), st.text()))
def test_every_job_can_be_written_as_json(status, when, tags, metadata):
    job = job_that_is(status, updated_at=when, tags=tags, metadata=metadata, params=metadata, output=metadata)
    shown = job_payload(job)
    assert orjson.loads(orjson.dumps(shown)) == shown
    assert (shown["status"], shown["tags"]) == (status.value, list(tags))
