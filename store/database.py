"""The connection to the database: opening, migrating, reading in threads, and one writer with group commit."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson
from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from store.errors import StoreError
from store.migrations import current_revision, upgrade

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_NEWS = "news"
_READERS = 4
_LARGEST_GROUP = 200
_BUSY_SECONDS = 10


class DatabaseUnavailableError(StoreError):
    """The database cannot be opened: a wrong URL, a missing folder, a file that another process holds."""


class Database:
    """One open database. `read` and `write` run a function on a connection, off the event loop.

    Writes run one after the other in one thread. Those that are waiting share a transaction (group commit): each is
    durable when its `write` returns. A write that raises is rolled back alone and raises from its own `write`; so the
    function may be run twice and must do nothing but talk to its connection.
    """

    def __init__(self, reader: Engine, writer: Engine, lock: FileLock | None) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = lock
        self._is_closed = False
        self.on_news: Callable[[], None] = lambda: None
        """Called in the writer's thread after the commit of a transaction that `mark_news` was called in, and before
        its writes return. It must not raise."""
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="store-read")
        self._writes: queue.SimpleQueue[_Write[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_groups, name="store-write", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, url: str) -> Database:
        """Opens the database and brings its schema up to date.

        Raises DatabaseUnavailableError, with the way out in its message.
        """
        parsed = _parsed(url)
        path = _file_of(parsed)
        lock = _locked(path)
        writer = _sqlite_engine(parsed, begin="BEGIN IMMEDIATE")
        try:
            with writer.begin() as connection:
                upgrade(connection)
        except BaseException as error:
            writer.dispose()
            lock.release()
            if isinstance(error, Exception):
                message = f"{path} cannot be opened as a database; name another file, or restore this one. ({error})"
                raise DatabaseUnavailableError(message) from error
            raise
        return cls(_sqlite_engine(parsed, begin="BEGIN"), writer, lock)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` in a read transaction in a thread; it sees one state of the database."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

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
        if await self.read(_is_to_be_erased):
            await asyncio.get_running_loop().run_in_executor(self._threads, self._rewrite)

    def close(self) -> None:
        """Finishes the writes that are waiting, and lets go of the file."""
        self._is_closed = True
        self._writes.put(None)
        self._thread.join()
        self._threads.shutdown()
        self._reader.dispose()
        self._writer.dispose()
        if self._lock:
            self._lock.release()

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._reader.begin() as connection:
            return work(connection)

    def _rewrite(self) -> None:
        """SQLite leaves what was overwritten in the file until the space is used again, and in its journal too."""
        with closing(self._writer.raw_connection()) as connection:
            cursor = connection.cursor()
            try:
                cursor.execute("VACUUM")
                (is_busy, *_) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                # Else the next start tries again.
                if not is_busy:
                    cursor.execute("PRAGMA user_version = 0")
            except sqlite3.Error as error:
                message = f"The file cannot be cleared of what was overwritten: {error}. That takes twice its size; "
                message += "make room, and start again."
                raise StoreError(message) from error

    def _write_groups(self) -> None:
        while (group := self._next_group()) is not None:
            if not self._write_together(group):
                for write in group:
                    self._write_alone(write)

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

    def _write_alone(self, write: _Write[Any]) -> None:
        try:
            with self._writer.begin() as connection:
                result = write.work(connection)
                has_news = connection.info.pop(_NEWS, False)
        except BaseException as error:
            write.done.set_exception(error)
        else:
            if has_news:
                self.on_news()
            write.done.set_result(result)


def mark_news(connection: Connection) -> None:
    """Has `Database.on_news` called once this transaction is durable. (One that fails may have it called in vain.)"""
    connection.info[_NEWS] = True


def erase_later(connection: Connection) -> None:
    """Has the next `erase` clear the file of what this transaction overwrites, and of all that was before it."""
    connection.exec_driver_sql("PRAGMA user_version = 1")


def _is_to_be_erased(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql("PRAGMA user_version").scalar())


@dataclass(frozen=True, slots=True)
class _Write(Generic[T]):
    work: Callable[[Connection], T]
    done: Future[T]


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        message = f"{url!r} is not a database URL; use one like sqlite:///tracker.db"
        raise DatabaseUnavailableError(message) from error
    if parsed.drivername != "sqlite":
        message = f"{parsed.drivername!r} databases are not supported; use one like sqlite:///tracker.db"
        raise DatabaseUnavailableError(message)
    if parsed.host or parsed.query:
        message = f"{url!r} must name a file and nothing else: sqlite:/// and its path, as in sqlite:///tracker.db"
        raise DatabaseUnavailableError(message)
    return parsed


def _file_of(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        named = f"sqlite:///{url.database or ''}"
        message = f"{named!r} is a database in memory, which loses everything; name a file, as in sqlite:///tracker.db"
        raise DatabaseUnavailableError(message)
    path = Path(url.database).resolve()
    if not path.parent.is_dir():
        message = f"The folder {path.parent} of the database does not exist; create it first"
        raise DatabaseUnavailableError(message)
    return path


def _locked(path: Path) -> FileLock:
    """Holds the file for this process alone: two pollers on one SQLite file would poll each job twice."""
    # Not by thread: the thread that closes the database may be another than the one that opened it.
    lock = FileLock(f"{path}.lock", thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        message = (
            f"{path} is in use by another Tracker process. Stop that one first, or give this one a database of its own."
        )
        raise DatabaseUnavailableError(message) from error
    except OSError as error:
        message = f"{path} cannot be locked: {error}. Check that its folder is writable."
        raise DatabaseUnavailableError(message) from error
    return lock


def _sqlite_engine(url: URL, begin: str) -> Engine:
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS},
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        # What is written holds secrets and bodies; an error that is logged must not.
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - sqlite3's, behind SQLAlchemy's adapter
        # The driver must not begin transactions by itself: it would begin them deferred, and late.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # FULL: an answer that promises durability must survive a power cut, not only a crash.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # 12 MB for each connection: the system keeps the file's pages too, and memory is not to grow with the jobs.
        cursor.execute("PRAGMA cache_size=-12288")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
