"""Signing in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from tracker.dashboard.asking import RefusedError
from tracker.dashboard.forms import is_from_here, local_path, read_form
from tracker.dashboard.rendering import render
from tracker.dashboard.sessions import give, is_local, take_away
from tracker.dashboard.visits import doors_of
from tracker.rules.addresses import literal_address

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tracker.dashboard.visits import Visit


async def show(request: Request) -> Response:
    """`GET /login`: asks for a key, or takes the code that `tracker up` has printed."""
    code = request.query_params.get("code")
    if code is None:
        return _form(request, request.query_params.get("next", ""))
    key = doors_of(request).links.take(code) if _is_a_visit(request) else None
    if key is None:
        return _form(request, "", "This link was used before, or is over. Sign in with an API key.")
    return _entered(request, key, "/")


async def enter(request: Request) -> Response:
    """`POST /login`: a key that the API knows opens a session."""
    if not is_from_here(request):
        raise HTTPException(403, "Another site has sent this form. Sign in here.")
    form = await read_form(request)
    key, path = form.text("key"), form.text("next")
    if not key.isascii() or not key.isprintable():
        return _form(request, path, "An API key is plain letters, digits and signs.")
    try:
        await doors_of(request).desk.with_key(key).get("/v1/key")
    except RefusedError as refused:
        if refused.status != 401:
            raise
        return _form(request, path, "No such key is known here: it is mistyped, revoked or expired.")
    return _entered(request, key, local_path(path))


async def leave(_visit: Visit) -> Response:
    """`POST /logout`."""
    response = RedirectResponse("/login", 303, {"cache-control": "no-store"})
    take_away(response)
    return response


def _entered(request: Request, key: str, path: str) -> Response:
    response = RedirectResponse(path, 303, {"cache-control": "no-store"})
    give(response, request, doors_of(request).sessions.seal(key))
    return response


def _form(request: Request, path: str, flaw: str = "") -> Response:
    is_exposed = request.url.scheme == "http" and not is_local(request)
    return render("login.html", 401 if flaw else 200, flaw=flaw, next=local_path(path), is_exposed=is_exposed)


def _is_a_visit(request: Request) -> bool:
    """Whether somebody at this machine opens the link, and no program looks ahead."""
    address = literal_address(request.client.host) if request.client else None
    is_ahead = request.method == "HEAD" or "sec-purpose" in request.headers
    return address is not None and address.is_loopback and not is_ahead
