"""Servers on loopback that say what they please, byte for byte; and what comes of asking them."""

import asyncio
import socket
import ssl
import struct
from contextlib import asynccontextmanager
from ipaddress import ip_network

from tracker.lookup import look_up
from tracker.outbound import Limits, Outbound
from tracker.rules.addresses import Allowed
from tracker.rules.exchange import ExchangeFailure, HttpRequest

SECONDS = 0.3
LIMITS = Limits(SECONDS, 1000)
LOOPBACK = Allowed(networks=(ip_network("127.0.0.0/8"),))
OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"content-length: 0\r\n\r\n"
SYSTEM_TLS = ssl.create_default_context()
"""What the system trusts; made once, since that takes longer than an exchange."""


class Server:
    """Says something to whoever connects, and notes what it heard."""

    def __init__(self, behave):
        self.heard = []
        self.was_asked = asyncio.Event()
        self.connections = 0
        self._behave = behave

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heard.append(head.decode())
                self.was_asked.set()
                await self._behave(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(behave, tls=None):
    """A server on a free port of 127.0.0.1; at the end it hangs up on everybody."""
    server = Server(behave)
    tasks = set()

    def accept(reader, writer):
        task = asyncio.get_running_loop().create_task(server.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{server.port}"
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def saying(*parts, hangs=False, drips=False):
    """Says these bytes once, or each forever; then waits for the next request, or for nothing."""

    async def behave(writer):
        writer.write(b"".join(parts[:1]))
        for part in parts[1:]:
            writer.write(part)
            await writer.drain()
        while drips:
            writer.write(parts[-1])
            await writer.drain()
            await asyncio.sleep(0.01 if drips == "slowly" else 0)
        if hangs:
            await asyncio.Event().wait()

    return behave


async def hang_up(writer):
    writer.close()


async def reset(writer):
    """Closes the connection in the hardest way."""
    no_lingering = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_lingering)
    writer.transport.abort()


async def exchanged(request, limits=LIMITS, allowed=None, look_up=look_up, tls=SYSTEM_TLS):
    """What comes of a request that nobody has made before."""
    async with Outbound(8, limits, allowed, look_up, tls) as outbound:
        return await outbound.exchange(request)


async def get(behave, limits=LIMITS, path="/"):
    """What comes of a GET to a server that behaves so."""
    async with listening(behave) as server:
        return await exchanged(HttpRequest("GET", server.url + path), limits)


def failed(result, code):
    assert isinstance(result, ExchangeFailure), result
    assert result.message
    return result.code == code


@asynccontextmanager
async def untouched():
    """A canary: a server that nobody must connect to."""
    async with listening(saying(EMPTY)) as canary:
        yield canary
        # Whoever came has come before us.
        assert (await exchanged(HttpRequest("GET", canary.url), Limits(10, 1000))).status == 200
        assert canary.connections == 1


def finding(*answers):
    """A look-up that finds these addresses, whatever the name: one answer after the other, the last one for good."""
    left = [[answer] if isinstance(answer, str) else answer for answer in answers]
    asked = []

    async def look_up(host, port, _family):
        asked.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port)) for each in found]

    look_up.asked = asked
    return look_up
