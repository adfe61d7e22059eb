"""Names are looked up without waiting for each other."""

import asyncio
import socket
import threading

from tracker.lookup import look_up


async def test_each_look_up_has_a_thread_of_its_own(monkeypatch):
    together = threading.Barrier(50, timeout=10)

    def getaddrinfo(_host, port, **_options):
        together.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    found = await asyncio.gather(*(look_up(f"host{n}", 80, socket.AF_INET) for n in range(50)))
    assert [entry[0][4] for entry in found] == [("127.0.0.1", 80)] * 50
