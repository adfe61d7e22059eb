"""On what terms the client asks: how long it is patient, how often it tries again, and the time and the dice."""

from __future__ import annotations

import random
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tracker.client.flows.steps import Answer, Lost

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Seconds: the back-off doubles from the first to the longest."""
LONGEST_ASKED_PAUSE = 60.0
"""Seconds that the service may ask to wait before that is the caller's to decide."""
_AWAY = (429, 502, 503, 504)


def _now() -> datetime:
    return datetime.now(UTC)


def _new_key() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time and dice. `clock` counts seconds, `now` is aware, `dice` gives a number within 0 and 1."""

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _now
    dice: Callable[[], float] = random.random
    new_key: Callable[[], str] = _new_key


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every call. `timeout` is seconds for each wait on the network; `headers` hold the key."""

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 30.0
    max_retries: int = 4
    surroundings: Surroundings = field(default_factory=Surroundings)

    def pause(self, attempt: int, outcome: Answer | Lost | None = None) -> float:
        """Seconds after an attempt (counted from 0): full jitter, but at least what the service asks."""
        dice = self.surroundings.dice()
        asked = self.retry_after(outcome)
        if asked is not None:
            return asked + dice * FIRST_PAUSE
        return dice * min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt, 16))

    def retry_after(self, outcome: Answer | Lost | None) -> float | None:
        """How many seconds an answer asks to wait, if it does."""
        text = outcome.headers.get("retry-after", "") if isinstance(outcome, Answer) else ""
        if text.isascii() and text.isdigit():
            return float(text)
        try:
            return max(0.0, (parsedate_to_datetime(text) - self.surroundings.now()).total_seconds())
        except (ValueError, TypeError):  # no date, or one without its zone
            return None


def is_away(outcome: Answer | Lost) -> bool:
    """Whether the service, or what is in front of it, cannot answer at present."""
    return isinstance(outcome, Lost) or outcome.status in _AWAY


@dataclass(frozen=True, slots=True)
class Patience:
    """A span of time that is running out; without `seconds` it never does."""

    seconds: float | None
    clock: Callable[[], float]
    start: float

    @classmethod
    def begin(cls, seconds: float | None, clock: Callable[[], float]) -> Patience:
        """As of now."""
        return cls(seconds, clock, clock())

    @property
    def used(self) -> float:
        """Seconds that are over."""
        return self.clock() - self.start

    @property
    def left(self) -> float:
        """Seconds that are left; never less than none."""
        return float("inf") if self.seconds is None else max(0.0, self.seconds - self.used)
