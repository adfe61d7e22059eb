"""Events as signed webhooks to a server nearby: what is sent, and what became of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from store.records import AttemptResult, PayloadForm
from tracker import __version__
from tracker.cli.output import ExitCode, print_json, print_line, stop
from tracker.rules.payload import webhook_body
from tracker.rules.signing import SigningKeys, signed_headers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tracker.client.flows.streaming import Told
    from tracker.client.models.event import Event

ATTEMPT_SECONDS = 15.0
"""As long as the service waits for a subscriber unless it is set otherwise."""
PAUSES = (1.0, 2.0, 4.0)
"""Seconds after which a server that gave no answer is tried again: it may be starting anew."""


@dataclass(frozen=True, slots=True)
class Try:
    """What became of one POST; `pause` is in how many seconds there will be another (None: there is none)."""

    number: int
    outcome: AttemptResult
    http_status: int | None
    duration_ms: int
    error: str | None = None
    pause: float | None = None


class Forwarder:
    """Posts events to a URL, one after the other, and shows each try by `show`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        url: str,
        secret: str,
        show: Callable[[Event, Try], None],
        *,
        form: PayloadForm = PayloadForm.FULL,
        jobs_url: str = "",
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._url = url
        self._keys = SigningKeys((secret,))
        self._show = show
        self._form = form
        self._jobs_url = jobs_url
        self._pause = pause

    async def forward(self, told: Told) -> None:
        """Post an event until there is an answer, whatever that says, or until the tries are used up."""
        body = webhook_body(body_in(told), self._form, self._jobs_url)
        for number, pause in enumerate((*PAUSES, None), start=1):
            tried = await self._attempt(told.event.id, body, number, pause)
            self._show(told.event, tried)
            if tried.pause is None:
                return
            await self._pause(tried.pause)

    async def _attempt(self, event_id: str, body: bytes, number: int, pause: float | None) -> Try:
        headers = signed_headers(event_id, body, self._keys, __version__, datetime.now(UTC))
        began = time.monotonic()
        status, error, outcome = None, None, AttemptResult.CONNECTION
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                status = (await self._http.post(self._url, content=body, headers=headers)).status_code
            outcome = AttemptResult.DELIVERED if 200 <= status < 300 else AttemptResult.REJECTED
        except TimeoutError:
            outcome, error = AttemptResult.TIMEOUT, f"no answer within {ATTEMPT_SECONDS:g} s"
        except httpx.RequestError as fault:
            error = str(fault) or type(fault).__name__
        duration = round((time.monotonic() - began) * 1000)
        return Try(number, outcome, status, duration, error, pause if status is None else None)


def body_in(told: Told) -> bytes:
    """The body of the event's webhook: the stream tells it with the event's id before everything else."""
    lead = f'{{"id":"{told.event.id}",'
    if not told.text.startswith(lead):
        stop(f"The stream told {told.event.id} in a form that is not Tracker's: check --url.", ExitCode.UNREACHABLE)
    return b"{" + told.text.removeprefix(lead).encode()


def show_as_json(event: Event, tried: Try) -> None:
    """A try as a JSON document on a line."""
    job = event.data.get("job") or {}
    document = {
        "event_id": event.id,
        "type": event.type,
        "timestamp": event.raw["timestamp"],
        "job_id": job.get("id"),
        "cursor": event.cursor,
        "number": tried.number,
        "outcome": tried.outcome.value,
        "http_status": tried.http_status,
        "duration_ms": tried.duration_ms,
        "error": tried.error,
        "retry_in": tried.pause,
    }
    print_json(document, indent=None)


def show_as_line(event: Event, tried: Try) -> None:
    """A try as a line for people."""
    job = event.data.get("job") or {}
    print_line(f"{event.raw['timestamp']} {event.type} {job.get('remote_id') or ''} {event.id} -> {_answer_in(tried)}")


def _answer_in(tried: Try) -> str:
    if tried.http_status is not None:
        refusal = "" if tried.outcome is AttemptResult.DELIVERED else ", not 2xx: a subscription would try again"
        return f"{tried.http_status} in {tried.duration_ms} ms{refusal}"
    then = "passed over" if tried.pause is None else f"again in {tried.pause:g} s"
    return f"{tried.outcome.value}: {tried.error}; {then}"
