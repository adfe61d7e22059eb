"""Readers of streams on connections of their own, as raw as they come, and events to tell them."""

import asyncio
import base64
import json
import socket
from dataclasses import dataclass
from functools import partial

from store.events import insert_events
from store.records import Event

from .steps import KEY

GUARD = 30


@dataclass(frozen=True)
class Block:
    """A block of a stream; `data` is parsed."""

    id: str | None = None
    event: str | None = None
    data: object = None
    comment: str | None = None


class Stream:
    """A stream that was asked for by HTTP/1.0, so that its body is not cut in chunks."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        self.last_id = None
        self.status = 0
        self.headers = {}

    @classmethod
    async def open(cls, url, path, *, key=KEY, method="GET", receive_buffer=None, **headers):
        """Asks, and reads the head of the answer. Underscores in names of headers are dashes."""
        host, port = url.removeprefix("http://").split(":")
        connection = socket.socket()
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.setblocking(False)
        async with asyncio.timeout(GUARD):
            await asyncio.get_running_loop().sock_connect(connection, (host, int(port)))
            stream = cls(*await asyncio.open_connection(sock=connection, limit=2**19))
            given = {"authorization": f"Bearer {key}"} | headers
            lines = [f"{method} {path} HTTP/1.0", *(f"{name.replace('_', '-')}: {given[name]}" for name in given)]
            stream._writer.write("\r\n".join([*lines, "", ""]).encode())
            await stream._read_head()
        return stream

    async def _read_head(self):
        self.status = int((await self._reader.readline()).split()[1])
        while line := (await self._reader.readline()).strip():
            name, _, value = line.decode().partition(": ")
            self.headers[name] = value

    async def block(self):
        """The next block; None at the end, also where that comes in the middle of one."""
        fields = {}
        async with asyncio.timeout(GUARD):
            try:
                while line := (await self._reader.readuntil(b"\n")).removesuffix(b"\n"):
                    name, _, value = line.decode().partition(":")
                    fields[name or "comment"] = value.removeprefix(" ")
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
        self.last_id = fields.get("id", self.last_id)
        return Block(**fields | ({"data": json.loads(fields["data"])} if "data" in fields else {}))

    async def event(self):
        """The next block that is an event; None at the end."""
        while (block := await self.block()) is not None and block.data is None:
            pass
        return block

    async def ids(self, count):
        """The ids of the next so many events."""
        return [(await self.event()).data["id"] for _ in range(count)]

    async def rest(self):
        """The ids of all events to the end."""
        ids = []
        while (block := await self.event()) is not None:
            ids.append(block.data["id"])
        return ids

    def leave(self):
        """Hangs up."""
        self._writer.transport.abort()


def new_event(number, event_type="job.running", size=0, **about):
    """An event as the feed has it; its body grows with `size`."""
    body = {"type": event_type, "timestamp": "2026-01-01T12:00:00.000Z", "data": {"n": number, "filler": "ü" * size}}
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return partial(Event, f"evt_{number}", event_type, body=raw, **about)


async def tell(service, *events):
    """Writes events into the feed in one transaction, be it by their numbers."""
    now = service.surroundings.now()
    made = [(new_event(each) if isinstance(each, int) else each)(timestamp=now) for each in events]
    await service._database.write(lambda connection: insert_events(connection, made))


def ids_of(numbers):
    return [f"evt_{number}" for number in numbers]


def cursor(position):
    """The cursor of a position in the feed."""
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


async def all_left(service):
    """Lets hearts beat until nobody follows the feed any more."""
    async with asyncio.timeout(GUARD):
        while service.feed.followers:
            await service.feed.tick()
            await asyncio.sleep(0)
