"""HTTP to strangers: what is asked, and what comes of it."""

import asyncio
import socket

import pytest

from tests.servers import EMPTY, LIMITS, LOOPBACK, OK, exchanged, failed, get, hang_up, listening, reset, saying
from tracker.outbound import Limits, Outbound
from tracker.rules.exchange import ExchangeFailure, HttpAnswer, HttpRequest


async def test_answer_comes_whole_with_its_headers_in_lower_case():
    body = b'{"a": 1}'
    answer = await get(saying(b"HTTP/1.1 418 Teapot\r\nX-One: a\r\nX-one: b\r\nContent-Length: 8\r\n\r\n", body))
    assert answer == HttpAnswer(418, {"x-one": "a, b", "content-length": "8"}, body)


async def test_reason_phrase_and_headers_may_hold_any_bytes():
    answer = await get(saying(b"HTTP/1.1 200 d\xe9j\xe0\r\nx: \xff\r\ncontent-length: 0\r\n\r\n"))
    assert answer == HttpAnswer(200, {"x": "\xff", "content-length": "0"}, b"")


async def test_request_is_sent_as_it_was_made_and_with_nothing_added():
    async with listening(saying(EMPTY)) as server:
        request = HttpRequest("POST", f"{server.url}/a%2Fb?c=d%20e", {"x-own": "1", "user-agent": "tracker"}, b"body")
        assert await exchanged(request) == HttpAnswer(200, {"content-length": "0"}, b"")
    first, *headers = server.heard[0].strip().split("\r\n")
    names = {header.split(":")[0].lower() for header in headers}
    assert first == "POST /a%2Fb?c=d%20e HTTP/1.1"
    assert names == {"host", "x-own", "user-agent", "content-length"}


@pytest.mark.parametrize(
    "said",
    [
        b"",
        OK,
        OK + b"content-length: 10\r\n\r\nabc",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nab",
        OK + b"transfer-encoding: chunked\r\n\r\nnot hex\r\n",
        OK + b"content-length: ten\r\n\r\n",
        OK + b"content-length: -1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        OK + b"x: \0\r\n\r\n",
        OK + b"x: " + b"y" * 1_000_000 + b"\r\n\r\n",
    ],
)
async def test_answer_that_is_cut_short_or_no_http_is_a_failed_connection(said):
    async def say_and_hang_up(writer):
        writer.write(said)
        writer.close()

    assert failed(await get(say_and_hang_up, Limits(10, 1000)), "connection")


async def test_refused_connection_is_a_failed_connection():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        assert failed(await exchanged(HttpRequest("GET", url)), "connection")


async def test_tls_to_a_plain_port_is_a_failure_of_tls():
    async def answer_plainly(reader, writer):
        await reader.read(1)
        writer.write(EMPTY)
        writer.close()

    async with await asyncio.start_server(answer_plainly, "127.0.0.1", 0) as listener:
        url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        assert failed(await exchanged(HttpRequest("GET", url), Limits(5, 1000)), "tls")


@pytest.mark.parametrize("allowed", [None, LOOPBACK], ids=["unguarded", "guarded"])
async def test_name_that_cannot_be_resolved_is_a_failure_of_dns(allowed):
    request = HttpRequest("GET", "https://receiver.invalid/")
    assert failed(await exchanged(request, Limits(10, 1000), allowed), "dns")


@pytest.mark.parametrize("url", ["http://", "ftp://127.0.0.1/", "http://127.0.0.1:99999/", "no url", "http://[::1"])
async def test_url_that_cannot_be_used_is_a_value_too(url):
    assert isinstance(await exchanged(HttpRequest("GET", url)), ExchangeFailure)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_an_answer_and_not_followed(status):
    head = f"HTTP/1.1 {status} Elsewhere\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
    async with listening(saying(head.encode())) as server:
        answer = await exchanged(HttpRequest("GET", f"{server.url}/here"))
    assert (answer.status, answer.headers["location"]) == (status, "/elsewhere")
    assert [head.split(" ")[1] for head in server.heard] == ["/here"]


async def test_cookies_are_not_sent_back():
    cookie = OK + b"set-cookie: a=b; path=/\r\ncontent-length: 0\r\n\r\n"
    async with listening(saying(cookie)) as server, Outbound(1, LIMITS) as outbound:
        for _ in range(2):
            await outbound.exchange(HttpRequest("GET", server.url))
    assert len(server.heard) == 2
    assert "cookie" not in server.heard[1].lower()


async def test_proxies_of_the_environment_are_ignored(monkeypatch):
    async with listening(saying(EMPTY)) as proxy, listening(saying(EMPTY)) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert (await exchanged(HttpRequest("GET", server.url))).status == 200
        assert (await exchanged(HttpRequest("GET", server.url), LIMITS, LOOPBACK)).status == 200
    assert (proxy.connections, server.connections) == (0, 2)


@pytest.mark.parametrize("end", [hang_up, reset])
async def test_connection_that_was_kept_and_is_closed_when_it_is_used_again_is_told(end):
    behaviours = iter([saying(EMPTY), end])

    async def behave(writer):
        await next(behaviours)(writer)

    async with listening(behave) as server, Outbound(8, LIMITS) as outbound:
        request = HttpRequest("GET", server.url)
        assert await outbound.exchange(request) == HttpAnswer(200, {"content-length": "0"})
        again = await outbound.exchange(request)
    assert failed(again, "connection")
    assert again.is_hung_up
    assert len(server.heard) == 2, "nobody has asked a third time"


async def test_connection_that_never_stood_was_not_hung_up():
    async with listening(saying(EMPTY)) as server:
        url = server.url
    result = await exchanged(HttpRequest("GET", url))
    assert failed(result, "connection")
    assert not result.is_hung_up
