"""Connections that an app can cut, for which ASGI has no word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp, Receive, Scope, Send

_CUT = "tracker.cut"


class CuttableConnection(H11Protocol):
    """uvicorn's HTTP/1.1. To close a connection it waits until all is sent, which is for ever where nobody reads."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Hands each request's app the scissors."""
        super().connection_made(transport)
        app: ASGIApp = self.app

        async def app_that_can_cut(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[_CUT] = {"now": transport.abort}
            await app(scope, receive, send)

        self.app = app_that_can_cut


def cut(scope: Scope) -> bool:
    """Ends the connection that a request came by, with all that waits to be sent; whether the server can do that."""
    extension = scope.get("extensions", {}).get(_CUT)
    if extension is None:
        return False
    extension["now"]()
    return True
