"""What jobs and subscriptions have in common: a callback URL, and a wish for events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracker.api.problems import wrong_field
from tracker.rules.events import unknown_patterns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracker.api.context import Context


def refuse_unusable_callback(context: Context, url: str | None, events: Sequence[str] | None) -> None:
    """Raises ApiError 422 for a URL that may not be called, or an event that does not exist."""
    flaw = None if url is None else context.callback_flaw(url, context.allowed)
    if flaw:
        raise wrong_field("/callback_url", flaw)
    unknown = unknown_patterns(events or ())
    if unknown:
        raise wrong_field("/events", f"{unknown[0]!r} is no event type, and no prefix of one like 'job.*'.")
