"""Many jobs at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tracker.client.calls.call import Call, request
from tracker.client.calls.jobs import JobToTrack, body_of
from tracker.client.errors import ApiError, api_error
from tracker.client.models.batch import BatchRow
from tracker.client.models.job import JobSnapshot
from tracker.client.models.reading import read, read_optional

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

J = TypeVar("J", bound=JobSnapshot)
K = TypeVar("K", bound=JobSnapshot)

MOST_IN_A_BATCH = 1000
LARGEST_BATCH = 1_000_000
"""Bytes; the service takes bodies up to 1 MiB."""


@dataclass(frozen=True, slots=True)
class Tracked(Generic[J]):
    """What became of one job of many: `job`, or `error` where it was refused; `status` is 201 for a new one."""

    status: int
    job: J | None = None
    error: ApiError | None = None

    def bound(self, bind: Callable[[J], K]) -> Tracked[K]:
        """The same with another sort of job."""
        return Tracked(self.status, None if self.job is None else bind(self.job), self.error)


def track_batch(bodies: Sequence[Mapping[str, Any]]) -> Call[list[Tracked[JobSnapshot]]]:
    """Track up to 1000 jobs; what became of each, in their order."""
    asked = request("POST", "jobs", "batch", body={"jobs": bodies})
    return Call(asked, lambda document: _results(document, len(bodies)))


def batches(jobs: Iterable[JobToTrack]) -> Iterator[list[dict[str, Any]]]:
    """The bodies of the jobs, in as few batches as the service takes."""
    batch: list[dict[str, Any]] = []
    size = 0
    for job in jobs:
        body = body_of(job)
        length = len(json.dumps(body, default=str)) + 2
        if batch and (len(batch) == MOST_IN_A_BATCH or size + length > LARGEST_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch


def _results(document: object, count: int) -> list[Tracked[JobSnapshot]]:
    rows = document.get("data") if isinstance(document, dict) else None
    if not isinstance(rows, list) or len(rows) != count:
        message = f"it is no list of {count} results"
        raise ValueError(message)
    return [_result(read(BatchRow, row)) for row in rows]


def _result(row: BatchRow) -> Tracked[JobSnapshot]:
    error = None if row.problem is None else api_error(row.status, row.problem)
    return Tracked(row.status, read_optional(JobSnapshot, row.job), error)
