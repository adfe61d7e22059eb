"""Many jobs by one request: which jobs go together, the request for a page, and what its rows say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from store.records import Status
from tracker.providers.conditions import fitting_rule
from tracker.providers.document import read_document
from tracker.providers.interpret import hint_of, not_json, parsed, problem_of_failure, refusal_of
from tracker.providers.pointer import Nothing, first_found, placed, resolve
from tracker.providers.request import leads_to, request_of, with_query
from tracker.providers.templates import (
    MissingParameterError,
    UnusableValueError,
    filled_body,
    filled_path,
    filled_query,
    filled_text,
    texts_of,
)
from tracker.providers.values import text_of
from tracker.rules.exchange import ExchangeFailure, ExchangeResult
from tracker.rules.payload import rfc3339
from tracker.rules.reading import Absent, Problem, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from store.records import Job
    from tracker.providers.description import Description, Kind
    from tracker.providers.sections import ListRequest
    from tracker.rules.exchange import HttpRequest

_BEFORE_REGISTRATION = timedelta(seconds=60)
"""A job was made before it was registered, and its provider's clock may be behind ours."""


@dataclass(frozen=True, slots=True)
class PageOf:
    """What a page of a list says: readings by job id, which remote ids are said to be missing, and the next page.

    `insufficient` are jobs whose row does not say enough: they are asked for one by one. `problem`: there is no page.
    `retry_after` is in seconds.
    """

    readings: Mapping[str, Reading] = field(default_factory=dict)
    insufficient: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    next_page: str | None = None
    problem: Problem | None = None
    retry_after: float | None = None


def can_be_listed(kind: Kind, base_url: str, job: Job, now: datetime) -> str | None:
    """What tells which jobs can go into one request with this one; None: the list does not reach it."""
    wanted = kind.list
    if wanted is None:
        return None
    if wanted.covers is not None and now - job.created_at > timedelta(seconds=wanted.covers):
        return None
    try:
        return repr(_parts(wanted, base_url, [job], job.created_at, shared=True))
    except (MissingParameterError, UnusableValueError):
        return None


def list_request(
    description: Description,
    kind: Kind,
    base_url: str,
    credentials: Mapping[str, str],
    jobs: Sequence[Job],
    page: str | None,
) -> HttpRequest:
    """The request for a page of the list that these jobs are sought in."""
    wanted = _wanted(kind)
    since = min(job.created_at for job in jobs) - _BEFORE_REGISTRATION
    url, query, body = _parts(wanted, base_url, jobs, since)
    if page is not None and wanted.next_url is not None:
        return request_of(description, credentials, wanted.method, page, body)
    if page is not None and wanted.page_query is not None:
        query = query | {wanted.page_query: page}
    return request_of(description, credentials, wanted.method, with_query(url, query), body)


def read_page(
    kind: Kind,
    base_url: str,
    hosts: Sequence[str],
    jobs: Iterable[Job],
    result: ExchangeResult,
    now: datetime,
) -> PageOf:
    """What a page says of the jobs that are sought. Nothing that it holds can make this raise."""
    wanted = _wanted(kind)
    if isinstance(result, ExchangeFailure):
        return PageOf(problem=problem_of_failure(result))
    document = parsed(result)
    hint = hint_of(kind.hints, result, document, now)
    refusal = refusal_of(result, hint)
    if isinstance(refusal, Absent):
        refusal = Problem("http_status", f"The list answers HTTP {result.status}.", result.status, hint)
    if refusal is None and document is Nothing:
        refusal = not_json(result, hint)
    rows = None if refusal else _rows(kind, wanted, document)
    if rows is None:
        no_rows = Problem("invalid", f"The list has no rows at {wanted.items!r}.", result.status, hint)
        return PageOf(problem=refusal or no_rows, retry_after=hint)
    found = [(job, _row_reading(kind, base_url, job, rows[job.remote_id])) for job in jobs if job.remote_id in rows]
    return PageOf(
        {job.id: replace(reading, retry_after=hint) for job, reading in found if reading is not None},
        frozenset(job.id for job, reading in found if reading is None),
        _missing(wanted, document),
        _next_page(wanted, base_url, hosts, document),
        retry_after=hint,
    )


