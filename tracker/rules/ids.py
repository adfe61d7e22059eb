"""Identifiers: prefixed, and sorted by time where a time goes in.

The text is Crockford's base 32 in lower case (the alphabet of ULIDs), which sorts as the bytes do.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_CHARACTERS = 26  # 130 bits: room for 128


def time_sorted_id(prefix: str, at: datetime, entropy: bytes) -> str:
    """`prefix_` and 26 characters: 48 bits of Unix milliseconds, then the first 80 bits of `entropy`."""
    milliseconds = int(at.timestamp() * 1000)
    return f"{prefix}_{_base32(milliseconds.to_bytes(6, 'big') + entropy[:10])}"


def derived_id(prefix: str, *parts: object) -> str:
    """`prefix_` and 26 characters that are a function of `parts` (128 bits of their SHA-256)."""
    return f"{prefix}_{_base32(digest_of(*parts)[:16])}"


def derived_sorted_id(prefix: str, at: datetime, order: int, *parts: object) -> str:
    """An id that sorts by time, then by `order` (up to 65,535), and is a function of what goes in."""
    return time_sorted_id(prefix, at, min(order, 0xFFFF).to_bytes(2, "big") + digest_of(*parts))


def digest_of(*parts: object) -> bytes:
    """The SHA-256 of the parts, told apart by a NUL."""
    return hashlib.sha256("\0".join(str(part) for part in parts).encode()).digest()


def _base32(data: bytes) -> str:
    number = int.from_bytes(data, "big")
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(_CHARACTERS)))
