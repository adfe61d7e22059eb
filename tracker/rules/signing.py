"""Webhook signatures in the form of Standard Webhooks (standardwebhooks.com, specification 1.0.0).

The signed content is `<webhook-id>.<webhook-timestamp>.<body>`; the signature is `v1,` and the base64 of its
HMAC-SHA-256 under the secret's bytes. Several secrets give several signatures, parted by a space.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from store.records import Secret

PREFIX = "whsec_"
NEW_SECRET_BYTES = 33
SHORTEST, LONGEST = 24, 64
"""Bytes that a secret may have."""


def new_secret(entropy: bytes) -> str:
    """A secret made of `NEW_SECRET_BYTES` random bytes."""
    return PREFIX + base64.b64encode(entropy[:NEW_SECRET_BYTES]).decode()


def secret_flaw(secret: str) -> str | None:
    """What is wrong with a secret that a user brings (None: nothing)."""
    if not secret.startswith(PREFIX):
        return f"A secret begins with {PREFIX!r}."
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:  # binascii.Error, and its parent for text that is not ASCII
        key = b""
    # Compared, since the decoder lets superfluous padding pass, which receivers' decoders refuse.
    if not key or base64.b64encode(key).decode() != secret.removeprefix(PREFIX):
        return f"What follows {PREFIX!r} must be standard base64."
    if not SHORTEST <= len(key) <= LONGEST:
        return f"A secret has {SHORTEST} to {LONGEST} bytes; this one has {len(key)}."
    return None


def signed_headers(
    message_id: str, body: bytes, secrets: Iterable[Secret], version: str, now: datetime
) -> dict[str, str]:
    """The headers of one attempt: a fresh timestamp, and a signature by each secret that has not expired."""
    timestamp = int(now.timestamp())
    valid = (secret.value for secret in secrets if secret.expires_at is None or secret.expires_at > now)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(message_id, timestamp, body, secret) for secret in valid),
        "content-type": "application/json",
        "user-agent": f"tracker/{version}",
    }


def signature(message_id: str, timestamp: int, body: bytes, secret: str) -> str:
    """`v1,<base64>` over the id, the Unix time in seconds and the exact bytes of the body."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    content = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
