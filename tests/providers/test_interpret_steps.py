"""How the structure of an answer is read: nesting of any depth, steps, what waits for a person, whose answer it is."""

import pytest

from store.records import Status, Step
from tracker.rules.reading import Problem, Reading
from tracker.rules.track import decide

from .cases import NOW
from .documents import nested
from .kitchen import JOB, PROVIDER, read, read_bytes


@pytest.mark.parametrize("levels", [*range(230, 260), 500, 999, 1000, 1019])
def test_nesting_that_can_be_read_but_not_written_does_not_break_a_poll(levels):
    deep = nested(levels)
    for field in (b"bill", b"error", b"hint", b"code", b"percent", b"id"):
        said = read_bytes(b'{"status": "burnt", "' + field + b'": ' + deep + b"}")
        assert said.status is Status.FAILED
        decide(JOB, said, PROVIDER.timing("meal"), NOW, 0.5)
    step = b'{"type": "taste", "status": "open", "id": ' + deep + b', "after": [' + deep + b"]}"
    said = read_bytes(b'{"status": "cooking", "steps": [' + step + b"]}")
    assert said.status is Status.RUNNING
    decide(JOB, said, PROVIDER.timing("meal"), NOW, 0.5)


def test_an_output_is_kept_as_long_as_an_event_can_hold_it():
    kept = [
        levels
        for levels in range(1, 400)
        if read_bytes(b'{"status": "served", "bill": ' + nested(levels) + b"}").output.get("bill")
    ]
    assert kept == list(range(1, max(kept) + 1))
    assert max(kept) > 200


@pytest.mark.parametrize("levels", [1025, 5000, 100_000])
def test_nesting_without_end_is_a_problem(levels):
    for body in (nested(levels), b"[" * levels, b'{"status":' * levels):
        assert read_bytes(body).code == "not_json"


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([], "running"),
        ([{"id": "taste", "type": "taste", "status": "open", "after": []}], "action_required"),
        ([{"id": "taste", "type": "taste", "status": "open"}], "action_required"),
        ([{"id": "taste", "type": "stir", "status": "open"}], "running"),
        ([{"id": "taste", "type": "taste", "status": "done"}], "running"),
        (
            [{"id": "boil", "status": "done"}, {"id": "t", "type": "taste", "status": "open", "after": ["boil"]}],
            "action_required",
        ),
        (
            [{"id": "boil", "status": "open"}, {"id": "t", "type": "taste", "status": "open", "after": ["boil"]}],
            "running",
        ),
        ([{"id": 1, "status": "done"}, {"id": 2, "type": "taste", "status": "open", "after": [1]}], "action_required"),
        ([{"id": 1, "status": "done"}, {"id": 2, "type": "taste", "status": "open", "after": [3]}], "running"),
        ([{"status": "done"}, {"id": 2, "type": "taste", "status": "open", "after": [None]}], "running"),
        (["taste", None, 5, [], {"id": "x"}], "running"),
        ({"id": "taste", "type": "taste", "status": "open"}, "running"),
    ],
)
def test_a_job_waits_for_a_person_when_all_before_the_approval_is_done(steps, status):
    assert read(steps=steps).status == Status(status)


@pytest.mark.parametrize("status", ["served", "burnt", "stale"])
def test_a_final_job_waits_for_nobody(status):
    assert read(status=status, steps=[{"id": "taste", "type": "taste", "status": "open"}]).status.is_final


def test_a_step_without_id_or_status_is_left_out_and_the_last_of_an_id_counts():
    steps = [
        {"id": "a", "status": "open"},
        {"id": "b"},
        {"status": "done"},
        {"id": "a", "type": "taste", "status": "done"},
    ]
    assert read(steps=steps).steps == (Step("a", "taste", "done"),)


@pytest.mark.parametrize(
    ("answered", "is_other"), [("meal/1", False), ("meal/2", True), (5, True), (None, False), ("", False), ({}, False)]
)
def test_an_id_in_the_answer_must_be_the_jobs(answered, is_other):
    assert isinstance(read(id=answered), Problem if is_other else Reading)
