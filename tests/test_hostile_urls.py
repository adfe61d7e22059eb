# ruff: noqa: RUF001 - letters that look like others are what is tested
"""Hostile callback URLs and tricks at dial time: each is refused, and a listener on loopback stays untouched."""

import asyncio
import socket
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from tracker.outbound import Limits, Outbound, callback_flaw
from tracker.rules.addresses import Allowed
from tracker.rules.exchange import ExchangeFailure, HttpRequest

LIMITS = Limits(2.0, 4096, cuts=True)
CLOSED = Allowed()
OPEN_TO_HTTP = Allowed(http=True)

ADDRESSES = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.1.2.3"),  # noqa: S104 - to be refused
    *("127.255.255.254", "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255"),
    *("192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1"),
    *("198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[fe80::1]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]"),
    *("[100::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]", "[4000::1]", "[2001::1]", "[2001:2::1]", "[2001:10::1]"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[::ffff:8.8.8.8]", "[::127.0.0.1]", "[::8.8.8.8]"),
    *("[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::8.8.8.8]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::1]"),
    *("[2002:808:808::1]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[2001:0:a00:1::1]"),
    *(
        "[2606:4700::5efe:7f00:1]",
        "[2606:4700::5efe:a00:1]",
        "[2606:4700::200:5efe:c0a8:1]",
        "[2a00:1450::5efe:a9fe:a9fe]",
    ),
]
SPELLINGS = [
    *(
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.0.0.1",
        "0x7f.0x0.0x0.0x1",
        "0177.0.0.1",
        "0177.0.0.01",
        "127.1",
    ),
    *(
        "127.0.1",
        "127.0.0.01",
        "10.1",
        "0",
        "0x0",
        "00.0.0.0",
        "1.1.1.1.1",
        "1.1.1",
        "256.1.1.1",
        "8.8.8.8.",
        "127.0.0.1.",
    ),
    *(
        "１２７.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "127．0．0．1",
        "ⓛocalhost",
        "ｌｏｃａｌｈｏｓｔ",
        "localhost%00.example.com",
    ),
    *("127.0.0.1%00.example.com", "%31%32%37.0.0.1", "%6c%6f%63%61%6c%68%6f%73%74", "[::1%25lo]", "[fe80::1%25eth0]"),
    *("[fe80::1%eth0]", "[::1", "::1]", "::1", "[127.0.0.1]", "[localhost]", "[v1.fe80]", "[]", "[::1].example.com"),
]
NAMES = [
    *("localhost", "localhost.", "LOCALHOST", "a.localhost", "a.b.localhost.", "localhost6", "ip6-localhost"),
    *(
        "printer.local",
        "local",
        "metadata.google.internal",
        "metadata.internal",
        "internal",
        "home.arpa",
        "nas.home.arpa",
    ),
    *("box.localdomain", "localhost.localdomain", "a..example.com", ".example.com", "example..com", "-a.example.com"),
    *(
        "a-.example.com",
        "a_b.example.com",
        "exa mple.com",
        "example.com..",
        "x" * 64 + ".example.com",
        "a." * 130 + "com",
    ),
    *("ex*mple.com", "example.com;", "exam'ple.com", 'exam"ple.com', "exam<ple>.com", "exam,ple.com", "exam$ple.com"),
    *("xn--a", "é\u200d.example", "\u202eexample.com", "example\u00ad.123"),
]
WHOLE = [
    *(
        "",
        "/",
        "//example.com/x",
        "example.com",
        "https:",
        "https://",
        "https:///x",
        "https:/example.com",
        "https:example.com",
    ),
    *("http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "ws://example.com/"),
    *(
        "javascript:alert(1)",
        "data:text/plain,x",
        "unix:///var/run/docker.sock",
        "dict://example.com/",
        "HTTPS//example.com",
    ),
    *("https://user@example.com/", "https://user:pass@example.com/", "https://@example.com/", "https://:@example.com/"),
    *("https://example.com@127.0.0.1/", "https://127.0.0.1:80@example.com/", "https://example.com%40127.0.0.1/"),
    *(
        "https://example.com/#",
        "https://example.com/#x",
        "https://example.com#@127.0.0.1/",
        "https://example.com\\@127.0.0.1/",
    ),
    *(
        "https://example.com\\.127.0.0.1/",
        "https:\\\\127.0.0.1/",
        "https://exam\tple.com/",
        "https://example.com/\n",
        "\thttps://a.example/",
    ),
    *(
        " https://example.com/",
        "https://example.com/ ",
        "https://example.com/\r\nHost: x",
        "https://example.com/\x00",
        "https://example.com/\x7f",
    ),
    *(
        "https://example.com:/",
        "https://example.com:0/",
        "https://example.com:+443/",
        "https://example.com:-1/",
        "https://example.com: 443/",
    ),
    *(
        "https://example.com:0443/",
        "https://example.com:４４３/",
        "https://example.com:0x1bb/",
        "https://example.com:443.0/",
    ),
    *("https://example.com:22/", "https://example.com:25/", "https://example.com:444/", "https://example.com:1023/"),
    *(
        "https://example.com:65536/",
        "https://example.com:99999999999/",
        "https://example.com:443:443/",
        "https://example.com:1e3/",
    ),
]
URLS = [f"https://{host}/hook" for host in (*ADDRESSES, *SPELLINGS, *NAMES)] + WHOLE


class Canary:
    """Listens on loopback, and counts who comes."""

    def __init__(self):
        self.connections = 0

    def accept(self, _reader, writer):
        self.connections += 1
        writer.close()


@asynccontextmanager
async def canary():
    kept = Canary()
    server = await asyncio.start_server(kept.accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], kept


def found(*addresses):
    """A look-up that finds these addresses for any name, one list after the other and then the last again."""
    answers = [list(each) if isinstance(each, tuple) else [each] for each in addresses]

    async def look_up(_host, port, _family):
        now = answers.pop(0) if len(answers) > 1 else answers[0]
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in each], socket.SOCK_STREAM, 6, "", (each, port)) for each in now]

    return look_up


