"""The accounts and how they stand: what may be sent to a provider now, and what its answers make of that.

How a held account stands is stored with the polls that made it so. After a start an account has its budget only after a
whole window, in which the process before this one may still have used it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from store.records import HeldAccount
from tracker.rules.accounts import (
    AccountStatus,
    Breaker,
    Budget,
    Standing,
    breaker_after,
    canonical_name,
    standing_after,
)
from tracker.rules.exchange import ExchangeFailure, ExchangeResult
from tracker.rules.lists import Rest
from tracker.rules.parts import Share, the_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from tracker.rules.parts import PartOf
    from tracker.rules.reading import Answer, Problem
    from tracker.surroundings import Surroundings

_OWN_WORD = timedelta(seconds=10)
"""So long what a replica found out by itself counts more than what it reads: that may be of before."""

_log = structlog.stdlib.get_logger("tracker")


class Reach:
    """Whether one provider can be reached; shared by its accounts."""

    def __init__(self, provider: str, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self.provider = provider
        self.breaker = Breaker()
        self.in_flight = 0

    def note(self, result: ExchangeResult) -> None:
        """Notes whether a request got through; told in the log when that changes."""
        before = self.breaker.is_open
        is_reached = not isinstance(result, ExchangeFailure) or result.code in ("too_large", "invalid")
        now, jitter = self._surroundings.now(), self._surroundings.jitter()
        self.breaker = breaker_after(self.breaker, is_reached=is_reached, now=now, jitter=jitter)
        if self.breaker.is_open and not before:
            _log.warning("provider.unreachable", provider=self.provider, failures=self.breaker.failures)
        elif before and not self.breaker.is_open:
            _log.info("provider.reached", provider=self.provider)


class Account:
    """One account: its budget, the requests that count against it, and how it stands."""

    def __init__(
        self,
        provider: str,
        name: str,
        budget: Budget,
        reach: Reach,
        opened_at: datetime,
        surroundings: Surroundings,
        part_of: PartOf,
    ) -> None:
        self._surroundings = surroundings
        self._part_of = part_of
        self.provider = provider
        self.name = name
        self.budget = budget
        self.reach = reach
        self.standing = Standing()
        self.has_changed = False
        """Whether how it stands is to be written yet."""
        self.in_flight = 0
        self.begun = 0
        """Requests that were ever sent."""
        self.lists: defaultdict[str, Rest] = defaultdict(Rest)
        """How long the list of each kind is left alone."""
        self._noted_at: datetime | None = None
        self._opens_at = opened_at + budget.window
        self._share = Share(part_of(f"{provider} {name}"))
        self._ends: deque[datetime] = deque()

    def room(self, now: datetime) -> int:
        """How many requests may be sent now."""
        if now < self._opens_at or any(until is not None and now < until for until in self._held_until()):
            return 0
        room = self.budget.room(self.in_flight, self._recent(now), self.share(now).of)
        if self.reach.breaker.is_open:
            room = min(room, 1 - self.reach.in_flight)
        if self.standing.status is not AccountStatus.ACTIVE:
            room = min(room, self.share(now).of(1) - self.in_flight)
        return max(room, 0)

    def has_room_at(self, now: datetime) -> datetime | None:
        """When there is room again; None: when a request that is under way ends."""
        untils = (self._opens_at, self._share.grows_at(self.budget.window), *self._held_until())
        times = [until for until in untils if until is not None and until > now]
        if not times and self._ends:
            times = [self._ends[0] + self.budget.window]
        return max(times, default=None)

    def share(self, now: datetime) -> Share:
        """What this replica has of the account."""
        self._share = self._share.after(self._part_of(f"{self.provider} {self.name}"), now, self.budget.window)
        return self._share

    def fits(self, now: datetime) -> bool:
        """Whether what is under way, or was a moment ago, is within this replica's share."""
        return self.budget.holds(self.in_flight, self._recent(now), self.share(now).of)

    def _recent(self, now: datetime) -> int:
        """Requests that ended less than a window ago."""
        while self._ends and self._ends[0] + self.budget.window <= now:
            self._ends.popleft()
        return len(self._ends)

    def begin(self) -> None:
        """A request is sent."""
        self.begun += 1
        self.in_flight += 1
        self.reach.in_flight += 1

    def end(self) -> None:
        """A request has ended, whatever came of it: from now on it counts for one more window."""
        self.in_flight -= 1
        self.reach.in_flight -= 1
        self._ends.append(self._surroundings.now())

    def note_list(self, kind: str, problem: Problem | None) -> None:
        """Notes how a kind's list fared."""
        self.lists[kind] = self.lists[kind].after(problem, self._surroundings.now())

    def held(self) -> HeldAccount:
        """How the account stands, to be kept."""
        known = self.standing
        return HeldAccount(
            self.provider, self.name, known.status.value, known.since, known.until, known.tries, known.message
        )

    def stand_as(self, held: HeldAccount) -> None:
        """Takes up how the account stood before a restart."""
        self.standing = Standing(AccountStatus(held.status), held.since, held.until, held.tries, held.message)

    def stand_as_others_say(self, held: HeldAccount | None, now: datetime) -> None:
        """Takes up what another replica found out (None: it is not held), unless this one knows something newer."""
        if self.has_changed or (self._noted_at is not None and now < self._noted_at + _OWN_WORD):
            return
        if held is None:
            self.standing = Standing()
        else:
            self.stand_as(held)

    def note(self, answer: Answer) -> None:
        """Notes what an answer says of the account; told in the log when that changes how it stands."""
        before = self.standing
        self._noted_at = self._surroundings.now()
        self.standing = standing_after(before, answer, self._surroundings.now(), self._surroundings.jitter())
        self.has_changed = self.has_changed or self.standing != before
        if self.standing.status is before.status:
            return
        if self.standing.status is AccountStatus.ACTIVE:
            _log.info("account.resumed", provider=self.provider, account=self.name, was=before.status.value)
        else:
            _log.warning(
                f"account.{self.standing.status.value}",
                provider=self.provider,
                account=self.name,
                message=self.standing.message,
            )

    def forgive(self) -> None:
        """Takes an account that was suspended for active again: its credentials are others now."""
        if self.standing.status is AccountStatus.SUSPENDED:
            _log.info("account.forgiven", provider=self.provider, account=self.name)
            self.standing, self.has_changed = Standing(), True
            self._noted_at = self._surroundings.now()

    @property
    def is_held(self) -> bool:
        """Whether nothing is sent but a try now and then."""
        return self.reach.breaker.is_open or self.standing.status is not AccountStatus.ACTIVE

    def held_until(self, now: datetime) -> datetime | None:
        """Until when nothing is sent but a try now and then; None: it is not held."""
        return max((until for until in self._held_until() if until is not None and until > now), default=None)

    def _held_until(self) -> tuple[datetime | None, datetime | None]:
        return self.standing.until, self.reach.breaker.until


