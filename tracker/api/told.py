"""What the document of the API says in words, and what no row of the route table says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracker.api.bodies import (
    BatchBody,
    JobBody,
    KeyBody,
    ReplayBody,
    RotationBody,
    SubscriptionBody,
    SubscriptionChanges,
)
from tracker.api.calls import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracker.api.bodies import Body

ABOUT = """\
Tracker polls job APIs that can only be polled, and tells you by signed webhooks.

JSON in and out, in UTF-8; times are in UTC, as in RFC 3339, with a `Z`. Send an API key: `Authorization: Bearer <key>`.
Unknown fields and unknown query parameters are refused; answers may come to hold more fields than are told here.
Errors are problems in the form of RFC 9457. Lists are pages: `next_cursor` and the `Link` header lead to the next one.
"""

TAGS: Mapping[str, str] = {
    "jobs": "Remote jobs that are tracked.",
    "events": "What was announced: the feed, page by page or as a stream.",
    "subscriptions": "URLs that are told of events by webhooks.",
    "deliveries": "Webhooks: one event for one subscription or callback, with each try.",
    "providers": "The job APIs that are described.",
    "keys": "API keys.",
    "service": "The service about itself.",
}

PATH_PARAMETERS: Mapping[str, str] = {
    "id": "The id that the list shows.",
    "replay_id": "The id of the replay.",
    "name": "The name that the list shows.",
}

HEADERS: Mapping[str, dict[str, Any]] = {
    "Location": {"description": "The path of what was made or found.", "required": True},
    "Link": {"description": 'The next page, as `<path>; rel="next"`; the last page has none.'},
    "ETag": {"description": "For `If-None-Match`: changes along with the answer.", "required": True},
    "Preference-Applied": {"description": "How long was waited at most, where `Prefer` asked for it."},
    "Idempotent-Replayed": {"description": "`true`: this was answered before, to the same `Idempotency-Key`."},
    "Retry-After": {"description": "In how many seconds to try again."},
    "WWW-Authenticate": {"description": "`Bearer`.", "required": True},
    "Accept-Encoding": {"description": "`identity`, where a compressed body was sent."},
}

EVENTS_OF_A_STREAM = """\
id: MTI

id: MTM
event: job.succeeded
data: {"id":"evt_…","type":"job.succeeded","timestamp":"2026-11-22T10:00:00.123Z","data":{"sequence":3}}

: heartbeat

"""
"""A stream says where to go on, tells events as they happen, and beats every 15 s."""

WEBHOOK_HEADERS = (
    Parameter("webhook-id", "The id of the event: the same at each try, so that you can tell repeats."),
    Parameter("webhook-timestamp", "When this try was signed, in seconds of Unix time.", {"type": "integer"}),
    Parameter(
        "webhook-signature",
        "Signatures of `<webhook-id>.<webhook-timestamp>.<body>`, parted by spaces: `v1,` and the base64 of its "
        "HMAC-SHA-256 under the secret, or `v1a,` and that of its ed25519 signature (standardwebhooks.com).",
        {"type": "string", "pattern": r"^v1a?,\S+( v1a?,\S+)*$"},
    ),
)

WEBHOOK_ANSWERS: Mapping[str, Any] = {
    "2XX": {"description": "It has arrived."},
    "410": {"description": "It is not wanted any more: disables the subscription."},
    "default": {"description": "It is sent again later; after 429 and 503 not before `Retry-After`."},
}

EXAMPLES: Mapping[type[Body], Mapping[str, Any]] = {
    JobBody: {
        "provider": "scenario",
        "remote_id": "job_8bXzWqfUoVDUpHHGNQwuCdXu",
        "callback_url": "https://app.example.com/hooks/tracker",
        "events": ["job.*"],
        "tags": ["nightly"],
        "metadata": {"customer": "cus_42"},
    },
    BatchBody: {"jobs": [{"provider": "decart", "remote_id": "0f1c"}, {"provider": "decart", "remote_id": "0f1d"}]},
    SubscriptionBody: {
        "callback_url": "https://app.example.com/hooks/tracker",
        "events": ["job.succeeded", "job.failed"],
        "providers": ["scenario"],
        "headers": {"x-environment": "production"},
        "order": "per_job",
    },
    SubscriptionChanges: {"events": ["job.*"], "status": "paused"},
    RotationBody: {"grace_seconds": 3600},
    ReplayBody: {"since": "2026-01-01T00:00:00Z", "events": ["job.failed"], "only_failed": True, "rate": 10},
    KeyBody: {"name": "ci", "scope": "read", "expires_at": "2030-01-01T00:00:00Z"},
}
"""Bodies that work as they are."""
