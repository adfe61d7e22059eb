"""Time and dice, handed to every part instead of being taken from the system."""

from __future__ import annotations

import os
import random
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from store.ids import time_sorted_id

if TYPE_CHECKING:
    from collections.abc import Callable


def _now() -> datetime:
    return datetime.now(UTC)


class _Entropy:
    """Random bytes of the system, fetched many at a time: a fetch is a system call, and ids are many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = b""

    def __call__(self, count: int) -> bytes:
        with self._lock:
            if len(self._left) < count:
                self._left = os.urandom(max(_FETCHED_AT_ONCE, count))
            taken, self._left = self._left[:count], self._left[count:]
            return taken


_FETCHED_AT_ONCE = 2048


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`now` gives the time (aware, UTC), `jitter` a number within 0 and 1, `entropy` so many random bytes."""

    now: Callable[[], datetime] = _now
    jitter: Callable[[], float] = random.random
    entropy: Callable[[int], bytes] = field(default_factory=_Entropy)

    def new_id(self, prefix: str, at: datetime | None = None) -> str:
        """A fresh id that sorts by time: by `at`, or else by the present."""
        return time_sorted_id(prefix, at or self.now(), self.entropy(10))
