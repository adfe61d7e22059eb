"""Ids that sort by time: pure.

The text is Crockford's base 32 in lower case (the alphabet of ULIDs), which sorts as the bytes do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_CHARACTERS = 26  # 130 bits: room for 128
_LAST_MOMENT = (1 << 48) - 1


def time_sorted_id(prefix: str, at: datetime, entropy: bytes) -> str:
    """`prefix_` and 26 characters: 48 bits of Unix milliseconds, then the first 80 bits of `entropy`."""
    return f"{prefix}_{base32(milliseconds(at).to_bytes(6, 'big') + entropy[:10])}"


def first_id(prefix: str, moment: int) -> str:
    """The lowest id of a moment in Unix milliseconds, or of the nearest one that an id can tell."""
    within = max(0, min(moment, _LAST_MOMENT))
    return f"{prefix}_{base32(within.to_bytes(6, 'big') + bytes(10))}"


def milliseconds(at: datetime) -> int:
    """The moment, in Unix milliseconds, that the ids of a time tell."""
    return int(at.timestamp() * 1000)


def base32(data: bytes) -> str:
    """Up to 16 bytes as 26 characters."""
    number = int.from_bytes(data, "big")
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(_CHARACTERS)))
