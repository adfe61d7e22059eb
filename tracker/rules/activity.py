"""What was done over time, in steps of minutes of Unix time."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from store.records import Activity

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_SPAN = 24 * 60
"""Minutes that can be looked back on."""

KEPT = timedelta(minutes=LONGEST_SPAN + 60)
"""So long it is kept: somewhat longer than anybody can look back."""

MOST_STEPS = 120
_STEPS = (1, 2, 3, 4, 5, 6, 10, 12)
_ADDED = [name for name in Activity.__dataclass_fields__ if name not in ("minute", "provider", "longest_delay")]


def minute_of(at: datetime) -> int:
    """The minute of a time."""
    return int(at.timestamp()) // 60


def begin_of(minute: int) -> datetime:
    """When a minute begins."""
    return datetime.fromtimestamp(minute * 60, UTC)


def step_of(span: int) -> int:
    """How many minutes a step has, so that a span has no more than `MOST_STEPS`."""
    return next(step for step in _STEPS if span <= step * MOST_STEPS)


def steps_until(now: datetime, span: int) -> range:
    """The minutes that steps begin with: as many as the span has, at multiples of a step, the last one not over yet."""
    step = step_of(span)
    last = minute_of(now) // step * step
    return range(last - (span - 1) // step * step, last + 1, step)


def added(rows: Iterable[Activity], minute: int, provider: str = "") -> Activity:
    """All of it together, under this minute and provider."""
    listed = list(rows)
    sums: dict[str, Any] = {name: sum(getattr(row, name) for row in listed) for name in _ADDED}
    return Activity(minute, provider, **sums, longest_delay=max((row.longest_delay for row in listed), default=0.0))


def in_steps(rows: Iterable[Activity], step: int) -> dict[int, list[Activity]]:
    """What was done in each step by its first minute: one row for each provider, sorted by name."""
    known: defaultdict[tuple[int, str], list[Activity]] = defaultdict(list)
    for row in rows:
        known[row.minute // step * step, row.provider].append(row)
    steps: dict[int, list[Activity]] = {}
    for minute, provider in sorted(known):
        steps.setdefault(minute, []).append(added(known[minute, provider], minute, provider))
    return steps
