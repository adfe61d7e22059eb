"""Who calls: bearer keys."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from starlette.requests import Request

from store.records import Scope
from tracker.api.context import context_of
from tracker.api.problems import problem_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import Route
    from starlette.types import ASGIApp, Receive, Send
    from starlette.types import Scope as AsgiScope

    from tracker.api.context import Context


_OPEN_TO_COME = ("/openapi.json", "/docs")
"""Open by the contract, though nothing is there yet."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, by the id of their key, and what that may do."""

    id: str
    scope: Scope


OPERATOR = Caller("operator", Scope.ADMIN)
"""Who calls with the key of the settings."""


def digest_of(key: str) -> str:
    """How a key is kept: its SHA-256 in hex. Keys are long and random, so no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def caller_of(request: Request) -> Caller:
    """Who calls; `Authentication` has let them in."""
    return cast("Caller", request.state.caller)


class Authentication:
    """Lets in whoever has a valid key, and everybody to what is open; what a key may do, each call's gate says."""

    def __init__(self, app: ASGIApp, open_routes: Sequence[Route]) -> None:
        self._app = app
        self._open_routes = open_routes

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answers 401, or hands on."""
        if scope["type"] != "http" or self._is_open(scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        caller = await _caller(request, context_of(request))
        if caller is None:
            response = problem_response(
                401,
                "Send a valid API key: 'Authorization: Bearer <key>'.",
                request.url.path,
                headers={"www-authenticate": "Bearer"},
            )
            await response(scope, receive, send)
        else:
            request.state.caller = caller
            await self._app(scope, receive, send)

    def _is_open(self, scope: AsgiScope) -> bool:
        # The path as the router sees it: that of `request.url` is pieced together with the Host header, which anyone
        # sets. A slash too many is no secret.
        path: str = scope["path"].removesuffix("/")
        return (
            scope["path"].startswith("/.well-known/")
            or path in _OPEN_TO_COME
            or any(route.path_regex.match(path) for route in self._open_routes)
        )


async def _caller(request: Request, context: Context) -> Caller | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        return None
    digest = digest_of(key)
    if context.api_key and hmac.compare_digest(digest, digest_of(context.api_key)):
        return OPERATOR
    known = await context.keys.find(digest)
    return Caller(known.id, known.scope) if known else None
