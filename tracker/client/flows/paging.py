"""Lists of more than one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tracker.client.flows.performing import perform
from tracker.client.flows.steps import Emit

if TYPE_CHECKING:
    from tracker.client.calls.call import Call, Page
    from tracker.client.flows.steps import Flow
    from tracker.client.flows.terms import Terms

T = TypeVar("T")


def rows(call: Call[Page[T]], terms: Terms) -> Flow[None]:
    """Emits the rows of a list, page after page."""
    while True:
        page = yield from perform(call, terms)
        for row in page.rows:
            yield Emit(row)
        if page.next_cursor is None:
            return
        call = call.with_query("cursor", page.next_cursor)
