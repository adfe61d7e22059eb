"""What visitors are told when something is not as they asked."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from tracker.dashboard.asking import RefusedError
from tracker.dashboard.rendering import render
from tracker.dashboard.sessions import COOKIE, take_away

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_log = structlog.stdlib.get_logger("tracker")


async def answer_over(request: Request, _error: Exception) -> Response:
    """For SessionOverError: signs in first, and comes back then."""
    if request.url.path == "/live":
        # A stream is not led anywhere; its page asks again, and is.
        return render("problem.html", 401, title="Signed out", detail="Sign in again.", flaws=())
    came_for = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    path = f"/login?next={quote(came_for, safe='')}" if request.method == "GET" and came_for != "/" else "/login"
    response = RedirectResponse(path, 303, {"cache-control": "no-store"})
    if COOKIE in request.cookies:
        take_away(response)
    return response


async def answer_refused(request: Request, error: Exception) -> Response:
    """For RefusedError: a key that is no longer good ends the session, everything else is shown."""
    assert isinstance(error, RefusedError)  # noqa: S101 - registered for this class alone
    if error.status == 401:
        return await answer_over(request, error)
    response = render("problem.html", error.status, title=error.title, detail=error.detail, flaws=error.flaws)
    if error.retry_after:
        response.headers["retry-after"] = error.retry_after
    return response


async def answer_http_exception(_request: Request, error: Exception) -> Response:
    """For what the router and the door raise."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    title = HTTPStatus(error.status_code).phrase
    response = render("problem.html", error.status_code, title=title, detail=error.detail, flaws=())
    response.headers.update(error.headers or {})
    return response


async def answer_fault(request: Request, error: Exception) -> Response:
    """For whatever should not have happened: it is logged here and not shown, under an id that the page has too."""
    request_id = f"req_{uuid4().hex}"
    _log.error("page.failed", request_id=request_id, method=request.method, path=request.url.path, exc_info=error)
    detail = f"Tracker failed to show this page; its log says why, under {request_id}."
    return render("problem.html", 500, title="Internal Server Error", detail=detail, flaws=())
