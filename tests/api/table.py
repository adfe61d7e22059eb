"""Holds every answer that a test gets to what the route table says of its call."""

from functools import cache

from pydantic import TypeAdapter
from starlette.routing import Match

from tracker.api.calls import JSON
from tracker.api.routes import CALLS, ROUTES
from tracker.api.shapes import Problem

NOT_IN_THE_TABLE = {204, 401, 404, 405, 429}
"""What may be answered where there is no such call: OPTIONS, strangers, paths and methods that do not exist."""


@cache
def adapter(shape):
    return TypeAdapter(shape)


def call_of(request):
    """The row that a request means, if there is one."""
    method = "GET" if request.method == "HEAD" else request.method
    scope = {"type": "http", "method": method, "path": request.url.path, "root_path": ""}
    matching = (call for call, route in zip(CALLS, ROUTES, strict=True) if route.matches(scope)[0] is Match.FULL)
    return next(matching, None)


async def hold_to_the_table(response):
    """A hook for httpx: an answer that the table does not know of is a failure, whatever the test looks for."""
    await response.aread()
    call, status = call_of(response.request), response.status_code
    if call is None:
        assert status in NOT_IN_THE_TABLE, response.text
    elif status in call.answers:
        hold_to_shape(response, call)
    else:
        assert status in call.all_problems | {500}, f"{call.method} {call.path}: {status} {response.text}"
        adapter(Problem).validate_json(response.content)


def hold_to_shape(response, call):
    shape = call.answers[response.status_code]
    if shape is None:
        assert response.content == b""
        return
    assert response.headers["content-type"].partition(";")[0] in call.media_types
    if response.headers["content-type"] == JSON and response.request.method != "HEAD":
        adapter(shape).validate_json(response.content)
