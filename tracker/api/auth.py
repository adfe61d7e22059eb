"""Who calls: bearer keys, and how often they may."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from starlette.requests import Request

from store.errors import DatabaseAwayError
from tracker.api.context import context_of
from tracker.api.problems import answer_away, problem_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import ASGIApp, Receive, Send
    from starlette.types import Scope as AsgiScope

    from tracker.key_ring import Caller


def caller_of(request: Request) -> Caller:
    """Who calls; `Authentication` has let them in."""
    return cast("Caller", request.state.caller)


def bearer_key(request: Request) -> str:
    """The API key that a request comes with ("": none)."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


class Authentication:
    """Lets in whoever has a valid key and does not overdo it, and everybody to what is open.

    What a key may do is for each call's gate to say.
    """

    def __init__(self, app: ASGIApp, open_routes: Sequence[Route]) -> None:
        self._app = app
        self._open_routes = open_routes

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answers 401 or 429, or hands on."""
        if scope["type"] != "http" or self._is_open(scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            caller = await _caller(request)
        except DatabaseAwayError as error:
            response = await answer_away(request, error)
            await response(scope, receive, send)
            return
        refusal = _refusal(request, caller)
        if refusal is None:
            request.state.caller = caller
        await (refusal or self._app)(scope, receive, send)

    def _is_open(self, scope: AsgiScope) -> bool:
        # The path as the router sees it: that of `request.url` is pieced together with the Host header, which anyone
        # sets. A slash too many is no secret.
        path: str = scope["path"].removesuffix("/")
        return scope["path"].startswith("/.well-known/") or any(
            route.path_regex.match(path) for route in self._open_routes
        )


def _refusal(request: Request, caller: Caller | None) -> Response | None:
    if caller is None:
        detail = "Send a valid API key: 'Authorization: Bearer <key>'."
        return problem_response(401, detail, request.url.path, headers={"www-authenticate": "Bearer"})
    seconds = context_of(request).limit.seconds_to_wait(caller.id)
    if seconds:
        detail = f"This key makes too many requests; go on in {seconds} s."
        return problem_response(429, detail, request.url.path, headers={"retry-after": str(seconds)})
    return None


async def is_let_in(request: Request) -> bool:
    """Whether the key that a request came with is still valid."""
    return await _caller(request) is not None


async def _caller(request: Request) -> Caller | None:
    key = bearer_key(request)
    return await context_of(request).key_ring.caller(key) if key else None
