"""What a provider's answer says, by its description: a reading, a problem, or that the job is absent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from store.records import Job, JobError, Status, Step
from tracker.providers.pointer import first_found, resolve
from tracker.providers.request import filled
from tracker.rules.exchange import ExchangeFailure, ExchangeResult, HttpAnswer, retry_after
from tracker.rules.reading import Absent, Answer, Moment, Problem, ProblemCode, Reading

if TYPE_CHECKING:
    from tracker.providers.description import Approval, Kind, Steps

_LONGEST_TEXT = 2000
"""Characters kept of a provider's messages."""

_ROOM_AROUND = 16
"""How many levels of JSON an event, a list or a page may put around a provider's value."""

_BELIEVABLE_YEARS = range(2000, 2100)
"""Times outside are a provider's way to say that there is none: 0, the year 1, the year 9999."""


def interpret(kind: Kind, base_url: str, job: Job, result: ExchangeResult, now: datetime) -> Answer:
    """The answer to a poll of `job`, translated. Nothing that it holds can make this raise."""
    if isinstance(result, ExchangeFailure):
        return _failure(result)
    hint = retry_after(result.headers, now)
    refusal = _refusal(result, hint)
    if refusal is not None:
        return refusal
    document = _document(result, hint)
    if isinstance(document, Problem):
        return document
    other = _other_job(kind, job, document)
    if other is not None:
        return Problem("invalid", f"The provider answered about another job, {other!r}.", result.status, hint)
    word = first_found(document, kind.status.pointers)
    if not isinstance(word, str) or not word:
        where = " or ".join(kind.status.pointers)
        return Problem("invalid", f"The provider's answer has no status at {where}.", result.status, hint)
    return _reading(kind, base_url, job, document, word, hint)


def _failure(failure: ExchangeFailure) -> Problem:
    if failure.code == "timeout":
        return Problem("timeout", failure.message)
    if failure.code == "too_large":
        return Problem("too_large", failure.message)
    if failure.code == "invalid":
        return Problem("invalid", failure.message)
    return Problem("connection", failure.message)


def _refusal(answer: HttpAnswer, hint: float | None) -> Problem | Absent | None:
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


def _document(answer: HttpAnswer, hint: float | None) -> Any:  # noqa: ANN401 - JSON
    """The parsed body, or the problem with it."""
    content_type = answer.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        message = f"The provider's answer is {media_type[:100]!r}, not JSON."
        return Problem("not_json", message, answer.status, hint)
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        return Problem("not_json", f"The provider's answer is not valid JSON: {error}", answer.status, hint)


def _other_job(kind: Kind, job: Job, document: Any) -> str | None:  # noqa: ANN401 - JSON
    """The id in the answer where there is one and it is not the job's."""
    answered = first_found(document, kind.id) if kind.id else None
    if isinstance(answered, (str, int)) and str(answered) != job.remote_id:
        return str(answered)[:_LONGEST_TEXT]
    return None


def _reading(kind: Kind, base_url: str, job: Job, document: Any, word: str, hint: float | None) -> Reading:  # noqa: ANN401 - JSON
    known = kind.status.status_of(word)
    status = known or Status.RUNNING
    steps = _steps(kind, document)
    if not status.is_final and kind.steps and _waits_for_approval(kind.steps, document, steps):
        status = Status.ACTION_REQUIRED
    times = kind.times
    return Reading(
        status=status,
        provider_status=_text(word),
        is_unknown=known is None,
        progress=_progress(kind, document),
        output=_output(kind, base_url, job, document, is_done=status is Status.SUCCEEDED),
        error=_error(kind, document) if status.is_final and status is not Status.SUCCEEDED else None,
        history=_history(kind, document),
        steps=steps,
        created_at=_time(times.created and resolve(document, times.created)),
        started_at=_time(times.started and resolve(document, times.started)),
        finished_at=_time(times.finished and resolve(document, times.finished)),
        retry_after=hint,
    )


