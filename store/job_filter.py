"""Which jobs a list shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from store.records import Status


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a list shows. Times are exclusive bounds; an empty tuple or None filters nothing."""

    providers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    remote_ids: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    finished_after: datetime | None = None
    finished_before: datetime | None = None
