"""What a receiver may try once it is asked: it leads nowhere, and costs no more than the limits."""

import asyncio
import gzip
from ipaddress import ip_network

import pytest

from tests.servers import OK, exchanged, listening, saying, untouched
from tracker.outbound import Limits
from tracker.rules.addresses import Allowed
from tracker.rules.exchange import HttpRequest

ONE_OPENED = Allowed(networks=(ip_network("127.0.0.1/32"),))
BOMB = gzip.compress(b"0" * 10_000_000)


async def post(server, seconds):
    request = HttpRequest("POST", server.url, {}, b"{}")
    return await exchanged(request, Limits(seconds, 4096, cuts=True), ONE_OPENED)


def leading_to(port, status):
    """An answer that names a place in all ways that there are."""
    place = f"http://127.0.0.1:{port}/"
    headers = {
        **dict.fromkeys(("location", "content-location", "uri"), place),
        "refresh": f"0; url={place}",
        "link": f"<{place}>; rel=preload",
        "alt-svc": f'http/1.1="127.0.0.1:{port}"',
        "content-length": "0",
    }
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize(
    "status",
    [
        *("101 Switching Protocols", "200 OK", "300 Multiple", "301 Moved", "302 Found", "303 See", "305 Use Proxy"),
        *("307 Temporary", "308 Permanent", "401 Who", "407 Who", "421 Misdirected", "426 Upgrade", "503 Later"),
    ],
)
async def test_receiver_leads_nowhere(status):
    async with untouched() as canary, listening(saying(leading_to(canary.port, status))) as server:
        assert (await post(server, 10)).status == int(status[:3])
    assert (server.connections, len(server.heard)) == (1, 1)


@pytest.mark.parametrize(
    ("behave", "said"),
    [
        (saying(hangs=True), "timeout_answer"),
        (saying(OK + b"content-length: 100000\r\n\r\n", b"a", drips="slowly"), "timeout_answer"),
        (saying(OK, b"a", drips="slowly"), "timeout_answer"),
        (saying(OK + b"x: y\r\n", b"x: y\r\n", drips=True), "protocol"),
        (saying(OK + b"x: " + b"y" * 1_000_000 + b"\r\n\r\n"), "protocol"),
        (saying(OK + b"".join(b"x-%d: y\r\n" % number for number in range(200)) + b"\r\n"), "protocol"),
        (saying(b"HTTP/1.1 103 Early Hints\r\n\r\n", drips=True), "protocol"),
        (saying(b"HTTP/1.1 100 Continue\r\nx: " + b"y" * 8000 + b"\r\n\r\n", drips=True), "protocol"),
    ],
    ids=[
        *("silence", "drip", "drip-headers", "endless-headers", "huge-header", "many-headers"),
        *("endless-hints", "endless-continue"),
    ],
)
async def test_answer_that_does_not_end_is_given_up(behave, said):
    async with asyncio.timeout(30), listening(behave) as server:
        result = await post(server, 0.5 if said == "timeout_answer" else 20)
    assert result.error_class == said


@pytest.mark.parametrize(
    "framing",
    [
        b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n",
        b"transfer-encoding: chunked\r\ncontent-encoding: gzip\r\n\r\n%x\r\n",
        b"transfer-encoding: gzip, chunked\r\n\r\n%x\r\n",
    ],
    ids=["encoded", "chunked", "transferred"],
)
async def test_bomb_is_not_unpacked(framing):
    behave = saying(OK + framing % len(BOMB) + BOMB, hangs=True)
    async with listening(behave) as server:
        result = await post(server, 10)
    assert (result.status, result.body) == (200, BOMB[:4096])