class Accounts:
    """Every account that was asked for so far.

    `budget_of` knows the budget of (provider, account), `part_of` the part that this replica has in what a key names.
    """

    def __init__(
        self, budget_of: Callable[[str, str], Budget], surroundings: Surroundings, part_of: PartOf = the_whole
    ) -> None:
        self._part_of = part_of
        self._budget_of = budget_of
        self._surroundings = surroundings
        self._opened_at = surroundings.now()
        self._reaches: dict[str, Reach] = {}
        self._accounts: dict[tuple[str, str], Account] = {}

    def find(self, provider: str, name: str) -> Account:
        """The account of this name, as it stands."""
        key = (provider, canonical_name(name))
        if key not in self._accounts:
            budget, reach = self._budget_of(*key), self.reach(provider)
            self._accounts[key] = Account(*key, budget, reach, self._opened_at, self._surroundings, self._part_of)
        return self._accounts[key]

    def reach(self, provider: str) -> Reach:
        """Whether a provider can be reached."""
        return self._reaches.setdefault(provider, Reach(provider, self._surroundings))

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    @contextmanager
    def changed(self) -> Iterator[list[HeldAccount]]:
        """How those accounts stand whose standing changed since it was written; to be left once it is."""
        changed = [account for account in self._accounts.values() if account.has_changed]
        for account in changed:
            account.has_changed = False
        try:
            yield [account.held() for account in changed]
        except BaseException:
            for account in changed:
                account.has_changed = True
            raise

    def fit(self) -> bool:
        """Whether all that is under way is within this replica's shares."""
        now = self._surroundings.now()
        return all(account.fits(now) for account in self._accounts.values())

    def stand_as_others_say(self, held: Iterable[HeldAccount]) -> None:
        """Takes up how the accounts stand by the database."""
        told = {(each.provider, canonical_name(each.account)): each for each in held}
        now = self._surroundings.now()
        for key in told:
            self.find(*key)
        for key, account in self._accounts.items():
            account.stand_as_others_say(told.get(key), now)

    def of(self, provider: str) -> list[Account]:
        """The accounts of a provider that were asked for so far."""
        return [account for (name, _), account in sorted(self._accounts.items()) if name == provider]
