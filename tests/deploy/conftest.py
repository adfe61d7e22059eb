"""What the tests of deploy/ share."""

from __future__ import annotations

import asyncio
import socket

import pytest


@pytest.fixture
def in_thread():
    """Calls what blocks while the service in this loop goes on."""
    return asyncio.to_thread


@pytest.fixture
def unused_port():
    """A port that is taken and not listened on, so that nobody else gets it meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
