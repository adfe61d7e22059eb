"""Any number of jobs, tracked by as few calls as possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracker.client.calls.batches import Tracked, batches, track_batch
from tracker.client.flows.performing import perform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracker.client.calls.jobs import JobToTrack
    from tracker.client.flows.steps import Flow
    from tracker.client.flows.terms import Terms
    from tracker.client.models.job import JobSnapshot


def track_many(jobs: Iterable[JobToTrack], terms: Terms) -> Flow[list[Tracked[JobSnapshot]]]:
    """What became of each job, in their order."""
    results: list[Tracked[JobSnapshot]] = []
    for bodies in batches(jobs):
        results += yield from perform(track_batch(bodies), terms)
    return results
