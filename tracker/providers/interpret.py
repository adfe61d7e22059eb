"""What a provider's answer says, by its description: a reading, a problem, or that the job is absent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from tracker.providers.conditions import fitting_rule
from tracker.providers.document import read_document
from tracker.providers.pointer import Nothing, first_found, resolve
from tracker.providers.values import LONGEST_TEXT, number_of, text_of, time_of
from tracker.rules.exchange import ExchangeFailure, ExchangeResult, HttpAnswer, milliseconds_in, retry_after
from tracker.rules.reading import Absent, Answer, Problem, ProblemCode, Reading, Unchanged

if TYPE_CHECKING:
    from datetime import datetime

    from store.records import Job
    from tracker.providers.description import Kind
    from tracker.providers.sections import Hints


_USUAL_REASONS = ("/error/message", "/message", "/detail", "/reason", "/error")
"""Where APIs put the reason of a refusal, beside where the description says."""

_REASON = 300
"""Characters of it that are shown."""


def interpret(kind: Kind, base_url: str, job: Job, result: ExchangeResult, now: datetime) -> Answer:
    """The answer to a poll of `job`, translated. Nothing that it holds can make this raise."""
    if isinstance(result, ExchangeFailure):
        return problem_of_failure(result)
    document = Nothing if kind.ignore_body else parsed(result)
    hint = hint_of(kind.hints, result, document, now)
    other = _other_job(kind, job, document) if 200 <= result.status < 300 else None
    if other is not None:
        return Problem("invalid", f"The provider answered about another job, {other!r}.", result.status, hint)
    rule = fitting_rule(kind.rules, result.status, document, is_empty=not result.body)
    if rule is not None and rule.problem is not None:
        message = f"The provider's answer (HTTP {result.status}) means a problem, by a rule of its description."
        return Problem(rule.problem, message, result.status, hint)
    refusal = None if rule is not None else _no_reading(kind, job, result, document, hint)
    if refusal is not None:
        return refusal
    known = None if document is Nothing else document
    answer = read_document(kind, base_url, job, known, http_status=result.status, rule=rule)
    if isinstance(answer, Reading) and kind.conditional:
        answer = replace(answer, etag=result.headers.get("etag"))
    return answer if hint is None else replace(answer, retry_after=hint)


def _no_reading(kind: Kind, job: Job, result: HttpAnswer, document: Any, hint: float | None) -> Answer | None:  # noqa: ANN401 - JSON
    """What an answer that fits no rule says, if it is none that can be read."""
    if result.status == 304 and kind.conditional and job.etag:
        return Unchanged(hint)
    refusal = refusal_of(result, hint)
    if refusal is None and document is Nothing and not kind.ignore_body:
        return not_json(result, hint)
    return refusal


def problem_of_failure(failure: ExchangeFailure) -> Problem:
    """Why no answer came, as a problem of the poll."""
    if failure.code == "timeout":
        return Problem("timeout", failure.message)
    if failure.code == "too_large":
        return Problem("too_large", failure.message)
    if failure.code == "invalid":
        return Problem("invalid", failure.message)
    return Problem("connection", failure.message)


def refusal_of(answer: HttpAnswer, hint: float | None) -> Problem | Absent | None:
    """What a status code other than 2xx says."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status in (404, 410):
        return Absent("not_found" if status == 404 else "gone", status, hint)
    code: ProblemCode = "http_status"
    message = f"The provider answers HTTP {status}."
    if 300 <= status < 400:
        code, message = "redirect", f"The provider redirects (HTTP {status}), which is not followed."
    elif status in (401, 403):
        code = "unauthorized"
        message = f"The provider refuses the credentials (HTTP {status}). Check the account's variables."
    elif status == 429:
        code, message = "rate_limited", "The provider asks to slow down (HTTP 429)."
    return Problem(code, message, status, hint)


def parsed(answer: HttpAnswer) -> Any:  # noqa: ANN401 - JSON
    """The body as JSON; `Nothing` where it is none."""
    media_type = _media_type(answer)
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        return Nothing
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return Nothing


def refused(kind: Kind, result: ExchangeResult, now: datetime) -> Problem | None:
    """Why a request other than a poll was not accepted, in the provider's words where it gives some; None: it was."""
    if isinstance(result, ExchangeFailure):
        return problem_of_failure(result)
    document = parsed(result)
    refusal = refusal_of(result, hint_of(kind.hints, result, document, now))
    if refusal is None:
        return None
    message = f"It answered HTTP {result.status}."
    problem = refusal if isinstance(refusal, Problem) else Problem("http_status", message, result.status)
    pointers = (*(kind.error.message if kind.error else ()), *_USUAL_REASONS)
    said = None if document is Nothing else first_found(document, pointers)
    return replace(problem, message=message if said is None else f"{message} It said: {text_of(said)[:_REASON]}")


def not_json(answer: HttpAnswer, hint: float | None) -> Problem:
    """The problem with a body that is not JSON."""
    try:
        orjson.loads(answer.body)
        message = f"The provider's answer is {_media_type(answer)[:100]!r}, not JSON."
    except orjson.JSONDecodeError as error:
        message = f"The provider's answer is not valid JSON: {error}"
    return Problem("not_json", message, answer.status, hint)


def _media_type(answer: HttpAnswer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def hint_of(hints: Hints, answer: HttpAnswer, document: Any, now: datetime) -> float | None:  # noqa: ANN401 - JSON
    """The longest wait in seconds that an answer asks for, wherever it does; None: it does not ask."""
    asked = [retry_after(answer.headers, now)]
    asked += [milliseconds_in(answer.headers, name) for name in hints.headers_ms]
    if document is not Nothing:
        asked += [number_of(resolve(document, pointer)) for pointer in hints.seconds]
        times = [time_of(resolve(document, pointer)) for pointer in hints.until]
        asked += [(at - now).total_seconds() for at in times if at is not None]
    given = [seconds for seconds in asked if seconds is not None]
    return max(0.0, *given) if given else None


def _other_job(kind: Kind, job: Job, document: Any) -> str | None:  # noqa: ANN401 - JSON
    """The id in the answer where there is one and it is not the job's."""
    answered = first_found(document, kind.id) if kind.id and document is not Nothing else None
    if isinstance(answered, (str, int)) and str(answered) != job.remote_id:
        return str(answered)[:LONGEST_TEXT]
    return None
