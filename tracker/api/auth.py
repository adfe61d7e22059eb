"""Who may call what: bearer keys with scopes."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from starlette.requests import Request

from store.records import Scope
from tracker.api.context import context_of
from tracker.api.problems import problem_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Send
    from starlette.types import Scope as AsgiScope

    from tracker.api.context import Context

_OPEN_PATHS = ("/healthz", "/readyz", "/openapi.json", "/docs", "/docs/", "/docs/providers", "/docs/providers/")
_ADMIN_PATHS = ("/v1/callback-secret", "/v1/keys")
_ADMIN_ENDING = "/rotate-secret"
_RANK = {Scope.READ: 0, Scope.WRITE: 1, Scope.ADMIN: 2}


def digest_of(key: str) -> str:
    """How a key is kept: its SHA-256 in hex. Keys are long and random, so no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


class Authentication:
    """Lets a request pass whose bearer key has the scope that its method and path need."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answers 401 or 403, or hands on."""
        if scope["type"] != "http" or _is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        granted = await _granted(request, context_of(request))
        needed = _needed(scope["method"], scope["path"])
        if granted is None:
            response = problem_response(
                401,
                "Send a valid API key: 'Authorization: Bearer <key>'.",
                request.url.path,
                headers={"www-authenticate": "Bearer"},
            )
            await response(scope, receive, send)
        elif _RANK[granted] < _RANK[needed]:
            detail = f"This needs a key with scope {needed.value!r}; yours has {granted.value!r}."
            await problem_response(403, detail, request.url.path)(scope, receive, send)
        else:
            request.state.granted = granted
            await self._app(scope, receive, send)


def granted_to(request: Request) -> Scope:
    """The scope of the key that a request came with."""
    return Scope(request.state.granted)


async def is_let_in(request: Request) -> bool:
    """Whether the key that a request came with is still valid."""
    return await _granted(request, context_of(request)) is not None


async def _granted(request: Request, context: Context) -> Scope | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        return None
    digest = digest_of(key)
    if context.api_key and hmac.compare_digest(digest, digest_of(context.api_key)):
        return Scope.ADMIN
    known = await context.keys.find(digest)
    return known.scope if known else None


def _needed(method: str, path: str) -> Scope:
    # The path as the router sees it: that of `request.url` is pieced together with the Host header, which anyone sets.
    if path.startswith(_ADMIN_PATHS) or path.endswith(_ADMIN_ENDING):
        return Scope.ADMIN
    return Scope.READ if method in ("GET", "HEAD", "OPTIONS") else Scope.WRITE


def _is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith("/.well-known/")
