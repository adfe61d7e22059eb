"""How single values of an answer are read: times, numbers, words, outputs, reasons."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.records import JobError, Status, Step
from tracker.rules.reading import Problem, Reading

from .kitchen import read, read_by, read_bytes

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


@pytest.mark.parametrize("status", [None, 5.5, 1.0, "", [], ["served"], {"status": "served"}])
def test_a_status_that_is_no_word_is_a_problem(status):
    said = read(status=status)
    assert isinstance(said, Problem)
    assert said.code == "invalid"
    assert "/status or /state" in said.message


@pytest.mark.parametrize(("status", "word"), [(5, "5"), (-1, "-1"), (0, "0"), (True, "true"), (False, "false")])
def test_a_whole_number_or_a_boolean_is_the_word_that_json_spells(status, word):
    said = read(status=status)
    assert (said.status, said.provider_status, said.is_unknown) == (Status.RUNNING, word, True)


NUMBERS = """
    name = "numbers"
    title = "Numbers"
    base_url = "https://api.numbers.example"
    auth = { scheme = "none" }
    [kinds.job]
    path = "/jobs/{id}"
    history = { items = "/log", status = "/s", at = "/t" }
    timing = { interval = 5 }
    [kinds.job.status]
    pointers = ["/s"]
    queued = ["0"]
    running = ["1", "false"]
    succeeded = ["2", "true"]
    [kinds.job.steps]
    items = "/steps"
    id = "/id"
    type = "/type"
    status = "/s"
    approval = { type = "look", status = "0", depends_on = "/after", done = ["2"] }
"""


@pytest.mark.parametrize(
    ("word", "status"),
    [(0, "queued"), (1, "running"), ("1", "running"), (2, "succeeded"), (True, "succeeded"), (False, "running")],
)
def test_numbers_and_booleans_are_words_of_a_status_map(word, status):
    said = read_by(NUMBERS, s=word, log=[{"s": word, "t": 1795341521}])
    assert (said.status.value, said.is_unknown) == (status, False)
    assert [(moment.status.value, moment.provider_status) for moment in said.history] == [
        (status, said.provider_status)
    ]


def test_steps_have_numbers_for_words_too():
    steps = [{"id": 1, "type": "make", "s": 2}, {"id": 2, "type": "look", "s": 0, "after": [1]}]
    said = read_by(NUMBERS, s=1, steps=steps)
    assert said.status is Status.ACTION_REQUIRED
    assert [step.status for step in said.steps] == ["2", "0"]


FOLDED = """
    name = "folded"
    title = "Folded"
    base_url = "https://api.folded.example"
    auth = { scheme = "none" }
    [kinds.job]
    path = "/jobs/{id}"
    timing = { interval = 5 }
    status = { pointers = ["/s"], fold_case = true, succeeded = ["done"] }
    rules = [
      { status = "failed", where = [{ pointer = "/s", equals = "Done" }, { pointer = "/e", equals = "X" }] },
      { status = "canceled", where = [{ pointer = "/s", one_of = ["ABORTED", 1] }] },
    ]
"""


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"s": "DONE", "e": "X"}, "failed"),
        ({"s": "done", "e": "x"}, "succeeded"),
        ({"s": "aborted"}, "canceled"),
        ({"s": 1}, "canceled"),
        ({"s": True}, "running"),
    ],
)
def test_a_rule_about_the_status_word_folds_its_case_and_no_other(answer, status):
    assert read_by(FOLDED, **answer).status.value == status
    if status in ("failed", "canceled") and answer["s"] != 1:
        assert read_by(FOLDED.replace("true", "false"), **answer).status is Status.RUNNING


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
