"""Lists of jobs: pages of what a filter finds, newest first, at a cost of the rows that they show.

What is common is found among the newest jobs, which are looked through. What is rare is merged from streams
(store/job_streams.py). What streams cannot tell is checked on each of their jobs: the exact times, all labels but one,
and everything where a remote id is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, bindparam, exists, func, select, union_all

from store.job_streams import Range, Streams, has_label, id_at, ids_of, named_label, streams_of
from store.records import Job, Page
from store.rows import to_job
from store.tables import JOB_COLUMNS, JOB_LABELS, JOBS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from store.job_filter import JobFilter

_MOST_STREAMS = 256
"""So many are merged by one statement. SQLite takes no more than 500."""

_MOST_VALUES = 2500
"""So many values go into a statement: one of more takes long to compile, and SQLite takes no more than 32,766."""

_LOOKED_THROUGH = 1000
"""So many jobs are looked through before there is a look at the facets: a page of what one in twenty is."""

_Read: TypeAlias = "Callable[[Connection, JobFilter, Range, int], list[RowMapping]]"
"""Reads the newest jobs of a range of ids that a filter finds."""

_IN = {"providers": "provider", "accounts": "account", "kinds": "kind", "statuses": "status"}


def _value_of(name: str) -> ColumnElement[Any]:
    """A column of jobs in a disguise that no index knows: SQLite would read along it, and not along the ids."""
    return func.coalesce(JOBS.c[name], JOBS.c[name])


_CHECKS: dict[str, ColumnElement[bool]] = {
    "created_after": _value_of("created_at") > bindparam("created_after"),
    "created_before": _value_of("created_at") < bindparam("created_before"),
    "finished_after": _value_of("finished_at") > bindparam("finished_after"),
    "finished_before": _value_of("finished_at") < bindparam("finished_before"),
    **{field: _value_of(column).in_(bindparam(field, expanding=True)) for field, column in _IN.items()},
}
"""What can be checked on a job, by the filter's field that asks for it."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the statements have in common that differ in their values only."""

    key: str
    has_label: bool
    streams: int
    labels: int
    checks: tuple[str, ...]


def find_jobs(connection: Connection, wanted: JobFilter, limit: int, after: str | None) -> Page[Job]:
    """A page of jobs, newest first; `after` is the id that the page before ended with."""
    rows: list[RowMapping] = []
    for read, ids in _ways(connection, wanted, ids_of(wanted, after)):
        if len(rows) <= limit and not ids.is_empty:
            rows += read(connection, wanted, ids, limit + 1 - len(rows))
    jobs = [to_job(row) for row in rows]
    return Page(tuple(jobs[:limit]), jobs[limit - 1].id if len(jobs) > limit else None)


def _ways(connection: Connection, wanted: JobFilter, ids: Range) -> list[tuple[_Read, Range]]:
    """How to read the jobs of these ids, part after part."""
    if wanted.remote_ids:
        return [(_from_streams, ids)]
    # Few jobs ended before they were registered, and where these are is what the facets tell.
    border = id_at(wanted.finished_before) if wanted.finished_before else ids.end
    near, far = _divided(connection, ids.within(Range(end=border)))
    return [(_from_streams, ids.within(Range(first=border))), (_looked_through, near), (_from_streams, far)]


def _divided(connection: Connection, ids: Range) -> tuple[Range, Range]:
    """The range of the newest jobs of these ids, which are to be looked through, and the rest."""
    beyond = select(JOBS.c.id).where(JOBS.c.id >= ids.first, JOBS.c.id < ids.end).order_by(JOBS.c.id.desc())
    border = connection.execute(beyond.offset(_LOOKED_THROUGH).limit(1)).scalar()
    return (ids, Range(end="")) if border is None else (Range(border + "0", ids.end), Range(ids.first, border + "0"))


def _looked_through(connection: Connection, wanted: JobFilter, ids: Range, limit: int) -> list[RowMapping]:
    checks = [check for name, check in _CHECKS.items() if getattr(wanted, name)]
    values: dict[str, Any] = {name: getattr(wanted, name) for name in _CHECKS if getattr(wanted, name)}
    for number, label in enumerate(dict.fromkeys(wanted.labels)):
        checks.append(_is_labelled(JOBS.c.id, number))
        values |= named_label(label, number)
    found = select(*JOB_COLUMNS).where(JOBS.c.id >= ids.first, JOBS.c.id < ids.end, *checks)
    newest = found.order_by(JOBS.c.id.desc()).limit(limit)
    return list(connection.execute(newest, values).mappings())


def _is_labelled(job_id: ColumnElement[str], number: int) -> ColumnElement[bool]:
    labelled = JOB_LABELS.alias(f"labelled_{number}")
    # Not EXISTS: PostgreSQL would make a join of it, and think for half a minute about the order of a hundred.
    row = select(labelled.c.label).where(labelled.c.job_id == job_id, *has_label(labelled, number))
    return row.scalar_subquery().is_not(None)


def _from_streams(connection: Connection, wanted: JobFilter, ids: Range, limit: int) -> list[RowMapping]:
    streams = streams_of(connection, wanted, ids)
    parts = _parts(streams.ranges, _streams_at_once(wanted, streams))
    rows = [row for part in parts for row in _merged(connection, wanted, streams, part, limit)]
    return sorted(rows, key=lambda row: row["id"], reverse=True)[:limit]


def _streams_at_once(wanted: JobFilter, streams: Streams) -> int:
    """How many streams a statement merges: a power of two, as their number is rounded up to one."""
    admitted = sum(len(getattr(wanted, name)) for name in _IN) if streams.key != "facet" else 0
    values_of_each = 9 + 2 * len(streams.labels) + admitted
    most = min(_MOST_STREAMS, max(1, _MOST_VALUES // values_of_each))
    return 1 << (most.bit_length() - 1)


def _parts(ranges: Mapping[str, Range], size: int) -> Iterator[list[tuple[str | None, Range]]]:
    listed: list[tuple[str | None, Range]] = list(ranges.items())
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


def _merged(
    connection: Connection,
    wanted: JobFilter,
    streams: Streams,
    ranges: Sequence[tuple[str | None, Range]],
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
    return select(*JOB_COLUMNS).join(ids, JOBS.c.id == ids.c.id).order_by(JOBS.c.id.desc())


def _branch(shape: _Shape, number: int) -> Select[Any]:
    table, job_id = (JOB_LABELS, JOB_LABELS.c.job_id) if shape.has_label else (JOBS, JOBS.c.id)
    query = select(job_id.label("id")).where(
        table.c[shape.key] == bindparam(f"key_{number}"),
        job_id >= bindparam(f"first_{number}"),
        job_id < bindparam(f"end_{number}"),
    )
    if shape.has_label:
        query = query.where(*has_label(JOB_LABELS, 0))
    query = query.where(*(_is_labelled(job_id, other) for other in range(1, shape.labels + 1)))
    checks = [_CHECKS[name] for name in shape.checks]
    if checks and shape.has_label:
        checks = [exists().where(JOBS.c.id == job_id, *checks)]
    return query.where(*checks)
