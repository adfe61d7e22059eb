"""Answers in JSON: lists with limits, cursors and the next page's link; single things with their ETags."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from starlette.responses import Response

from tracker.api.problems import wrong_parameter
from tracker.rules.negotiation import names_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401 - JSON
    """An answer in JSON."""
    return Response(orjson.dumps(value), status, headers, "application/json")


def tagged_response(
    request: Request, payload: Mapping[str, Any], foreseen: Mapping[str, Any], headers: Mapping[str, str]
) -> Response:
    """An answer in JSON with its ETag, or 304 where the request knows it.

    What is `foreseen` moves on by itself and has no part in the tag, which therefore is a weak one.
    """
    digest = hashlib.sha256(orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)).hexdigest()
    tag = f'W/"{digest[:32]}"'
    headers = {**headers, "etag": tag, "cache-control": "no-cache"}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return json_response({**payload, **foreseen}, headers=headers)


def is_known(request: Request, tag: str) -> bool:
    """Whether a request says by `If-None-Match` that it has what this ETag is of."""
    return names_tag(", ".join(request.headers.getlist("if-none-match")), tag)


def list_response(request: Request, rows: Iterable[Any], next_after: str | None) -> Response:
    """A page: its rows, the cursor of the next one, and a link to it."""
    cursor = None if next_after is None else cursor_of(next_after)
    headers = {}
    if cursor is not None:
        query = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        link = f"{request.url.path}?{urlencode([*query, ('cursor', cursor)])}"
        headers["link"] = f'<{link}>; rel="next"'
    return json_response({"data": list(rows), "next_cursor": cursor}, headers=headers)


def page_of(request: Request, prefix: str = "") -> tuple[int, str | None]:
    """The limit, and what the cursor stands for: where `prefix` says so, an id of that sort. Raises ApiError 422."""
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= LARGEST_LIMIT):
        raise wrong_parameter("limit", f"limit is {text!r}; give a whole number from 1 to {LARGEST_LIMIT}.")
    cursor = request.query_params.get("cursor")
    after = None if cursor is None else place_in(cursor)
    if cursor is not None and (after is None or not after.startswith(prefix)):
        raise wrong_parameter("cursor", f"The cursor {cursor!r} is not one that this list gave out.")
    return int(text), after


def seconds_of(request: Request, name: str, default: float, most: float) -> float:
    """A number of seconds in the query. Raises ApiError 422."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= most:
        raise wrong_parameter(name, f"{name} is {text!r}; give seconds from 0 to {most:g}.")
    return seconds


def cursor_of(after: str) -> str:
    """The cursor that stands for a place in a list."""
    return base64.urlsafe_b64encode(after.encode()).decode().rstrip("=")


def place_in(cursor: str) -> str | None:
    """The place that a cursor stands for; None: it is not one of ours."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        after = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeError, ValueError):
        return None
    return after if after.replace("_", "").isalnum() else None
