"""A provider, and how its accounts stand."""

from dataclasses import dataclass, field
from typing import Any

from tracker.client.models.reading import Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A named set of credentials; `status` tells whether it is polled freely."""

    name: str
    has_credentials: bool = False
    status: str | None = None
    since: Time | None = None
    retry_at: Time | None = None
    message: str | None = None
    in_flight: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A described API; its dictionaries are as the service tells them."""

    name: str
    title: str | None = None
    docs: str | None = None
    base_url: str | None = None
    default_kind: str | None = None
    credentials: tuple[str, ...] = ()
    budget: dict[str, Any] = field(default_factory=dict, repr=False)
    breaker: dict[str, Any] = field(default_factory=dict, repr=False)
    accounts: tuple[Account, ...] = ()
    kinds: dict[str, Any] = field(default_factory=dict, repr=False)
    learned: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