def _progress(kind: Kind, document: Any) -> float | None:  # noqa: ANN401 - JSON
    value = kind.progress and resolve(document, kind.progress.pointer)
    if kind.progress is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return min(max(value / kind.progress.scale, 0.0), 1.0)


def _output(kind: Kind, base_url: str, job: Job, document: Any, *, is_done: bool) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    output = {name: resolve(document, pointer) for name, pointer in kind.output.items()}
    if is_done:
        output |= {name: base_url + filled(path, job) for name, path in kind.result_urls.items()}
    said = {name: value for name, value in output.items() if value not in (None, [], {})}
    return {name: value for name, value in said.items() if _can_be_written(value)} or None


def _can_be_written(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether a value can be part of what we write: JSON is read to deeper nesting than it can be written."""
    for _ in range(_ROOM_AROUND):
        value = [value]
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True


def _error(kind: Kind, document: Any) -> JobError | None:  # noqa: ANN401 - JSON
    if kind.error is None:
        return None
    message = first_found(document, kind.error.message)
    hint = kind.error.hint and resolve(document, kind.error.hint)
    code = kind.error.code and resolve(document, kind.error.code)
    if message in (None, "") and code in (None, ""):
        return None
    return JobError(_text(message or code), _text(hint) if hint else None, _text(code) if code else None)


def _history(kind: Kind, document: Any) -> tuple[Moment, ...]:  # noqa: ANN401 - JSON
    """The history's known words, oldest first; what cannot be read of it is left out."""
    if kind.history is None:
        return ()
    moments = []
    for item in _items(document, kind.history.items):
        word, at = resolve(item, kind.history.status), _time(resolve(item, kind.history.at))
        status = kind.status.status_of(word) if isinstance(word, str) else None
        if status is not None and at is not None:
            moments.append(Moment(status, _text(word), at))
    return tuple(sorted(moments, key=lambda moment: moment.at))


def _steps(kind: Kind, document: Any) -> tuple[Step, ...]:  # noqa: ANN401 - JSON
    if kind.steps is None:
        return ()
    steps = {}
    for item in _items(document, kind.steps.items):
        id_, status = resolve(item, kind.steps.id), resolve(item, kind.steps.status)
        if id_ is not None and isinstance(status, str):
            type_ = resolve(item, kind.steps.type)
            steps[_text(id_)] = Step(_text(id_), _text(type_) if type_ else None, _text(status))
    return tuple(steps.values())


def _waits_for_approval(steps: Steps, document: Any, read: tuple[Step, ...]) -> bool:  # noqa: ANN401 - JSON
    if steps.approval is None:
        return False
    statuses = {step.id: step.status for step in read}
    return any(_is_waiting(item, steps, steps.approval, statuses) for item in _items(document, steps.items))


def _is_waiting(item: Any, steps: Steps, approval: Approval, statuses: dict[str, str]) -> bool:  # noqa: ANN401 - JSON
    if resolve(item, steps.type) != approval.type or resolve(item, steps.status) != approval.status:
        return False
    return all(statuses.get(_text(id_)) in approval.done for id_ in _items(item, approval.depends_on))


def _items(document: Any, pointer: str) -> list[Any]:  # noqa: ANN401 - JSON
    items = resolve(document, pointer)
    return items if isinstance(items, list) else []


def _time(value: Any) -> datetime | None:  # noqa: ANN401 - JSON
    """A time out of RFC 3339 text, Unix seconds or Unix milliseconds; None for anything else."""
    try:
        at = _parsed_time(value)
    except (ValueError, OverflowError, OSError):
        return None
    return at if at is not None and at.year in _BELIEVABLE_YEARS else None


def _parsed_time(value: Any) -> datetime | None:  # noqa: ANN401 - JSON
    # Python takes a run of digits for a date without dashes: milliseconds in quotes would become the year 1712.
    if isinstance(value, str) and value[4:5] == "-":
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # Seconds stay below this until the year 5138, milliseconds passed it in 1973.
        return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    return None


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    """A provider's value as bounded text. NUL is left out: not every database keeps it."""
    try:
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        text = "(nested too deeply)"
    return text.replace("\0", "")[:_LONGEST_TEXT]
