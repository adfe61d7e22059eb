"""Each failure of an exchange has a stable class, is charged to the right side, and repeats nothing that was said."""

import asyncio
import errno
import os
import resource
import socket
import threading
from contextlib import contextmanager
from ipaddress import ip_network

import pytest

from tests.servers import (
    EMPTY,
    LIMITS,
    LOOPBACK,
    OK,
    SYSTEM_TLS,
    exchanged,
    failed,
    finding,
    hang_up,
    listening,
    reset,
    saying,
)
from tracker import faults
from tracker.lookup import look_up
from tracker.outbound import Limits, Outbound
from tracker.phases import Phases
from tracker.rules.addresses import Allowed
from tracker.rules.exchange import HttpRequest

SAID = b"what-it-said"
NOWHERE = "255.255.255.255"
"""No TCP connection leads there, and nothing is sent to find that out."""
OPEN = Allowed(networks=(ip_network("127.0.0.0/8"), ip_network(NOWHERE)), http=True)


def at(port, host="receiver.example"):
    return HttpRequest("POST", f"http://{host}:{port}/", {}, b"{}")


def then_hang_up(said):
    async def behave(writer):
        writer.write(said)
        writer.close()

    return behave


@contextmanager
def silent_port():
    """A port at which nobody listens, and nobody else can."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.parametrize(
    ("behave", "error_class"),
    [
        (hang_up, "closed"),
        (then_hang_up(OK + b"set-cookie: " + SAID), "closed"),
        (then_hang_up(OK + b"content-length: 100\r\n\r\n" + SAID), "closed"),
        (then_hang_up(OK + b"transfer-encoding: chunked\r\n\r\nff\r\n" + SAID), "closed"),
        (reset, "reset"),
        (then_hang_up(SAID + b"\r\n"), "protocol"),
        (then_hang_up(OK + SAID + b"\r\n\r\n"), "protocol"),
        (then_hang_up(OK + b"content-length: " + SAID + b"\r\n\r\n"), "protocol"),
        (then_hang_up(OK + b"transfer-encoding: chunked\r\n\r\n" + SAID + b"\r\n"), "protocol"),
        (saying(OK + b"x: " + SAID * 1000 + b"\r\n\r\n", hangs=True), "protocol"),
    ],
    ids=[
        *("hang-up", "half-head", "half-body", "half-chunk", "reset"),
        *("no-http", "no-header", "no-length", "no-chunk", "long-line"),
    ],
)
async def test_far_side_that_breaks_off_or_says_no_http_is_to_blame_and_not_quoted(behave, error_class):
    async with listening(behave) as server:
        result = await exchanged(HttpRequest("POST", server.url, {}, b"{}"), Limits(10, 1000), LOOPBACK)
        address = f"127.0.0.1:{server.port}"
    assert failed(result, "connection")
    assert (result.error_class, result.is_ours, result.trace.address) == (error_class, False, address)
    assert SAID.decode() not in result.message


async def test_refused_connection_tells_where_it_was_refused():
    with silent_port() as port:
        result = await exchanged(at(port), LIMITS, OPEN, finding("127.0.0.1"))
    assert failed(result, "connection")
    assert (result.error_class, result.is_ours, result.message) == (
        "refused",
        False,
        "The connection failed: Connection refused.",
    )
    assert result.trace.address == f"127.0.0.1:{port}"


async def test_no_route_at_all_is_ours():
    result = await exchanged(at(1999), LIMITS, OPEN, finding(NOWHERE))
    assert failed(result, "connection")
    assert (result.error_class, result.is_ours) == ("unreachable", True)


@pytest.mark.parametrize("found", [[NOWHERE, "127.0.0.1"], ["127.0.0.1", NOWHERE]], ids=["last", "first"])
async def test_address_that_our_network_leads_to_and_that_refuses_is_not_ours(found):
    with silent_port() as port:
        result = await exchanged(at(port), LIMITS, OPEN, finding(found))
    assert failed(result, "connection")
    assert not result.is_ours


async def test_address_without_a_route_is_passed_over_for_one_that_answers():
    async with listening(saying(EMPTY)) as server:
        result = await exchanged(at(server.port), Limits(10, 1000), OPEN, finding([NOWHERE, "127.0.0.1"]))
    assert (result.status, result.trace.address) == (200, f"127.0.0.1:{server.port}")


@contextmanager
def no_file_to_spare():
    """The process may open no file and no socket more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_limit_of_our_own_is_ours():
    async with listening(saying(EMPTY)) as server:
        with no_file_to_spare():
            result = await exchanged(at(server.port), LIMITS, OPEN, finding("127.0.0.1"))
    assert failed(result, "connection")
    assert (result.error_class, result.is_ours) == ("exhausted", True)


