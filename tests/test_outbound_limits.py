"""What one exchange may take of us: time, bytes of body, bytes and lines of head."""

import asyncio
import gzip
from time import monotonic

import pytest

from tests.servers import EMPTY, LIMITS, OK, SECONDS, exchanged, failed, get, listening, saying
from tracker.outbound import Limits, Outbound
from tracker.rules.exchange import HttpRequest


@pytest.mark.parametrize(
    "behave",
    [
        saying(hangs=True),
        saying(OK, hangs=True),
        saying(OK + b"content-length: 10\r\n\r\nabc", hangs=True),
        saying(OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\na\r\n", drips="slowly"),
        saying(OK, b"a", drips="slowly"),
        saying(b"HTTP/1.1 100 Continue\r\n\r\n", drips="slowly"),
    ],
    ids=["silence", "mid-headers", "mid-body", "drip-body", "drip-headers", "drip-continue"],
)
async def test_deadline_holds_for_the_whole_exchange(behave):
    began = monotonic()
    assert failed(await get(behave, Limits(SECONDS, 1_000_000)), "timeout")
    assert SECONDS * 0.9 <= monotonic() - began < SECONDS + 5


async def test_flood_of_interim_answers_is_cut_off():
    flood = saying(b"HTTP/1.1 103 Early Hints\r\n\r\n", drips=True)
    result = await get(flood, Limits(10, 1_000_000))
    assert failed(result, "connection")
    assert result.error_class == "protocol"


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_deadline_holds_while_the_request_is_not_taken():
    """The server answers at once, never reads the body that it is sent, and never ends its own."""

    async def ignore(writer):
        writer.transport.pause_reading()
        writer.write(OK + b"content-length: 10\r\n\r\na")
        await asyncio.Event().wait()

    async with listening(ignore) as server, asyncio.timeout(10):
        request = HttpRequest("POST", server.url, {}, b"x" * 64 * 1024 * 1024)
        assert failed(await exchanged(request), "timeout")


async def test_deadline_holds_for_each_exchange_anew():
    async with listening(saying(EMPTY)) as server, Outbound(1, LIMITS) as outbound:
        results = [await outbound.exchange(HttpRequest("GET", server.url)) for _ in range(3)]
    assert [result.status for result in results] == [200] * 3
    assert server.connections == 1, "connections are kept alive"


async def test_exchange_that_is_canceled_is_canceled():
    async with listening(saying(hangs=True)) as server, Outbound(1, Limits(10, 1000)) as outbound:
        task = asyncio.create_task(outbound.exchange(HttpRequest("GET", server.url)))
        await server.was_asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    "framing",
    [b"content-length: 1001\r\n\r\n", b"content-length: 10000000000\r\n\r\n", b"\r\n"],
    ids=["a-byte-more", "much-more", "no-length"],
)
async def test_body_over_the_cap_is_a_failure_or_cut(framing):
    behave = saying(OK + framing + b"x" * 1001, hangs=True)
    failure = await get(behave)
    assert failed(failure, "too_large")
    assert "1000 bytes" in failure.message
    cut = await get(behave, Limits(SECONDS, 1000, cuts=True))
    assert (cut.status, len(cut.body)) == (200, 1000)


async def test_body_that_never_ends_is_read_no_further_than_the_cap():
    behave = saying(OK + b"transfer-encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + b"\r\n", drips=True)
    assert failed(await get(behave, Limits(10, 100_000)), "too_large")
    assert len((await get(behave, Limits(10, 100_000, cuts=True))).body) == 100_000


async def test_body_of_just_the_cap_is_whole():
    body = b"x" * 1000
    for cuts in (False, True):
        answer = await get(saying(OK + b"content-length: 1000\r\n\r\n" + body), Limits(SECONDS, 1000, cuts=cuts))
        assert answer.body == body


async def test_connection_that_was_cut_off_mid_body_is_not_used_again():
    behave, limits = saying(OK + b"content-length: 2000\r\n\r\n" + b"x" * 1500), Limits(SECONDS, 1000, cuts=True)
    async with listening(behave) as server, Outbound(1, limits) as outbound:
        for _ in range(2):
            assert (await outbound.exchange(HttpRequest("GET", server.url))).body == b"x" * 1000
    assert server.connections == 2


async def test_headers_without_end_are_given_up():
    behave = saying(OK, b"x-flood: " + b"y" * 1000 + b"\r\n", drips=True)
    result = await get(behave, Limits(5, 1000))
    assert failed(result, "connection")


async def test_compressed_body_stays_compressed():
    bomb = gzip.compress(b"0" * 1_000_000)
    head = OK + f"content-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()
    answer = await get(saying(head, bomb), Limits(SECONDS, 10_000))
    assert (answer.headers["content-encoding"], answer.body) == ("gzip", bomb)


async def test_body_that_is_not_wanted_is_not_waited_for():
    async with listening(saying(OK + b"content-length: 99999999\r\n\r\n", b"x", hangs=True)) as server:
        answer = await exchanged(HttpRequest("GET", server.url, wants_body=False))
    assert (answer.status, answer.body) == (200, b"")
