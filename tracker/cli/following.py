"""Commands that go on for long: they read the stream of events until there is a reason to end."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import sys
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeVar

from tracker.cli.output import ExitCode, note, stop
from tracker.client import ConnectionFailed, ServerError, TrackerError, UnexpectedAnswer
from tracker.client.flows.streaming import Broken, News, Opened, follow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence

    from tracker.cli.connection import Connection
    from tracker.client.flows.terms import Surroundings

T = TypeVar("T")

_AWAY = (ConnectionFailed, ServerError, UnexpectedAnswer)


def run(work: Coroutine[None, None, T]) -> T:
    """What the work comes to. It ends quietly when nobody reads its stdout any more, and by one line for an error."""
    try:
        return asyncio.run(_until_nobody_reads(work))
    except TrackerError as error:
        stop(str(error), ExitCode.UNREACHABLE if isinstance(error, _AWAY) else ExitCode.USAGE)


@asynccontextmanager
async def open_news(
    service: Connection,
    wanted: Mapping[str, Sequence[str]],
    after: str | None = None,
    surroundings: Surroundings | None = None,
) -> AsyncIterator[AsyncGenerator[News, None]]:
    """The stream of events that are wanted, from now on or behind a cursor; it is opened anew for ever."""
    async with service.client(surroundings) as tracker:
        shell = tracker.events.shell
        async with aclosing(shell.iterate(follow(after, wanted, shell.terms))) as news:
            yield news


class Break:
    """Says on stderr when the stream breaks, and when it is open again."""

    def __init__(self) -> None:
        self._is_broken = False

    def take(self, news: News) -> None:
        """Say what there is to say about it; each break is told once, however often it is tried to mend it."""
        if isinstance(news, Broken) and not self._is_broken:
            self._is_broken = True
            note(f"The stream of events broke ({news.reason}); trying again, to go on where it was.")
        elif isinstance(news, Opened) and self._is_broken:
            self._is_broken = False
            note("The stream of events is open again.")


async def _until_nobody_reads(work: Coroutine[None, None, T]) -> T:
    """A pipe whose reader is gone is noticed at once, and not only when there is something to write."""
    task = asyncio.ensure_future(work)
    has_left = False

    def leave() -> None:
        nonlocal has_left
        has_left = True
        task.cancel()

    with _told_when_reader_leaves(leave):
        try:
            return await task
        except asyncio.CancelledError:
            if has_left:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from None
            raise


@contextmanager
def _told_when_reader_leaves(leave: Callable[[], None]) -> Iterator[None]:
    try:
        descriptor = sys.stdout.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except (OSError, ValueError):  # no file at all
        is_pipe = False
    if not is_pipe:
        yield
        return
    loop = asyncio.get_running_loop()

    def leave_once() -> None:
        loop.remove_reader(descriptor)
        leave()

    # Nobody writes to our end: the only thing that it can be ready for is the loss of the other.
    loop.add_reader(descriptor, leave_once)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
