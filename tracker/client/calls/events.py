"""The feed of all events."""

from __future__ import annotations

from tracker.client.calls.call import Call, Page, Several, get_list
from tracker.client.models.event import Event


def list_events(*, after: str | None = None, types: Several = (), page_size: int = 200) -> Call[Page[Event]]:
    """A page of the feed behind a cursor, oldest first."""
    return get_list(Event, "events", query={"after": after, "type": types, "limit": page_size})
