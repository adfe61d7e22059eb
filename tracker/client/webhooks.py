"""Webhooks, verified and typed. It takes no client: `from tracker.client import webhooks`."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from tracker.client.errors import InvalidWebhook, TrackerError
from tracker.client.models.event import Event
from tracker.client.models.reading import read

if TYPE_CHECKING:
    from collections.abc import Iterable

TOLERANCE = 300.0
"""Seconds by which a webhook's timestamp may be off: one that was overheard cannot be sent again later."""


def verify(
    body: bytes | str,
    headers: Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[str | bytes, str | bytes]],
    secret: str,
    *,
    tolerance: float = TOLERANCE,
    now: datetime | None = None,
) -> Event:
    """The event that a webhook brings, once its signature holds. Raises InvalidWebhook.

    `body` is what came, byte for byte, not JSON that was written anew. Header names may be in any case. `secret` is the
    subscription's, or the callback secret for a job's own `callback_url`. Remember `event.id`: it may come again.
    """
    fields = _small_names(headers)
    message_id, signatures = _needed(fields, "webhook-id"), _needed(fields, "webhook-signature")
    timestamp = _timestamp(_needed(fields, "webhook-timestamp"))
    _refuse_stale(timestamp, tolerance, now or datetime.now(UTC))
    text = _text(body)
    _refuse_unsigned(signatures, _webhook(secret).sign(message_id, timestamp, text))
    try:
        return read(Event, json.loads(text), id=message_id)
    except ValueError as error:
        raise InvalidWebhook(f"The webhook is signed, but is no event of Tracker's ({error}).") from None


def _small_names(
    headers: Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[object, object]],
) -> dict[str, str]:
    pairs: Iterable[tuple[object, object]] = headers.items() if isinstance(headers, Mapping) else headers
    return {_header_text(name).lower(): _header_text(value) for name, value in pairs}


def _header_text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _needed(fields: dict[str, str], name: str) -> str:
    text = fields.get(name, "")
    if not text:
        raise InvalidWebhook(f"The header {name!r} is missing: Tracker sends it with every webhook.")
    if not (text.isascii() and text.isprintable()):
        raise InvalidWebhook(f"The header {name!r} is {text!r:.50}, which Tracker never sends.")
    return text


def _timestamp(text: str) -> datetime:
    if not (text.isdigit() and len(text) < 12):
        raise InvalidWebhook(f"The header 'webhook-timestamp' is {text!r:.50}, which is no Unix time in seconds.")
    return datetime.fromtimestamp(int(text), UTC)


def _refuse_stale(timestamp: datetime, tolerance: float, now: datetime) -> None:
    age = (now - timestamp).total_seconds()
    if abs(age) > tolerance:
        side = f"{age:.0f} s old" if age > 0 else f"{-age:.0f} s ahead of our clock"
        raise InvalidWebhook(
            f"The webhook is {side}, more than the {tolerance:g} s that are allowed; is the clock right?"
        )


def _refuse_unsigned(signatures: str, expected: str) -> None:
    """There are several signatures while a secret is being rotated; each is compared in constant time."""
    candidates = (candidate.encode() for candidate in signatures.split(" "))
    if not any(hmac.compare_digest(expected.encode(), candidate) for candidate in candidates):
        raise InvalidWebhook(
            "No signature of the webhook fits the body and this secret: it was changed, or is not ours."
        )


def _text(body: bytes | str) -> str:
    try:
        return (body.encode() if isinstance(body, str) else body).decode()
    except UnicodeError:
        raise InvalidWebhook("The webhook's body is not UTF-8: Tracker sends JSON.") from None


def _webhook(secret: str) -> Webhook:
    try:
        return Webhook(secret)
    except (ValueError, EmptyWebhookSecretError):
        raise TrackerError("The webhook secret is not of the form 'whsec_<base64>' that Tracker shows.") from None
