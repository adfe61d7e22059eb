"""How a callback's URL may be spelled, and where it may lead as far as that shows without a look-up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.rules.addresses import Allowed, allowed_from, literal_address
from tracker.rules.callbacks import Target, port_flaw, spelling_flaw, target_flaw

CLOSED = Allowed()

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

v4 = st.ip_addresses(v=4)


def target(host="hooks.example.com", scheme="https", port=443):
    return Target(scheme, host, port)


def flaw_of(host, allowed=CLOSED, scheme="https"):
    return target_flaw(target(host, scheme), allowed)


def opened(*entries, http=False):
    return allowed_from(entries, http=http)


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1111", "1.1.1.1"])
def test_a_public_literal_address_is_taken(host):
    assert flaw_of(host) is None


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "127.0.0.1", "::1", "::ffff:10.0.0.1", "2606:4700::5efe:a00:1", "fe80::1%eth0"]
)
def test_a_literal_address_that_is_not_public_is_refused(host):
    assert "not a public address" in flaw_of(host)


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
    assert (port_flaw(port) is None) == (port in {80, 443} or 1024 <= port <= 65535)
    assert target_flaw(target(port=port), CLOSED) == port_flaw(port)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://user@hooks.example.com/", "user name or password"),
        ("https://@hooks.example.com/", "user name or password"),
        ("https://hooks.example.com/#part", "fragment"),
        ("https://hooks.example.com/#", "fragment"),
        ("https://hooks.example.com/a b", "spaces or control characters"),
        ("https://hooks.example.com/\r\nx", "spaces or control characters"),
        ("https://hooks.example.com\\@x/", "backslash"),
        ("https://hooks%2eexample.com/", "without %"),
        ("https://[fe80::1%25eth0]/", "without %"),
        ("https://hooks.example.com:/", "plain number, not ''"),
        ("https://hooks.example.com:+443/", "plain number, not '+443'"),
        ("https://hooks.example.com:0443/", "plain number, not '0443'"),
        ("https://hooks.example.com:４４３/", "plain number, not '４４３'"),  # noqa: RUF001 - to be refused
        ("https://hooks.example.com:22/", "Port 22"),
        ("https://hooks.example.com:65536/", "Port 65536"),
        ("https://[::1].example.com/", "a host and a port"),
        ("hooks.example.com/x", "not a URL like https://host/path"),
        ("https:/hooks.example.com", "not a URL like https://host/path"),
    ],
)
def test_a_url_that_parsers_may_read_in_two_ways_is_refused_with_its_reason(url, reason):
    assert reason in spelling_flaw(url)


@pytest.mark.parametrize(
    "url",
    [
        *("https://hooks.example.com", "HTTPS://Hooks.Example.com/x", "https://hooks.example.com:8443/a/b?c=d&e=%20"),
        *("https://hooks.example.com/@x?y=a@b:c", "https://[2606:4700::1111]:443/", "https://bücher.example/日本語"),
        *("https://hooks.example.com?x=y", "https://a:80?x"),
    ],
)
def test_an_ordinary_url_has_no_flaw(url):
    assert spelling_flaw(url) is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_judged_without_a_crash(start, rest):
    for url in (start, f"https://{start}/{rest}", f"https://{start}:{rest}"):
        flaw = spelling_flaw(url)
        assert flaw is None or flaw.endswith((".", ")"))
