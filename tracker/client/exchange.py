"""Requests and answers, between the flows' words and those of httpx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tracker.client.flows.steps import Answer, Lost
from tracker.client.flows.streaming import is_event_stream

if TYPE_CHECKING:
    from tracker.client.flows.steps import Request
    from tracker.client.flows.terms import Terms


def request_for(http: httpx.Client | httpx.AsyncClient, request: Request, terms: Terms) -> httpx.Request:
    """What httpx is to send."""
    read = terms.timeout if request.read_timeout is None else request.read_timeout
    return http.build_request(
        request.method,
        terms.url + request.path,
        params=request.query or None,
        content=request.content,
        headers=terms.headers | request.headers,
        timeout=httpx.Timeout(min(terms.timeout, read), read=read),
    )


def answer_of(response: httpx.Response, content: bytes = b"") -> Answer:
    """What came back."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, response.reason_phrase, headers, content)


def is_stream(response: httpx.Response) -> bool:
    """Whether the answer is to be read bit by bit; everything else is read at once."""
    return is_event_stream(answer_of(response))


def lost(error: httpx.RequestError) -> Lost:
    """What went wrong on the way."""
    return Lost(str(error) or type(error).__name__)
