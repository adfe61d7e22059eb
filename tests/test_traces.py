"""An exchange tells its phases, and TLS is between us and the host that the URL names."""

import asyncio
import socket
import ssl
import threading
from functools import partial
from ipaddress import ip_network

import pytest
import trustme

from tests.servers import EMPTY, LOOPBACK, OK, SYSTEM_TLS, exchanged, failed, finding, hang_up, listening, saying
from tracker.outbound import Limits, Outbound
from tracker.phases import Phases, Place
from tracker.rules.addresses import Allowed
from tracker.rules.exchange import HttpRequest, Trace

LIMITS = Limits(10, 4096, cuts=True)
SHORT = Limits(0.3, 4096, cuts=True)
ALL = {"dns", "connect", "tls", "first_byte", "total"}
AUTHORITY = trustme.CA()
TRUSTING = ssl.create_default_context()
AUTHORITY.configure_trust(TRUSTING)


def certified(*names):
    """The TLS of a server with a certificate for these names, and the names that it was asked for."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names).configure_cert(tls)
    asked = []
    tls.sni_callback = lambda _connection, name, _tls: asked.append(name)
    return tls, asked


def to(port, scheme="https", host="receiver.example"):
    return HttpRequest("POST", f"{scheme}://{host}:{port}/", {}, b"{}")


async def tls_exchange(tls, host="receiver.example", trusted=TRUSTING):
    async with listening(saying(EMPTY), tls) as server:
        return await exchanged(to(server.port, host=host), LIMITS, LOOPBACK, finding("127.0.0.1"), trusted)


async def test_first_exchange_has_all_phases_and_one_on_its_kept_connection_the_last_alone():
    tls, asked = certified("receiver.example")
    async with (
        listening(saying(EMPTY), tls) as server,
        Outbound(1, LIMITS, LOOPBACK, finding("127.0.0.1"), TRUSTING) as outbound,
    ):
        first, second = [(await outbound.exchange(to(server.port))).trace for _ in range(2)]
    assert (first.phases.keys(), second.phases.keys()) == (ALL, {"first_byte", "total"})
    rounding = 0.1
    assert first.dns + first.connect + first.tls + first.first_byte <= first.total + rounding
    assert second.first_byte <= second.total + rounding
    assert {(trace.address, trace.is_private) for trace in (first, second)} == {(f"127.0.0.1:{server.port}", True)}
    assert asked == ["receiver.example"]
    assert f"host: receiver.example:{server.port}" in server.heard[0].lower()


@pytest.mark.parametrize("host", ["receiver.example", "receiver.example.", "RECEIVER.example"])
async def test_certificate_is_asked_for_and_checked_by_the_name_in_the_url(host):
    tls, asked = certified("receiver.example")
    assert (await tls_exchange(tls, host)).status == 200
    assert asked == ["receiver.example"]


async def test_literal_address_needs_a_certificate_of_its_own_and_no_look_up():
    tls, _ = certified("127.0.0.1")
    answer = await tls_exchange(tls, "127.0.0.1")
    assert answer.trace.phases.keys() == ALL - {"dns"}


async def test_plain_exchange_has_no_tls():
    async with listening(saying(EMPTY)) as server:
        result = await exchanged(HttpRequest("GET", server.url), LIMITS, LOOPBACK)
    assert result.trace.phases.keys() == {"connect", "first_byte", "total"}


async def test_what_is_not_guarded_has_no_trace():
    async with listening(saying(EMPTY)) as server:
        assert (await exchanged(HttpRequest("GET", server.url))).trace == Trace()


@pytest.mark.parametrize(
    ("names", "trusted"),
    [(["receiver.example"], SYSTEM_TLS), (["other.example"], TRUSTING), (["127.0.0.1"], TRUSTING)],
    ids=["of-a-stranger", "of-another", "of-the-address"],
)
async def test_certificate_that_does_not_hold_is_a_failure_of_tls(names, trusted):
    tls, _ = certified(*names)
    result = await tls_exchange(tls, trusted=trusted)
    assert failed(result, "tls")
    assert (result.error_class, result.is_ours) == ("certificate", False)
    assert result.trace.phases.keys() == ALL - {"first_byte"}


async def answer_plainly(reader, writer):
    await reader.read(1)
    writer.write(EMPTY)
    writer.close()


async def hang_up_at_once(_reader, writer):
    await hang_up(writer)


@pytest.mark.parametrize("accept", [answer_plainly, hang_up_at_once])
async def test_no_tls_at_the_other_end_is_a_failed_handshake(accept):
    async with await asyncio.start_server(accept, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        result = await exchanged(to(port), LIMITS, LOOPBACK, finding("127.0.0.1"))
    assert failed(result, "tls")
    assert (result.error_class, result.is_ours) == ("handshake", False)
    assert result.trace.address == f"127.0.0.1:{port}"


@pytest.mark.parametrize(("scheme", "phase"), [("https", "tls"), ("http", "answer")])
async def test_server_that_never_accepts_is_timed_out(scheme, phase):
    """The system lets it be connected to all the same."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        allowed = Allowed(networks=LOOPBACK.networks, http=True)
        result = await exchanged(to(port, scheme), SHORT, allowed, finding("127.0.0.1"))
    assert failed(result, "timeout")
    assert result.error_class == f"timeout_{phase}"
    assert result.trace.address == f"127.0.0.1:{port}"
    assert result.trace.phases.keys() == {"dns", "connect", "total"} | ({"tls"} if phase == "tls" else set())


