from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.rules.addresses import Allowed, address_flaw, allowed_from, literal_address
from tracker.rules.callbacks import Target, spelling_flaw, target_flaw

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

NOT_NAMES = [
    *("2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "0177.0.0.01"),
    *(
        "127.1",
        "127.0.1",
        "1.2.3.4.5",
        "256.256.256.256",
        "127.0.0.0x1",
        "example.0",
        "example.0x",
        "10.0.0",
        "0",
        "0x",
    ),
    *("", ".", "-a.example", "a-.example", "a..example", ".example", "exa mple.com", "under_score.example", "a/b"),
    *(
        "[::1]",
        "127.0.0.1:80",
        "user@example.com",
        "\uff11\uff12\uff17.0.0.1",
        "x" * 64 + ".example",
        "example.com\n",
        "a%00b",
    ),
    *("*.example.com", "::1::", "%31"),
]

LOCAL = ["localhost", "localhost.", "a.localhost", "printer.local", "local", "metadata.internal"]
LOCAL += ["metadata.google.internal", "internal", "home.arpa", "nas.home.arpa", "nas.home.arpa.", "box.localdomain"]

addresses = st.ip_addresses()
v4 = st.ip_addresses(v=4)


def target(host="hooks.example.com", scheme="https", port=443):
    return Target(scheme, host, port)


def flaw_of(host, allowed=CLOSED, scheme="https"):
    return target_flaw(target(host, scheme), allowed)


def opened(*entries, http=False):
    return allowed_from(entries, http=http)


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_may_be_dialled(text):
    assert address_flaw(ip_address(text), CLOSED) is None
    assert flaw_of(text) is None


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_public_is_refused(text):
    assert "not a public address" in address_flaw(ip_address(text), CLOSED)
    assert "not a public address" in flaw_of(text)


@pytest.mark.parametrize("text", ["127.0.0.1.", "10.0.0.1.."])
def test_a_dot_at_the_end_hides_no_address(text):
    assert "is not a host name" in flaw_of(text)


@pytest.mark.parametrize("host", NOT_NAMES)
def test_what_is_neither_a_name_nor_a_plain_address_is_refused(host):
    assert "is not a host name" in flaw_of(host)


@pytest.mark.parametrize("host", LOCAL)
def test_a_local_name_is_refused(host):
    assert "is a local name" in flaw_of(host)


@pytest.mark.parametrize(
    "host",
    [
        *("example.com", "a.b.example.com", "example.com.", "xn--bcher-kva.example", "1.example", "3com.com", "single"),
        *("localhost.example.com", "notlocalhost", "internal.example.com", "0x7f.example", "x" * 63 + ".example"),
    ],
)
def test_an_ordinary_name_is_left_to_its_resolution(host):
    assert flaw_of(host) is None


@pytest.mark.parametrize("port", [80, 443, 1024, 8443, 65535])
def test_the_ports_of_web_servers_are_allowed(port):
    assert target_flaw(target(port=port), CLOSED) is None


@pytest.mark.parametrize("port", [-1, 0, 1, 22, 25, 79, 81, 444, 1023, 65536])
def test_other_ports_are_refused_though_the_host_is_opened(port):
    assert f"Port {port}" in target_flaw(target("10.0.0.1", port=port), opened("10.0.0.0/8"))


@pytest.mark.parametrize("scheme", ["", "ftp", "file", "gopher", "ws", "httpss", "HTTPS"])
def test_other_schemes_are_refused_though_the_host_is_opened(scheme):
    assert "scheme" in target_flaw(target("hooks.example.com", scheme), opened("hooks.example.com", http=True))


def test_user_info_and_fragments_are_refused():
    assert "user name or password" in spelling_flaw("https://user@hooks.example.com/")
    assert "fragment" in spelling_flaw("https://hooks.example.com/#part")


@given(addresses)
def test_what_may_be_dialled_is_global_unicast(address):
    if address_flaw(address, CLOSED) is None:
        unwanted = ("is_private", "is_loopback", "is_link_local", "is_multicast", "is_reserved", "is_unspecified")
        assert not any(getattr(address, name) for name in unwanted)
        assert address.is_global


@given(v4, st.integers(0, 2**64 - 1))
def test_no_ipv6_form_hides_an_ipv4_address(address, rest):
    number = int(address)
    forms = {
        "mapped": 0xFFFF << 32 | number,
        "compatible": number,
        "translated": 0xFFFF << 48 | number,
        "nat64": 0x64FF9B << 96 | number,
        "local nat64": 0x64FF9B0001 << 80 | number,
        "6to4": 0x2002 << 112 | number << 80 | rest,
        "teredo": 0x20010000 << 96 | rest & ~0xFFFFFFFF | number ^ 0xFFFFFFFF,
    }
    assert [name for name, form in forms.items() if address_flaw(IPv6Address(form), CLOSED) is None] == []


@given(v4)
def test_no_spelling_but_the_dotted_decimal_one_is_an_address(address):
    octets = address.packed
    spellings = [str(int(address)), hex(int(address)), f"0{int(address):o}", ".".join(map(hex, octets))]
    spellings += [".".join(f"0{octet:o}" for octet in octets), f"{octets[0]}.{int.from_bytes(octets[1:], 'big')}"]
    for spelling in spellings:
        assert literal_address(spelling) is None
        assert "is not a host name" in flaw_of(spelling)


@given(st.text(max_size=20))
def test_any_host_is_judged_without_a_crash(host):
    flaw = flaw_of(host)
    assert flaw is None or flaw.endswith((".", ")"))


@given(st.integers(-10, 70_000))
def test_a_port_is_that_of_a_web_server_or_unprivileged(port):
    assert (target_flaw(target(port=port), CLOSED) is None) == (port in {80, 443} or 1024 <= port <= 65535)


def test_a_literal_is_told_from_a_name():
    assert literal_address("10.0.0.1") == IPv4Address("10.0.0.1")
    assert literal_address("::1") == IPv6Address("::1")
    assert [literal_address(host) for host in ("example.com", "", "10.0.0", "10.0.0.1/8")] == [None] * 4
