"""Identifiers that are a function of what they name, and may sort by time too."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from store.ids import base32, time_sorted_id

if TYPE_CHECKING:
    from datetime import datetime


def derived_id(prefix: str, *parts: object) -> str:
    """`prefix_` and 26 characters that are a function of `parts` (128 bits of their SHA-256)."""
    return f"{prefix}_{base32(digest_of(*parts)[:16])}"


def derived_sorted_id(prefix: str, at: datetime, order: int, *parts: object) -> str:
    """An id that sorts by time, then by `order` (up to 65,535), and is a function of what goes in."""
    return time_sorted_id(prefix, at, min(order, 0xFFFF).to_bytes(2, "big") + digest_of(*parts))


def digest_of(*parts: object) -> bytes:
    """The SHA-256 of the parts, told apart by a NUL."""
    return hashlib.sha256("\0".join(str(part) for part in parts).encode()).digest()