@pytest.mark.parametrize(
    ("number", "error_class", "is_ours"),
    [
        (errno.ECONNREFUSED, "refused", False),
        (errno.ECONNRESET, "reset", False),
        (errno.EPIPE, "reset", False),
        (errno.ENFILE, "exhausted", True),
        (errno.ENOBUFS, "exhausted", True),
        (errno.ENOMEM, "exhausted", True),
        (errno.EADDRNOTAVAIL, "exhausted", True),
    ],
)
def test_error_of_the_system_is_classed_and_charged(number, error_class, is_ours):
    result = faults.failed(OSError(number, "whatever"), Phases())
    assert (result.code, result.error_class, result.is_ours) == ("connection", error_class, is_ours)
    assert os.strerror(number) in result.message


def failing(error):
    async def look_up(_host, _port, _family):
        raise error

    return look_up


@pytest.mark.parametrize(
    ("number", "error_class", "is_ours"),
    [
        (socket.EAI_NONAME, "name_not_found", False),
        (socket.EAI_NODATA, "name_not_found", False),
        (socket.EAI_FAIL, "name_lookup_failed", False),
        (socket.EAI_AGAIN, "name_lookup_failed", True),
        (socket.EAI_MEMORY, "name_lookup_failed", True),
        (socket.EAI_SYSTEM, "name_lookup_failed", True),
    ],
)
async def test_look_up_that_fails_for_now_is_ours_and_a_name_that_is_none_is_not(number, error_class, is_ours):
    look_up = failing(socket.gaierror(number, "What the resolver says"))
    result = await exchanged(at(80), LIMITS, OPEN, look_up)
    assert failed(result, "dns")
    assert (result.error_class, result.is_ours) == (error_class, is_ours)
    assert "What the resolver says" in result.message


async def test_name_without_an_address_is_not_found():
    result = await exchanged(at(80), LIMITS, OPEN, finding([]))
    assert (result.code, result.error_class, result.is_ours) == ("dns", "name_not_found", False)


async def test_name_that_cannot_be_spelled_is_not_found():
    result = await exchanged(HttpRequest("GET", f"http://{'x' * 64}.example/"))
    assert (result.code, result.error_class) == ("dns", "name_not_found")


async def test_look_up_without_a_thread_is_ours(monkeypatch):
    def start(_thread):
        message = "can't start new thread"
        raise RuntimeError(message)

    monkeypatch.setattr(threading.Thread, "start", start)
    result = await exchanged(at(80), LIMITS, OPEN, look_up)
    assert (result.code, result.error_class, result.is_ours) == ("dns", "name_lookup_failed", True)


async def test_look_up_that_hangs_is_ours():
    async def hang(_host, _port, _family):
        await asyncio.Event().wait()

    result = await exchanged(at(80), LIMITS, OPEN, hang)
    assert failed(result, "timeout")
    assert (result.error_class, result.is_ours) == ("timeout_dns", True)


@pytest.mark.parametrize("phase", ["connect", "tls", "answer"])
def test_time_that_runs_out_later_is_not(phase):
    phases = Phases()
    phases.enter(phase)
    result = faults.timed_out(15, phases)
    assert (result.code, result.error_class, result.is_ours) == ("timeout", f"timeout_{phase}", False)
    assert "15 s" in result.message


async def test_url_that_is_none_and_body_that_is_too_large_have_classes_of_their_own():
    assert (await exchanged(HttpRequest("GET", "ftp://127.0.0.1/"))).error_class == "invalid_url"
    async with listening(saying(OK + b"content-length: 2000\r\n\r\n" + b"x" * 2000)) as server:
        result = await exchanged(HttpRequest("GET", server.url), LIMITS, LOOPBACK)
    assert (result.error_class, result.is_ours) == ("too_large", False)


async def test_all_who_wait_for_one_look_up_are_told_that_it_failed():
    """What is not guarded shares look-ups."""
    started = []

    async def fail_late(_host, _port, _family):
        started.append(True)
        await asyncio.sleep(0)
        raise socket.gaierror(socket.EAI_NONAME, "Unknown")

    async with Outbound(8, LIMITS, None, fail_late, SYSTEM_TLS) as outbound:
        results = await asyncio.gather(*(outbound.exchange(at(80)) for _ in range(3)))
    assert [(result.code, result.error_class) for result in results] == [("dns", "name_not_found")] * 3
    assert len(started) == 1
