"""A call of the API from its request to its result, with what is tried again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from tracker.client.errors import ConnectionFailed, TrackerError, UnexpectedAnswer, api_error
from tracker.client.flows.steps import Answer, Lost, Pause, Request, send
from tracker.client.flows.terms import LONGEST_ASKED_PAUSE, Terms

if TYPE_CHECKING:
    from tracker.client.calls.call import Call
    from tracker.client.flows.steps import Flow

T = TypeVar("T")

_SAFE_TO_REPEAT = ("GET", "DELETE", "PUT", "POST")
"""POST too: each has an Idempotency-Key, the same at each try."""
_TRY_AGAIN = (429, 503)


def perform(call: Call[T], terms: Terms) -> Flow[T]:
    """The result of a call. Raises TrackerError."""
    request = call.request
    if request.method == "POST":
        request = request.with_header("idempotency-key", terms.surroundings.new_key())
    attempt, was_lost = 0, False
    while True:
        outcome = yield from send(request)
        if isinstance(outcome, Answer) and (outcome.is_success or _is_done_already(request, outcome, was_lost)):
            return result_of(call, outcome, terms)
        if attempt >= terms.max_retries or not _may_try_again(request, outcome, was_lost, terms):
            raise error_of(request, outcome, terms)
        was_lost = was_lost or isinstance(outcome, Lost)
        yield Pause(terms.pause(attempt, outcome))
        attempt += 1


def result_of(call: Call[T], answer: Answer, terms: Terms) -> T:
    """What the answer says. Raises UnexpectedAnswer."""
    try:
        return call.read(document_in(answer) if answer.content and answer.is_success else None)
    except ValueError as error:
        raise unexpected(terms, answer, str(error)) from None


def document_in(answer: Answer) -> object:
    """The JSON in an answer. Raises ValueError."""
    try:
        return json.loads(answer.content)
    except ValueError:
        message = "it is no JSON"
        raise ValueError(message) from None


def unexpected(terms: Terms, answer: Answer, flaw: str) -> UnexpectedAnswer:
    """The error for an answer that is not in Tracker's form."""
    what = f"answered {answer.status} in a form that is not Tracker's ({flaw})"
    return UnexpectedAnswer(f"{terms.url} {what}: check url= or TRACKER_URL.")


def error_of(request: Request, outcome: Answer | Lost, terms: Terms) -> TrackerError:
    """The error for what is no success."""
    if isinstance(outcome, Lost):
        way_out = "start the service with `tracker up`, or set TRACKER_URL (or url=) to where it runs"
        return ConnectionFailed(f"No answer from Tracker at {terms.url} to {request} ({outcome.reason}): {way_out}.")
    problem = _problem_in(outcome)
    if problem is None and outcome.status < 400:
        return unexpected(terms, outcome, "it leads elsewhere" if outcome.status >= 300 else "it is no success")
    stranger = f"{terms.url} gave no reason in Tracker's form: check url= or TRACKER_URL"
    return api_error(
        outcome.status,
        {"title": outcome.reason or "Error", "detail": stranger, **(problem or {})},
        request_id=outcome.headers.get("request-id") or outcome.headers.get("x-request-id"),
        retry_after=terms.retry_after(outcome),
        request=str(request),
    )


def _problem_in(answer: Answer) -> dict[str, Any] | None:
    if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/problem+json":
        return None
    try:
        document = document_in(answer)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _may_try_again(request: Request, outcome: Answer | Lost, was_lost: bool, terms: Terms) -> bool:
    if request.method not in _SAFE_TO_REPEAT:
        return False
    if isinstance(outcome, Lost):
        return True
    if outcome.status == 409 and request.method == "POST" and was_lost:
        return True  # perhaps it is our own first try that is still at work
    return outcome.status in _TRY_AGAIN and (terms.retry_after(outcome) or 0) <= LONGEST_ASKED_PAUSE


def _is_done_already(request: Request, answer: Answer, was_lost: bool) -> bool:
    """Whether a removal whose answer was lost had been carried out."""
    return was_lost and request.method == "DELETE" and answer.status == 404
