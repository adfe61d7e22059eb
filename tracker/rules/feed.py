"""Which events of the feed a reader is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.records import Event, EventFilter, Filter
from tracker.rules.events import EVENT_TYPES, is_wanted

if TYPE_CHECKING:
    from collections.abc import Sequence


def types_of(patterns: Sequence[str]) -> tuple[str, ...]:
    """The event types that names and prefixes (`job.*`) stand for."""
    wish = Filter(tuple(patterns))
    return tuple(event_type for event_type in EVENT_TYPES if is_wanted(wish, event_type, None))


def passes(event: Event, wanted: EventFilter) -> bool:
    """Whether an event is wanted; the store finds by the same rule."""
    return (
        _is_one_of(event.type, wanted.types)
        and _is_one_of(event.job_id, wanted.job_ids)
        and _is_one_of(event.provider, wanted.providers)
        and _is_one_of(event.kind, wanted.kinds)
        and (not wanted.tags or not set(wanted.tags).isdisjoint(event.tags))
    )


def place_of(event: Event) -> int:
    """The position in the feed; what is in it has one."""
    return event.position or 0


def _is_one_of(value: str | None, values: Sequence[str]) -> bool:
    return not values or value in values
