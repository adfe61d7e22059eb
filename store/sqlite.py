"""SQLite: a file that one process works on at a time."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event

from store.backends import ENGINE_OPTIONS, Trouble
from store.dialects import is_to_be_erased
from store.errors import DatabaseUnavailableError, StoreError
from store.migrations import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import URL

_BUSY_SECONDS = 5
_PRIMARY = 0xFF
"""What is left of a result code of SQLite without its details."""


class SqliteFile:
    """A database in a file, locked for this process alone."""

    is_shared = False

    def __init__(self, reader: Engine, writer: Engine, lock: FileLock) -> None:
        self.reader = reader
        self.writer = writer
        self._lock = lock

    @classmethod
    def open(cls, url: URL) -> SqliteFile:
        """Opens the file and brings its schema up to date. Raises DatabaseUnavailableError."""
        path = _file_of(url)
        lock = _locked(path)
        writer = _engine(url, begin="BEGIN IMMEDIATE")
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
        return cls(_engine(url, begin="BEGIN"), writer, lock)

    def trouble_of(self, error: BaseException) -> Trouble | None:
        """A file does not go away, but a program that looks at it may keep it locked for a while."""
        code: int = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)
        return Trouble.AWAY if code & _PRIMARY in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) else None

    def erase(self) -> None:
        """SQLite leaves what was overwritten in the file until the space is used again, and in its journal too."""
        with self.reader.connect() as connection:
            if not is_to_be_erased(connection):
                return
        with closing(self.writer.raw_connection()) as connection:
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

    def tell(self, hint: str) -> None:
        """There is nobody else."""

    def listen(self, hear: Callable[[str], None]) -> None:
        """There is nobody else."""

    def close(self) -> None:
        """Lets go of the file."""
        self.reader.dispose()
        self.writer.dispose()
        self._lock.release()


def _file_of(url: URL) -> Path:
    if url.host or url.query:
        message = f"{url.render_as_string()!r} must name a file and nothing else: "
        raise DatabaseUnavailableError(message + "sqlite:/// and its path, as in sqlite:///tracker.db")
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


def _engine(url: URL, begin: str) -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS}, **ENGINE_OPTIONS)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - sqlite3's, behind SQLAlchemy's adapter
        # The driver must not begin transactions by itself: it would begin them deferred, and late.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # FULL: an answer that promises durability must survive a power cut, not only a crash.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
