"""API keys: how one is made, how it is kept, and what it may do."""

from __future__ import annotations

import base64
import hashlib

from store.records import Scope

NEW_KEY_BYTES = 32
_RANK = {Scope.READ: 0, Scope.WRITE: 1, Scope.ADMIN: 2}


def new_key(entropy: bytes) -> str:
    """A key from so many random bytes."""
    return "trk_" + base64.urlsafe_b64encode(entropy).decode().rstrip("=")


def key_digest(key: str) -> str:
    """How a key is kept: its SHA-256 in hex. Keys are long and random, so no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def last_characters(key: str) -> str:
    """What a key is told from others by where it is listed; too little to guess the rest from."""
    return key[-4:]


def allows(granted: Scope, needed: Scope) -> bool:
    """Whether a key with one scope may do what needs another."""
    return _RANK[granted] >= _RANK[needed]
