"""PostgreSQL: a server that any number of processes work on at the same time."""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import Engine, create_engine, event, func, select
from sqlalchemy.exc import DBAPIError, OperationalError

from store.backends import ENGINE_OPTIONS, READERS, Trouble
from store.dialects import take_turns
from store.errors import DatabaseUnavailableError
from store.migrations import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

_CONNECT_SECONDS = 5
_LISTEN_SECONDS = 1.0
"""After so long a listener looks whether the database was closed; and so long it waits before it connects again."""

_LONGEST_LOCK = "10s"
"""So long a migration waits for a table. Behind it all replicas wait, be it only for a back-up to end."""

_CHANNEL = "tracker"
_LONGEST_HINT = 7000
"""PostgreSQL takes 7999 bytes."""

_SESSION = {
    # Who is stopped in the middle of a transaction must not hold the others up for longer.
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
}
_DIALLING = {
    "application_name": "tracker",
    "connect_timeout": _CONNECT_SECONDS,
    # A server that is gone without a word is found out within half a minute; by itself Linux waits for hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
_AWAY = ("08", "57P", "53", "25006")
"""SQLSTATE: connection exceptions, shut-downs and starts, too few resources; and a server that takes no writes, as the
wrong one does during a fail-over."""

_CONFLICT = ("40001", "40P01", "23505")
"""SQLSTATE: a serialization failure, a deadlock, and a key that is there already: another process may have written it
since this one looked, and will be found by the next look."""


class Postgres:
    """A database on a PostgreSQL server."""

    is_shared = True

    def __init__(self, url: URL) -> None:
        self.reader = _engine(url, READERS, "REPEATABLE READ")
        self.writer = _engine(url, 1, "READ COMMITTED")
        self._side = _engine(url, 2, "AUTOCOMMIT")
        self._closing = threading.Event()
        self._listener: threading.Thread | None = None

    @classmethod
    def open(cls, url: URL) -> Postgres:
        """Connects, and brings the schema up to date; several that start at once take turns.

        Raises DatabaseUnavailableError.
        """
        opened = cls(url.set(drivername="postgresql+psycopg"))
        try:
            with opened.writer.begin() as connection:
                _require_utf8(connection)
                take_turns(connection, "migrations")
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LONGEST_LOCK}'")
                upgrade(connection)
        except BaseException as error:
            opened.close()
            if isinstance(error, Exception) and not isinstance(error, DatabaseUnavailableError):
                raise DatabaseUnavailableError(_way_out(url, error)) from error
            raise
        return opened

    def trouble_of(self, error: BaseException) -> Trouble | None:
        """Tells by the class of the error, and by its SQLSTATE."""
        if not isinstance(error, DBAPIError):
            return None
        state: str | None = getattr(error.orig, "sqlstate", None)
        if state in _CONFLICT:
            return Trouble.CONFLICT
        is_away = isinstance(error, OperationalError) if state is None else state.startswith(_AWAY)
        return Trouble.AWAY if is_away or error.connection_invalidated else None

    def erase(self) -> None:
        """What was overwritten is cleared by `VACUUM`, and by those who keep the server's log."""

    def tell(self, hint: str) -> None:
        """Notifies those who listen; a hint that is too long tells that there is something."""
        told = hint if len(hint.encode()) <= _LONGEST_HINT else ""
        with self._side.connect() as connection:
            connection.execute(select(func.pg_notify(_CHANNEL, told)))

    def listen(self, hear: Callable[[str], None]) -> None:
        """Listens in a thread of its own, on a connection of its own, which it makes anew when it is lost."""
        self._listener = threading.Thread(target=self._listen, args=(hear,), name="store-listen", daemon=True)
        self._listener.start()

    def close(self) -> None:
        """Hangs up."""
        self._closing.set()
        if self._listener is not None:
            self._listener.join()
        for engine in (self.reader, self.writer, self._side):
            engine.dispose()

    def _listen(self, hear: Callable[[str], None]) -> None:
        while not self._closing.is_set():
            with suppress(psycopg.Error, DBAPIError):
                self._listen_once(hear)
            self._closing.wait(_LISTEN_SECONDS)

    def _listen_once(self, hear: Callable[[str], None]) -> None:
        pooled = self._side.raw_connection()
        listener = pooled.driver_connection
        assert isinstance(listener, psycopg.Connection)  # noqa: S101 - the engine is one of psycopg's
        # Nobody else is to get a connection that listens.
        pooled.detach()
        with closing(listener):
            listener.execute(f"LISTEN {_CHANNEL}")
            hear("")
            while not self._closing.is_set():
                for notice in listener.notifies(timeout=_LISTEN_SECONDS, stop_after=1):
                    hear(notice.payload)


def _engine(url: URL, connections: int, isolation: Any) -> Engine:  # noqa: ANN401 - a Literal of SQLAlchemy's that has no name
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        isolation_level=isolation,
        connect_args=_connect_args(url),
        **ENGINE_OPTIONS,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg's, behind SQLAlchemy's adapter
        connection.adapters.register_dumper(str, _Text)
        # Not by the start packet: a pooler refuses what it does not know.
        for name, value in _SESSION.items():
            connection.execute(f"SET {name} = '{value}'")
        connection.commit()

    return engine


def _connect_args(url: URL) -> dict[str, Any]:
    """Only what the URL does not say."""
    return {name: value for name, value in _DIALLING.items() if name not in url.query}


class _Text(StrDumperUnknown):
    """PostgreSQL's text has no NUL; what a stranger sends may have one, and must not be lost for that."""

    def dump(self, obj: str) -> Any:  # noqa: ANN401 - the signature is psycopg's
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))


def _require_utf8(connection: Connection) -> None:
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        message = f"The database has the encoding {encoding}; make one with the encoding UTF8"
        raise DatabaseUnavailableError(message)


def _way_out(url: URL, error: Exception) -> str:
    reason = " ".join(str(getattr(error, "orig", None) or error).split())
    shown = url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
    return f"{shown} cannot be opened; check that PostgreSQL is there, and that the role may use it. ({reason})"
