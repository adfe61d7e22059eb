"""An API key."""

from dataclasses import dataclass, field
from typing import Any

from tracker.client.models.reading import Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is known of an API key; `key` itself is there only where it is new."""

    id: str
    name: str | None = None
    scope: str | None = None
    key: str | None = field(default=None, repr=False)
    last4: str | None = None
    created_at: Time | None = None
    expires_at: Time | None = None
    last_used_at: Time | None = None
    revoked_at: Time | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackSecret:
    """What signs the callbacks that jobs bring themselves."""

    secret: str = field(repr=False)
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
