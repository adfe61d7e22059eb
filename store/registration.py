"""Registering jobs: many in one transaction, each as if the others had come before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Connection, insert, select

from store.labels import insert_labels
from store.rows import job_row, to_job
from store.tables import JOBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from store.records import Job

_Name: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Registration:
    """A job to be tracked; with `is_rerun` it is tracked again after its end."""

    job: Job
    is_rerun: bool = False


def register_jobs(connection: Connection, registrations: Sequence[Registration]) -> list[tuple[Job, bool]]:
    """Stores what is new, or finds what is already there: (job, whether it is new), in the order they were given."""
    known = _known_jobs(connection, {each.job.remote_id for each in registrations})
    results: list[tuple[Job, bool]] = []
    for each in registrations:
        last = known.get(_name(each.job))
        is_new = last is None or (each.is_rerun and last.status.is_final)
        if is_new:
            known[_name(each.job)] = replace(each.job, run=last.run + 1) if last else each.job
        results.append((known[_name(each.job)], is_new))
    _insert(connection, [job for job, is_new in results if is_new])
    return results


def _known_jobs(connection: Connection, remote_ids: Iterable[str]) -> dict[_Name, Job]:
    """The last run of each job with one of these remote ids."""
    query = select(JOBS).where(JOBS.c.remote_id.in_(remote_ids)).order_by(JOBS.c.run)
    jobs = [to_job(row) for row in connection.execute(query).mappings()]
    return {_name(job): job for job in jobs}


def _insert(connection: Connection, jobs: Sequence[Job]) -> None:
    if jobs:
        connection.execute(insert(JOBS), [job_row(job) for job in jobs])
        insert_labels(connection, jobs)


def _name(job: Job) -> _Name:
    return job.provider, job.account, job.kind, job.remote_id