async def test_connection_that_got_there_is_told_though_others_were_tried():
    allowed = Allowed(networks=(*LOOPBACK.networks, ip_network("255.255.255.255/32")), http=True)
    async with listening(saying(EMPTY)) as server:
        look_up = finding(["255.255.255.255", "127.0.0.1"])
        result = await exchanged(to(server.port, "http"), LIMITS, allowed, look_up)
    assert result.trace.address == f"127.0.0.1:{server.port}"


def test_of_several_sockets_the_one_that_is_connected_is_told():
    phases = Phases()
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as first,
        socket.socket() as second,
    ):
        phases.dial(first, Place("127.0.0.1", 1, is_private=True))
        phases.dial(second, Place("2606:4700::1111", 2, is_private=False))
        assert phases.trace().address == "[2606:4700::1111]:2"
        phases.reach(is_tls=False)
    assert (phases.trace().address, phases.trace().is_private) == ("127.0.0.1:1", True)


def say_too_much_and_then_nothing(listener, tls, is_dropped):
    """Blocks, in a thread: it takes no leave of TLS, and notices only that the connection is no more."""
    accepted, _ = listener.accept()
    with tls.wrap_socket(accepted, server_side=True) as connection:
        connection.recv(4096)
        connection.sendall(OK + b"content-length: 100000\r\n\r\n" + b"x" * 5000)
        with socket.socket(fileno=connection.detach()) as bare:
            try:
                while bare.recv(4096):
                    pass
            except ConnectionResetError:
                pass
            is_dropped()


async def test_connection_is_dropped_after_the_cut_though_the_far_side_takes_no_leave():
    loop, dropped = asyncio.get_running_loop(), asyncio.Event()
    tls, _ = certified("receiver.example")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        is_dropped = partial(loop.call_soon_threadsafe, dropped.set)
        serve = partial(say_too_much_and_then_nothing, listener, tls, is_dropped)
        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        async with Outbound(1, LIMITS, LOOPBACK, finding("127.0.0.1"), TRUSTING) as outbound:
            answer = await outbound.exchange(to(listener.getsockname()[1]))
            assert answer.body == b"x" * 4096
            async with asyncio.timeout(10):
                await dropped.wait()
        serving.join()
