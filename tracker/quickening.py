"""How the process runs fast: the event loop, and when the memory is searched for cycles."""

from __future__ import annotations

import asyncio
import gc
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

_NEW_OBJECTS = 50_000
"""Python searches for cycles after 700 new objects, of which a poll makes hundreds that all go by themselves: an eighth
of a poll's cost. So many hold some ten megabytes at most."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs the service's event loop: uvloop's where it is installed."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def spare_searches() -> None:
    """Has cycles searched for more seldom, and never among what is there once the service is built."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if find_spec("uvloop") is None:
        return None
    import uvloop  # noqa: PLC0415 - it is not there on every machine

    return uvloop.new_event_loop
