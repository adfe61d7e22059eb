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
from tracker.dashboard.visits import visit_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

_log = structlog.stdlib.get_logger("tracker")


_TITLES = {
    400: "This cannot be read",
    401: "Signed out",
    403: "Not allowed",
    404: "Not found",
    409: "Not possible now",
    413: "Too large",
    422: "Not understood",
    429: "Too much at once",
    500: "Something went wrong",
    503: "Not available now",
}


async def answer_over(request: Request, _error: Exception) -> Response:
    """For SessionOverError: signs in first, and comes back then."""
    path, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
    if path == "/live":
        # A stream is not led anywhere; its page asks again, and is.
        return _problem(request, 401, "Sign in again.")
    came_for = f"{path}?{query}" if query else path
    back = f"?next={quote(came_for, safe='')}" if request.method == "GET" and came_for != "/" else ""
    response = RedirectResponse(f"/login{back}", 303, {"cache-control": "no-store"})
    if COOKIE in request.cookies:
        take_away(response)
    return response


async def answer_refused(request: Request, error: Exception) -> Response:
    """For RefusedError: a key that is no longer good ends the session, everything else is shown."""
    assert isinstance(error, RefusedError)  # noqa: S101 - registered for this class alone
    if error.status == 401:
        return await answer_over(request, error)
    response = _problem(request, error.status, error.detail, error.flaws)
    if error.retry_after:
        response.headers["retry-after"] = error.retry_after
    return response


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """For what the router and the door raise."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    response = _problem(request, error.status_code, error.detail)
    response.headers.update(error.headers or {})
    return response


async def answer_fault(request: Request, error: Exception) -> Response:
    """For whatever should not have happened: it is logged here and not shown, under an id that the page has too."""
    request_id = f"req_{uuid4().hex}"
    _log.error("page.failed", request_id=request_id, method=request.method, path=request.scope["path"], exc_info=error)
    return _problem(request, 500, f"Tracker failed to show this page; its log says why, under {request_id}.")


def _problem(request: Request, status: int, detail: str, flaws: Sequence[str] = ()) -> Response:
    title = _TITLES.get(status) or HTTPStatus(status).phrase
    return render("problem.html", status, visit=visit_of(request), title=title, detail=detail, flaws=flaws)
