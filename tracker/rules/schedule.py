"""When to poll next, by a kind's documented intervals, its bounds, and what its provider asks for.

Where something can be learned a plan (`plan.py`) takes the place of `next_delay`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.records import Waiting

LONGEST_HINT = 3600.0
"""Seconds. A provider that asks for more than this is taken to ask for this."""

LONGEST_PROBLEM_DELAY = 60.0
"""Seconds between polls of a job whose polls fail, unless its kind's own intervals are longer."""

USUAL_TIMEOUT = 86_400.0
"""Seconds after which a job expires, unless its kind or its user says otherwise."""

SHORTEST_GAP = 0.5
"""Seconds between two polls of a job, unless its kind says otherwise."""

NOT_FOUND_GRACE = 60.0
"""Seconds after registration in which a 404 does not end a job, unless its kind says otherwise."""

LIFETIME_SHARE = 0.5
"""How much of a result's lifetime may pass between two polls."""

JITTER = 0.05
"""Delays are spread by this share to either side, so that jobs that came together do not stay together."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The documented intervals of a kind, in seconds: `first`, then `interval` times `multiplier` up to `cap`.

    No poll of a job follows another sooner than `minimum`. A result can be fetched for `result_lifetime` after the end.
    So long after registration as `not_found_grace` a 404 is only a problem: a fresh id can be unknown for a moment.
    `typical` is how long a job takes and `delay_per_poll` the detection delay that one poll is worth (None: the usual
    for such intervals), `max_delay` a promise that none is longer. `tells_queue`: the provider tells jobs that wait
    from jobs that run.
    """

    first: float
    interval: float
    multiplier: float = 1.0
    cap: float | None = None
    timeout: float = USUAL_TIMEOUT
    minimum: float = SHORTEST_GAP
    result_lifetime: float | None = None
    not_found_grace: float = NOT_FOUND_GRACE
    typical: float | None = None
    delay_per_poll: float | None = None
    max_delay: float | None = None
    tells_queue: bool = False

    @property
    def longest(self) -> float:
        """The longest documented interval."""
        return self.interval if self.cap is None else self.cap

    @property
    def longest_gap(self) -> float:
        """The longest time between two polls: a result must still be there when it is found."""
        lifetime = math.inf if self.result_lifetime is None else self.result_lifetime * LIFETIME_SHARE
        return min(lifetime, math.inf if self.max_delay is None else self.max_delay)


def first_poll_at(timing: Timing, now: datetime, poll_after: datetime | None) -> datetime:
    """When a job that was registered `now` is polled for the first time."""
    at = now + timedelta(seconds=min(timing.first, timing.longest_gap))
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


def most_overdue(waiting: Sequence[Waiting], count: int, now: datetime) -> list[str]:
    """The ids of so many due jobs, those first whose polls gain most.

    A poll gains the time that an end stays undetected. With a gap g planned as its hazard asks (g² = 2λ/h, Keller
    1974), the undetected time that x seconds since the last poll have gathered is about h·x²/2 = λ·(x/g)². So the gain
    grows with x/g, how many times its gap a job has waited; and as that grows without end for each, none starves.
    """
    return [job.id for job in sorted(waiting, key=lambda job: _gaps_waited(job, now), reverse=True)[:count]]


def _gaps_waited(job: Waiting, now: datetime) -> float:
    since = job.last_polled_at or job.created_at
    planned = max((job.next_poll_at - since).total_seconds(), SHORTEST_GAP)
    return (now - since).total_seconds() / planned


def spread(seconds: float, share: float, jitter: float) -> float:
    """`seconds`, moved by up to `share` of it to either side; `jitter` is within 0 and 1."""
    return seconds * (1.0 + share * (2.0 * jitter - 1.0))


def hinted_until(now: datetime, retry_after: float | None) -> datetime | None:
    """The time before which the provider asks for no poll (None: it does not ask)."""
    if retry_after is None or retry_after <= 0:
        return None
    return now + timedelta(seconds=min(retry_after, LONGEST_HINT))
