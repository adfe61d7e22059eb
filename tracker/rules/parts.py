"""How several replicas share what there is a limit of, without a leader and without asking each other.

Each replica reports, again and again, that it is there, and which of the others it has made room for. It divides each
limit by all that it sees there, and takes a part only once all of them have made room for it. So all that take parts
see each other at least, and whoever sees more takes less: together they never take more than the whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from store.records import Replica


@dataclass(frozen=True, slots=True)
class Part:
    """The part that the replica of a rank (from 0) has among so many (0: none has any)."""

    rank: int
    size: int

    def of(self, whole: int) -> int:
        """How many of `whole` things: dealt out one by one, the first rank first."""
        return max(0, -(-(whole - self.rank) // self.size)) if self.size else 0

    @property
    def is_first(self) -> bool:
        """Whether this replica does what one alone may do."""
        return self.of(1) == 1


WHOLE = Part(0, 1)
NOTHING = Part(0, 0)


PartOf: TypeAlias = Callable[[str], Part]
"""The part that this replica has in what a key names."""


def the_whole(_key: str) -> Part:
    """The part of a process that is alone."""
    return WHOLE


@dataclass(frozen=True, slots=True)
class Share:
    """A part of what is counted within a window: the least of the parts of the last one.

    What a replica gave up to another, or left behind, may have been spent a moment ago.
    """

    part: Part
    before: tuple[tuple[Part, datetime], ...] = ()
    """Earlier parts, and when each was over."""

    def of(self, whole: int) -> int:
        """How many of `whole` requests this replica may send."""
        return min(part.of(whole) for part in (self.part, *(part for part, _ in self.before)))

    def after(self, part: Part, now: datetime, window: timedelta) -> Share:
        """The share once the part is this."""
        before = tuple((each, over_at) for each, over_at in self.before if now < over_at + window)
        if part == self.part:
            return self if before == self.before else Share(part, before)
        return Share(part, (*before, (self.part, now)))

    def grows_at(self, window: timedelta) -> datetime | None:
        """When the last of the earlier parts counts no more."""
        return self.before[-1][1] + window if self.before else None


@dataclass(frozen=True, slots=True)
class View:
    """What a replica sees: all that are there, and whether they have all made room for it."""

    own_id: str
    members: frozenset[str]
    is_admitted: bool

    def part_of(self, key: str) -> Part:
        """The part in what `key` names; the order of the members is another for each key."""
        if not self.is_admitted:
            return NOTHING
        before = sum(_place(key, member) < _place(key, self.own_id) for member in self.members)
        return Part(before, len(self.members))


def view_of(own_id: str, replicas: Collection[Replica]) -> View:
    """What a replica sees in what all that are there, itself among them, have reported last."""
    others = [replica for replica in replicas if replica.id != own_id]
    members = frozenset(replica.id for replica in others) | {own_id}
    return View(own_id, members, all(own_id in replica.makes_room_for for replica in others))


def makes_room_for(before: Collection[str], view: View, *, fits: bool) -> list[str]:
    """Whom a replica has made room for. `fits`: all that it has under way fits into its parts by this view."""
    return sorted(view.members if fits else view.members.intersection(before))


def _place(key: str, member: str) -> bytes:
    return hashlib.sha256(f"{key}\0{member}".encode()).digest()
