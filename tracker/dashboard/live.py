"""The event stream of the API, for browsers: they have a cookie, and the API wants a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from tracker.dashboard.visits import doors_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tracker.dashboard.visits import Visit

_PATH = "/v1/events/stream"
_KEPT = ("type", "asgi", "http_version", "method", "scheme", "query_string", "client", "server", "extensions")
_PASSED_ON = (b"accept", b"host", b"last-event-id")


async def stream(visit: Visit) -> Response:
    """`GET /live`: events as they happen, by the filters of the API's stream."""
    return _HandedOn(doors_of(visit.request).desk.api, visit.key)


class _HandedOn(Response):
    """What the API answers to the same request at its stream."""

    def __init__(self, api: ASGIApp, key: str) -> None:
        super().__init__()
        self._api = api
        self._authorization = b"authorization", f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the API answer."""
        headers = [each for each in scope["headers"] if each[0] in _PASSED_ON]
        asked = {name: scope[name] for name in _KEPT if name in scope}
        asked |= {"path": _PATH, "raw_path": _PATH.encode(), "headers": [*headers, self._authorization], "state": {}}
        await self._api(asked, receive, send)
