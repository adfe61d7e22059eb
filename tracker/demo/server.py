"""Serves an ASGI app on loopback inside the running event loop, and stops at once even when a handler hangs."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvicorn

from tracker.connections import CuttableConnection
from tracker.demo.broken import HANG_UP

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Receive, Scope, Send


@asynccontextmanager
async def serve(app: ASGIApp, host: str = "127.0.0.1", port: int = 0, *, grace: float = 0.2) -> AsyncIterator[str]:
    """Serves the app and gives its base URL, without a slash at the end; port 0 is a free one.

    On leaving, requests that run may finish for `grace` seconds; then they are cancelled and cut off.
    """
    # Bound before anything is started: nobody else can take the port in between.
    with socket.create_server((host, port), family=_family(host)) as listener:
        bound = listener.getsockname()[1]
        server = _Server(_Patient(app))
        await server.start(listener)
        try:
            yield f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"
        finally:
            await server.stop(grace)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class _Patient:
    """Takes a cancellation as the end of a request; uvicorn would log it as a crash."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.is_stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self.is_stopping:
                raise


class _Server(uvicorn.Server):
    """uvicorn without its main loop and signal handlers: the caller's event loop is the main loop."""

    def __init__(self, app: _Patient) -> None:
        self._patient = app
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            interface="asgi3",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
        )
        super().__init__(config)

    async def start(self, listener: socket.socket) -> None:
        """Accepts requests from now on."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        try:
            await self.startup(sockets=[listener])
        except SystemExit as error:
            message = "The app did not start: its lifespan raised an exception."
            raise RuntimeError(message) from error

    async def stop(self, grace: float) -> None:
        """Ends all that the server started: listeners, requests, connections, the app's lifespan."""
        for server in self.servers:
            server.close()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=grace)
        await self._drop_connections()
        await self._end_requests()
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()

    async def _drop_connections(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.close()
        await asyncio.sleep(0)
        # Who does not read what was sent would hold up a mere close.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # What an abort has lost is told in the loop's next turn.
        await asyncio.sleep(0)

    async def _end_requests(self) -> None:
        self._patient.is_stopping = True
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Protocol(CuttableConnection):
    """HTTP/1.1 whose apps can also hang up, for which ASGI has no message."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        app = self.app

        async def app_that_can_hang_up(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[HANG_UP] = {"now": transport.close}
            await app(scope, receive, send)

        self.app = app_that_can_hang_up
