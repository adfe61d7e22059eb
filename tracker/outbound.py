"""HTTP to strangers: guarded addresses, one deadline for the whole exchange, capped raw bodies, no redirects."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport

from tracker.lookup import Found, look_up
from tracker.rules.addresses import Allowed, Target, address_flaw, literal_address, target_flaw
from tracker.rules.exchange import ExchangeFailure, ExchangeResult, HttpAnswer, HttpRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from types import TracebackType
    from typing import Self

    from aiohttp.connector import Connection

_KEEP_ALIVE_SECONDS = 30.0

LookUp: TypeAlias = Callable[[str, int, int], Awaitable[Found]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one exchange may take: seconds in all, and bytes of body.

    With `cuts` the body is cut at the cap and the answer counts; without, a longer body is a failure.
    """

    seconds: float
    body_bytes: int
    cuts: bool = False


class Outbound:
    """Sends requests and returns what came of them; it raises nothing but cancellation.

    With `allowed`, only addresses that the guard lets pass are dialled: names are resolved and judged at each dial, and
    what was judged is what is dialled. Without, every address is (a provider's base URL is the operator's own).
    """

    def __init__(
        self, connections: int, limits: Limits, allowed: Allowed | None = None, look_up: LookUp = look_up
    ) -> None:
        self._look_up = look_up
        self._connections = connections
        self._limits = limits
        self._allowed = allowed
        self._transport: AiohttpTransport | None = None

    async def __aenter__(self) -> Self:
        self._transport = AiohttpTransport(client=self._session())
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self._transport is not None:
            await self._transport.aclose()

    async def exchange(self, request: HttpRequest) -> ExchangeResult:
        """One request and its answer, within the limits."""
        seconds = self._limits.seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._send(request)
        except TimeoutError:
            return ExchangeFailure("timeout", f"No complete answer within {seconds:g} s.")
        except Exception as error:  # whatever a stranger's server brings about is a value, never a crash
            return _failure(error)

    async def _send(self, request: HttpRequest) -> ExchangeResult:
        if self._transport is None:
            message = "exchange() is called outside 'async with'"
            raise RuntimeError(message)
        url = httpx.URL(request.url)
        if self._allowed is not None:
            # Literal addresses never reach the resolver, so they are judged here, by the same rule.
            flaw = target_flaw(target_of(url), self._allowed)
            if flaw:
                return ExchangeFailure("blocked", flaw)
        sent = httpx.Request(request.method, url, headers=dict(request.headers), content=request.content or None)
        response = await self._transport.handle_async_request(sent)
        try:
            body = await self._body(response) if request.wants_body else b""
        finally:
            await response.aclose()
        if isinstance(body, ExchangeFailure):
            return body
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpAnswer(response.status_code, headers, body)

    async def _body(self, response: httpx.Response) -> bytes | ExchangeFailure:
        """The raw body up to the cap; it is never decompressed."""
        cap = self._limits.body_bytes
        body = bytearray()
        async with aclosing(_chunks(response)) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > cap:
                    break
        if len(body) > cap and not self._limits.cuts:
            return ExchangeFailure("too_large", f"The answer is larger than {cap} bytes.")
        return bytes(body[:cap])

    def _session(self) -> aiohttp.ClientSession:
        resolver = _Resolver(self._allowed, self._look_up)
        connector = aiohttp.TCPConnector(
            limit=self._connections,
            resolver=resolver,
            use_dns_cache=self._allowed is None,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("accept", "accept-encoding", "user-agent", "content-type"),
            trust_env=False,
            response_class=_Answer,
        )
        # It would ask again by itself when a connection is hung up: a second request that no budget knows of.
        session._retry_connection = False  # noqa: SLF001 - there is no public way
        return session


class _Answer(aiohttp.ClientResponse):
    """Forgets the reason phrase: it may hold any bytes, and the transport fails on those that are not UTF-8."""

    async def start(self, connection: Connection) -> Self:
        """Reads the status line and the headers."""
        await super().start(connection)
        self.reason = None
        return self


class BlockedAddressError(OSError):
    """A name leads to an address that must not be dialled."""


class _Resolver(AbstractResolver):
    """Resolves a name and refuses it if any of its addresses is bad; the connector dials only what this returns."""

    def __init__(self, allowed: Allowed | None, look_up: LookUp) -> None:
        self._allowed = allowed
        self._look_up = look_up

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        results = [_resolved(host, entry) for entry in await self._look_up(host, port, family)]
        if self._allowed is not None and host.rstrip(".").lower() not in self._allowed.hosts:
            for result in results:
                self._judge(host, result["host"], self._allowed)
        return results

    async def close(self) -> None:
        """Holds nothing."""

    @staticmethod
    def _judge(host: str, text: str, allowed: Allowed) -> None:
        address = literal_address(text)
        flaw = "It has no usable address." if address is None else address_flaw(address, allowed)
        if flaw:
            message = f"{host} leads to a forbidden address: {flaw}"
            raise BlockedAddressError(message)


def target_of(url: httpx.URL) -> Target:
    """The parts of a URL that the guard judges."""
    port = url.port if url.port is not None else (443 if url.scheme == "https" else 80)
    return Target(
        url.scheme,
        url.raw_host.decode("ascii").lower().strip("[]"),
        port,
        has_user_info=bool(url.userinfo),
        has_fragment=bool(url.fragment),
    )


def callback_flaw(url: str, allowed: Allowed) -> str | None:
    """Why a callback URL is refused at registration (None: it is not). No name is looked up here."""
    if any(character <= " " or character == "\x7f" for character in url):
        return "The URL must not hold spaces or control characters."
    try:
        target = target_of(httpx.URL(url))
    except (httpx.InvalidURL, UnicodeError) as error:
        return f"This is not a URL: {error}."
    return target_flaw(target, allowed)


def _resolved(host: str, entry: tuple[Any, ...]) -> ResolveResult:
    family, _, protocol, _, address = entry
    return ResolveResult(
        hostname=host,
        host=address[0],
        port=address[1],
        family=family,
        proto=protocol,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


async def _chunks(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    async for chunk in response.aiter_raw():
        yield chunk


def _failure(error: Exception) -> ExchangeFailure:
    """The kind of a failure, by what is at the root of it."""
    causes = _causes(error)
    # First, since the connector wraps it into a failure of DNS like any other that comes from resolving.
    for cause in causes:
        if isinstance(cause, BlockedAddressError):
            return ExchangeFailure("blocked", str(cause))
    for cause in causes:
        if isinstance(cause, (ssl.SSLError, ssl.CertificateError, aiohttp.ClientSSLError)):
            return ExchangeFailure("tls", f"TLS failed: {_said(cause)}")
        if isinstance(cause, (socket.gaierror, aiohttp.ClientConnectorDNSError)):
            return ExchangeFailure("dns", f"The name cannot be resolved: {_said(cause)}")
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, aiohttp.InvalidURL)):
        return ExchangeFailure("invalid", f"The URL cannot be used: {_said(error)}")
    return ExchangeFailure("connection", f"The connection failed: {_said(error)}", any(map(_is_hung_up, causes)))


def _is_hung_up(error: BaseException) -> bool:
    """Whether a connection that stood was closed or reset."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return False
    return isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError))


def _causes(error: BaseException) -> list[BaseException]:
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__ or getattr(causes[-1], "os_error", None)) and (
        cause not in causes
    ):
        causes.append(cause)
    return causes


def _said(error: BaseException) -> str:
    return str(error)[:300] or type(error).__name__
