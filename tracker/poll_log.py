"""One wide line in the log for each poll, and for each page of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.records import PollOutcome
    from tracker.providers.listing import PageOf
    from tracker.walks import ListWalk

_log = structlog.stdlib.get_logger("tracker")


def log_poll(outcome: PollOutcome, seconds: float) -> None:
    """The line of a poll that asked for one job."""
    job = outcome.job
    problem = job.poll_problem
    _log.info(
        "job.polled",
        job_id=job.id,
        provider=job.provider,
        kind=job.kind,
        account=job.account,
        remote_id=job.remote_id,
        status=job.status.value,
        provider_status=job.provider_status,
        progress=job.progress,
        sequence=job.sequence,
        polls=job.polls,
        events=len(outcome.events),
        problem=problem.code if problem else None,
        http_status=problem.http_status if problem else None,
        duration_ms=round(seconds * 1000),
    )


def log_page(walk: ListWalk, page: PageOf, outcomes: Sequence[PollOutcome], seconds: float) -> None:
    """The line of a page of a list."""
    problem = page.problem
    _log.info(
        "list.polled",
        provider=walk.account.provider,
        kind=walk.kind,
        account=walk.account.name,
        found=len(page.readings),
        unclear=len(page.insufficient),
        still_sought=len(walk.sought),
        events=sum(len(outcome.events) for outcome in outcomes),
        problem=problem.code if problem else None,
        http_status=problem.http_status if problem else None,
        duration_ms=round(seconds * 1000),
    )
