"""The service itself: the providers that it knows, its keys, and the secret that signs callbacks."""

from __future__ import annotations

from typing import Literal

from tracker.client.calls.call import Call, Moment, Page, delete, get, get_list, get_rows, post
from tracker.client.models.key import CallbackSecret, Key
from tracker.client.models.provider import Provider


def list_providers() -> Call[list[Provider]]:
    """All providers, by name."""
    return get_rows(Provider, "providers")


def get_provider(name: str) -> Call[Provider]:
    """A provider, its accounts, and what is learned of its jobs."""
    return get(Provider, "providers", name)


def create_key(
    name: str, *, scope: Literal["read", "write", "admin"] | None = None, expires_at: Moment | None = None
) -> Call[Key]:
    """Make an API key; the answer has it in `key`, this once."""
    return post(Key, "keys", body={"name": name, "scope": scope, "expires_at": expires_at})


def get_key(key_id: str) -> Call[Key]:
    """What is known of a key."""
    return get(Key, "keys", key_id)


def list_keys(*, page_size: int = 200) -> Call[Page[Key]]:
    """The API keys, newest first."""
    return get_list(Key, "keys", query={"limit": page_size})


def revoke_key(key_id: str) -> Call[None]:
    """Make a key invalid."""
    return delete("keys", key_id)


def callback_secret() -> Call[CallbackSecret]:
    """The secret that signs the callbacks of jobs; it takes an admin key."""
    return get(CallbackSecret, "callback-secret")
