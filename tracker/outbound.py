"""HTTP to strangers: guarded addresses, one deadline for the whole exchange, capped raw bodies, no redirects."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

import aiohttp
import httpx
from yarl import URL

from tracker import faults
from tracker.dialling import Connector, LookUp
from tracker.lookup import look_up
from tracker.phases import PHASES, Phases
from tracker.receiving import Answer
from tracker.rules.callbacks import Target, spelling_flaw, target_flaw
from tracker.rules.exchange import NO_TRACE, ExchangeFailure, ExchangeResult, HttpAnswer, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from tracker.rules.addresses import Allowed

_JUDGED_URLS = 4096
"""So many subscribers' URLs are parsed and judged once, not for each request."""

_NO_TIMERS = aiohttp.ClientTimeout(total=None)
"""The deadline of an exchange is set around it: the client's own timers do not end an answer that drips."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one exchange may take: seconds in all, and bytes of body.

    With `cuts` the body is cut at the cap and the answer counts; without, a longer body is a failure.
    """

    seconds: float
    body_bytes: int
    cuts: bool = False


@cache
def _trusted_by_the_system() -> ssl.SSLContext:
    """Its certificates, loaded once: that takes 20 ms."""
    return ssl.create_default_context()


class Outbound:
    """Sends requests and returns what came of them; it raises nothing but cancellation.

    With `allowed`, only addresses that the guard lets pass are dialled: names are resolved and judged at each dial, and
    what was judged is what is dialled. Without, every address is (a provider's base URL is the operator's own). `tls`
    has the certificates that are trusted; without it, the system's are. Answers have a trace where the guard is.
    """

    def __init__(
        self,
        connections: int,
        limits: Limits,
        allowed: Allowed | None = None,
        look_up: LookUp = look_up,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._look_up = look_up
        self._connections = connections
        self._limits = limits
        self._allowed = allowed
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._parsed = _parsed if allowed is None else lru_cache(_JUDGED_URLS)(partial(_judged, allowed=allowed))

    async def __aenter__(self) -> Self:
        self._session = self._opened(self._tls or _trusted_by_the_system())
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def exchange(self, request: HttpRequest) -> ExchangeResult:
        """One request and its answer, within the limits."""
        seconds = self._limits.seconds
        phases = Phases()
        PHASES.set(phases)
        try:
            async with asyncio.timeout(seconds):
                return await self._send(request, phases)
        except TimeoutError:
            return faults.timed_out(seconds, phases)
        except Exception as error:  # whatever a stranger's server brings about is a value, never a crash
            return faults.failed(error, phases)

    async def _send(self, request: HttpRequest, phases: Phases) -> ExchangeResult:
        if self._session is None:
            message = "exchange() is called outside 'async with'"
            raise RuntimeError(message)
        url = self._parsed(request.url)
        if isinstance(url, str):
            return faults.blocked(url, phases)
        async with self._session.request(
            request.method,
            url,
            headers=request.headers,
            data=request.content or None,
            allow_redirects=False,
            timeout=_NO_TIMERS,
        ) as response:
            body = await self._body(response.content) if request.wants_body else b""
        trace = NO_TRACE if self._allowed is None else phases.trace()
        if body is None:
            message = f"The answer is larger than {self._limits.body_bytes} bytes."
            return ExchangeFailure("too_large", message, error_class="too_large", trace=trace)
        return HttpAnswer(response.status, _headers_of(response.raw_headers), body, trace)

    async def _body(self, content: aiohttp.StreamReader) -> bytes | None:
        """The raw body up to the cap; it is never decompressed. None: it is longer than it may be."""
        cap = self._limits.body_bytes
        body = bytearray()
        while len(body) <= cap and (chunk := await content.readany()):
            body += chunk
        return None if len(body) > cap and not self._limits.cuts else bytes(body[:cap])

    def _opened(self, tls: ssl.SSLContext) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=Connector(self._connections, tls, self._allowed, self._look_up),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("accept", "accept-encoding", "user-agent", "content-type"),
            trust_env=False,
            auto_decompress=False,
            response_class=Answer,
        )
        # It would ask again by itself when a connection is hung up: a second request that no budget knows of.
        session._retry_connection = False  # noqa: SLF001 - there is no public way
        return session


def callback_flaw(url: str, allowed: Allowed) -> str | None:
    """Why a callback URL is refused (None: it is not). No name is looked up here."""
    flaw = spelling_flaw(url)
    if flaw:
        return flaw
    try:
        # As it is parsed where it is dialled, in the form in which it gets there; what only looks like IDNA is no host.
        parsed = httpx.URL(url)
        dialled = URL(str(parsed)) if parsed.host else URL()
    except (httpx.InvalidURL, ValueError) as error:
        return f"This is not a URL: {error}."
    return target_flaw(Target(dialled.scheme, dialled.raw_host or "", dialled.port or 0), allowed)


def _judged(url: str, allowed: Allowed) -> URL | str:
    """The URL in the form in which it was judged, or why it must not be called."""
    return callback_flaw(url, allowed) or URL(str(httpx.URL(url)))


def _parsed(url: str) -> URL | str:
    return URL(url)


def _headers_of(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers by their names in lower case; one that comes again is a list (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), _text_of(raw_value)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _text_of(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
