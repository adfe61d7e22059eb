"""Lists of jobs: pages of what a filter finds, newest first, at a cost of the rows that they show.

A page is merged from streams (store/job_streams.py). What streams cannot tell is checked on each of their jobs: the
exact times, all labels but one, and everything where a remote id is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, exists, select, union_all

from store.job_streams import Range, Streams, has_label, named_label, streams_of
from store.records import Job, Page
from store.rows import to_job
from store.tables import JOB_LABELS, JOBS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement

    from store.job_filter import JobFilter

_MOST_STREAMS = 256
"""So many are merged by one statement. SQLite takes no more than 500."""

_IN = {"providers": "provider", "accounts": "account", "kinds": "kind", "statuses": "status"}
_CHECKS: dict[str, ColumnElement[bool]] = {
    "created_after": JOBS.c.created_at > bindparam("created_after"),
    "created_before": JOBS.c.created_at < bindparam("created_before"),
    "finished_after": JOBS.c.finished_at > bindparam("finished_after"),
    "finished_before": JOBS.c.finished_at < bindparam("finished_before"),
    **{field: JOBS.c[column].in_(bindparam(field, expanding=True)) for field, column in _IN.items()},
}
"""What can be checked on a job, by the filter's field that asks for it."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the statements have in common that differ in their values only."""

    key: str | None
    has_label: bool
    streams: int
    labels: int
    checks: tuple[str, ...]


def find_jobs(connection: Connection, wanted: JobFilter, limit: int, after: str | None) -> Page[Job]:
    """A page of jobs, newest first; `after` is the id that the page before ended with."""
    streams = streams_of(connection, wanted, after)
    rows = [row for part in _parts(streams.ranges) for row in _merged(connection, wanted, streams, part, limit + 1)]
    rows.sort(key=lambda row: row["id"], reverse=True)
    jobs = [to_job(row) for row in rows[: limit + 1]]
    return Page(tuple(jobs[:limit]), jobs[limit - 1].id if len(jobs) > limit else None)


def _parts(ranges: Mapping[Any, Range]) -> Iterator[list[tuple[Any, Range]]]:
    listed = list(ranges.items())
    for start in range(0, len(listed), _MOST_STREAMS):
        yield listed[start : start + _MOST_STREAMS]


def _merged(
    connection: Connection,
    wanted: JobFilter,
    streams: Streams,
    ranges: Sequence[tuple[Any, Range]],
    limit: int,
) -> Sequence[RowMapping]:
    """The newest jobs of these streams."""
    checks = tuple(name for name in _CHECKS if getattr(wanted, name) and (streams.key != "facet" or name not in _IN))
    # Few sizes, so that statements are compiled and planned once. A stream too many has the key NULL, and no jobs.
    size = 1 << (len(ranges) - 1).bit_length()
    shape = _Shape(streams.key, streams.label is not None, size, len(streams.labels), checks)
    values: dict[str, Any] = {name: getattr(wanted, name) for name in checks} | {"limit": limit}
    for number, (key, ids) in enumerate([*ranges, *[(None, Range())] * (size - len(ranges))]):
        values |= {f"key_{number}": key, f"first_{number}": ids.first, f"end_{number}": ids.end}
    for number, label in enumerate(streams.labels, start=1):
        values |= named_label(label, number)
    if streams.label:
        values |= named_label(streams.label)
    return connection.execute(_query(shape), values).mappings().all()


@lru_cache(maxsize=256)
def _query(shape: _Shape) -> Select[Any]:
    """The statement that merges so many streams."""
    branches = [_branch(shape, number) for number in range(shape.streams)]
    merged = union_all(*branches) if shape.streams > 1 else branches[0]
    ids = merged.order_by(branches[0].selected_columns.id.desc()).limit(bindparam("limit")).subquery()
    return select(JOBS).join(ids, JOBS.c.id == ids.c.id).order_by(JOBS.c.id.desc())


def _branch(shape: _Shape, number: int) -> Select[Any]:
    table, job_id = (JOB_LABELS, JOB_LABELS.c.job_id) if shape.has_label else (JOBS, JOBS.c.id)
    query = select(job_id.label("id")).where(
        job_id >= bindparam(f"first_{number}"), job_id < bindparam(f"end_{number}")
    )
    if shape.key is not None:
        query = query.where(table.c[shape.key] == bindparam(f"key_{number}"))
    if shape.has_label:
        query = query.where(*has_label(JOB_LABELS, 0))
    for other in range(1, shape.labels + 1):
        labelled = JOB_LABELS.alias(f"other_{other}")
        query = query.where(exists().where(labelled.c.job_id == job_id, *has_label(labelled, other)))
    checks = [_CHECKS[name] for name in shape.checks]
    if checks and shape.has_label:
        checks = [exists().where(JOBS.c.id == job_id, *checks)]
    return query.where(*checks)
