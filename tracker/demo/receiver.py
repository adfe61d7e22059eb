"""A receiver of webhooks that checks every signature with the official library, and misbehaves on request."""

from __future__ import annotations

import asyncio
import json
import math
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tracker.demo.broken import MEBIBYTE, Dripping, Hanging, HungUp, Truncated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request

_TOLERANCE = timedelta(minutes=5)
"""How old or new a webhook may be: what Standard Webhooks recommends."""

_TEXT = b"A receiver that takes its time to say so little. " * 20
_HUGE = 8 * MEBIBYTE


class Mischief(StrEnum):
    """One way in which a receiver treats a delivery badly."""

    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate_limited"
    GONE = "gone"
    REDIRECT = "redirect"
    HANG = "hang"
    DRIP = "drip"
    HUGE_BODY = "huge_body"
    TRUNCATED = "truncated"
    HUNG_UP = "hung_up"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One delivery as it came in. `status` is what it was answered, None for what is no clean answer."""

    path: str
    webhook_id: str | None
    headers: Mapping[str, str]
    body: bytes
    json: Any
    arrived_at: datetime
    verified: bool
    error: str | None
    status: int | None

    @property
    def was_accepted(self) -> bool:
        """Whether the sender was told that all is well."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class _Prank:
    mischief: Mischief
    retry_after: float
    location: str


class Inbox:
    """Keeps what arrives, lets people wait for it, and holds the secrets by which it is verified.

    `secret` counts on every path that has none of its own in `secrets_by_path`.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        secret: str | None = None,
        secrets_by_path: Mapping[str, str] | None = None,
    ) -> None:
        self.arrivals: list[Arrival] = []
        self.arrived: Callable[[Arrival], None] = lambda _arrival: None
        """Called at each arrival."""
        self._now = now
        self._secrets: defaultdict[str | None, list[Webhook]] = defaultdict(list)
        self._pranks: defaultdict[str | None, deque[_Prank]] = defaultdict(deque)
        self._changed = asyncio.Condition()
        if secret:
            self.trust(secret)
        for path, known in (secrets_by_path or {}).items():
            self.trust(known, path=path)

    def trust(self, secret: str, *, path: str | None = None) -> None:
        """Accepts this secret too: on one path, or on all that have none of their own."""
        self._secrets[path].append(Webhook(secret))

    def misbehave(
        self,
        mischief: Mischief,
        *,
        path: str | None = None,
        times: int = 1,
        retry_after: float = 1.0,
        location: str = "/elsewhere",
    ) -> None:
        """Treats the next deliveries badly, to one path or to any; each queued one takes one delivery."""
        self._pranks[path].extend([_Prank(mischief, retry_after, location)] * times)

    def behave(self) -> None:
        """Forgets all mischief that still waits."""
        self._pranks.clear()

    async def first(self, matches: Callable[[Arrival], bool]) -> Arrival:
        """The first arrival that matches, past ones included; waits for it as long as its caller does."""
        async with self._changed:
            await self._changed.wait_for(lambda: any(map(matches, self.arrivals)))
        return next(filter(matches, self.arrivals))

    async def until(self, is_enough: Callable[[Sequence[Arrival]], bool]) -> None:
        """Waits until the arrivals are enough."""
        async with self._changed:
            await self._changed.wait_for(lambda: is_enough(self.arrivals))

    async def receive(self, request: Request) -> Response:
        """Verifies and records a delivery, and answers it."""
        body = await request.body()
        headers = dict(request.headers)
        error = self._flaw(request.url.path, headers, body)
        prank = self._take_prank(request.url.path)
        answer = _pranked(prank) if prank else Response(status_code=401 if error else 204)
        arrival = Arrival(
            path=request.url.path,
            webhook_id=headers.get("webhook-id"),
            headers=headers,
            body=body,
            json=_parsed(body),
            arrived_at=self._now(),
            verified=error is None,
            error=error,
            status=None if isinstance(answer, (Hanging, HungUp, Truncated, Dripping)) else answer.status_code,
        )
        await self._record(arrival)
        return answer

    async def _record(self, arrival: Arrival) -> None:
        async with self._changed:
            self.arrivals.append(arrival)
            self.arrived(arrival)
            self._changed.notify_all()

    def _flaw(self, path: str, headers: Mapping[str, str], body: bytes) -> str | None:
        """Why the delivery is not to be trusted; None when it is."""
        secrets = self._secrets.get(path) or self._secrets.get(None)
        if not secrets:
            return f"No secret is known for {path}."
        try:
            sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
            expected = {secret.sign(headers["webhook-id"], sent_at, body.decode()) for secret in secrets}
            given = headers["webhook-signature"].split(" ")
        except KeyError as error:
            return f"The header {error} is missing."
        except (ValueError, OverflowError, OSError) as error:
            return f"The delivery cannot be read: {error}"
        # The library's verify() does just this, but by the system's clock.
        if abs(self._now() - sent_at) > _TOLERANCE:
            return "The timestamp is too old or too new."
        is_genuine = any(compare_digest(one.encode(), other.encode()) for one in expected for other in given)
        return None if is_genuine else "No signature matches."

    def _take_prank(self, path: str) -> _Prank | None:
        for waiting in (self._pranks[path], self._pranks[None]):
            if waiting:
                return waiting.popleft()
        return None


def app(inbox: Inbox) -> Starlette:
    """A receiver on every path: 204 for what is verified, 401 for what is not."""
    return Starlette(routes=[Route("/{path:path}", inbox.receive, methods=["POST"])])


def _parsed(body: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(body)
    except ValueError:
        return None


def _pranked(prank: _Prank) -> Response:
    return _ANSWERS[prank.mischief](prank)


def _busy(status: int, prank: _Prank) -> Response:
    return Response(status_code=status, headers={"retry-after": str(math.ceil(prank.retry_after))})


_ANSWERS: Mapping[Mischief, Callable[[_Prank], Response]] = {
    Mischief.SERVER_ERROR: lambda _prank: Response("It broke.", status_code=500),
    Mischief.UNAVAILABLE: lambda prank: _busy(503, prank),
    Mischief.RATE_LIMITED: lambda prank: _busy(429, prank),
    Mischief.GONE: lambda _prank: Response(status_code=410),
    Mischief.REDIRECT: lambda prank: Response(status_code=302, headers={"location": prank.location}),
    Mischief.HANG: lambda _prank: Hanging(),
    Mischief.DRIP: lambda _prank: Dripping(_TEXT, "text/plain"),
    Mischief.HUGE_BODY: lambda _prank: Response(b"x" * _HUGE, media_type="text/plain"),
    Mischief.TRUNCATED: lambda _prank: Truncated(_TEXT, media_type="text/plain"),
    Mischief.HUNG_UP: lambda _prank: HungUp(),
}
