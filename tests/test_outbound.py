"""HTTP to strangers, against servers on loopback that say what they please, byte for byte."""

import asyncio
import gzip
import socket
import struct
import threading
from contextlib import asynccontextmanager
from ipaddress import ip_network
from time import monotonic

import pytest

from tracker.dialling import BlockedAddressError, Resolver
from tracker.lookup import look_up
from tracker.outbound import Limits, Outbound
from tracker.phases import PHASES, Phases
from tracker.rules.addresses import Allowed
from tracker.rules.exchange import ExchangeFailure, HttpAnswer, HttpRequest

SECONDS = 0.3
LIMITS = Limits(SECONDS, 1000)
LOOPBACK = Allowed(networks=(ip_network("127.0.0.0/8"),))
OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"content-length: 0\r\n\r\n"


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
async def listening(behave):
    """A server on a free port; at the end it hangs up on everybody."""
    server = Server(behave)
    tasks = set()

    def accept(reader, writer):
        task = asyncio.get_running_loop().create_task(server.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
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


async def exchanged(request, limits=LIMITS, allowed=None):
    async with Outbound(8, limits, allowed) as outbound:
        return await outbound.exchange(request)


async def get(behave, limits=LIMITS, path="/"):
    """What comes of a GET to a server that behaves so."""
    async with listening(behave) as server:
        return await exchanged(HttpRequest("GET", server.url + path), limits)


def failed(result, code):
    assert isinstance(result, ExchangeFailure), result
    assert result.message
    return result.code == code


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


async def test_headers_without_end_are_given_up():
    behave = saying(OK, b"x-flood: " + b"y" * 1000 + b"\r\n", drips=True)
    result = await get(behave, Limits(5, 1000))
    assert failed(result, "connection")


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


async def test_compressed_body_stays_compressed():
    bomb = gzip.compress(b"0" * 1_000_000)
    head = OK + f"content-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()
    answer = await get(saying(head, bomb), Limits(SECONDS, 10_000))
    assert (answer.headers["content-encoding"], answer.body) == ("gzip", bomb)


async def test_proxies_of_the_environment_are_ignored(monkeypatch):
    async with listening(saying(EMPTY)) as proxy, listening(saying(EMPTY)) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert (await exchanged(HttpRequest("GET", server.url))).status == 200
        assert (await exchanged(HttpRequest("GET", server.url), LIMITS, LOOPBACK)).status == 200
    assert (proxy.connections, server.connections) == (0, 2)


# The guard


@asynccontextmanager
async def untouched():
    """A server that nobody must connect to."""
    async with listening(saying(EMPTY)) as server:
        yield server
    assert server.connections == 0


def resolving(monkeypatch, *addresses):
    """Has every name resolve to these addresses."""
    asked = []

    def getaddrinfo(host, port, **_options):
        asked.append(host)
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in each], socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "10.0.0.1",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
    ],
)
async def test_forbidden_address_is_blocked_without_a_connection(host):
    async with untouched() as server:
        result = await exchanged(HttpRequest("GET", f"http://{host}:{server.port}/"), LIMITS, Allowed(http=True))
        assert failed(result, "blocked")


async def test_name_that_leads_to_a_forbidden_address_is_blocked_at_the_dial(monkeypatch):
    asked = resolving(monkeypatch, "127.0.0.1")
    async with untouched() as server:
        url = f"http://receiver.example:{server.port}/"
        result = await exchanged(HttpRequest("GET", url), LIMITS, Allowed(http=True))
    assert failed(result, "blocked")
    assert "receiver.example leads to a forbidden address: 127.0.0.1" in result.message
    assert asked == ["receiver.example"]


async def test_answer_with_one_forbidden_address_among_good_ones_is_blocked(monkeypatch):
    resolving(monkeypatch, "8.8.8.8", "127.0.0.1")
    async with untouched() as server:
        url = f"http://receiver.example:{server.port}/"
        assert failed(await exchanged(HttpRequest("GET", url), LIMITS, Allowed(http=True)), "blocked")


