"""The streams that a list of jobs is merged from: ranges of an index, each in the order of the ids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, func, select

from store.facets import parse_facet, registered_between
from store.ids import first_id, milliseconds
from store.labels import indexed
from store.records import Status
from store.skips import different_values
from store.tables import JOB_LABELS, JOBS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, FromClause, ScalarSelect

    from store.job_filter import JobFilter

_COUNTED = 1000
"""A label that so many jobs have is no rare one; more are not counted."""

_AFTER_ALL_IDS = "job_" + "z" * 27


@dataclass(frozen=True, slots=True)
class Range:
    """The ids from `first` on that come before `end`."""

    first: str = ""
    end: str = _AFTER_ALL_IDS

    @property
    def is_empty(self) -> bool:
        """Whether no id is in it."""
        return self.first >= self.end

    def within(self, other: Range) -> Range:
        """The ids that both have."""
        return Range(max(self.first, other.first), min(self.end, other.end))


@dataclass(frozen=True, slots=True)
class Streams:
    """Ranges of ids by what they are read along, a value of the column `key`.

    With `label` they are of the jobs that have it; `labels` are the others, to be checked on each job.
    """

    key: str
    ranges: Mapping[str, Range]
    label: tuple[str, str] | None = None
    labels: tuple[tuple[str, str], ...] = ()


def ids_of(wanted: JobFilter, after: str | None) -> Range:
    """The ids beyond `after` of all jobs that the filter can find: they tell the time of registration."""
    since, until = wanted.created_after, wanted.created_before
    ids = _ids_between(milliseconds(since) if since else None, milliseconds(until) if until else None)
    return ids.within(Range(end=after)) if after else ids


def id_at(moment: datetime) -> str:
    """What the ids of jobs that were registered at this time or later do not come before."""
    return first_id("job", milliseconds(moment))


def streams_of(connection: Connection, wanted: JobFilter, ids: Range) -> Streams:
    """The streams that hold all jobs in this range that the filter finds, and few others."""
    labels = tuple(dict.fromkeys(wanted.labels))
    if wanted.remote_ids:
        return Streams("remote_id", dict.fromkeys(wanted.remote_ids, ids), labels=labels)
    if _contradicts_itself(labels):
        return Streams("facet", {})
    if labels:
        labels = _rarest_first(connection, labels)
        facets = _facets_of_labels(connection, wanted, labels)
        return Streams("facet", _to_read(facets, wanted, ids), labels[0], labels[1:])
    facets = dict.fromkeys(connection.execute(_FACETS, _bounds(wanted)).scalars(), Range())
    return Streams("facet", _to_read(facets, wanted, ids))


def _ids_between(first: int | None, last: int | None) -> Range:
    """The ids that these Unix milliseconds give, the last one included."""
    return Range(
        "" if first is None else first_id("job", first), _AFTER_ALL_IDS if last is None else first_id("job", last + 1)
    )


def _contradicts_itself(labels: Sequence[tuple[str, str]]) -> bool:
    """Whether it wants two values of one key; tags are many, but each key of metadata has one."""
    keys = [label for label, _ in labels if label != "tag"]
    return len(set(keys)) < len(keys)


def _to_read(facets: Mapping[str, Range], wanted: JobFilter, ids: Range) -> dict[str, Range]:
    """What there is to read of each facet that the filter admits."""
    admitted = _admitted_values(wanted).items()
    parsed = {text: parse_facet(text) for text in facets}
    read = {
        text: facet
        for text, facet in parsed.items()
        if all(getattr(facet, name) in values for name, values in admitted)
    }
    by_span = {
        span: ids.within(_ids_between(*registered_between(span, wanted.finished_after, wanted.finished_before)))
        for span in {facet.span for facet in read.values()}
    }
    ranges = {text: facets[text].within(by_span[facet.span]) for text, facet in read.items()}
    return {text: left for text, left in ranges.items() if not left.is_empty}


def _admitted_values(wanted: JobFilter) -> dict[str, Sequence[str]]:
    """The values that the filter admits of each part of a facet that it is about."""
    named = {"provider": wanted.providers, "account": wanted.accounts, "kind": wanted.kinds}
    admitted: dict[str, Sequence[str]] = {name: values for name, values in named.items() if values}
    statuses = _statuses(wanted)
    return admitted if len(statuses) == len(Status) else admitted | {"status": statuses}


def _statuses(wanted: JobFilter) -> list[Status]:
    """The statuses that the filter admits: only jobs that have ended have an end to bound."""
    is_about_the_end = wanted.finished_after is not None or wanted.finished_before is not None
    return [each for each in wanted.statuses or Status if each.is_final or not is_about_the_end]


def _bounds(wanted: JobFilter) -> dict[str, str]:
    """What the facets that the filter admits lie between: they begin with the status."""
    statuses = _statuses(wanted)
    return {"low": min(statuses, default=""), "high": max(statuses, default="") + "~"}


def _facets_of_labels(connection: Connection, wanted: JobFilter, labels: Sequence[tuple[str, str]]) -> dict[str, Range]:
    """The facets that jobs of all these labels may have, and the ids that they may have in each."""
    if len(labels) == 1:
        facets = connection.execute(_FACETS_OF_LABEL, _bounds(wanted) | named_label(labels[0])).scalars()
        return dict.fromkeys(facets, Range())
    return reduce(_in_both, [_ranges_of_label(connection, wanted, label) for label in labels])


def _ranges_of_label(connection: Connection, wanted: JobFilter, label: tuple[str, str]) -> dict[str, Range]:
    rows = connection.execute(_RANGES_OF_LABEL, _bounds(wanted) | named_label(label))
    return {row.value: Range(row.first, row.last + "0") for row in rows}


def _in_both(some: Mapping[str, Range], others: Mapping[str, Range]) -> dict[str, Range]:
    return {facet: ids.within(others[facet]) for facet, ids in some.items() if facet in others}


def _rarest_first(connection: Connection, labels: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The labels, one that few jobs have before the others: its jobs are the ones to read."""
    if len(labels) == 1:
        return labels
    return tuple(sorted(labels, key=lambda label: connection.execute(_COUNT, named_label(label)).scalar_one()))


