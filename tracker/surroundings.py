"""Time and dice, handed to every part instead of being taken from the system."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from store.ids import time_sorted_id

if TYPE_CHECKING:
    from collections.abc import Callable


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`now` gives the time (aware, UTC), `jitter` a number within 0 and 1, `entropy` so many random bytes."""

    now: Callable[[], datetime] = _now
    jitter: Callable[[], float] = random.random
    entropy: Callable[[int], bytes] = os.urandom

    def new_id(self, prefix: str) -> str:
        """A fresh id that sorts by time."""
        return time_sorted_id(prefix, self.now(), self.entropy(10))
