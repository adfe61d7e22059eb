"""The whole site as one application: the API, and the dashboard beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from tracker.dashboard.asking import Desk, RefusedError
from tracker.dashboard.refusals import answer_fault, answer_http_exception, answer_over, answer_refused
from tracker.dashboard.routes import ROUTES
from tracker.dashboard.sessions import LoginLinks, Sessions
from tracker.dashboard.visits import Doors, SessionOverError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tracker.surroundings import Surroundings


class Site:
    """What is a page's goes to the dashboard, everything else to the API. `secret` seals the sessions."""

    def __init__(self, api: ASGIApp, secret: str, surroundings: Surroundings) -> None:
        self._api = api
        sessions, links = Sessions(secret, surroundings), LoginLinks(surroundings)
        self._doors = Doors(sessions, links, Desk(api), surroundings.now)
        self._dashboard = Starlette(
            routes=ROUTES,
            exception_handlers={
                SessionOverError: answer_over,
                RefusedError: answer_refused,
                HTTPException: answer_http_exception,
                Exception: answer_fault,
            },
        )
        self._dashboard.router.redirect_slashes = False
        self._dashboard.state.doors = self._doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        await (self._dashboard if _is_of_a_page(scope) else self._api)(scope, receive, send)

    def login_path(self, key: str) -> str:
        """A path that signs this key in, once, from this machine."""
        return f"/login?code={self._doors.links.code_for(key)}"

    async def close(self) -> None:
        """Lets go of the API."""
        await self._doors.desk.close()


def _is_of_a_page(scope: Scope) -> bool:
    # Most requests are programs' and need no look at the table.
    if scope["type"] != "http" or scope["path"].startswith("/v1/"):
        return False
    return any(route.path_regex.match(scope["path"]) for route in ROUTES)
