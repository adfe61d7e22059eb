"""How long the writer is held."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")

Spent: TypeAlias = Callable[[float], None]
"""Is told, in the writer's thread, the seconds that a piece of work took of its transaction."""


def timed(work: Callable[[Connection], T], spent: Spent | None) -> Callable[[Connection], T]:
    """The work, which tells `spent` how long it took."""
    if spent is None:
        return work

    def run(connection: Connection) -> T:
        began = perf_counter()
        result = work(connection)
        spent(perf_counter() - began)
        return result

    return run