def has_label(table: FromClause, number: int = 0) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """That a row of `table` is of a label, the values of which `named_label` gives."""
    return table.c.label == bindparam(f"label_{number}"), table.c.value == bindparam(f"text_{number}")


def named_label(label: tuple[str, str], number: int = 0) -> dict[str, str]:
    """The values that `has_label` asks for."""
    return {f"label_{number}": label[0], f"text_{number}": indexed(label[1])}


_HAS_LABEL = has_label(JOB_LABELS)
_COUNT = select(func.count()).select_from(select(JOB_LABELS.c.job_id).where(*_HAS_LABEL).limit(_COUNTED).subquery())

_BETWEEN: dict[str, ColumnElement[str]] = {name: bindparam(name) for name in ("low", "high")}
_DIFFERENT = different_values(JOBS.c.facet, **_BETWEEN).c.value
_DIFFERENT_OF_LABEL = different_values(JOB_LABELS.c.facet, *_HAS_LABEL, **_BETWEEN).c.value
_FACETS = select(_DIFFERENT).where(_DIFFERENT.is_not(None))
_FACETS_OF_LABEL = select(_DIFFERENT_OF_LABEL).where(_DIFFERENT_OF_LABEL.is_not(None))


def _end_of_range(end: Callable[[ColumnElement[str]], ColumnElement[str]]) -> ScalarSelect[str]:
    in_facet = (*_HAS_LABEL, JOB_LABELS.c.facet == _DIFFERENT_OF_LABEL)
    return select(end(JOB_LABELS.c.job_id)).where(*in_facet).scalar_subquery()


_RANGES_OF_LABEL = _FACETS_OF_LABEL.add_columns(
    _end_of_range(func.min).label("first"), _end_of_range(func.max).label("last")
)
