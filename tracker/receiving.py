"""Receives answers: each begins with a head that has to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from tracker.phases import PHASES, Phases, Place

if TYPE_CHECKING:
    import asyncio
    from typing import Self

    from aiohttp.connector import Connection

HEAD_BYTES = 64 * 1024
"""More than this before an answer's body is refused: headers, and any number of interim answers (1xx)."""


class HeadTooLongError(HttpProcessingError):
    """An answer does not come to its body."""


class Receiver(ResponseHandler):
    """What comes in by one connection, which leads to `place`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, place: Place | None) -> None:
        super().__init__(loop)
        self._place = place
        self._waiting: Phases | None = None
        self._head_bytes = 0

    def await_head(self, phases: Phases) -> None:
        """The next bytes are the head of an answer."""
        phases.place = self._place
        self._waiting, self._head_bytes = phases, 0

    def end_head(self) -> None:
        """What comes now is a body."""
        if self._waiting is not None:
            self._waiting.hear()
            self._waiting = None

    def data_received(self, data: bytes) -> None:
        """Takes what has come."""
        if self._waiting is not None:
            self._waiting.hear()
            if self._head_bytes > HEAD_BYTES:
                # Whoever awaits the head drops the connection then.
                self.set_exception(HeadTooLongError(message=f"The head is longer than {HEAD_BYTES} bytes"))
                return
            self._head_bytes += len(data)
        super().data_received(data)

    def close(self) -> None:
        """Drops the connection. TLS would take leave, and wait up to 30 s for the far side to do so too."""
        self.abort()


class Answer(aiohttp.ClientResponse):
    """Forgets the reason phrase: it may hold any bytes, and the transport fails on those that are not UTF-8."""

    async def start(self, connection: Connection) -> Self:
        """Reads the status line and the headers."""
        receiver = connection.protocol
        if isinstance(receiver, Receiver):
            receiver.await_head(PHASES.get())
        await super().start(connection)
        if isinstance(receiver, Receiver):
            receiver.end_head()
        self.reason = None
        return self
