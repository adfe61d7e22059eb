"""What a document says of a job, by the description of its kind: the reading."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from store.records import Job, JobError, Status, Step
from tracker.providers.pointer import first_found, resolve
from tracker.providers.templates import filled_path, url_parameter, value_of
from tracker.providers.values import can_be_written, number_of, text_of, time_of
from tracker.rules.reading import Moment, Problem, Reading

if TYPE_CHECKING:
    from tracker.providers.contents import Approval, Progress, Steps
    from tracker.providers.description import Kind
    from tracker.providers.sections import Rule

_TAIL = 4000
"""Characters of a log that its last line with the progress is sought in."""


def read_document(
    kind: Kind,
    base_url: str,
    job: Job,
    document: Any,  # noqa: ANN401 - JSON
    *,
    http_status: int = 200,
    rule: Rule | None = None,
) -> Reading | Problem:
    """What a document says of a job; where a rule fits the answer, its status goes before the map's."""
    word = word_of(first_found(document, kind.status.pointers)) if kind.status else None
    said = text_of(word) if word else None
    if rule is not None and rule.status is not None:
        shown = rule.provider_status or said or f"HTTP {http_status}"
        return _reading(kind, base_url, job, document, Reading(rule.status, shown))
    if word is None or said is None or kind.status is None:
        where = " or ".join(kind.status.pointers) if kind.status else "any place that its description's rules know"
        return Problem("invalid", f"The provider's answer has no status at {where}.", http_status)
    status = kind.status.status_of(word)
    known = Reading(status, said) if status else Reading(Status.RUNNING, said, is_unknown=True)
    return _reading(kind, base_url, job, document, known)


def word_of(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """A status as its word: a text, or the JSON text of a whole number or a boolean; None for anything else."""
    if isinstance(value, str):
        return value or None
    return text_of(value) if isinstance(value, int) else None


def _reading(kind: Kind, base_url: str, job: Job, document: Any, known: Reading) -> Reading:  # noqa: ANN401 - JSON
    """The status that is known, and all else that the document says."""
    status, steps, times = known.status, _steps(kind, document), kind.times
    if not status.is_final and kind.steps and _waits_for_approval(kind.steps, document, steps):
        status = Status.ACTION_REQUIRED
    return replace(
        known,
        status=status,
        progress=_progress(kind.progress, document) if kind.progress else None,
        output=_output(kind, base_url, job, document, is_done=status is Status.SUCCEEDED),
        error=_error(kind, document) if status.is_final and status is not Status.SUCCEEDED else None,
        history=_history(kind, document),
        steps=steps,
        created_at=time_of(times.created and resolve(document, times.created)),
        started_at=time_of(times.started and resolve(document, times.started)),
        finished_at=time_of(times.finished and resolve(document, times.finished)),
    )


def _progress(progress: Progress, document: Any) -> float | None:  # noqa: ANN401 - JSON
    value = resolve(document, progress.pointer)
    if progress.pattern is not None:
        found = re.findall(progress.pattern, value[-_TAIL:]) if isinstance(value, str) else []
        value = found[-1] if found else None
    elif isinstance(value, str):
        return None
    done = number_of(value)
    whole = number_of(resolve(document, progress.total)) if progress.total is not None else float(progress.scale)
    if done is None or not whole or whole < 0:
        return None
    return min(max(done / whole, 0.0), 1.0)


def _output(kind: Kind, base_url: str, job: Job, document: Any, *, is_done: bool) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    output = {name: resolve(document, pointer) for name, pointer in kind.output.items()}
    if is_done:
        output |= {name: _result_url(base_url, template, job) for name, template in kind.result_urls.items()}
    said = {name: value for name, value in output.items() if value not in (None, "", [], {})}
    return {name: value for name, value in said.items() if can_be_written(value)} or None


def _result_url(base_url: str, template: str, job: Job) -> str:
    name = url_parameter(template)
    return value_of(f"param.{name}", job) if name else base_url + filled_path(template, job)


def _error(kind: Kind, document: Any) -> JobError | None:  # noqa: ANN401 - JSON
    if kind.error is None:
        return None
    message = first_found(document, kind.error.message)
    hint = kind.error.hint and resolve(document, kind.error.hint)
    code = kind.error.code and resolve(document, kind.error.code)
    if message in (None, "") and code in (None, ""):
        return None
    return JobError(text_of(message or code), text_of(hint) if hint else None, text_of(code) if code else None)


def _history(kind: Kind, document: Any) -> tuple[Moment, ...]:  # noqa: ANN401 - JSON
    """The history's known words, oldest first; what cannot be read of it is left out."""
    if kind.history is None or kind.status is None:
        return ()
    moments = []
    for item in _items(document, kind.history.items):
        word, at = word_of(resolve(item, kind.history.status)), time_of(resolve(item, kind.history.at))
        status = kind.status.status_of(word) if word else None
        if word is not None and status is not None and at is not None:
            moments.append(Moment(status, text_of(word), at))
    return tuple(sorted(moments, key=lambda moment: moment.at))


def _steps(kind: Kind, document: Any) -> tuple[Step, ...]:  # noqa: ANN401 - JSON
    if kind.steps is None:
        return ()
    steps = {}
    for item in _items(document, kind.steps.items):
        id_, status = resolve(item, kind.steps.id), word_of(resolve(item, kind.steps.status))
        if id_ is not None and status is not None:
            type_ = resolve(item, kind.steps.type)
            before = _items(item, kind.steps.depends_on) if kind.steps.depends_on else ()
            depends_on = tuple(text_of(each) for each in before if each is not None)
            steps[text_of(id_)] = Step(text_of(id_), text_of(type_) if type_ else None, text_of(status), depends_on)
    return tuple(steps.values())


def _waits_for_approval(steps: Steps, document: Any, read: tuple[Step, ...]) -> bool:  # noqa: ANN401 - JSON
    if steps.approval is None:
        return False
    statuses = {step.id: step.status for step in read}
    return any(_is_waiting(item, steps, steps.approval, statuses) for item in _items(document, steps.items))


def _is_waiting(item: Any, steps: Steps, approval: Approval, statuses: dict[str, str]) -> bool:  # noqa: ANN401 - JSON
    if resolve(item, steps.type) != approval.type or word_of(resolve(item, steps.status)) != approval.status:
        return False
    return all(statuses.get(text_of(id_)) in approval.done for id_ in _items(item, approval.depends_on))


def _items(document: Any, pointer: str) -> list[Any]:  # noqa: ANN401 - JSON
    items = resolve(document, pointer)
    return items if isinstance(items, list) else []
