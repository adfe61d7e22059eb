"""What is learned of a provider's jobs, as users see it: how long they take, and what polling them costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracker.intervals import Key
from tracker.rules.plan import Plan, documented, outlook, planned_polls, unfinished_at_ages

if TYPE_CHECKING:
    from tracker.api.context import Context
    from tracker.providers.catalog import Provider

_POINTS = 61
_SHOWN_POLLS = 30


def learned_payload(context: Context, provider: Provider) -> list[dict[str, Any]]:
    """A row for each kind, and for each model of it that something was learned of."""
    name, intervals = provider.description.name, context.intervals
    kinds = [Key(name, kind) for kind in provider.description.kinds]
    models = [key for key in intervals.keys(name) if key.model and key.kind in provider.description.kinds]
    return [_row(key, intervals.plan(key), provider) for key in sorted([*kinds, *models])]


def _row(key: Key, plan: Plan, provider: Provider) -> dict[str, Any]:
    known, (polls, delay) = outlook(plan), documented(plan, provider.timing(key.kind))
    ages, shares = unfinished_at_ages(plan, _POINTS)
    return {
        "kind": key.kind,
        "model": key.model or None,
        "jobs": known.jobs,
        "median_seconds": round(known.median, 3),
        "p90_seconds": round(known.p90, 3),
        "delay_per_poll": plan.terms.delay_per_poll,
        "polls_per_job": round(known.polls, 3),
        "delay_seconds": round(known.delay, 3),
        "documented": {"polls_per_job": round(polls, 3), "delay_seconds": round(delay, 3)},
        "distribution": {"seconds": ages, "unfinished": shares},
        "planned_polls": [round(age, 3) for age in planned_polls(plan, _SHOWN_POLLS)],
    }