LOOPBACK = found("127.0.0.1")


async def post(url, allowed=CLOSED, look_up=LOOPBACK):
    async with Outbound(8, LIMITS, allowed, look_up) as outbound:
        return await outbound.exchange(HttpRequest("POST", url, {}, b"{}"))


def is_refused(result):
    return isinstance(result, ExchangeFailure) and result.code in ("blocked", "invalid")


def test_the_table_is_as_long_as_it_is_meant_to_be():
    assert len(set(URLS)) == len(URLS) >= 150


@pytest.mark.parametrize("url", URLS)
async def test_hostile_url_is_refused_at_registration_and_at_dial(url):
    flaw = callback_flaw(url, CLOSED)
    assert flaw
    assert flaw.endswith((".", ")"))
    assert is_refused(await post(url))


@pytest.mark.parametrize("host", [*ADDRESSES, *SPELLINGS, *NAMES])
async def test_plain_http_and_the_canarys_port_open_no_way_to_it(host):
    async with canary() as (port, kept):
        assert is_refused(await post(f"http://{host}:{port}/", OPEN_TO_HTTP))
        assert kept.connections == 0


@pytest.mark.parametrize("address", [address.strip("[]") for address in ADDRESSES])
async def test_name_that_leads_to_a_bad_address_is_blocked_at_dial(address):
    async with canary() as (port, kept):
        url = f"http://receiver.example:{port}/"
        assert callback_flaw(url, OPEN_TO_HTTP) is None
        result = await post(url, OPEN_TO_HTTP, found(address))
        assert (result.code, result.error_class) == ("blocked", "blocked")
        assert kept.connections == 0


@pytest.mark.parametrize(
    "mixed",
    [("8.8.8.8", "127.0.0.1"), ("127.0.0.1", "8.8.8.8"), ("2606:4700::1111", "::1"), ("8.8.8.8", "::ffff:127.0.0.1")],
)
async def test_one_bad_address_among_good_ones_blocks_all(mixed):
    async with canary() as (port, kept):
        result = await post(f"http://receiver.example:{port}/", OPEN_TO_HTTP, found(mixed))
        assert result.code == "blocked"
        assert kept.connections == 0


async def test_what_was_judged_is_what_is_dialled_though_the_name_changes_between():
    """The first look-up says a good address; whoever looks again finds the canary."""
    async with canary() as (port, kept):
        # The good address is one of ours that nobody listens at: whatever connects has gone to the other.
        good = Allowed(networks=(ip_network("127.0.0.3/32"),), http=True)
        result = await post(f"http://receiver.example:{port}/", good, found("127.0.0.3", "127.0.0.1"))
        assert (result.code, result.error_class) == ("connection", "refused")
        assert result.trace.address == f"127.0.0.3:{port}"
        assert kept.connections == 0


@asynccontextmanager
async def receiver(*, keeps_alive):
    """A receiver that answers 204."""

    async def answer(reader, writer):
        while True:
            try:
                await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(2)
            except asyncio.IncompleteReadError:
                break
            connection = b"keep-alive" if keeps_alive else b"close"
            writer.write(b"HTTP/1.1 204 No Content\r\nconnection: " + connection + b"\r\n\r\n")
            if not keeps_alive:
                break
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("keeps_alive", [True, False])
async def test_flipped_name_is_served_by_a_kept_connection_to_what_was_judged_or_judged_anew(keeps_alive):
    allowed = Allowed(networks=(ip_network("127.0.0.1/32"),), http=True)
    async with (
        receiver(keeps_alive=keeps_alive) as port,
        Outbound(8, LIMITS, allowed, found("127.0.0.1", "127.0.0.2")) as outbound,
    ):
        request = HttpRequest("POST", f"http://receiver.example:{port}/", {}, b"{}")
        first, second = await outbound.exchange(request), await outbound.exchange(request)
        assert (first.status, first.trace.address, first.trace.is_private) == (204, f"127.0.0.1:{port}", True)
        assert first.trace.phases.keys() == {"dns", "connect", "first_byte", "total"}
        if keeps_alive:
            assert (second.status, second.trace.address) == (204, f"127.0.0.1:{port}")
            assert second.trace.phases.keys() == {"first_byte", "total"}
        else:
            assert second.code == "blocked"
