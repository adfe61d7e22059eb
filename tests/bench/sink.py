"""The far side in a process of its own, as small as it can be: it notes when each webhook arrives, and answers polls.

    python -m tests.bench.sink

Prints the port that it listens on. A request to a path that begins with /dead is never answered, one to /arrivals is
answered with `{webhook id: Unix time of its first arrival}`, one to /answers with `{job id: Unix time at which the poll
that found its end was answered}`, and every other at once with 204. A poll of Decart's (GET /v1/jobs/{id}) finds a job
whose id begins with `end` completed, and every other at work.
"""

from __future__ import annotations

import asyncio
import time

import orjson

_OK = b"HTTP/1.1 204 No Content\r\n\r\n"
_FIRST: dict[str, float] = {}
_ANSWERED: dict[str, float] = {}
_POLL = b"/v1/jobs/"
_TRACE = (
    b'"queue":{"position":null,"region":"eu-west"},"model":"lucy-pro-v2v","seed":1234567,"prompt":"a harbour at dawn"'
)
_JOB = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"


class _Sink(asyncio.Protocol):
    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head_end := self._buffer.find(b"\r\n\r\n")) >= 0:
            lines = self._buffer[:head_end].split(b"\r\n")
            headers = dict(line.lower().split(b": ", 1) for line in lines[1:])
            end = head_end + 4 + int(headers.get(b"content-length", b"0"))
            if len(self._buffer) < end:
                return
            self._buffer = self._buffer[end:]
            self._answer(lines[0].split(b" ")[1], headers)

    def _answer(self, path: bytes, headers: dict[bytes, bytes]) -> None:
        assert self._transport is not None
        if path.startswith(_POLL):
            self._answer_poll(path[len(_POLL) :])
            return
        noted = {b"/arrivals": _FIRST, b"/answers": _ANSWERED}.get(path)
        if noted is not None:
            body = orjson.dumps(noted)
            noted.clear()
            self._transport.write(_JOB % (len(body), body))
            return
        _FIRST.setdefault(headers.get(b"webhook-id", b"").decode(), time.time())
        if not path.startswith(b"/dead"):
            self._transport.write(_OK)

    def _answer_poll(self, job: bytes) -> None:
        assert self._transport is not None
        is_over = job.startswith(b"end")
        status = b"completed" if is_over else b"processing"
        body = b'{"job_id":"%s","status":"%s",%s}' % (job, status, _TRACE)
        self._transport.write(_JOB % (len(body), body))
        if is_over:
            _ANSWERED[job.decode()] = time.time()


async def _main() -> None:
    server = await asyncio.get_running_loop().create_server(_Sink, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - to the benchmark that started it
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
