"""Looks names up without letting a resolver that hangs hold up anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Any, TypeAlias

Found: TypeAlias = list[tuple[Any, ...]]
"""As `socket.getaddrinfo` has it: (family, type, protocol, canonical name, address) for each."""


async def look_up(host: str, port: int, family: int) -> Found:
    """What `socket.getaddrinfo` finds. Raises `socket.gaierror`, and OSError where that does.

    Each look-up has a thread of its own. In asyncio's few shared ones, a handful of names whose servers do not answer
    (some 40 s each) would hold up the look-ups of everybody else, and the end of the process.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Found] = loop.create_future()

    def settle(result: Found | OSError) -> None:
        if found.done():
            # Whoever asked has given up meanwhile.
            return
        if isinstance(result, Exception):
            found.set_exception(result)
        else:
            found.set_result(result)

    def work() -> None:
        result: Found | OSError
        try:
            result = list(socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM))
        except OSError as error:
            result = error
        except UnicodeError:
            result = socket.gaierror(socket.EAI_NONAME, "No name can be spelled like this")
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result)

    try:
        threading.Thread(target=work, name=f"look up {host}", daemon=True).start()
    except RuntimeError:
        raise socket.gaierror(socket.EAI_AGAIN, "There is no thread to look it up in") from None
    return await found
