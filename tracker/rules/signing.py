"""Webhook signatures in the form of Standard Webhooks (standardwebhooks.com, specification 1.0.0).

The signed content is `<webhook-id>.<webhook-timestamp>.<body>`. `v1` is its HMAC-SHA-256 under a secret's bytes, `v1a`
its ed25519 signature; both are written in base64 behind their name and a comma. Several are parted by a space.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

PREFIX = "whsec_"
PRIVATE_PREFIX, PUBLIC_PREFIX = "whsk_", "whpk_"
NEW_SECRET_BYTES = 33
PRIVATE_KEY_BYTES = 32
SHORTEST, LONGEST = 24, 64
"""Bytes that a secret may have."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """What one attempt is signed with: secrets (`whsec_…`), newest first, and maybe an ed25519 key."""

    secrets: tuple[str, ...] = field(repr=False)
    private_key: Ed25519PrivateKey | None = None


def new_private_key(entropy: bytes) -> str:
    """An ed25519 key as text, made of `PRIVATE_KEY_BYTES` random bytes."""
    return PRIVATE_PREFIX + base64.b64encode(entropy[:PRIVATE_KEY_BYTES]).decode()


def private_key_of(text: str) -> Ed25519PrivateKey:
    """The ed25519 key that a text (`whsk_…`) tells."""
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text.removeprefix(PRIVATE_PREFIX)))


def public_key_of(private_key: Ed25519PrivateKey) -> str:
    """The public half of an ed25519 key as text (`whpk_…`)."""
    return PUBLIC_PREFIX + base64.b64encode(private_key.public_key().public_bytes_raw()).decode()


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


def signed_headers(message_id: str, body: bytes, keys: SigningKeys, version: str, now: datetime) -> dict[str, str]:
    """The headers of one attempt: a fresh timestamp, and a signature by each of the keys."""
    timestamp = str(int(now.timestamp()))
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signatures(content, keys)),
        "content-type": "application/json",
        "user-agent": f"tracker/{version}",
    }


def _signatures(content: bytes, keys: SigningKeys) -> Iterable[str]:
    for name, sign in SCHEMES.items():
        for signature in sign(content, keys):
            yield f"{name},{base64.b64encode(signature).decode()}"


def _by_hmac(content: bytes, keys: SigningKeys) -> list[bytes]:
    secrets = (base64.b64decode(secret.removeprefix(PREFIX)) for secret in keys.secrets)
    return [hmac.new(secret, content, hashlib.sha256).digest() for secret in secrets]


def _by_ed25519(content: bytes, keys: SigningKeys) -> list[bytes]:
    return [] if keys.private_key is None else [keys.private_key.sign(content)]


SCHEMES: Mapping[str, Callable[[bytes, SigningKeys], list[bytes]]] = {"v1": _by_hmac, "v1a": _by_ed25519}
"""By the name that stands before the signature, in the order in which they are sent."""
