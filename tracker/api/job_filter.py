"""The query parameters that a list of jobs is filtered by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.job_filter import JobFilter
from store.records import Status
from tracker.api.bodies import parse_time
from tracker.api.problems import wrong_parameter
from tracker.rules.accounts import canonical_name

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

_TIME_FILTERS = ("created_after", "created_before", "finished_after", "finished_before")


def filter_of(request: Request) -> JobFilter:
    """Which jobs a list shows, by its query. Raises ApiError 422."""
    query = request.query_params
    labels = [("tag", value) for value in query.getlist("tag")]
    labels += [(name, value) for name, value in query.multi_items() if name.startswith("metadata.")]
    return JobFilter(
        providers=tuple(query.getlist("provider")),
        kinds=tuple(query.getlist("kind")),
        accounts=tuple(canonical_name(name) for name in query.getlist("account")),
        statuses=tuple(_status(value) for value in query.getlist("status")),
        remote_ids=tuple(query.getlist("remote_id")),
        labels=tuple(labels),
        **{name: _time(name, query[name]) for name in _TIME_FILTERS if name in query},
    )


def _status(value: str) -> Status:
    try:
        return Status(value)
    except ValueError as error:
        known = ", ".join(status.value for status in Status)
        raise wrong_parameter("status", f"{value!r} is no status; known are: {known}.") from error


def _time(name: str, value: str) -> datetime:
    try:
        return parse_time(value)
    except ValueError as error:
        detail = f"{name} is {value!r}; give a time like 2026-11-22T10:00:00Z."
        raise wrong_parameter(name, detail) from error
