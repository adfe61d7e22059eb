"""What a description makes of an answer that was recorded, in the shapes that `tracker providers check` prints."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from store.records import Job, Status
from tracker.providers.catalog import DEFAULT_ACCOUNT, Catalog, Provider, ProviderError
from tracker.providers.description import DescriptionError, read_description
from tracker.providers.interpret import parsed
from tracker.providers.pointer import Nothing, first_found, placed, resolve
from tracker.providers.templates import MissingParameterError, UnusableValueError
from tracker.rules.payload import reading_payload, rfc3339
from tracker.rules.reading import Answer, Problem, Reading, Unchanged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tracker.providers.description import Description, Kind
    from tracker.providers.listing import PageOf
    from tracker.providers.sections import ListRequest
    from tracker.rules.exchange import HttpAnswer

Document = dict[str, Any]

ID_WITHOUT_ONE = "id"
"""The id of a job whose answer names none."""


class CheckError(Exception):
    """A file or an option that cannot be used; the message says why."""


@dataclass(frozen=True)
class Recorded:
    """An answer, and what is said of the job, or of the jobs, that it is about."""

    answer: HttpAnswer
    kind: str | None
    remote_ids: Sequence[str]
    params: Mapping[str, str]
    is_page: bool


def load(path: Path) -> Provider:
    """The provider that a file describes, without credentials. Raises CheckError."""
    try:
        description = read_description(path)
    except DescriptionError as error:
        raise CheckError(str(error)) from error
    return Catalog([description], {}).find(description.name)


def read(provider: Provider, recorded: Recorded) -> Document:
    """What the description makes of an answer, or of a page of a list. Raises CheckError."""
    try:
        name = provider.kind(recorded.kind)
        if recorded.is_page:
            return _read_page(provider, name, recorded)
        return _read_answer(provider, name, recorded)
    except ProviderError as error:
        raise CheckError(str(error)) from error
    except MissingParameterError as error:
        message = f"The job needs the parameter {error}: give it as --param {error}=VALUE."
        raise CheckError(message) from error
    except UnusableValueError as error:
        placeholder, value = error.args
        message = f"{value!r} cannot stand for {{{placeholder}}} in a URL."
        raise CheckError(message) from error


def answer_document(answer: Answer) -> Document:
    """A reading as it is; anything else under its sort: `problem`, `absent`, or `unchanged` since the last reading."""
    if isinstance(answer, Reading):
        moments = [asdict(moment) | {"at": rfc3339(moment.at)} for moment in answer.history]
        steps = [asdict(step) for step in answer.steps]
        return reading_payload(answer) | {"etag": answer.etag, "history": moments, "steps": steps}
    if isinstance(answer, Unchanged):
        return {"unchanged": True, "retry_after": answer.retry_after}
    return {"problem" if isinstance(answer, Problem) else "absent": asdict(answer)}


def page_document(jobs: Sequence[Job], page: PageOf) -> Document:
    """What a page says of each job: its row is a `reading`, `insufficient`, said to be `missing`, or `absent`."""
    if page.problem is not None:
        return {"problem": asdict(page.problem)}
    return {"rows": [_row(job, page) for job in jobs], "next_page": page.next_page}


def summary_of(description: Description) -> Document:
    """What a description says, for people to see that it is what they meant."""
    return {
        "name": description.name,
        "title": description.title,
        "base_url": description.base_url,
        "credentials": list(description.variables().values()),
        "hosts": list(description.hosts),
        "budget": description.budget.model_dump(),
        "default_kind": description.kind_if_unnamed,
        "submits": [f"{submit.method} {submit.path}" for submit in description.submits],
        "kinds": {name: _kind_summary(kind) for name, kind in description.kinds.items()},
    }


def _read_answer(provider: Provider, name: str, recorded: Recorded) -> Document:
    if len(recorded.remote_ids) > 1:
        message = "An answer is about one --id; a page of a list (--page) is about several."
        raise CheckError(message)
    sought = [*recorded.remote_ids, _id_in(provider.description.kinds[name], parsed(recorded.answer)), ID_WITHOUT_ONE]
    now = datetime.now(UTC)
    job = _job(provider, name, next(filter(None, sought)), recorded.params, now)
    return answer_document(provider.read(job, recorded.answer, now))


def _read_page(provider: Provider, name: str, recorded: Recorded) -> Document:
    kind = provider.description.kinds[name]
    if kind.list is None:
        message = f"Kind {name!r} has no list that --page could be of."
        raise CheckError(message)
    sought = recorded.remote_ids or _ids_on(kind, kind.list, parsed(recorded.answer)) or [ID_WITHOUT_ONE]
    now = datetime.now(UTC)
    jobs = [_job(provider, name, remote_id, recorded.params, now) for remote_id in sought]
    return page_document(jobs, provider.read_page(jobs, recorded.answer, now))


def _job(provider: Provider, kind: str, remote_id: str, params: Mapping[str, str], now: datetime) -> Job:
    """A job that was read before, so that 304 says something of it."""
    return Job(
        remote_id,
        provider.description.name,
        kind,
        DEFAULT_ACCOUNT,
        remote_id,
        run=1,
        created_at=now,
        updated_at=now,
        timeout_at=now + timedelta(days=1),
        next_poll_at=now,
        params=params,
        etag='"any"',
    )


def _row(job: Job, page: PageOf) -> Document:
    if job.id in page.readings:
        return {"id": job.remote_id, "row": "reading", "reading": answer_document(page.readings[job.id])}
    if job.id in page.insufficient:
        return {"id": job.remote_id, "row": "insufficient", "reading": None}
    return {"id": job.remote_id, "row": "missing" if job.remote_id in page.missing else "absent", "reading": None}


def _kind_summary(kind: Kind) -> Document:
    words = {status.value: list(getattr(kind.status, status.value)) for status in Status} if kind.status else {}
    return {
        "poll": f"{kind.method} {kind.path}",
        "list": f"{kind.list.method} {kind.list.path}" if kind.list else None,
        "cancel": f"{kind.cancel.method} {kind.cancel.path}" if kind.cancel else None,
        "statuses": {status: known for status, known in words.items() if known},
        "rules": len(kind.rules),
        "output": [*kind.output, *kind.result_urls],
        "timing": kind.timing.model_dump(),
    }


def _id_in(kind: Kind, document: Any) -> str | None:  # noqa: ANN401 - JSON
    found = None if document is Nothing else first_found(document, kind.id)
    return str(found) if isinstance(found, (str, int)) else None


def _ids_on(kind: Kind, wanted: ListRequest, document: Any) -> list[str]:  # noqa: ANN401 - JSON
    items = None if document is Nothing else resolve(document, wanted.items)
    if isinstance(items, dict):
        return list(items)
    rows = [placed(row, wanted.row_at) for row in items] if isinstance(items, list) else []
    return [id_ for row in rows if (id_ := _id_in(kind, row)) is not None]
