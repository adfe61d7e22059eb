"""Rotating signing secrets: a new one signs at once, and for a grace so do those before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from store.records import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from store.records import Sealed

DEFAULT_GRACE, LONGEST_GRACE = 86_400.0, 7 * 86_400.0
"""Seconds."""

MOST_SECRETS = 5
"""How many may sign at a time: the header must stay small, and who rotates more often than that wants no grace."""


class TooManySecretsError(Exception):
    """There is no room for another secret until the oldest expires, or with a grace of nothing."""


def live_secrets(secrets: Iterable[Secret], now: datetime) -> tuple[Secret, ...]:
    """Those that sign now, in their order."""
    return tuple(secret for secret in secrets if secret.expires_at is None or secret.expires_at > now)


def rotated(secrets: Iterable[Secret], new: Sealed, grace: float, now: datetime) -> tuple[Secret, ...]:
    """The new secret, and those before it that still sign, none for longer than the grace, which is in seconds.

    Raises TooManySecretsError.
    """
    until = now + timedelta(seconds=grace)
    before = (replace(secret, expires_at=min(secret.expires_at or until, until)) for secret in secrets)
    kept = live_secrets(before, now)
    if len(kept) >= MOST_SECRETS:
        message = f"{len(kept)} secrets sign already. Wait until the oldest expires, or give the old ones no grace."
        raise TooManySecretsError(message)
    return (Secret(new), *kept)
