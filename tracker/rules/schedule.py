"""When to poll next. Today each kind's documented interval; the learned policy takes the place of `next_delay`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

LONGEST_HINT = 3600.0
"""Seconds. A provider that asks for more than this is taken to ask for this."""

LONGEST_PROBLEM_DELAY = 60.0
"""Seconds between polls of a job whose polls fail, unless its kind's own intervals are longer."""

USUAL_TIMEOUT = 86_400.0
"""Seconds after which a job expires, unless its kind or its user says otherwise."""

SHORTEST_GAP = 0.5
"""Seconds between two polls of a job, unless its kind says otherwise."""

LIFETIME_SHARE = 0.5
"""How much of a result's lifetime may pass between two polls."""

JITTER = 0.05
"""Delays are spread by this share to either side, so that jobs that came together do not stay together."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The documented intervals of a kind, in seconds: `first`, then `interval` times `multiplier` up to `cap`.

    No poll of a job follows another sooner than `minimum`. A result can be fetched for `result_lifetime` after the end.
    """

    first: float
    interval: float
    multiplier: float = 1.0
    cap: float | None = None
    timeout: float = USUAL_TIMEOUT
    minimum: float = SHORTEST_GAP
    result_lifetime: float | None = None

    @property
    def longest(self) -> float:
        """The longest documented interval."""
        return self.interval if self.cap is None else self.cap

    @property
    def longest_gap(self) -> float:
        """The longest time between two polls: a result must still be there when it is found."""
        return math.inf if self.result_lifetime is None else self.result_lifetime * LIFETIME_SHARE


def first_poll_at(timing: Timing, now: datetime, poll_after: datetime | None) -> datetime:
    """When a job that was registered `now` is polled for the first time."""
    at = now + timedelta(seconds=timing.first)
    return at if poll_after is None else max(at, poll_after)


def next_delay(timing: Timing, polls: int, jitter: float) -> float:
    """Seconds from one clean poll to the next, after `polls` of them; `jitter` is within 0 and 1."""
    # The exponent is bounded so that a job with thousands of polls does not overflow a float.
    grown = timing.interval * timing.multiplier ** min(polls - 1, 64)
    return within(timing, spread(min(grown, timing.longest), JITTER, jitter))


def problem_delay(timing: Timing, problems: int, jitter: float) -> float:
    """Seconds until the next poll after `problems` polls in a row that taught nothing: doubling, capped."""
    grown = timing.interval * 2.0 ** min(problems - 1, 64)
    return within(timing, spread(min(grown, max(timing.longest, LONGEST_PROBLEM_DELAY)), JITTER, jitter))


def within(timing: Timing, seconds: float) -> float:
    """A delay between the kind's minimum and its longest gap; where they cross, the result must not be missed."""
    return min(max(seconds, timing.minimum), timing.longest_gap)


def spread(seconds: float, share: float, jitter: float) -> float:
    """`seconds`, moved by up to `share` of it to either side; `jitter` is within 0 and 1."""
    return seconds * (1.0 + share * (2.0 * jitter - 1.0))


def hinted_until(now: datetime, retry_after: float | None) -> datetime | None:
    """The time before which the provider asks for no poll (None: it does not ask)."""
    if retry_after is None or retry_after <= 0:
        return None
    return now + timedelta(seconds=min(retry_after, LONGEST_HINT))
