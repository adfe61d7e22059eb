"""The labels of jobs: their tags and their metadata, to find them by."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import Connection, bindparam, insert, update

from store.facets import facet_of
from store.tables import JOB_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from store.records import Job

_LONGEST_INDEXED = 1000
_MOVE = update(JOB_LABELS).where(JOB_LABELS.c.job_id == bindparam("job")).values(facet=bindparam("now"))


def labels_of(job: Job) -> set[tuple[str, str]]:
    """What a job can be found by: its tags and its metadata, the latter as text."""
    tags = {("tag", tag) for tag in job.tags}
    return tags | {(f"metadata.{key}", indexed(label_value(value))) for key, value in job.metadata.items()}


def label_value(value: object) -> str:
    """A metadata value as a filter spells it: text as it is, the rest as JSON has it."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def indexed(value: str) -> str:
    """A value as the index holds it: PostgreSQL takes 2704 bytes at most, so of a long one its SHA-256."""
    data = value.encode()
    return value if len(data) <= _LONGEST_INDEXED else f"sha256:{hashlib.sha256(data).hexdigest()}"


def insert_labels(connection: Connection, jobs: Iterable[Job]) -> None:
    """Stores the labels of jobs that were stored before."""
    labels = [
        {"job_id": job.id, "label": label, "value": value, "facet": facet_of(job)}
        for job in jobs
        for label, value in sorted(labels_of(job))
    ]
    if labels:
        connection.execute(insert(JOB_LABELS), labels)


def move_labels(connection: Connection, jobs: Iterable[Job]) -> None:
    """Lets the labels of jobs whose status has changed follow them to their facets."""
    moved = [{"job": job.id, "now": facet_of(job)} for job in jobs if job.tags or job.metadata]
    if moved:
        connection.execute(_MOVE, moved)
