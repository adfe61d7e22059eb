"""What can go wrong with a poll or a list, and how each fault is answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tracker.demo.broken import MEBIBYTE, Dripping, Hanging, HungUp, Truncated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Fault(StrEnum):
    """One way in which a poll or a list goes wrong."""

    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate_limited"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    GONE = "gone"
    UNKNOWN_STATUS = "unknown_status"
    HANG = "hang"
    DRIP = "drip"
    TRUNCATED = "truncated"
    OVERSIZED = "oversized"
    HTML = "html"
    MALFORMED = "malformed"
    REDIRECT = "redirect"
    HUNG_UP = "hung_up"


REFUSALS: Mapping[Fault, tuple[int, str]] = {
    Fault.SERVER_ERROR: (500, "Internal server error"),
    Fault.UNAVAILABLE: (503, "Service unavailable"),
    Fault.RATE_LIMITED: (429, "Too many requests"),
    Fault.UNAUTHORIZED: (401, "Unauthorized"),
    Fault.FORBIDDEN: (403, "Forbidden"),
    Fault.NOT_FOUND: (404, "Job not found"),
    Fault.GONE: (410, "This is gone"),
}
"""The faults that a provider puts into its own words: HTTP status and message."""

UNKNOWN_WORD = "defragmenting"
"""A status that no provider has documented."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault that waits for its poll or list; `retry_after` is for 429 and 503, in seconds."""

    fault: Fault
    retry_after: float | None = None


def broken_answer(fault: Fault, document: Mapping[str, Any], url: str) -> Response:
    """A fault that is none of `REFUSALS`, as an answer in place of `document`."""
    return _ANSWERS[fault](document, url)


def _oversized(document: Mapping[str, Any], _url: str) -> Response:
    # Sound JSON all through: only who refuses its size refuses it.
    return JSONResponse({**document, "padding": "x" * MEBIBYTE})


def _malformed(document: Mapping[str, Any], _url: str) -> Response:
    return Response(_encoded(document)[:-1], media_type="application/json")


def _redirect(_document: Mapping[str, Any], url: str) -> Response:
    # To itself: who follows shows up as one poll too many.
    return RedirectResponse(f"{url}{'&' if '?' in url else '?'}redirected=1", status_code=302)


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


_ANSWERS: Mapping[Fault, Callable[[Mapping[str, Any], str], Response]] = {
    Fault.HANG: lambda _document, _url: Hanging(),
    Fault.DRIP: lambda document, _url: Dripping(_encoded(document), "application/json"),
    Fault.TRUNCATED: lambda document, _url: Truncated(_encoded(document), media_type="application/json"),
    Fault.OVERSIZED: _oversized,
    Fault.HTML: lambda _document, _url: HTMLResponse("<!doctype html><title>Maintenance</title><h1>Back soon</h1>"),
    Fault.MALFORMED: _malformed,
    Fault.REDIRECT: _redirect,
    Fault.HUNG_UP: lambda _document, _url: HungUp(),
}
