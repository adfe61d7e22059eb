"""Waiting for one job to end."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from store.records import FINAL_STATUSES, Status
from tracker.cli.output import ExitCode, print_json, print_line, stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracker.cli.connection import Connection
    from tracker.cli.output import Document

_LONGEST_ASK = 30.0  # seconds that one request waits at most
_BETWEEN_ASKS = 0.2  # seconds; a service that answers early must not be asked in a tight loop


def is_final(job: Document) -> bool:
    """Whether the job has ended for good."""
    return job.get("status") in FINAL_STATUSES


def ended_well(job: Document) -> bool:
    """Whether the job has ended with what was asked for."""
    return job.get("status") == Status.SUCCEEDED


def why_it_ended(job: Document) -> str:
    """The provider's words about a bad end, with their lead-in; empty where there are none."""
    error = job.get("error") or {}
    return "".join(f": {error[key]}" for key in ("message", "hint") if error.get(key))


def wait_until_final(
    service: Connection,
    job_id: str,
    patience: float | None,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Document, float]:
    """The job when it has ended or `patience` has run out, and how many seconds that took."""
    start = clock()
    waited = 0.0
    while True:
        left = math.inf if patience is None else max(patience - waited, 0)
        ask = math.ceil(min(left, _LONGEST_ASK))
        job = service.get("jobs", job_id, "wait", params={"timeout": ask}, patience=ask)
        waited = clock() - start
        if is_final(job) or (patience is not None and waited >= patience):
            return job, waited
        pause(_BETWEEN_ASKS)


def wait_and_report(service: Connection, job_id: str, patience: float | None, *, as_json: bool) -> None:
    """Wait for the job, print how it went, and leave with exit code 1 unless it succeeded."""
    job, waited = wait_until_final(service, job_id, patience)
    if as_json:
        print_json(job)
    if not is_final(job):
        stop(f"{job_id} is still {job.get('status')} after {waited:.1f} s; it goes on.", ExitCode.ENDED_BADLY)
    if not ended_well(job):
        stop(f"{job_id} {job['status']} after {waited:.1f} s{why_it_ended(job)}", ExitCode.ENDED_BADLY)
    if not as_json:
        print_line(f"{job_id} succeeded after {waited:.1f} s")
