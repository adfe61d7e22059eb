"""A receiver of webhooks that believes nothing: it verifies every signature with the official library."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import orjson
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable
    from datetime import datetime

    from starlette.requests import Request

Mood = Literal["500", "410", "429", "302", "hang", "huge"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A webhook that came; `flaw` says why its signature does not hold (None: it does)."""

    id: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes
    arrived_at: datetime
    flaw: str | None

    @property
    def content(self) -> dict[str, Any]:
        """The body as JSON."""
        value: dict[str, Any] = orjson.loads(self.body)
        return value


class Inbox:
    """What has arrived, in order. `secret_of` gives the secret that signs what comes to a path."""

    def __init__(self, now: Callable[[], datetime], secret_of: Callable[[str], str]) -> None:
        self._now = now
        self._secret_of = secret_of
        self.arrivals: list[Arrival] = []
        self.moods: dict[str, deque[Mood]] = {}
        """How the next requests to a path are answered, one each, instead of well."""
        self.arrived: Callable[[Arrival], None] = lambda _arrival: None
        """Called at each arrival."""
        self._changed = asyncio.Condition()

    async def until(self, is_enough: Callable[[list[Arrival]], bool], seconds: float = 30) -> None:
        """Returns once what has arrived is enough. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: is_enough(self.arrivals))

    async def receive(self, request: Request) -> Response:
        """Takes a webhook in, and answers in the mood that was asked for, else by whether it is genuine."""
        body = await request.body()
        path = request.url.path
        headers = dict(request.headers)
        arrival = Arrival(
            headers.get("webhook-id", ""), path, headers, body, self._now(), self._flaw(path, headers, body)
        )
        self.arrivals.append(arrival)
        self.arrived(arrival)
        async with self._changed:
            self._changed.notify_all()
        moods = self.moods.get(path)
        if moods:
            return await _moody(moods.popleft())
        return Response(status_code=204) if arrival.flaw is None else Response(arrival.flaw, 401)

    def _flaw(self, path: str, headers: dict[str, str], body: bytes) -> str | None:
        try:
            Webhook(self._secret_of(path)).verify(body, headers)
        except (WebhookVerificationError, ValueError) as error:
            return str(error) or type(error).__name__
        return None


def app(inbox: Inbox) -> Starlette:
    """The receiver; every path is a callback URL of its own."""
    return Starlette(routes=[Route("/{path:path}", inbox.receive, methods=["POST"])])


async def _moody(mood: Mood) -> Response:
    match mood:
        case "hang":
            await asyncio.Event().wait()
            raise AssertionError
        case "huge":
            return Response(b"x" * 1_000_000, 200)
        case "302":
            return Response(status_code=302, headers={"location": "http://127.0.0.1:9/"})
        case "429":
            return Response(status_code=429, headers={"retry-after": "7"})
        case _:
            return Response("no", int(mood))
