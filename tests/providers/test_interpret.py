"""What any answer comes to, whatever it holds: the promises of `interpret` that no description can take back."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from store.records import Status
from tracker.providers.conditions import fitting_rule
from tracker.providers.document import word_of
from tracker.providers.interpret import parsed
from tracker.providers.pointer import Nothing, first_found
from tracker.rules.exchange import ExchangeFailure, FailureCode, HttpAnswer
from tracker.rules.reading import Absent, Problem, ProblemCode, Reading
from tracker.rules.track import decide

from .cases import CASES, DESCRIPTIONS, NOW, new_job, provider_of, usual_job
from .documents import all_kinds, http_answers

PROVIDERS = {name: provider_of(name) for name in DESCRIPTIONS}
SUCCESSES = st.sampled_from([200, 200, 200, 201, 202, 206, 299])
STATUS_CODES = st.integers(100, 599)
LONGEST_TEXT = 2000


@st.composite
def polls(draw, statuses):
    """A job of any kind, and any answer to its poll."""
    provider, kind = draw(all_kinds())
    return usual_job(provider, kind), draw(http_answers(provider, kind, statuses))


def read(job, result):
    return PROVIDERS[job.provider].read(job, result, NOW)


def kind_of(job):
    return DESCRIPTIONS[job.provider].kinds[job.kind]


def rule_of(job, answer):
    """The rule of its description that an answer fits."""
    kind = kind_of(job)
    document = Nothing if kind.ignore_body else parsed(answer)
    return fitting_rule(kind.rules, answer.status, document, is_empty=not answer.body)


def needs_its_body(case):
    """Whether the answer says nothing of the job without all of its body."""
    without = [HttpAnswer(case.answer["status"], {}, body) for body in (b"", b"{")]
    return not kind_of(case).ignore_body and all(rule_of(case, answer) is None for answer in without)


def texts_of(reading):
    """Every text of a reading that is stored by itself."""
    error = reading.error
    yield reading.provider_status
    yield from (text for text in (error and error.message, error and error.hint, error and error.code) if text)
    yield from (moment.provider_status for moment in reading.history)
    yield from (text for step in reading.steps for text in (step.id, step.type, step.status) if text)


@settings(deadline=None, max_examples=400)
@given(polls(SUCCESSES | STATUS_CODES))
def test_nothing_that_a_provider_says_makes_reading_or_tracking_fail(poll):
    job, answer = poll
    said = read(job, answer)
    outcome = decide(job, said, PROVIDERS[job.provider].timing(job.kind), NOW, 0.5)
    assert outcome.job.polls == 1
    if isinstance(said, Problem):
        assert said.code in get_args(ProblemCode)
        assert said.message
        assert not outcome.job.status.is_final


@settings(deadline=None, max_examples=400)
@given(polls(SUCCESSES))
def test_only_a_rule_or_a_known_word_in_a_whole_answer_ends_a_job(poll):
    job, answer = poll
    said = read(job, answer)
    if isinstance(said, Reading) and said.status.is_final:
        known, rule = kind_of(job).status, rule_of(job, answer)
        word = None if known is None or rule else word_of(first_found(parsed(answer), known.pointers))
        assert (rule.status if rule else known.status_of(word)) is said.status
        assert not said.is_unknown
    else:
        assert isinstance(said, Reading | Problem)


@settings(deadline=None, max_examples=400)
@given(polls(SUCCESSES))
def test_a_reading_keeps_its_promises(poll):
    said = read(*poll)
    if not isinstance(said, Reading):
        return
    assert said.progress is None or 0 <= said.progress <= 1
    assert said.is_unknown <= (said.status in (Status.RUNNING, Status.ACTION_REQUIRED))
    assert list(said.history) == sorted(said.history, key=lambda moment: moment.at)
    assert all("\0" not in text and len(text) <= LONGEST_TEXT for text in texts_of(said))
    assert len({step.id for step in said.steps}) == len(said.steps)
    assert (said.error is None) or said.status in (Status.FAILED, Status.CANCELED, Status.EXPIRED)
    assert said.retry_after is None or said.retry_after >= 0
    times = [said.created_at, said.started_at, said.finished_at, *(moment.at for moment in said.history)]
    assert all(at is None or at.utcoffset().total_seconds() == 0 for at in times)


@settings(deadline=None)
@given(polls(STATUS_CODES.filter(lambda status: not 200 <= status < 300)))
def test_without_a_2xx_or_a_rule_the_body_is_never_read(poll):
    job, answer = poll
    assume(rule_of(job, answer) is None)
    said = read(job, answer)
    # But a body may say when to ask again.
    without = read(job, HttpAnswer(answer.status, answer.headers, b""))
    assert replace(said, retry_after=None) == replace(without, retry_after=None)
    assert isinstance(said, Absent if answer.status in (404, 410) else Problem)
    assert said.http_status == answer.status


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (100, "http_status"),
        (204, "not_json"),
        (301, "redirect"),
        (302, "redirect"),
        (304, "redirect"),
        (308, "redirect"),
        (400, "http_status"),
        (401, "unauthorized"),
        (402, "http_status"),
        (403, "unauthorized"),
        (408, "http_status"),
        (409, "http_status"),
        (422, "http_status"),
        (429, "rate_limited"),
        (500, "http_status"),
        (502, "http_status"),
        (503, "http_status"),
        (504, "http_status"),
        (599, "http_status"),
    ],
)
def test_every_status_code_has_its_problem_unless_a_rule_knows_better(provider, status, code):
    job = usual_job(provider, next(iter(DESCRIPTIONS[provider].kinds)))
    answer = HttpAnswer(status, {"retry-after": "9"})
    said = read(job, answer)
    if rule_of(job, answer) is None:
        assert isinstance(said, Problem)
        code = "invalid" if code == "not_json" and kind_of(job).ignore_body else code
        assert (said.code, said.http_status) == (code, status)
    assert said.retry_after == 9


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (410, "gone")])
def test_a_job_that_the_provider_does_not_have_is_absent(status, code):
    assert read(new_job(), HttpAnswer(status, {"retry-after": "9"})) == Absent(code, status, 9)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ("timeout", "timeout"),
        ("connection", "connection"),
        ("tls", "connection"),
        ("dns", "connection"),
        ("blocked", "connection"),
        ("too_large", "too_large"),
        ("invalid", "invalid"),
    ],
)
def test_every_way_to_get_no_answer_has_its_problem(failure, code):
    assert read(new_job(), ExchangeFailure(failure, "What happened.")) == Problem(code, "What happened.")


def test_no_way_to_get_no_answer_is_left_out():
    known = {"timeout", "connection", "tls", "dns", "blocked", "too_large", "invalid"}
    assert set(get_args(FailureCode)) == known


@settings(deadline=None, max_examples=200)
@given(st.sampled_from([case for case in CASES if case.reading and needs_its_body(case)]), st.data())
def test_an_answer_that_is_cut_off_is_a_problem(case, data):
    whole = case.http_answer
    end = data.draw(st.integers(0, len(whole.body) - 1))
    said = read(case.job, HttpAnswer(whole.status, whole.headers, whole.body[:end]))
    assert isinstance(said, Problem)
    assert said.code == "not_json"


@pytest.mark.parametrize(
    "media_type",
    ["text/html", "text/plain; charset=utf-8", "application/octet-stream", "video/mp4", "application/jsonp"],
)
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name in ("job-success", "job-completed", "training-ready")], ids=str
)
def test_what_is_not_declared_as_json_is_not_read(case, media_type):
    said = read(case.job, HttpAnswer(200, {"content-type": media_type}, case.http_answer.body))
    assert isinstance(said, Problem)
    assert (said.code, said.http_status) == ("not_json", 200)


@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON ; charset=UTF-8", "application/vnd.scenario+json", None]
)
def test_json_is_read_under_every_name_that_it_has(media_type):
    headers = {} if media_type is None else {"content-type": media_type}
    said = read(new_job(), HttpAnswer(200, headers, b'{"job": {"status": "success"}}'))
    assert isinstance(said, Reading)
    assert said.status is Status.SUCCEEDED


@settings(deadline=None)
@given(
    st.sampled_from([case for case in CASES if case.reading and DESCRIPTIONS[case.provider].kinds[case.kind].id]),
    st.text(min_size=1),
)
def test_an_answer_about_another_job_is_a_problem(case, remote_id):
    job = new_job(case.provider, case.kind, remote_id + "\u2603", params=case.params or {})
    named = any(
        first_found(case.answer["json"], (pointer,)) for pointer in DESCRIPTIONS[case.provider].kinds[case.kind].id
    )
    said = read(job, case.http_answer)
    assert isinstance(said, Problem if named else Reading)
    assert not named or said.code == "invalid"
