"""The real service behind something that fails now and then, as a balancer or a bad line does."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tracker.demo.broken import HANG_UP, HungUp, Truncated


class Troubled:
    """Answers requests out of `troubles` as long as there are any, then hands on to the app; notes what came.

    The line breaks in the middle of as many streams as there are `breaks`, each after so many bytes.
    """

    def __init__(self, app):
        self._app = app
        self.troubles = []
        self.breaks = []
        self.seen = []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        self.seen.append((request.method, request.url.path, dict(request.headers)))
        if not self.troubles:
            is_cut = self.breaks and request.headers["accept"] == "text/event-stream"
            await self._app(scope, receive, _broken(scope, send, self.breaks.pop(0)) if is_cut else send)
            return
        trouble = self.troubles.pop(0)
        if trouble is DONE_BUT_LOST:
            await carry_out(self._app, scope, receive)
            trouble = HUNG_UP
        await trouble(scope, receive, send)


async def carry_out(app, scope, receive):
    """Has the app do what is asked, and keeps its answer back."""

    async def unsent(_message):
        pass

    await app(scope, receive, unsent)


def _broken(scope, send, left):
    """Sends so many bytes of a body, and hangs up."""

    async def send_a_part(message):
        nonlocal left
        if "body" not in message:
            await send(message)
        elif left:
            part = message["body"][:left]
            left -= len(part)
            await send(message | {"body": part})
            if not left:
                scope["extensions"][HANG_UP]["now"]()

    return send_a_part


def refusal(status, **headers):
    document = {"title": "Busy", "status": status, "detail": "There is no room at present."}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(document, status, names, "application/problem+json")


HUNG_UP = HungUp()
TRUNCATED = Truncated(b'{"id": "job_1"}', media_type="application/json")
STRANGER = Response("<html>It works!</html>", media_type="text/html")
DONE_BUT_LOST = object()
"""The service does what is asked, and nobody hears of it."""
