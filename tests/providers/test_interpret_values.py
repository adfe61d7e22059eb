"""How single values of an answer are read: times, numbers, words, outputs, reasons."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.records import JobError, Status, Step
from tracker.rules.reading import Problem, Reading

from .kitchen import read, read_bytes

FIRST = datetime(2026, 11, 22, 9, 58, 41, 579000, UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22T09:58:41.579Z",
        "2026-11-22T09:58:41.579+00:00",
        "2026-11-22T10:58:41.579+01:00",
        "2026-11-22 09:58:41.579Z",
        "2026-11-22T09:58:41.579000",
        1795341521.579,
        1795341521579,
    ],
)
def test_a_time_is_read_from_text_from_seconds_and_from_milliseconds(value):
    said = read(times=[value, value, value])
    assert (said.created_at, said.started_at, said.finished_at) == (FIRST, FIRST, FIRST)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "soon",
        "1795341521",
        "1712010112345",
        "20261122",
        "2026-13-01T00:00:00Z",
        "2026-11-22T25:00:00Z",
        "2026-11-22T09:58:41.579+99:00",
        "٢٠٢٦-11-22T09:58:41Z",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        0,
        -1,
        1,
        2**63,
        -(2**63),
        1e300,
        {"seconds": 1795341521},
        ["2026-11-22T09:58:41Z"],
    ],
)
def test_a_time_that_is_none_is_left_out(value):
    said = read(times=[value], log=[{"what": "waiting", "when": value}])
    assert isinstance(said, Reading)
    assert (said.created_at, said.history) == (None, ())


@settings(deadline=None)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001 - UTC is given below
def test_every_time_of_this_century_survives(naive):
    at = naive.replace(tzinfo=UTC)
    assert read(times=[at.isoformat()]).created_at == at


@pytest.mark.parametrize(
    ("percent", "progress"),
    [
        (0, 0),
        (1, 0.01),
        (50, 0.5),
        (99.5, 0.995),
        (100, 1),
        (101, 1),
        (-5, 0),
        (1e308, 1),
        (2**64 - 1, 1),
        (-(2**63), 0),
    ],
)
def test_progress_is_scaled_and_kept_within_its_bounds(percent, progress):
    assert read(percent=percent).progress == progress


@pytest.mark.parametrize("percent", [None, "50", True, [], {}, [50]])
def test_what_is_no_number_is_no_progress(percent):
    assert read(percent=percent).progress is None


@pytest.mark.parametrize(
    "number", [b"1" * 400, b"-" + b"9" * 400, b"1e999", b"-1e999", b"NaN", b"Infinity", b"0x10", b"01"]
)
def test_a_number_that_json_cannot_hold_is_a_problem(number):
    said = read_bytes(b'{"status": "served", "percent": ' + number + b"}")
    assert isinstance(said, Problem)
    assert said.code == "not_json"


def test_a_number_beyond_64_bits_is_only_inexact():
    assert read_bytes(b'{"status": "served", "bill": 100000000000000000000000}').output["bill"] == 1e23


@pytest.mark.parametrize("status", [None, 5, True, "", [], ["served"], {"status": "served"}])
def test_a_status_that_is_no_word_is_a_problem(status):
    said = read(status=status)
    assert isinstance(said, Problem)
    assert said.code == "invalid"
    assert "/status or /state" in said.message


def test_the_first_pointer_that_has_a_word_counts():
    assert read(status="", state="served").status is Status.SUCCEEDED
    assert read(status="cooking", state="served").status is Status.RUNNING


def test_an_answer_may_say_that_a_job_expired():
    assert read(status="stale").status is Status.EXPIRED


def test_output_has_what_is_said_and_the_results_url_once_the_job_succeeded():
    dishes = [{"name": "soup"}, {"name": None}, {"name": "fish"}]
    assert read(dishes=dishes, bill={}).output == {"dishes": ["soup", "fish"]}
    url = "https://kitchen.example/v1/meals/meal%2F1/photo/l"
    assert read(status="served", bill=0).output == {"bill": 0, "photo_url": url}
    assert read(status="burnt").output is None


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ({"error": "Too hot."}, JobError("Too hot.")),
        ({"error": "Too hot.", "hint": "Turn it down.", "code": 7}, JobError("Too hot.", "Turn it down.", "7")),
        ({"code": "E1"}, JobError("E1", None, "E1")),
        ({"error": {"type": "heat"}}, JobError('{"type":"heat"}')),
        ({"error": "a\0b", "hint": "\0c"}, JobError("ab", "c")),
        ({"error": "x" * 5000}, JobError("x" * 2000)),
        ({"error": "", "hint": "Turn it down."}, None),
        ({}, None),
    ],
)
def test_the_reason_of_a_failure_is_text(reason, error):
    assert read(status="burnt", **reason).error == error
    assert read(status="served", **reason).error is None


def test_nul_is_left_out_of_what_is_stored_as_text():
    said = read(status="coo\0king", steps=[{"id": "a\0", "type": "ta\0ste", "status": "op\0en"}])
    assert said.provider_status == "cooking"
    assert said.is_unknown
    assert said.steps == (Step("a", "taste", "open"),)
