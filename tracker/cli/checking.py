"""What a description makes of an answer that was recorded, in the shapes that `tracker providers check` prints."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from store.records import Job, Status
from tracker.cli.spelling import request_document
from tracker.providers.catalog import Catalog, Provider, UnusableJobError
from tracker.providers.description import DescriptionError, read_description
from tracker.providers.environment import DEFAULT_ACCOUNT, ProviderError
from tracker.providers.interpret import parsed
from tracker.providers.listing import asks_by_id
from tracker.providers.pointer import Nothing, first_found, placed, resolve
from tracker.providers.request import leads_to
from tracker.providers.templates import (
    PLACEHOLDER,
    MissingParameterError,
    UnusableValueError,
    texts_of,
    url_parameter,
)
from tracker.rules.payload import reading_payload, rfc3339
from tracker.rules.reading import Answer, Problem, Reading, Unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tracker.providers.description import Description, Kind
    from tracker.providers.listing import PageOf
    from tracker.providers.sections import ListRequest
    from tracker.rules.exchange import HttpAnswer

Document = dict[str, Any]

ID_WITHOUT_ONE = "id"
"""The id of a job whose answer names none."""

_WORTH_NAMING = (
    "conditional", "ignore_body", "id", "progress", "error", "times", "history", "steps", "hints", "result_lifetime",
)  # fmt: skip
"""The keys of a kind that a summary names where they are given."""


class CheckError(Exception):
    """A file or an option that cannot be used; the message says why."""


@dataclass(frozen=True)
class About:
    """The job, or the jobs, that an answer or a request is about; `is_page`: one of the kind's list."""

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


def read(provider: Provider, answer: HttpAnswer, about: About) -> Document:
    """What the description makes of an answer, or of a page of a list. Raises CheckError."""
    with _told():
        name = provider.kind(about.kind)
        _let_urls_lead_home(provider, name, about.params)
        return (_read_page if about.is_page else _read_answer)(provider, name, answer, about)


def request(provider: Provider, about: About) -> Document:
    """The request that asks for the job, or for a page of the list, with `<VARIABLE>` for what a variable holds.

    Raises CheckError.
    """
    description = provider.description
    stand_ins = {variable: f"<{variable}>" for variable in description.variables().values()}
    provider = Catalog([description], stand_ins).find(description.name)
    with _told():
        name = provider.kind(about.kind)
        _let_urls_lead_home(provider, name, about.params)
        jobs = _jobs_to_ask_for(provider, name, about)
        asked = provider.list_request(jobs, None) if about.is_page else provider.request(jobs[0])
        return request_document(asked, description)


@contextmanager
def _told() -> Iterator[None]:
    """Says as a CheckError what is wrong with the options."""
    try:
        yield
    except UnusableJobError as error:
        place, _, name = error.pointer[1:].partition("/")
        offer = f" Give it as --param {name}=VALUE." if place == "params" else ""
        raise CheckError(f"{error}{offer}") from error
    except ProviderError as error:
        raise CheckError(str(error)) from error
    except MissingParameterError as error:
        message = f"The job needs the parameter {error}: give it as --param {error}=VALUE."
        raise CheckError(message) from error
    except UnusableValueError as error:
        placeholder, value = error.args
        message = f"{value!r} cannot stand for {{{placeholder}}} in a URL."
        raise CheckError(message) from error


def _let_urls_lead_home(provider: Provider, name: str, params: Mapping[str, str]) -> None:
    """Refuses a parameter that is a whole URL and leads elsewhere than the service would follow it."""
    kind, hosts = provider.description.kinds[name], provider.description.hosts
    templates = (kind.path, *kind.result_urls.values(), *([kind.cancel.path] if kind.cancel else []))
    for parameter in filter(None, map(url_parameter, templates)):
        url = params.get(parameter)
        if url is not None and not leads_to(url, provider.base_url, hosts):
            message = f"--param {parameter}: {url!r} leads elsewhere: give an https URL on {' or '.join(hosts)}."
            raise CheckError(message)


def _jobs_to_ask_for(provider: Provider, name: str, about: About) -> list[Job]:
    kind, now = provider.description.kinds[name], datetime.now(UTC)
    if about.is_page:
        _list_of(kind, name)
    elif len(about.remote_ids) > 1:
        message = "A request is about one --id; that of a list (--page) is about several."
        raise CheckError(message)
    if not about.remote_ids and _needs_ids(kind, is_page=about.is_page):
        message = "The request names the job by its id: give it as --id."
        raise CheckError(message)
    return [_job(provider, name, id_, about.params, now, etag=None) for id_ in about.remote_ids or [ID_WITHOUT_ONE]]


def _needs_ids(kind: Kind, *, is_page: bool) -> bool:
    if is_page:
        return asks_by_id(kind)
    texts = (kind.path, *kind.query.values(), *texts_of(kind.body))
    return any(name in ("id", "+id") for text in texts for name in PLACEHOLDER.findall(text))


def _list_of(kind: Kind, name: str) -> ListRequest:
    if kind.list is None:
        message = f"Kind {name!r} has no list that --page could be of."
        raise CheckError(message)
    return kind.list


def answer_document(answer: Answer) -> Document:
    """A reading as it is; anything else under its sort: `problem`, `absent`, or `unchanged` since the last reading."""
    if isinstance(answer, Reading):
        moments = [asdict(moment) | {"at": rfc3339(moment.at)} for moment in answer.history]
        steps = [asdict(step) | {"depends_on": list(step.depends_on)} for step in answer.steps]
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
        "auth": description.auth.scheme,
        "credentials": list(description.variables().values()),
        "headers": list(description.headers),
        "hosts": list(description.hosts),
        "budget": description.budget.model_dump(),
        "default_kind": description.kind_if_unnamed,
        "submits": [f"{submit.method} {submit.path}" for submit in description.submits],
        "kinds": {name: _kind_summary(kind) for name, kind in description.kinds.items()},
    }


def _read_answer(provider: Provider, name: str, answer: HttpAnswer, about: About) -> Document:
    if len(about.remote_ids) > 1:
        message = "An answer is about one --id; a page of a list (--page) is about several."
        raise CheckError(message)
    sought = [*about.remote_ids, _id_in(provider.description.kinds[name], parsed(answer)), ID_WITHOUT_ONE]
    now = datetime.now(UTC)
    job = _job(provider, name, next(filter(None, sought)), about.params, now)
    return answer_document(provider.read(job, answer, now))


def _read_page(provider: Provider, name: str, answer: HttpAnswer, about: About) -> Document:
    kind = provider.description.kinds[name]
    sought = about.remote_ids or _ids_on(kind, _list_of(kind, name), parsed(answer)) or [ID_WITHOUT_ONE]
    now = datetime.now(UTC)
    jobs = [_job(provider, name, remote_id, about.params, now) for remote_id in sought]
    return page_document(jobs, provider.read_page(jobs, answer, now))


def _job(
    provider: Provider,
    kind: str,
    remote_id: str,
    params: Mapping[str, str],
    now: datetime,
    etag: str | None = '"any"',
) -> Job:
    """A job; with an `etag` it was read before, so that 304 says something of it."""
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
        etag=etag,
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
        "has": [name for name in _WORTH_NAMING if name in kind.model_fields_set and getattr(kind, name)],
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
