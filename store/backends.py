"""The seam between the databases: all that `Database` asks of one.

What differs by the kind of database is in three modules and nowhere else: `store.sqlite` and `store.postgres` (opening,
and what goes wrong), and `store.dialects` (the few statements that are not the same).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

READERS = 4
"""Reads that run at a time."""


class Trouble(Enum):
    """What an error that a statement raised comes from, if not from the statement."""

    AWAY = "away"
    """The database cannot be reached. Whatever was begun is undone there."""

    CONFLICT = "conflict"
    """Two transactions were in each other's way, and this one was undone; it may be tried again at once."""


class BackEnd(Protocol):
    """An open database of one kind, its schema up to date."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes may work on the same database at the same time."""

    @property
    def reader(self) -> Engine:
        """Connections whose transactions see one state of the database."""

    @property
    def writer(self) -> Engine:
        """Connections whose transactions see, statement by statement, what is committed."""

    def trouble_of(self, error: BaseException) -> Trouble | None:
        """What this error comes from; None: from what was asked."""

    def erase(self) -> None:
        """Clears the storage of what was overwritten, if `erase_later` has asked for that. Raises StoreError."""

    def tell(self, hint: str) -> None:
        """Tells the other processes on this database, as well as can be. Raises what the driver raises."""

    def listen(self, hear: Callable[[str], None]) -> None:
        """Has `hear` called in some thread with what others tell, and with "" when something may have been missed."""

    def close(self) -> None:
        """Lets go of everything."""


ENGINE_OPTIONS: dict[str, Any] = {
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": orjson.loads,
    # What is written holds secrets and bodies; an error that is logged must not.
    "hide_parameters": True,
}
