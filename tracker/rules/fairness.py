"""How requests are shared among accounts, so that a slow or large one never holds up another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from store.records import PollLane, PollShare

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

AccountKey: TypeAlias = tuple[str, str]
"""Provider and account."""

Key = TypeVar("Key")

LISTED_AT_ONCE = 2000
"""Jobs that one walk through a list looks for at most."""

CLAIMED_AT_ONCE = 4000
"""Jobs that are claimed at a time at most: a statement can name so many, and a process hold them."""


@dataclass(frozen=True, slots=True)
class DueLane:
    """A lane with due jobs. `rides` is in seconds: a list shows along with the due jobs those that are due so soon.

    None: the jobs of this lane are asked for one by one.
    """

    lane: PollLane
    rides: float | None = None


def share_requests(
    due: Sequence[DueLane], rooms: Mapping[AccountKey, int], free: int, now: datetime
) -> tuple[PollShare, ...]:
    """Which jobs to claim for `free` requests, when each account has room for so many.

    Requests go round among accounts, one each, those whose jobs are due longest first. Within an account each list
    takes one, and jobs that are asked for one by one take what is left.
    """
    oldest_first = sorted(due, key=lambda each: each.lane.due_at)
    accounts = list(dict.fromkeys(_account(each.lane) for each in oldest_first))
    counts = _go_round(accounts, dict(rooms), free)
    lanes = {account: [each for each in oldest_first if _account(each.lane) == account] for account in counts}
    return _capped(share for account, count in counts.items() for share in _shares(lanes[account], count, now))


def _capped(shares: Iterable[PollShare]) -> tuple[PollShare, ...]:
    """The shares, the small ones first, for no more jobs than can be claimed at a time; the next tick has the rest."""
    left, kept = CLAIMED_AT_ONCE, []
    for share in sorted(shares, key=lambda share: share.count):
        if left > 0:
            kept.append(replace(share, count=min(share.count, left)))
            left -= share.count
    return tuple(kept)


def _shares(lanes: Sequence[DueLane], requests: int, now: datetime) -> list[PollShare]:
    """The lanes of one account, the longest due first, and how many requests there are for them."""
    alone = tuple(each.lane.name for each in lanes if each.rides is None)
    ways = [(each.lane.name,) for each in lanes if each.rides is not None] + ([alone] if alone else [])
    first_due = {name: index for index, name in enumerate(each.lane.name for each in lanes)}
    ways = sorted(ways, key=lambda names: min(first_due[name] for name in names))[:requests]
    rides = {each.lane.name: each.rides for each in lanes}
    shares = []
    for names in ways:
        ride = rides[names[0]]
        if ride is None:
            shares.append(PollShare(names, requests - len(ways) + 1, now))
        else:
            shares.append(PollShare(names, LISTED_AT_ONCE, now + timedelta(seconds=ride)))
    return shares


def _account(lane: PollLane) -> AccountKey:
    return lane.provider, lane.account


def _go_round(names: Sequence[Key], room: dict[Key, int], free: int) -> dict[Key, int]:
    """Gives slots out one by one until none is free or nobody has room; takes them out of `room`."""
    counts: dict[Key, int] = {}
    hungry = [name for name in names if room.get(name, 0) > 0]
    while free > 0 and hungry:
        for name in hungry[:free]:
            counts[name] = counts.get(name, 0) + 1
            room[name] -= 1
        free -= min(free, len(hungry))
        hungry = [name for name in hungry if room[name] > 0]
    return counts
