"""What the operator opens: networks, host names, and plain http. Each opens just what it names."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.rules.addresses import Allowed, address_flaw, allowed_from
from tracker.rules.callbacks import Target, target_flaw

CLOSED = Allowed()
addresses = st.ip_addresses()
v4 = st.ip_addresses(v=4)
prefixes = st.integers(8, 32)


def flaw_of(host, allowed=CLOSED, scheme="https"):
    return target_flaw(Target(scheme, host, 443), allowed)


def opened(*entries, http=False):
    return allowed_from(entries, http=http)


@pytest.mark.parametrize("host", ["hooks.example.com", "8.8.8.8", "2606:4700::1"])
def test_plain_http_needs_the_operators_word(host):
    assert "http" in flaw_of(host, scheme="http")
    assert flaw_of(host, Allowed(http=True), scheme="http") is None


@pytest.mark.parametrize(
    ("entry", "host"),
    [("10.0.0.0/8", "10.1.2.3"), ("8.8.8.0/24", "8.8.8.8"), ("::1", "::1"), ("receiver", "receiver")],
)
def test_what_the_operator_opens_may_be_reached_by_plain_http(entry, host):
    assert flaw_of(host, opened(entry), scheme="http") is None


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost", "::1"])
def test_allowing_plain_http_opens_no_host(host):
    assert flaw_of(host, Allowed(http=True), scheme="http")


def test_a_network_opens_just_its_addresses():
    allowed = opened("10.0.0.0/8", "fd00::/8")
    assert [flaw_of(host, allowed) for host in ("10.255.0.1", "fd12::1", "hooks.example.com")] == [None] * 3
    for host in ("192.168.0.1", "127.0.0.1", "fe80::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "localhost"):
        assert flaw_of(host, allowed)


def test_a_host_name_opens_just_itself():
    allowed = opened("Receiver.Internal.", "localhost")
    assert [flaw_of(host, allowed) for host in ("receiver.internal", "receiver.internal.", "localhost")] == [None] * 3
    for host in ("internal", "a.receiver.internal", "xreceiver.internal", "receiver.internal.local", "127.0.0.1"):
        assert flaw_of(host, allowed)


def test_entries_are_sorted_into_networks_and_hosts():
    allowed = opened("10.0.0.0/8", "127.0.0.1", "fd00::/8", "receiver", http=True)
    assert allowed.networks == tuple(map(ip_network, ("10.0.0.0/8", "127.0.0.1/32", "fd00::/8")))
    assert (allowed.hosts, allowed.http) == (("receiver",), True)


@pytest.mark.parametrize(
    "entry", ["10.0.0.1/8", "10.0.0.0/33", "10.0.0", "*.example.com", "http://a", "a:80", "", "::/x"]
)
def test_an_entry_that_is_neither_is_named(entry):
    with pytest.raises(ValueError, match="neither a network") as caught:
        opened(entry)
    assert repr(entry) in str(caught.value)


@given(addresses)
def test_an_address_may_be_dialled_when_it_is_opened_itself(address):
    assert address_flaw(address, Allowed((ip_network(address),))) is None
    assert flaw_of(str(address), Allowed((ip_network(address),)), "http") is None


@given(addresses, addresses)
def test_opening_one_address_opens_no_other(address, other):
    allowed = Allowed((ip_network(other),))
    assert address == other or address_flaw(address, allowed) == address_flaw(address, CLOSED)


@given(v4, prefixes, v4)
def test_a_network_opens_what_it_holds(base, length, address):
    network = ip_network((int(base), length), strict=False)
    expected = None if address in network else address_flaw(address, CLOSED)
    assert address_flaw(address, Allowed((network,))) == expected
