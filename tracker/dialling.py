"""Dials: names are looked up and judged at each dial, and only an address that was judged gets a connection."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from tracker.lookup import Found
from tracker.phases import PHASES, Place
from tracker.receiving import Receiver
from tracker.rules.addresses import Allowed, address_flaw, is_public, literal_address
from tracker.rules.callbacks import is_allowed_host, port_flaw

if TYPE_CHECKING:
    import asyncio
    import ssl

    from aiohttp.client_proto import ResponseHandler

LookUp: TypeAlias = Callable[[str, int, int], Awaitable[Found]]

_KEEP_ALIVE_SECONDS = 30.0
_MOST_ADDRESSES = 8
"""Of a name, in the order of preference: each that does not answer takes a socket until the deadline."""


class BlockedAddressError(OSError):
    """Something leads to an address that must not be dialled."""


class Connector(aiohttp.TCPConnector):
    """Makes and keeps connections. With `allowed`, only to addresses that the guard lets pass."""

    def __init__(self, connections: int, tls: ssl.SSLContext, allowed: Allowed | None, look_up: LookUp) -> None:
        self._allowed = allowed
        super().__init__(
            limit=connections,
            ssl=tls,
            resolver=Resolver(allowed, look_up),
            use_dns_cache=allowed is None,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
            socket_factory=self._open,
        )

    def _open(self, address: tuple[Any, ...]) -> socket.socket:
        """The last door: what passes is dialled as it stands, names and literal addresses alike."""
        family, kind, protocol, _, (host, port, *_) = address
        phases = PHASES.get()
        phases.enter("connect")
        is_private = self._allowed is not None and self._is_private(host, port, self._allowed)
        opened = socket.socket(family, kind, protocol)
        phases.dial(opened, Place(host, port, is_private))
        return opened

    @staticmethod
    def _is_private(host: str, port: int, allowed: Allowed) -> bool:
        """Whether only the operator's word lets this address pass. Raises BlockedAddressError where it does not."""
        phases = PHASES.get()
        literal = literal_address(host)
        if literal is None:
            raise _blocked(f"{host!r} is not an address.")
        flaw = port_flaw(port) or (None if phases.is_host_opened else address_flaw(literal, allowed))
        if flaw:
            raise _blocked(flaw)
        return not is_public(literal)

    async def _wrap_create_connection(self, *args: Any, **options: Any) -> tuple[asyncio.Transport, ResponseHandler]:  # noqa: ANN401 - aiohttp's
        """Connects a socket, then TLS. Of the two the client tells nobody; but it makes the receiver in between."""
        phases = PHASES.get()

        def receiver() -> Receiver:
            phases.reach(is_tls=options.get("ssl") is not None)
            return Receiver(self._loop, phases.place)

        made = await super()._wrap_create_connection(receiver, *args[1:], **options)
        phases.enter("answer")
        return made


class Resolver(AbstractResolver):
    """Looks a name up, and with `allowed` refuses it if any of its addresses is bad."""

    def __init__(self, allowed: Allowed | None, look_up: LookUp) -> None:
        self._allowed = allowed
        self._look_up = look_up

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses to dial."""
        phases = PHASES.get()
        phases.enter("dns")
        found = [_resolved(host, entry) for entry in await self._look_up(host, port, family)]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "It has no address")
        if self._allowed is not None:
            phases.is_host_opened = is_allowed_host(host, self._allowed)
            for result in () if phases.is_host_opened else found:
                _judge(host, result["host"], self._allowed)
        return found[:_MOST_ADDRESSES]

    async def close(self) -> None:
        """Holds nothing."""


def _judge(host: str, text: str, allowed: Allowed) -> None:
    address = literal_address(text)
    flaw = "It has no usable address." if address is None else address_flaw(address, allowed)
    if flaw:
        raise _blocked(f"{host} leads to a forbidden address: {flaw}")


def _blocked(reason: str) -> BlockedAddressError:
    # Written down, since not every way out of the client keeps the error.
    PHASES.get().refusal = reason
    return BlockedAddressError(reason)


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
