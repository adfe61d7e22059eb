"""Runs the service as a process: listens, greets, and stops on a signal."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import structlog
import uvicorn

from store.database import Database
from store.errors import StoreError
from store.vault import MAKE_A_KEY
from tracker.connections import CuttableConnection
from tracker.key_file import FoundKey, KeyFile
from tracker.logs import configure_logs
from tracker.providers.description import DescriptionError
from tracker.quickening import run, spare_searches
from tracker.rules.keys import key_digest
from tracker.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tracker.settings import Settings

_HTTP_GRACE_SECONDS = 4
"""Requests may finish for so long; together with the service's own grace a stop stays well under 20 s."""


_BACKLOG = 2048
_log = structlog.stdlib.get_logger("tracker")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StartError(Exception):
    """The service cannot start; the message says why and what to do."""


def serve(settings: Settings, read_again: Callable[[], Mapping[str, str]] | None = None) -> None:
    """Runs the service until SIGTERM or SIGINT. Raises StartError.

    At SIGHUP it takes the credentials that `read_again` finds; that may raise ValueError.
    """
    _require_encryption(settings)
    configure_logs(settings.log_format)
    try:
        run(_serve(settings, read_again))
    except (StoreError, DescriptionError) as error:
        raise StartError(str(error)) from error


def migrate(settings: Settings) -> str:
    """Brings the database's schema up to date and returns its revision. Raises StartError."""
    try:
        database = Database.open(settings.database_url)
    except StoreError as error:
        raise StartError(str(error)) from error
    try:
        return asyncio.run(database.revision())
    finally:
        database.close()


def _require_encryption(settings: Settings) -> None:
    if settings.is_on_loopback or settings.encryption_keys:
        return
    message = (
        f"Other machines can reach {settings.host}, so secrets must not lie in the database as they are: set "
        f"TRACKER_ENCRYPTION_KEY, and keep it, since what it encrypts is lost without it. Make one by {MAKE_A_KEY}"
    )
    raise StartError(message)


async def _serve(settings: Settings, read_again: Callable[[], Mapping[str, str]] | None) -> None:
    with _listen(settings) as listener, _Stop() as stop:
        async with Service(settings) as service:
            spare_searches()
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _take_credentials, service, read_again)
            config = uvicorn.Config(
                service.site,
                http=CuttableConnection,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=_HTTP_GRACE_SECONDS,
            )
            host, port = listener.getsockname()[:2]
            _greet(service, port, await _keep_key(service, host, port))
            await _Server(config, service.let_go, stop).serve(sockets=[listener])


def _take_credentials(service: Service, read_again: Callable[[], Mapping[str, str]] | None) -> None:
    if read_again is None:
        _log.warning("credentials.kept", reason="The service was started without --env-file.")
        return
    try:
        service.take_credentials(read_again())
    except ValueError as error:
        _log.warning("credentials.kept", reason=str(error))
    else:
        _log.info("credentials.taken")


class _Stop:
    """Whether a signal has asked the process to stop; it may come before there is a server to tell."""

    def __init__(self) -> None:
        self.is_asked = False

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._ask)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)

    def _ask(self) -> None:
        self.is_asked = True


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        # From here on clients are not refused: they wait until the service is up.
        listener.listen(_BACKLOG)
    except (OSError, UnicodeError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        message = f"Cannot listen on {settings.host}:{settings.port}: {reason}. Choose another --port."
        raise StartError(message) from error
    return listener


class _Server(uvicorn.Server):
    """uvicorn, but a signal ends it with exit code 0, and those who wait for something are let go first."""

    def __init__(self, config: uvicorn.Config, let_go: Callable[[], None], stop: _Stop) -> None:
        super().__init__(config)
        self._let_go = let_go
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own way raises the signal again once it has served, before the service could stop in order."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Looks, ten times a second, whether it is time to stop."""
        self.should_exit = self.should_exit or self._stop.is_asked
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers those who wait, so that a long poll or a stream does not hold up the stop."""
        self._let_go()
        await super().shutdown(sockets)


async def _keep_key(service: Service, host: str, port: int) -> FoundKey | None:
    """Keeps the key of the first start for the commands of whoever runs the service; returns it, and where it lies."""
    file = KeyFile(service.settings.database_url)
    try:
        key = service.new_api_key or file.key()
        if key is None:
            return None
        if await service.key_ring.find(key) is None:
            # It was revoked, or belonged to another database that lay here.
            file.forget()
            return None
        file.keep(key, host, port)
    except (OSError, RuntimeError) as error:
        _log.warning("key_file.unusable", reason=str(error), hint="Commands need TRACKER_API_KEY.")
        return None
    service.key_ring.revoked = lambda revoked: file.forget() if revoked.digest == key_digest(key) else None
    return FoundKey(key, file.path)


def _greet(service: Service, port: int, kept: FoundKey | None) -> None:
    host = f"[{service.settings.host}]" if ":" in service.settings.host else service.settings.host
    url = f"http://{host}:{port}"
    lines = [f"Tracker listens on {url} (database: {service.settings.shown_database_url})."]
    if service.new_api_key:
        lines.append(f"This is the admin API key; it is shown this once:\n\n    {service.new_api_key}\n")
    if service.new_api_key and kept:
        lines.append(f"The tracker command finds it by itself on this machine, in {kept.path}.")
    if path := _login_path(service, kept):
        lines.append(f"The dashboard; this link signs you in, once, within an hour:\n\n    {url}{path}\n")
    print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201 - a word to the operator, not a log line


def _login_path(service: Service, kept: FoundKey | None) -> str | None:
    """Where the operator at this machine is signed in, once."""
    key = service.settings.api_key or service.new_api_key or (kept and kept.key)
    # What is no terminal may be a log, which more people read: there it is told only where the key stands as well.
    is_for_the_operator = service.new_api_key is not None or sys.stderr.isatty()
    return service.site.login_path(key) if key and service.settings.is_on_loopback and is_for_the_operator else None