def asks_by_id(kind: Kind) -> bool:
    """Whether a list request names the jobs that it asks for."""
    wanted = _wanted(kind)
    return any("{ids}" in text for text in (*wanted.query.values(), *texts_of(wanted.body)))


def _wanted(kind: Kind) -> ListRequest:
    if kind.list is None:
        message = "this kind has no list"
        raise ValueError(message)
    return kind.list


def _parts(
    wanted: ListRequest, base_url: str, jobs: Sequence[Job], since: datetime, *, shared: bool = False
) -> tuple[str, dict[str, str], Any]:
    """URL, query and body of a request; `shared`: only what all jobs of one request have in common."""
    lists = {
        "ids": [] if shared else [job.remote_id for job in jobs],
        "since": "" if shared else _spelled(since, wanted.since),
    }
    query = filled_query(wanted.query, lambda template: filled_text(template, jobs[0], lists))
    body = None if wanted.body is None else filled_body(wanted.body, jobs[0], lists)
    return base_url + filled_path(wanted.path, jobs[0]), query, body


def _spelled(at: datetime, form: str) -> str:
    if form == "rfc3339":
        return rfc3339(at)
    return str(int(at.timestamp() * (1 if form == "seconds" else 1000)))


def _rows(kind: Kind, wanted: ListRequest, document: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    """The rows by the provider's ids, each in the shape of the single answer; None where there is no list."""
    items = resolve(document, wanted.items)
    if isinstance(items, dict):
        return {str(id_): placed(row, wanted.row_at) for id_, row in items.items()}
    if not isinstance(items, list):
        return None
    rows = [placed(row, wanted.row_at) for row in items]
    named = [(first_found(row, kind.id), row) for row in rows]
    return {str(id_): row for id_, row in named if isinstance(id_, (str, int))}


def _row_reading(kind: Kind, base_url: str, job: Job, row: Any) -> Reading | None:  # noqa: ANN401 - JSON
    """What a row says of a job; None where the single answer would say more."""
    rule = fitting_rule(kind.rules, 200, row, is_empty=False)
    if rule is not None and rule.problem is not None:
        return None
    reading = read_document(kind, base_url, job, row, rule=rule)
    return reading if isinstance(reading, Reading) and _says_enough(kind, job, reading) else None


def _missing(wanted: ListRequest, document: Any) -> frozenset[str]:  # noqa: ANN401 - JSON
    ids = resolve(document, wanted.missing) if wanted.missing is not None else None
    return frozenset(text_of(id_) for id_ in ids) if isinstance(ids, list) else frozenset()


def _next_page(wanted: ListRequest, base_url: str, hosts: Sequence[str], document: Any) -> str | None:  # noqa: ANN401 - JSON
    pointer = wanted.next_url if wanted.next_page is None else wanted.next_page
    if pointer is None or (wanted.more is not None and resolve(document, wanted.more) is not True):
        return None
    page = resolve(document, pointer)
    if isinstance(page, bool) or not isinstance(page, (str, int)) or page == "":
        return None
    is_usable = wanted.next_url is None or leads_to(str(page), base_url, hosts)
    return str(page) if is_usable else None


def _says_enough(kind: Kind, job: Job, reading: Reading) -> bool:
    """Whether a row tells as much as the single answer would: rows of some lists lack outputs, reasons or steps."""
    if job.steps and not reading.steps:
        return False
    if not reading.status.is_final:
        return True
    if kind.history is not None and not reading.history:
        return False
    if reading.status is Status.SUCCEEDED:
        return not kind.output or not kind.output.keys().isdisjoint(reading.output or ())
    return reading.status is not Status.FAILED or kind.error is None or reading.error is not None
