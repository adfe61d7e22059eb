"""What was done of late over REST: what there is to draw over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.records import FINAL_STATUSES, AttemptResult
from tracker.api.context import context_of
from tracker.api.pages import json_response, whole_number_of
from tracker.rules.activity import LONGEST_SPAN, added, begin_of, step_of, steps_until
from tracker.rules.payload import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from store.records import Activity

USUAL_SPAN = 60
_ENDS_OF_DELIVERIES = ("delivered", "exhausted", "blocked", "canceled")


async def show(request: Request) -> Response:
    """`GET /v1/activity`: in steps of a minute, or of up to 12, so that they are no more than 120."""
    context = context_of(request)
    now, span = context.surroundings.now(), whole_number_of(request, "minutes", USUAL_SPAN, LONGEST_SPAN)
    steps = steps_until(now, span)
    done = await context.tally.since(steps[0], step_of(span))
    told = {
        "since": rfc3339(begin_of(steps[0])),
        "until": rfc3339(now),
        "step_seconds": step_of(span) * 60,
        "data": [_step_payload(minute, done.get(minute, ())) for minute in steps],
    }
    return json_response(told)


def _step_payload(minute: int, rows: Sequence[Activity]) -> dict[str, Any]:
    total = added(rows, minute)
    return {
        "at": rfc3339(begin_of(minute)),
        **_provider_payload(total),
        "attempts": _counts(total, "attempts", AttemptResult),
        "deliveries": _counts(total, "deliveries", _ENDS_OF_DELIVERIES),
        "providers": {row.provider: _provider_payload(row) for row in rows if row.provider},
    }


def _provider_payload(row: Activity) -> dict[str, Any]:
    return {
        "requests": row.requests,
        "polls": row.polls,
        "jobs": _counts(row, "jobs", FINAL_STATUSES),
        "polls_of_finished_jobs": row.finished_polls,
        "detection_delay": {
            "count": row.delays,
            "seconds": round(row.delay_seconds, 3),
            "longest_seconds": round(row.longest_delay, 3),
        },
    }


def _counts(row: Activity, noun: str, words: Iterable[str]) -> dict[str, int]:
    return {str(word): getattr(row, f"{noun}_{word}") for word in words}
