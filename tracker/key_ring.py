"""The API keys in memory, so that to know a caller costs no look at the database."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from store.records import Scope
from tracker.rules.keys import key_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from store.keys import Keys
    from store.records import ApiKey, KeptAnswer
    from tracker.surroundings import Surroundings

FRESH = timedelta(seconds=5)
"""What another process changed about the keys counts here after so long."""

USES_ARE_WRITTEN = timedelta(seconds=60)
"""How often, at most, the last use of a key is written down."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, by the id of their key, and what that may do."""

    id: str
    scope: Scope


OPERATOR = Caller("operator", Scope.ADMIN)
"""Who calls with the key of the settings."""


class KeyRing:
    """The keys that let callers in. What is changed through here counts at once.

    `revoked` is called with each key that is revoked.
    """

    def __init__(self, keys: Keys, surroundings: Surroundings, operators_key: str | None) -> None:
        self._keys = keys
        self._surroundings = surroundings
        self._operators_digest = operators_key and key_digest(operators_key)
        self._held: Mapping[str, ApiKey] = {}
        self._read_at: datetime | None = None
        self._changes = 0
        self._reading = asyncio.Lock()
        self._used: dict[str, datetime] = {}
        self._written: dict[str, datetime] = {}
        self.revoked: Callable[[ApiKey], None] = lambda _key: None

    async def caller(self, key: str) -> Caller | None:
        """Who calls with this key; None: nobody that is known."""
        if self._operators_digest and hmac.compare_digest(key_digest(key), self._operators_digest):
            return OPERATOR
        known = await self.find(key)
        if known is None:
            return None
        self._used[known.id] = self._surroundings.now()
        return Caller(known.id, known.scope)

    async def find(self, key: str) -> ApiKey | None:
        """A key that is neither revoked nor expired."""
        digest = key_digest(key)
        # How long a look-up by digest takes tells nothing of a key: nobody can choose a digest and find its key.
        known = (await self._fresh()).get(digest)
        if known is None or not hmac.compare_digest(known.digest, digest):
            return None
        has_expired = known.expires_at is not None and known.expires_at <= self._surroundings.now()
        return None if has_expired else known

    async def add(self, key: ApiKey, answer: KeptAnswer | None = None) -> None:
        """Stores a new key, and along with it what its maker is answered. Raises AlreadyAnsweredError."""
        await self._keys.add(key, answer)
        self._outdate()

    async def add_first(self, key: ApiKey) -> bool:
        """Stores a key if none was ever made, and tells whether it did."""
        is_first = await self._keys.add_first(key)
        self._outdate()
        return is_first

    async def revoke(self, key_id: str) -> ApiKey | None:
        """Revokes a key for good. Raises LastAdminKeyError where it is the last that can make keys."""
        key = await self._keys.revoke(key_id, self._surroundings.now(), must_leave_admin=self._operators_digest is None)
        self._outdate()
        if key is not None:
            self.revoked(key)
        return key

    def last_used_at(self, key: ApiKey) -> datetime | None:
        """When a key was used last, as far as it is known here."""
        return max(filter(None, (self._used.get(key.id), key.last_used_at)), default=None)

    async def write_uses(self, *, is_over: bool = False) -> int:
        """Writes down when keys were used, each at most once a minute unless it `is_over`; counts them."""
        now = self._surroundings.now()
        due = {
            key_id: at
            for key_id, at in self._used.items()
            if key_id not in self._written
            or (self._written[key_id] < at and (is_over or now - self._written[key_id] >= USES_ARE_WRITTEN))
        }
        if due:
            await self._keys.note_uses(due)
            self._written |= dict.fromkeys(due, now)
        return len(due)

    async def _fresh(self) -> Mapping[str, ApiKey]:
        while not self._is_fresh():
            async with self._reading:
                if not self._is_fresh():
                    await self._read()
        return self._held

    def _is_fresh(self) -> bool:
        # A clock that was set back makes nothing fresh for longer.
        return self._read_at is not None and timedelta() <= self._surroundings.now() - self._read_at < FRESH

    async def _read(self) -> None:
        changes, now = self._changes, self._surroundings.now()
        keys = await self._keys.unrevoked()
        # What was read while a key was made or revoked may be from before that.
        if changes == self._changes:
            self._held, self._read_at = {key.digest: key for key in keys}, now

    def _outdate(self) -> None:
        self._changes += 1
        self._read_at = None
