"""The replicas that work on the same database, and the part that this one has in what there is a limit of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from tracker.rules.parts import NOTHING, Part, View, makes_room_for, view_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from store.replicas import Replicas
    from tracker.surroundings import Surroundings

EVERY = timedelta(seconds=2)
LEASE = timedelta(seconds=8)
"""A replica that has not reported for so long is taken for gone, by the database's clock."""

VALID = timedelta(seconds=5)
"""So long after it began to report a replica trusts what it saw. It stops well before others take it for gone, and its
last requests have gone out by then."""

_log = structlog.stdlib.get_logger("tracker")


class Fleet:
    """Reports that this replica is there, and knows its parts.

    `fits` tells whether all that is under way fits into the parts as they are. `tell` is called when the other replicas
    should look; `changed` after each report.
    """

    def __init__(
        self,
        replicas: Replicas,
        surroundings: Surroundings,
        fits: Callable[[], bool],
        tell: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        self._replicas = replicas
        self._surroundings = surroundings
        self._fits = fits
        self._tell = tell
        self._changed = changed
        self._view: View | None = None
        self._valid_until = surroundings.now()
        self._makes_room_for: list[str] = []
        self._parts: dict[str, Part] = {}

    @property
    def is_member(self) -> bool:
        """Whether the others know of this replica now, and have made room for it."""
        view = self._view
        return view is not None and view.is_admitted and self._surroundings.now() < self._valid_until

    def part_of(self, key: str) -> Part:
        """The part in what `key` names; nothing while the others may not know of this replica."""
        if self._view is None or not self.is_member:
            return NOTHING
        if key not in self._parts:
            self._parts[key] = self._view.part_of(key)
        return self._parts[key]

    async def tick(self) -> datetime:
        """Reports, and looks who else is there; returns when to report next."""
        began, before = self._surroundings.now(), self._view
        # What was seen too long ago says nothing of what fits.
        fits = began < self._valid_until and self._fits()
        room = None if before is None else makes_room_for(self._makes_room_for, before, fits=fits)
        view = view_of(self._replicas.own_id, await self._replicas.report(room, LEASE))
        if view != before:
            self._parts.clear()
        self._view, self._valid_until = view, began + VALID
        await self._take_over(before, view)
        if room != self._makes_room_for:
            self._makes_room_for = sorted(view.members) if room is None else room
            self._tell()
        self._changed()
        return began + EVERY

    async def leave(self) -> None:
        """Reports no more: nothing is under way, and nothing will be."""
        self._view = None
        await self._replicas.leave()
        self._tell()

    async def _take_over(self, before: View | None, view: View) -> None:
        """Frees what those had leased that are there no more."""
        gone = frozenset() if before is None else before.members - view.members
        if not gone and before is not None:
            return
        if count := await self._replicas.recover_leases():
            _log.warning("replicas.gone", replicas=sorted(gone), leases=count)
