from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.rules.addresses import Allowed, address_flaw, embedded, is_public, literal_address

CLOSED = Allowed()
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "192.0.1.1"]
PUBLIC += ["198.17.255.255", "198.20.0.1", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::200e"]
PUBLIC += ["2400:cb00::1", "2001:200::1", "2001:4860:4860::8888"]

PRIVATE = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "127.0.0.1", "127.255.255.254", "100.64.0.1"),  # noqa: S104 - to be refused
    *("100.127.255.255", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1"),
    *("192.0.0.9", "192.0.0.10", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255"),
    *("168.63.129.16", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "233.252.0.1"),
    *("239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1"),
    *("fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1", "100::1", "100:0:0:1::1", "2001:db8::1", "3fff::1", "5f00::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "::127.0.0.1", "::8.8.8.8"),
    *("2002:7f00:1::1", "2002:808:808::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1"),
    *("2001:10::1", "2001:20::1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "4000::1", "e000::1"),
    # Global by the registry, yet of no use to a receiver: anycast, AS112, drone ids.
    *("2001:1::1", "2001:3::1", "2001:4:112::1", "2001:30::1"),
]

addresses = st.ip_addresses()
v4 = st.ip_addresses(v=4)


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_may_be_dialled(text):
    assert address_flaw(ip_address(text), CLOSED) is None


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_public_is_refused(text):
    assert "not a public address" in address_flaw(ip_address(text), CLOSED)


@given(addresses)
def test_what_may_be_dialled_is_global_unicast(address):
    if address_flaw(address, CLOSED) is None:
        unwanted = ("is_private", "is_loopback", "is_link_local", "is_multicast", "is_reserved", "is_unspecified")
        assert not any(getattr(address, name) for name in unwanted)
        assert address.is_global


def forms_of(address, rest):
    """Every form in which an IPv6 address embeds an IPv4 address; `rest` are 64 bits that do not matter."""
    number, half = int(address), rest & 0xFFFFFFFF
    forms = {
        "mapped": 0xFFFF << 32 | number,
        "compatible": number,
        "translated": 0xFFFF << 48 | number,
        "nat64": 0x64FF9B << 96 | number,
        "local nat64": 0x64FF9B0001 << 80 | half << 48 | number,
        "6to4": 0x2002 << 112 | number << 80 | rest,
        "teredo client": 0x20010000 << 96 | half << 64 | number ^ 0xFFFFFFFF,
        "teredo server": 0x20010000 << 96 | number << 64 | rest,
        "isatap": rest << 64 | 0x00005EFE << 32 | number,
        "isatap of a global address": rest << 64 | 0x02005EFE << 32 | number,
    }
    return {name: IPv6Address(form) for name, form in forms.items()}


@given(v4, st.integers(0, 2**64 - 1))
def test_no_ipv6_form_hides_an_ipv4_address(address, rest):
    for name, form in forms_of(address, rest).items():
        assert address in embedded(form), name
        assert is_public(address) or address_flaw(form, CLOSED), name


@given(v4)
def test_isatap_address_in_a_public_network_is_as_public_as_what_it_embeds(address):
    for interface in (0x00005EFE, 0x02005EFE):
        form = IPv6Address(0x26064700 << 96 | interface << 32 | int(address))
        assert is_public(form) == is_public(address)


@given(v4, st.integers(0, 2**64 - 1))
def test_opening_an_ipv4_address_opens_no_form_that_embeds_it(address, rest):
    opened = Allowed(networks=(ip_network(address),))
    for name, form in forms_of(address, rest).items():
        assert address_flaw(form, opened) == address_flaw(form, CLOSED), name


@pytest.mark.parametrize("text", ["2606:4700::1111", "2a00:1450:4001::200e", "fe80::1", "3fff::7f00:1"])
def test_other_ipv6_addresses_embed_nothing(text):
    assert embedded(IPv6Address(text)) == ()


def test_a_literal_is_told_from_a_name():
    assert literal_address("10.0.0.1") == IPv4Address("10.0.0.1")
    assert literal_address("::1") == IPv6Address("::1")
    assert [literal_address(host) for host in ("example.com", "", "10.0.0", "10.0.0.1/8")] == [None] * 4