async def test_name_is_judged_at_each_dial(monkeypatch):
    async with untouched() as server, Outbound(1, LIMITS, Allowed(http=True)) as outbound:
        request = HttpRequest("GET", f"http://receiver.example:{server.port}/")
        asked = resolving(monkeypatch, "127.0.0.1")
        for _ in range(2):
            assert failed(await outbound.exchange(request), "blocked")
    assert len(asked) == 2


async def test_what_was_judged_is_what_is_dialled(monkeypatch):
    asked = resolving(monkeypatch, "127.0.0.1")
    async with listening(saying(EMPTY)) as server:
        url = f"http://receiver.example:{server.port}/"
        allowed = Allowed(networks=LOOPBACK.networks, http=True)
        assert (await exchanged(HttpRequest("GET", url), LIMITS, allowed)).status == 200
    assert asked == ["receiver.example"]
    assert f"host: receiver.example:{server.port}" in server.heard[0].lower()


async def test_allowed_network_opens_a_literal_address():
    async with listening(saying(EMPTY)) as server:
        assert (await exchanged(HttpRequest("GET", server.url), LIMITS, LOOPBACK)).status == 200


async def test_allowed_host_name_opens_what_it_resolves_to():
    async with listening(saying(EMPTY)) as server:
        request = HttpRequest("GET", f"http://LOCALHOST:{server.port}/")
        assert (await exchanged(request, LIMITS, Allowed(hosts=("localhost",)))).status == 200


async def test_allowed_host_name_opens_no_other_name(monkeypatch):
    resolving(monkeypatch, "127.0.0.1")
    allowed = Allowed(hosts=("receiver.example",), http=True)
    async with untouched() as server:
        for host in ("sub.receiver.example", "receiver.example.org", "127.0.0.1"):
            result = await exchanged(HttpRequest("GET", f"http://{host}:{server.port}/"), LIMITS, allowed)
            assert failed(result, "blocked")


async def test_operators_own_urls_are_not_guarded():
    async with listening(saying(EMPTY)) as server:
        assert (await exchanged(HttpRequest("GET", f"http://localhost:{server.port}/"))).status == 200


async def test_resolver_gives_out_what_is_public(monkeypatch):
    resolving(monkeypatch, "8.8.8.8", "2606:4700:4700::1111")
    PHASES.set(Phases())
    found = await Resolver(Allowed(), look_up).resolve("receiver.example", 443)
    assert [(each["host"], each["port"], each["family"]) for each in found] == [
        ("8.8.8.8", 443, socket.AF_INET),
        ("2606:4700:4700::1111", 443, socket.AF_INET6),
    ]


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:10.0.0.1", "64:ff9b::1"]
)
async def test_resolver_refuses_what_is_not(monkeypatch, address):
    resolving(monkeypatch, address)
    PHASES.set(Phases())
    with pytest.raises(BlockedAddressError):
        await Resolver(Allowed(), look_up).resolve("receiver.example")


async def test_each_look_up_has_a_thread_of_its_own(monkeypatch):
    together = threading.Barrier(50, timeout=10)

    def getaddrinfo(_host, port, **_options):
        together.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    found = await asyncio.gather(*(look_up(f"host{n}", 80, socket.AF_INET) for n in range(50)))
    assert [entry[0][4] for entry in found] == [("127.0.0.1", 80)] * 50


async def reset(writer):
    """Closes the connection in the hardest way."""
    no_lingering = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_lingering)
    writer.transport.abort()


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


async def test_body_that_is_not_wanted_is_not_waited_for():
    async with listening(saying(OK + b"content-length: 99999999\r\n\r\n", b"x", hangs=True)) as server:
        answer = await exchanged(HttpRequest("GET", server.url, wants_body=False))
    assert (answer.status, answer.body) == (200, b"")
