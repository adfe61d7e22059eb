"""Where events go: a subscription, and a replay to it."""

from dataclasses import dataclass, field
from typing import Any

from tracker.client.models.reading import Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A callback URL and its filter. `secret` is there where it is new: when created, and after a rotation."""

    id: str
    callback_url: str
    status: str = "active"
    status_reason: str | None = None
    health: dict[str, Any] | None = None
    events: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    description: str | None = None
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    payload: str = "full"
    order: str = "none"
    max_in_flight: int | None = None
    signatures: tuple[str, ...] = ("v1",)
    secret: str | None = field(default=None, repr=False)
    created_at: Time | None = None
    updated_at: Time | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedSecret:
    """The secret that signs from now on; the old one signs too until its grace is over."""

    secret: str = field(repr=False)
    previous_secret_expires_at: Time | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Events that are sent again, `rate` a second: `queued` of `total` so far, which is None until they are counted."""

    id: str
    status: str
    subscription_id: str | None = None
    total: int | None = None
    queued: int | None = None
    since: Time | None = None
    until: Time | None = None
    events: tuple[str, ...] = ()
    only_failed: bool = False
    rate: float | None = None
    created_at: Time | None = None
    finished_at: Time | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
