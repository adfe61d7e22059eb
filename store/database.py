"""The connection to the database: opening, migrating, reading in threads, and one writer with group commit."""

from __future__ import annotations

import asyncio
import queue
import re
import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from store.backends import READERS, Trouble
from store.errors import DatabaseAwayError, DatabaseUnavailableError, StoreError
from store.migrations import current_revision
from store.postgres import Postgres
from store.sqlite import SqliteFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from store.backends import BackEnd

T = TypeVar("T")

_NEWS = "news"
_LARGEST_GROUP = 200
_TRIES = 3
"""Times that a write is tried that is in another one's way."""


class Database:
    """One open database. `read` and `write` run a function on a connection, off the event loop.

    Writes run one after the other in one thread. Those that are waiting share a transaction (group commit): each is
    durable when its `write` returns. A write that raises is rolled back alone and raises from its own `write`; so the
    function may be run several times and must do nothing but talk to its connection. Other processes may write at the
    same time where the database `is_shared`: what must stay as it was read is to be read `with_for_update()`.

    Both raise DatabaseAwayError while the database cannot be reached. If it goes away just as a write is committed
    nobody knows whether it was, and it is run once more.
    """

    def __init__(self, back_end: BackEnd) -> None:
        self.process_id = secrets.token_hex(8)
        """Who takes leases here."""
        self._back_end = back_end
        self._reader = back_end.reader
        self._writer = back_end.writer
        self._is_closed = False
        self.on_news: Callable[[], None] = lambda: None
        """Called in the writer's thread after the commit of a transaction that `mark_news` was called in, and before
        its writes return. It must not raise."""
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-read")
        self._writes: queue.SimpleQueue[_Write[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_groups, name="store-write", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, url: str) -> Database:
        """Opens the database and brings its schema up to date.

        Raises DatabaseUnavailableError, with the way out in its message.
        """
        return cls(_opened(url))

    @property
    def is_shared(self) -> bool:
        """Whether other processes may work on it at the same time."""
        return self._back_end.is_shared

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` in a read transaction in a thread; it sees one state of the database."""
        return await self._in_thread(lambda: self._read(work))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` in the writer's next transaction and returns once that is durable."""
        if self._is_closed:
            raise StoreError("The database is closed; nothing can be written any more.")
        write = _Write(work, Future())
        self._writes.put(write)
        # A write that has begun cannot be called back, so its outcome must not be lost with the caller.
        return await asyncio.shield(asyncio.wrap_future(write.done))

    @property
    def waiting_writes(self) -> int:
        """How many writes wait for the writer's next transaction."""
        return self._writes.qsize()

    async def revision(self) -> str:
        """The revision of the schema."""
        return await self.read(current_revision)

    async def erase(self) -> None:
        """Clears the file of what was overwritten, if `erase_later` has asked for that. Raises StoreError."""
        await self._in_thread(self._back_end.erase)

    async def tell(self, hint: str) -> None:
        """Gives the other processes on this database a hint; it may be lost."""
        await self._in_thread(lambda: self._asked(lambda: self._back_end.tell(hint)))

    def listen(self, hear: Callable[[str], None]) -> None:
        """Has `hear` called, in some thread, with the hints of all processes, and with "" when some may be lost."""
        self._back_end.listen(hear)

    def close(self) -> None:
        """Finishes the writes that are waiting, and lets go of the database."""
        self._is_closed = True
        self._writes.put(None)
        self._thread.join()
        self._threads.shutdown()
        self._back_end.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _read(self, work: Callable[[Connection], T]) -> T:
        def read() -> T:
            with self._reader.begin() as connection:
                return work(connection)

        return self._asked(read)

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except Exception as error:
            if self._back_end.trouble_of(error) is not Trouble.AWAY:
                raise
        # It may be back already: then it was the old connections that were lost.
        try:
            return ask()
        except Exception as error:
            raise self._translated(error) from error

    def _translated(self, error: BaseException) -> BaseException:
        if self._back_end.trouble_of(error) is not Trouble.AWAY:
            return error
        away = DatabaseAwayError("The database cannot be reached at the moment.")
        away.__cause__ = error
        return away

    def _write_groups(self) -> None:
        while (group := self._next_group()) is not None:
            if not self._write_together(group):
                self._write_one_by_one(group)

    def _next_group(self) -> list[_Write[Any]] | None:
        """All writes that are waiting, at least one; None when the database closes."""
        first = self._writes.get()
        if first is None:
            return None
        group = [first]
        while len(group) < _LARGEST_GROUP:
            try:
                write = self._writes.get_nowait()
            except queue.Empty:
                break
            if write is None:
                self._writes.put(None)
                break
            group.append(write)
        return group

    def _write_together(self, group: list[_Write[Any]]) -> bool:
        try:
            with self._writer.begin() as connection:
                results = [write.work(connection) for write in group]
                has_news = connection.info.pop(_NEWS, False)
        except BaseException:
            # Each write of the group is run again alone, and raises there; the thread lives on for the next.
            return False
        if has_news:
            self.on_news()
        for write, result in zip(group, results, strict=True):
            write.done.set_result(result)
        return True

    def _write_one_by_one(self, group: list[_Write[Any]]) -> None:
        fault: BaseException | None = None
        for write in group:
            # Once the database is found to be away the others need not wait for the same answer.
            if not isinstance(fault, DatabaseAwayError):
                fault = self._write_alone(write)
            if fault is not None:
                write.done.set_exception(fault)

    def _write_alone(self, write: _Write[Any]) -> BaseException | None:
        """Runs a write in a transaction of its own; returns what it raised at last."""
        fault: BaseException | None = None
        for _ in range(_TRIES):
            try:
                with self._writer.begin() as connection:
                    result = write.work(connection)
                    has_news = connection.info.pop(_NEWS, False)
            except BaseException as error:
                fault = error
                if self._back_end.trouble_of(error) is not Trouble.CONFLICT:
                    break
            else:
                if has_news:
                    self.on_news()
                write.done.set_result(result)
                return None
        return None if fault is None else self._translated(fault)


def mark_news(connection: Connection) -> None:
    """Has `Database.on_news` called once this transaction is durable. (One that fails may have it called in vain.)"""
    connection.info[_NEWS] = True


@dataclass(frozen=True, slots=True)
class _Write(Generic[T]):
    work: Callable[[Connection], T]
    done: Future[T]


def _opened(url: str) -> BackEnd:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        shown = re.sub(r":[^:@]*@", ":***@", url)
        message = f"{shown!r} is not a database URL; use one like {_LIKE}"
        raise DatabaseUnavailableError(message) from error
    if parsed.drivername == "sqlite":
        return SqliteFile.open(parsed)
    if parsed.drivername in ("postgresql", "postgres"):
        return Postgres.open(parsed)
    message = f"{parsed.drivername!r} databases are not supported; use one like {_LIKE}"
    raise DatabaseUnavailableError(message)


_LIKE = "sqlite:///tracker.db or postgresql://user@host/tracker"
