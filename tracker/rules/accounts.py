"""How an account stands with its provider, and how many requests may be sent to it: budgets, suspensions, breakers.

active ──429──▶ slowed ──▶ one request tries ──▶ active
active ──401/403──▶ suspended ──▶ one request tries ──▶ active      (each failed try waits twice as long)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from tracker.rules.reading import Absent, Answer, Problem, Reading, Unchanged
from tracker.rules.schedule import LONGEST_HINT, spread

if TYPE_CHECKING:
    from collections.abc import Callable

JITTER = 0.1
FIRST_SLOWING, LONGEST_SLOWING = 2.0, 120.0
FIRST_SUSPENSION, LONGEST_SUSPENSION = 5.0, 300.0
FIRST_BREAK, LONGEST_BREAK = 5.0, 60.0
"""Seconds that an account, or a provider, is left alone: the first time, and at most after doubling."""

FAILURES_TO_OPEN = 5
"""Connection failures in a row that open a provider's breaker."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What polling may take of an account: requests a second, and requests at a time."""

    requests_per_second: float = 100.0
    concurrent: int = 100

    @property
    def window(self) -> timedelta:
        """The span that `per_window` is counted in: a second, or for less than one request a second the time of one."""
        return timedelta(seconds=max(1.0, 1.0 / self.requests_per_second))

    @property
    def per_window(self) -> int:
        """Requests within any span of `window`."""
        return max(1, int(self.requests_per_second))

    def room(self, in_flight: int, recent: int, share_of: Callable[[int], int] = int) -> int:
        """How many requests may be sent now; `recent` are those whose answer came less than a window ago.

        `share_of` tells how many of so many are this replica's.

        A request counts from its sending until a window after its answer. It arrived some time between the two, so
        however long any of them travelled, no window at the provider's end sees more than the budget.
        """
        return max(0, self._left(in_flight, recent, share_of))

    def holds(self, in_flight: int, recent: int, share_of: Callable[[int], int]) -> bool:
        """Whether so many requests are within this replica's share."""
        return self._left(in_flight, recent, share_of) >= 0

    def _left(self, in_flight: int, recent: int, share_of: Callable[[int], int]) -> int:
        return min(share_of(self.concurrent) - in_flight, share_of(self.per_window) - in_flight - recent)


DEFAULT_BUDGET = Budget()
"""For providers that document no limit: enough for hundreds of jobs, and no flood after a restart."""


def canonical_name(account: str) -> str:
    """One name for what has the same variables, and so the same credentials and budget: `Team_A` is `team-a`."""
    return account.lower().replace("_", "-")


class AccountStatus(StrEnum):
    """Whether the jobs of an account are polled."""

    ACTIVE = "active"
    SLOWED = "slowed"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands. Unless it is active one request at a time tries again, from `until` on."""

    status: AccountStatus = AccountStatus.ACTIVE
    since: datetime | None = None
    until: datetime | None = None
    tries: int = 0
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether a provider can be reached. Once open, one request at a time tries again, from `until` on."""

    failures: int = 0
    since: datetime | None = None
    until: datetime | None = None
    tries: int = 0

    @property
    def is_open(self) -> bool:
        """Whether requests are held back."""
        return self.until is not None


def standing_after(standing: Standing, answer: Answer, now: datetime, jitter: float) -> Standing:
    """How the account stands after an answer; `jitter` is within 0 and 1."""
    if isinstance(answer, Problem) and answer.code == "unauthorized":
        return _held(standing, AccountStatus.SUSPENDED, answer, now, jitter)
    if isinstance(answer, Problem) and answer.code == "rate_limited":
        return _held(standing, AccountStatus.SLOWED, answer, now, jitter)
    is_welcome = isinstance(answer, (Reading, Absent, Unchanged))
    was_under_way = standing.until is not None and now < standing.until
    # An answer to a request that was sent before the account was held says nothing new; nor does one that does not say
    # whether the provider would have let us in, or found us too fast.
    return Standing() if is_welcome and not was_under_way else standing


def breaker_after(breaker: Breaker, *, is_reached: bool, now: datetime, jitter: float) -> Breaker:
    """The provider's breaker after an exchange; `is_reached`: an answer came, whatever it was."""
    if is_reached:
        return Breaker()
    failures = breaker.failures + 1
    if failures < FAILURES_TO_OPEN:
        return replace(breaker, failures=failures)
    if breaker.until is not None and now < breaker.until:
        # It was under way when the breaker opened, and says nothing new.
        return replace(breaker, failures=failures)
    wait = _doubled(FIRST_BREAK, LONGEST_BREAK, breaker.tries, jitter)
    return Breaker(failures, breaker.since or now, now + timedelta(seconds=wait), breaker.tries + 1)


def _held(standing: Standing, status: AccountStatus, problem: Problem, now: datetime, jitter: float) -> Standing:
    asked = min(problem.retry_after or 0.0, LONGEST_HINT)
    held_until = standing.until if standing.until is not None and now < standing.until else now
    is_same = standing.status is status
    if held_until > now and (is_same or standing.status is AccountStatus.SUSPENDED):
        # It was under way when the account was held, and says nothing new but maybe a later time.
        return replace(standing, until=max(held_until, now + timedelta(seconds=asked)))
    first, longest = (
        (FIRST_SUSPENSION, LONGEST_SUSPENSION)
        if status is AccountStatus.SUSPENDED
        else (FIRST_SLOWING, LONGEST_SLOWING)
    )
    tries = standing.tries if is_same else 0
    wait = max(asked, _doubled(first, longest, tries, jitter))
    since = standing.since if is_same else now
    return Standing(status, since, max(held_until, now + timedelta(seconds=wait)), tries + 1, problem.message)


def _doubled(first: float, longest: float, tries: int, jitter: float) -> float:
    return spread(min(first * 2.0 ** min(tries, 16), longest), JITTER, jitter)
