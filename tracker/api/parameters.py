"""The query parameters and headers that calls take."""

from __future__ import annotations

from typing import Any

from store.records import DeliveryStatus, Status
from tracker.api.calls import Parameter
from tracker.api.pages import DEFAULT_LIMIT, LARGEST_LIMIT

_TIME = {"type": "string", "format": "date-time"}


def _one_of(values: type[Status] | type[DeliveryStatus]) -> dict[str, Any]:
    """A reference, so that programs which are generated from the document have one type of each."""
    return {"$ref": f"#/components/schemas/{values.__name__}"}


LIMIT = Parameter(
    "limit",
    "How many rows a page has at most.",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT},
)
PAGING = (LIMIT, Parameter("cursor", "The `next_cursor` of the page before."))

JOB_FILTERS = (
    Parameter("provider", "Jobs of this provider.", repeats=True),
    Parameter("kind", "Jobs of this kind.", repeats=True),
    Parameter("account", "Jobs of this account.", repeats=True),
    Parameter("status", "Jobs that have this status.", _one_of(Status), repeats=True),
    Parameter("remote_id", "Jobs that their provider knows by this id.", repeats=True),
    Parameter("tag", "Jobs with this tag; repeated, with all of them.", repeats=True),
    Parameter("metadata.*", "Jobs whose metadata has this value under the key behind the dot.", repeats=True),
    Parameter("created_after", "Jobs that were registered after this time.", _TIME),
    Parameter("created_before", "Jobs that were registered before this time.", _TIME),
    Parameter("finished_after", "Jobs that ended after this time.", _TIME),
    Parameter("finished_before", "Jobs that ended before this time.", _TIME),
)

DELIVERY_FILTERS = (
    Parameter("subscription_id", "Deliveries for this subscription."),
    Parameter("job_id", "Deliveries of this job's events."),
    Parameter("event_id", "Deliveries of this event."),
    Parameter("status", "Deliveries that stand so.", _one_of(DeliveryStatus), repeats=True),
)

EVENT_FILTERS = (
    Parameter("type", "Events of this type, or of all with this prefix (`job.*`).", repeats=True),
    Parameter("job_id", "Events of this job.", repeats=True),
    Parameter("provider", "Events of this provider's jobs.", repeats=True),
    Parameter("kind", "Events of jobs of this kind.", repeats=True),
    Parameter("tag", "Events of jobs with this tag; repeated, with any of them.", repeats=True),
)
AFTER = Parameter("after", "Where to go on: a `next_cursor` of the feed, or an id of the stream.")

EXPAND = Parameter(
    "expand",
    "What to show along: `history`, `steps` and `reading`, separated by commas or repeated.",
    repeats=True,
)
TIMEOUT = Parameter(
    "timeout",
    "How many seconds to wait at most.",
    {"type": "number", "minimum": 0, "maximum": 300, "default": 30},
)

PREFER = Parameter("Prefer", "`wait=N` answers when the job has ended, or as it is after N seconds (at most 300).")
IF_NONE_MATCH = Parameter("If-None-Match", "ETags; answers 304 where one of them is still right.")
LAST_EVENT_ID = Parameter("Last-Event-ID", "The last id that came from the stream: goes on behind it.")
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "Makes the call once: the same key and body again are given the first answer again, for 24 hours.",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
)
