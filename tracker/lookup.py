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
    """What `socket.getaddrinfo` finds. Raises OSError.

    Each look-up has a thread of its own. In asyncio's few shared ones, a handful of names whose servers do not answer
    (some 40 s each) would hold up the look-ups of everybody else, and the end of the process.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Found] = loop.create_future()

    def settle(result: Found | OSError | UnicodeError) -> None:
        if found.done():
            # Whoever asked has given up meanwhile.
            return
        if isinstance(result, Exception):
            found.set_exception(result)
        else:
            found.set_result(result)

    def work() -> None:
        result: Found | OSError | UnicodeError
        try:
            result = list(socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            result = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=work, name=f"look up {host}", daemon=True).start()
    return await found
