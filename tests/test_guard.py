"""The guard at dial time: each dial is judged, what was judged is dialled, and a canary on loopback stays untouched.

The loopback addresses that a test opens stand for public ones; the canary's stands for a private one.
"""

from ipaddress import ip_network

import pytest

from tests.servers import EMPTY, LIMITS, LOOPBACK, OK, exchanged, failed, finding, listening, saying, untouched
from tracker.dialling import BlockedAddressError, Resolver
from tracker.outbound import Outbound
from tracker.phases import PHASES, Phases
from tracker.rules.addresses import Allowed
from tracker.rules.exchange import HttpRequest

OPEN_TO_HTTP = Allowed(http=True)
ONE_OPENED = Allowed(networks=(ip_network("127.0.0.1/32"),), http=True)
OTHER_OPENED = Allowed(networks=(ip_network("127.0.0.3/32"),), http=True)


def to(server, host="receiver.example"):
    return HttpRequest("POST", f"http://{host}:{server.port}/", {}, b"{}")


def is_blocked(result):
    return failed(result, "blocked") and result.error_class == "blocked" and not result.is_ours


async def test_name_that_leads_to_a_forbidden_address_is_blocked_by_name():
    look_up = finding("127.0.0.1")
    async with untouched() as canary:
        result = await exchanged(to(canary), LIMITS, OPEN_TO_HTTP, look_up)
    assert is_blocked(result)
    assert "receiver.example leads to a forbidden address: 127.0.0.1" in result.message
    assert result.trace.address is None
    assert look_up.asked == ["receiver.example"]


@pytest.mark.parametrize(
    "mixed",
    [
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        ["2606:4700::1111", "::1"],
        ["8.8.8.8", "::ffff:127.0.0.1"],
        ["8.8.8.8", "2606:4700::5efe:7f00:1"],
        [*(f"8.8.8.{last}" for last in range(50)), "127.0.0.1"],
    ],
    ids=lambda mixed: f"{mixed[0]}..{mixed[-1]}",
)
async def test_one_forbidden_address_among_good_ones_blocks_all(mixed):
    async with untouched() as canary:
        assert is_blocked(await exchanged(to(canary), LIMITS, OPEN_TO_HTTP, finding(mixed)))


async def test_what_is_no_address_is_not_dialled():
    async with untouched() as canary:
        assert is_blocked(await exchanged(to(canary), LIMITS, OPEN_TO_HTTP, finding("localhost")))


async def test_name_is_looked_up_once_and_what_was_judged_is_dialled():
    """The first look-up finds what may be dialled; whoever looked again would find the canary."""
    look_up = finding("127.0.0.3", "127.0.0.1")
    async with untouched() as canary:
        result = await exchanged(to(canary), LIMITS, OTHER_OPENED, look_up)
        assert (result.error_class, result.trace.address) == ("refused", f"127.0.0.3:{canary.port}")
    assert look_up.asked == ["receiver.example"]


async def test_host_header_stays_that_of_the_url():
    async with listening(saying(EMPTY)) as server:
        assert (await exchanged(to(server), LIMITS, ONE_OPENED, finding("127.0.0.1"))).status == 200
    assert f"host: receiver.example:{server.port}" in server.heard[0].lower()


async def test_name_is_judged_at_each_dial():
    look_up = finding("127.0.0.3", "127.0.0.1", "127.0.0.3")
    async with untouched() as canary, Outbound(1, LIMITS, OTHER_OPENED, look_up) as outbound:
        results = [await outbound.exchange(to(canary)) for _ in range(3)]
    assert [result.error_class for result in results] == ["refused", "blocked", "refused"]


async def test_kept_connection_stays_with_what_was_judged_when_its_name_flips():
    look_up = finding("127.0.0.1", "127.0.0.2")
    async with listening(saying(EMPTY)) as server, Outbound(1, LIMITS, ONE_OPENED, look_up) as outbound:
        results = [await outbound.exchange(to(server)) for _ in range(3)]
    assert {(result.status, result.trace.address) for result in results} == {(200, f"127.0.0.1:{server.port}")}
    assert (server.connections, len(look_up.asked)) == (1, 1)


async def test_name_that_flipped_is_blocked_once_its_connection_is_no_more():
    answer = OK + b"connection: close\r\ncontent-length: 0\r\n\r\n"
    async with (
        listening(saying(answer)) as server,
        Outbound(1, LIMITS, ONE_OPENED, finding("127.0.0.1", "127.0.0.2")) as outbound,
    ):
        assert (await outbound.exchange(to(server))).status == 200
        assert is_blocked(await outbound.exchange(to(server)))


async def test_connection_that_is_kept_for_one_name_serves_no_other():
    """The operator opened one name, whatever it leads to; another that leads there too gets nothing of it."""
    allowed = Allowed(hosts=("opened.example",), http=True)
    async with listening(saying(EMPTY)) as server, Outbound(2, LIMITS, allowed, finding("127.0.0.1")) as outbound:
        assert (await outbound.exchange(to(server, "opened.example"))).status == 200
        assert is_blocked(await outbound.exchange(to(server)))
        assert is_blocked(await outbound.exchange(to(server, "127.0.0.1")))
        assert (await outbound.exchange(to(server, "opened.example"))).status == 200
    assert server.connections == 1


@pytest.mark.parametrize("host", ["RECEIVER.example", "receiver.example", "receiver.example."])
async def test_allowed_host_name_opens_what_it_resolves_to(host):
    allowed = Allowed(hosts=("receiver.example",))
    async with listening(saying(EMPTY)) as server:
        result = await exchanged(to(server, host), LIMITS, allowed, finding("127.0.0.1"))
    assert (result.status, result.trace.is_private) == (200, True)


@pytest.mark.parametrize("host", ["sub.receiver.example", "receiver.example.org", "127.0.0.1"])
async def test_allowed_host_name_opens_no_other(host):
    allowed = Allowed(hosts=("receiver.example",), http=True)
    async with untouched() as canary:
        assert is_blocked(await exchanged(to(canary, host), LIMITS, allowed, finding("127.0.0.1")))


async def test_allowed_host_name_opens_no_other_ports():
    allowed = Allowed(hosts=("receiver.example",), http=True)
    request = HttpRequest("POST", "http://receiver.example:25/", {}, b"{}")
    assert is_blocked(await exchanged(request, LIMITS, allowed, finding("127.0.0.1")))


async def test_allowed_network_opens_a_literal_address():
    async with listening(saying(EMPTY)) as server:
        result = await exchanged(to(server, "127.0.0.1"), LIMITS, LOOPBACK)
    assert (result.status, result.trace.is_private) == (200, True)


async def test_operators_own_urls_are_not_guarded():
    async with listening(saying(EMPTY)) as server:
        assert (await exchanged(HttpRequest("GET", f"http://localhost:{server.port}/"))).status == 200


async def test_few_of_many_addresses_are_dialled():
    PHASES.set(Phases())
    many = [f"8.8.{third}.8" for third in range(200)]
    found = await Resolver(Allowed(), finding(many)).resolve("receiver.example", 443)
    assert [(each["host"], each["port"]) for each in found] == [(address, 443) for address in many[:8]]


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:10.0.0.1", "64:ff9b::1"]
)
async def test_nothing_private_is_given_out_to_be_dialled(address):
    PHASES.set(Phases())
    with pytest.raises(BlockedAddressError):
        await Resolver(Allowed(), finding(address)).resolve("receiver.example")
