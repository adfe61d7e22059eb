"""Answers as only a broken server gives them. `serve()` of this package lets them go wrong for real over HTTP."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

HANG_UP = "tracker.demo.hang_up"
"""The ASGI extension by which an app closes its connection: `scope["extensions"][HANG_UP]["now"]()`."""

MEBIBYTE = 1 << 20


class Hanging(Response):
    """Never answers; it ends when the client gives up."""

    async def __call__(self, _scope: Scope, receive: Receive, _send: Send) -> None:
        """Waits for the client to leave."""
        await _client_is_gone(receive)


class Dripping(Response):
    """Sends its body a byte at a time, so that no read of the client's ever times out."""

    def __init__(self, content: bytes, media_type: str, seconds_per_byte: float = 0.05) -> None:
        super().__init__(content, media_type=media_type)
        self._seconds_per_byte = seconds_per_byte

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Drips until all is sent or the client is gone."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for index in range(len(self.body)):
            await send(_body(self.body[index : index + 1], more=index + 1 < len(self.body)))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_per_byte):
                    await _client_is_gone(receive)
                    return


class Truncated(Response):
    """Announces its whole body, sends half of it and hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends half."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send(_body(self.body[: len(self.body) // 2], more=True))
        await _hang_up(scope, receive)


class HungUp(Response):
    """Closes the connection without a word."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Hangs up."""
        await _hang_up(scope, receive)


def _body(content: bytes | memoryview, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": bytes(content), "more_body": more}


async def _client_is_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _hang_up(scope: Scope, receive: Receive) -> None:
    extension = scope.get("extensions", {}).get(HANG_UP)
    if extension is None:
        message = "This server cannot hang up; serve the app with the serve() of tracker.demo."
        raise ConnectionAbortedError(message)
    extension["now"]()
    await _client_is_gone(receive)
