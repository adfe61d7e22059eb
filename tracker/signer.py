"""What an attempt is sent with: here alone the secrets and header values of subscriptions are opened to be used."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tracker import __version__
from tracker.rules.rotation import live_secrets
from tracker.rules.signing import SigningKeys, signed_headers

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from store.records import ClaimedDelivery
    from store.vault import Vault

_KEPT_OPEN = 4096
"""Opened texts that are kept, so that a text is opened once and not for each attempt."""


class Signer:
    """Makes the headers of attempts. `callback_secret` signs those of jobs' own callbacks."""

    def __init__(self, vault: Vault, callback_secret: str, private_key: Ed25519PrivateKey) -> None:
        self._open = lru_cache(_KEPT_OPEN)(vault.open)
        self._callback_secret = callback_secret
        self._private_key = private_key

    def headers(self, claimed: ClaimedDelivery, body: bytes, now: datetime) -> dict[str, str]:
        """A subscription's own headers, and over them ours with the signatures of the body. Raises SealedError."""
        # By their names in lower case, or a `User-Agent` of the subscription would be sent beside ours.
        own = {name.lower(): self._open(value) for name, value in claimed.headers.items()}
        keys = self._keys(claimed, now)
        return own | signed_headers(claimed.delivery.event_id, body, keys, __version__, now)

    def _keys(self, claimed: ClaimedDelivery, now: datetime) -> SigningKeys:
        if not claimed.secrets:
            return SigningKeys((self._callback_secret,))
        secrets = tuple(self._open(secret.value) for secret in live_secrets(claimed.secrets, now))
        return SigningKeys(secrets, self._private_key if claimed.signs_v1a else None)
