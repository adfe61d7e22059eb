"""A visit of a page: who looks, and how it is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from tracker.dashboard.forms import Form, is_from_here, read_form
from tracker.dashboard.rendering import render
from tracker.dashboard.sessions import COOKIE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from tracker.dashboard.asking import Asking, Desk
    from tracker.dashboard.sessions import LoginLinks, Sessions

    PageHandler: TypeAlias = "Callable[[Visit], Awaitable[Response]]"
    Endpoint: TypeAlias = "Callable[[Request], Awaitable[Response]]"


@dataclass(frozen=True, slots=True)
class Doors:
    """What lets visitors in: their sessions, the links that open one, and the API that knows their keys."""

    sessions: Sessions
    links: LoginLinks
    desk: Desk
    now: Callable[[], datetime]


def doors_of(request: Request) -> Doors:
    """The doors of the site that a request came to."""
    return cast("Doors", request.app.state.doors)


class SessionOverError(Exception):
    """Nobody is signed in, or no longer."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody with a key at a page. `form` is what they send, which a page of ours has made."""

    request: Request
    api: Asking
    key: str = field(repr=False)
    now: datetime
    viewer: dict[str, Any]
    form_token: str
    form: Form = field(default_factory=Form)

    @property
    def can_write(self) -> bool:
        """Whether there are buttons for them."""
        return bool(self.viewer["scope"] != "read")

    @property
    def is_admin(self) -> bool:
        """Whether secrets are theirs to see."""
        return bool(self.viewer["scope"] == "admin")

    @property
    def path(self) -> str:
        """The page's path, as the router has it: a URL is pieced together with a header that anyone sets."""
        return cast("str", self.request.scope["path"])

    def id(self, name: str = "id") -> str:
        """An id in the page's address."""
        return cast("str", self.request.path_params[name])

    def page(self, template: str, status: int = 200, *, shows_media: bool = False, **values: Any) -> Response:  # noqa: ANN401 - whatever a template shows
        """A page that shows these values."""
        return render(template, status, shows_media=shows_media, visit=self, **values)

    def go(self, path: str) -> Response:
        """Leads to another page."""
        return RedirectResponse(path, 303, {"cache-control": "no-store"})


def signed_in(handle: PageHandler) -> Endpoint:
    """The handler of a page behind its door: a session, and for what changes something a form of ours."""

    async def endpoint(request: Request) -> Response:
        request.state.visit = visit = await _visit(request)
        return await handle(visit)

    return endpoint


async def _visit(request: Request) -> Visit:
    doors, session = doors_of(request), request.cookies.get(COOKIE, "")
    key = doors.sessions.open(session)
    if key is None:
        raise SessionOverError
    form = await _form_of(request, doors.sessions, session) if request.method == "POST" else Form()
    api = doors.desk.with_key(key)
    return Visit(request, api, key, doors.now(), await api.get("/v1/key"), doors.sessions.form_token(session), form)


def visit_of(request: Request) -> Visit | None:
    """Who came with a request, if anybody was let in."""
    return getattr(request.state, "visit", None)


async def _form_of(request: Request, sessions: Sessions, session: str) -> Form:
    if not is_from_here(request):
        raise HTTPException(403, "Another site has sent this form. Open the page here, and do it there.")
    form = await read_form(request)
    if not sessions.is_form_token(session, form.text("token")):
        raise HTTPException(403, "This form is of another session. Load the page anew, and send it again.")
    return form
