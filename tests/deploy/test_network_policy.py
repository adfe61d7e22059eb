"""The network policy forbids what the address guard forbids."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tracker.rules.addresses import _NEVER_PUBLIC, embedded, is_public
from tracker.rules.callbacks import port_flaw

from .files import resource

_RULES = resource("NetworkPolicy")["spec"]["egress"]
(_OUT,) = [rule for rule in _RULES if any("ipBlock" in peer for peer in rule["to"])]
BLOCKS = [
    (ip_network(block["cidr"]), [ip_network(each) for each in block["except"]])
    for block in (peer["ipBlock"] for peer in _OUT["to"])
]
PRIVATE = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24"),
    *("192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
    *("fc00::/7", "fe80::/10", "ff00::/8", "::/96", "64:ff9b::/96"),
]


def lets_through(address):
    return any(
        address in block and not any(address in each for each in excepted)
        for block, excepted in BLOCKS
        if block.version == address.version
    )


def is_isatap(address):
    """What no policy can tell: an address that embeds another in its last half."""
    return address.version == 6 and int(address) >> 32 & 0xFCFFFFFF == 0x5EFE and bool(embedded(address))


@given(st.ip_addresses(v=4))
@example(IPv4Address("168.63.129.16"))
@example(IPv4Address("192.88.99.1"))
@example(IPv4Address("255.255.255.255"))
def test_no_private_ipv4_address_is_let_through(address):
    assert is_public(address) or not lets_through(address)


@given(st.ip_addresses(v=6))
@example(IPv6Address("::1"))
@example(IPv6Address("::ffff:10.0.0.1"))
@example(IPv6Address("64:ff9b::a00:1"))
@example(IPv6Address("2002:a00:1::1"))
@example(IPv6Address("fd00::1"))
@example(IPv6Address("3fff::1"))
def test_no_private_ipv6_address_is_let_through(address):
    assert is_public(address) or is_isatap(address) or not lets_through(address)


@given(st.ip_addresses(network="2000::/3"))
def test_no_private_address_within_the_public_ones_is_let_through(address):
    assert is_public(address) or is_isatap(address) or not lets_through(address)


@pytest.mark.parametrize("network", [*PRIVATE, *map(str, _NEVER_PUBLIC)])
def test_both_ends_of_what_is_never_public_are_forbidden(network):
    ends = ip_network(network)[0], ip_network(network)[-1]
    assert not any(is_public(end) or lets_through(end) for end in ends)


@pytest.mark.parametrize("address", ["1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0"])
def test_public_addresses_beside_private_ones_are_let_through(address):
    assert lets_through(IPv4Address(address))


def test_public_ipv6_addresses_are_let_through():
    assert lets_through(IPv6Address("2606:4700:4700::1111"))


@given(st.integers(1, 65535))
@example(79)
@example(443)
@example(1023)
@example(1024)
def test_ports_are_those_that_a_callback_may_have(port):
    allowed = any(each["port"] <= port <= each.get("endPort", each["port"]) for each in _OUT["ports"])
    assert allowed is (port_flaw(port) is None)


def test_nothing_else_is_let_out_but_names_and_the_database():
    ports = {port["port"] for rule in _RULES if rule is not _OUT for port in rule["ports"]}
    assert ports == {53, 5432}
    assert not any("ipBlock" in peer for rule in _RULES if rule is not _OUT for peer in rule["to"])
    forbidden = resource("NetworkPolicy", "everything-is-forbidden")["spec"]
    assert forbidden == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
