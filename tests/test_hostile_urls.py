# ruff: noqa: RUF001, SIM905 - letters that look like others are what is tested; words are read more easily than lists
"""Hostile callback URLs: each is refused at registration and again at dial time, and a canary stays untouched.

Whatever name one of them may be taken for leads to the canary.
"""

import pytest

from tests.servers import exchanged, failed, finding, untouched
from tracker.outbound import Limits, callback_flaw
from tracker.rules.addresses import Allowed
from tracker.rules.exchange import HttpRequest

LIMITS = Limits(2.0, 4096, cuts=True)
CLOSED = Allowed()
OPEN_TO_HTTP = Allowed(http=True)

IPV4 = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.1.2.3 127.255.255.254
    168.63.129.16 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1
    192.168.0.1 192.168.255.255 198.18.0.1 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1
    255.255.255.255
""".split()
IPV6 = """
    :: ::1 0:0:0:0:0:0:0:1 fe80::1 fec0::1 fc00::1 fd00:ec2::254 ff02::1 100::1 2001:db8::1 3fff::1 5f00::1 4000::1
    2001::1 2001:2::1 2001:10::1 ::ffff:127.0.0.1 ::ffff:7f00:1 0:0:0:0:0:ffff:127.0.0.1 ::ffff:10.0.0.1
    ::ffff:8.8.8.8 ::127.0.0.1 ::8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::8.8.8.8 64:ff9b:1::a00:1
    2002:7f00:1::1 2002:808:808::1 2001:0:4136:e378:8000:63bf:80ff:fffe 2001:0:a00:1::1 2606:4700::5efe:7f00:1
    2606:4700::5efe:a00:1 2606:4700::200:5efe:c0a8:1 2a00:1450::100:5efe:7f00:1 2a00:1450::5efe:a9fe:a9fe
""".split()
SPELLINGS = """
    2130706433 017700000001 0x7f000001 0X7F000001 0x7f.1 0x7f.0.0.1 0x7f.0x0.0x0.0x1 0177.0.0.1 0177.0.0.01 127.1
    127.0.1 127.0.0.01 127.0.0.0x1 10.1 0 0x0 00.0.0.0 1.1.1 1.1.1.1.1 256.1.1.1 8.8.8.8. 127.0.0.1. 127.0.0.1..
    １２７.0.0.1 127。0。0。1 127．0．0．1 127｡0｡0｡1 ①②⑦.0.0.1 ①②⑦。⓪。⓪。① ⓛocalhost ｌｏｃａｌｈｏｓｔ ℓocalhost
    localhost%00.example.com 127.0.0.1%00.example.com 127.0.0.1%20.example.com 127.0.0.1%2f.example.com
    %31%32%37.0.0.1 %6c%6f%63%61%6c%68%6f%73%74 ex%61mple.com [::1%25lo] [fe80::1%25eth0] [fe80::1%eth0] [::1 ::1]
    ::1 [127.0.0.1] [localhost] [v1.fe80] [] [[::1]] [::1].example.com [::1]x x[::1] [::ffff:127.1] [::ffff:0x7f.1]
""".split()
NAMES = """
    localhost localhost. LOCALHOST a.localhost a.b.localhost. localhost4 localhost6 ip6-localhost ip6-loopback loopback
    localhost.localdomain box.localdomain local printer.local internal metadata.internal metadata.google.internal
    home.arpa nas.home.arpa . .. .example.com a..example.com example..com example.com.. -a.example.com a-.example.com
    a_b.example.com ex*mple.com example.com; exam'ple.com exam"ple.com exam<ple>.com exam,ple.com exam$ple.com
    exam(ple).com exam!ple.com exam=ple.com exam&ple.com exam+ple.com exam~ple.com exam|ple.com exam^ple.com
    exam`ple.com exam{ple}.com xn--a xn--ab-cd.example 1.1.1.1&x x.0 x.0x7f x.１ example.com／x example.com？x
    example．com＃x ℀.example
""".split()
ODD_NAMES = [
    *("", " ", "exa mple.com", "x" * 64 + ".example.com", "a." * 130 + "com", "é\u200d.example", "\u202eexample.com"),
    *("exam\u00adple.com", "example.com\u2028", "example.com\u00a0", "example.com\ufeff", "example\u2024com\u0000"),
]
HOSTS = [*IPV4, *(f"[{address}]" for address in IPV6), *SPELLINGS, *NAMES, *ODD_NAMES]

# {port} is the canary's.
URLS = [
    *("", "/", "//127.0.0.1:{port}/", "127.0.0.1:{port}", "example.com", "https:", "https://", "https:///127.0.0.1/"),
    *("https:/127.0.0.1:{port}", "https:127.0.0.1:{port}", "https:\\\\127.0.0.1:{port}/", "https:/\\127.0.0.1/"),
    *(
        "HTTPS//example.com",
        "ｈttps://example.com/",
        "https：//example.com/",
        "https ://example.com/",
        "://example.com",
    ),
    *("ftp://127.0.0.1:{port}/", "file:///etc/passwd", "file://127.0.0.1/etc/passwd", "gopher://127.0.0.1:{port}/_x"),
    *("ws://127.0.0.1:{port}/", "wss://example.com/", "dict://127.0.0.1:{port}/", "ldap://127.0.0.1:{port}/"),
    *("javascript:alert(1)", "data:text/plain,x", "unix:///var/run/docker.sock", "http+unix://%2fvar%2frun/x"),
    *("jar:http://127.0.0.1:{port}/!/", "view-source:https://example.com/", "blob:https://example.com/x", "tcp://x:1"),
    *("https://user@example.com/", "https://user:pass@example.com/", "https://@example.com/", "https://:@example.com/"),
    *("https://example.com@127.0.0.1:{port}/", "https://127.0.0.1:{port}@example.com/", "https://a@b@example.com/"),
    *("https://example.com%40127.0.0.1:{port}/", "https://example.com:443@127.0.0.1:{port}/"),
    *("https://example.com:@127.0.0.1:{port}/", "https://127.0.0.1:{port}%2f@example.com/", "https://％40example.com/"),
    *("https://example.com/#", "https://example.com/#x", "https://example.com#@127.0.0.1:{port}/"),
    *("https://127.0.0.1:{port}#@example.com/", "https://127.0.0.1:{port}?@example.com/"),
    *("https://example.com\\@127.0.0.1:{port}/", "https://example.com\\.127.0.0.1:{port}/", "https://example.com/\\x"),
    *("https://127.0.0.1:{port}\\@example.com/", "https://127.0.0.1:{port}/@example.com/"),
    *("https://exam\tple.com/", "https://example.com/\n", "\thttps://example.com/", "https://example.com/\r\nHost: x"),
    *(" https://example.com/", "https://example.com/ ", "https://example.com/\x00", "https://example.com/\x7f"),
    *(
        "https://example.com/\x85",
        "https://example.com/?x=\u2029",
        "\ufeffhttps://example.com/",
        "ht\ntps://a.example/",
    ),
    *("https://127.0.0.1\t:{port}/", "https://\n127.0.0.1:{port}/", "https://example.com/\ud800"),
    *("https://example.com:/", "https://example.com:0/", "https://example.com:+443/", "https://example.com:-1/"),
    *(
        "https://example.com: 443/",
        "https://example.com:0443/",
        "https://example.com:４４３/",
        "https://example.com:٤٤٣/",
    ),
    *(
        "https://example.com:0x1bb/",
        "https://example.com:443.0/",
        "https://example.com:1e3/",
        "https://example.com:4_43/",
    ),
    *("https://example.com:22/", "https://example.com:25/", "https://example.com:444/", "https://example.com:1023/"),
    *("https://example.com:65536/", "https://example.com:65616/", "https://example.com:99999999999/"),
    *(
        "https://example.com:443:443/",
        "https://example.com:443x/",
        "https://example.com:x/",
        "https://[2606:4700::1]443/",
    ),
    *("https://[2606:4700::1]:/", "https://:443/", "https://:{port}/", "https://?x", "https://%00/", "https://.%2e/"),
    *("http://example.com/", "http://8.8.8.8/", "HTTP://EXAMPLE.COM/"),
]

UNSEEN = [
    *(
        "metadata",
        "kubernetes",
        "db",
        "receiver.example",
        "127.0.0.1.nip.example",
        "bücher.example",
        "7f000001.example",
    ),
    *("xn--bcher-kva.example", "localhost.example.com", "1.0.0.127.in-addr.arpa", "local.example", "receiver.example."),
]


async def assert_blocked(text, allowed, canary):
    url = text.replace("{port}", str(canary.port))
    flaw = callback_flaw(url, allowed)
    assert flaw
    assert flaw.endswith((".", ")"))
    result = await exchanged(HttpRequest("POST", url, {}, b"{}"), LIMITS, allowed, finding("127.0.0.1"))
    assert failed(result, "blocked")
    assert result.message == flaw


def test_the_tables_repeat_nothing_and_are_as_long_as_they_are_meant_to_be():
    assert len(set(HOSTS)) == len(HOSTS)
    assert len(set(URLS)) == len(URLS)
    assert len(HOSTS) + len(URLS) >= 250


@pytest.mark.parametrize("host", HOSTS)
async def test_hostile_host_is_refused_at_registration_and_at_dial(host):
    async with untouched() as canary:
        await assert_blocked(f"https://{host}:{{port}}/hook", CLOSED, canary)
        await assert_blocked(f"http://{host}:{{port}}/hook", OPEN_TO_HTTP, canary)
        await assert_blocked(f"https://{host}", CLOSED, canary)


@pytest.mark.parametrize("url", URLS)
async def test_hostile_url_is_refused_at_registration_and_at_dial(url):
    async with untouched() as canary:
        await assert_blocked(url, CLOSED, canary)


@pytest.mark.parametrize("address", [*IPV4, *IPV6])
async def test_name_that_leads_to_a_hostile_address_is_taken_at_registration_and_blocked_at_dial(address):
    async with untouched() as canary:
        url = f"http://receiver.example:{canary.port}/"
        assert callback_flaw(url, OPEN_TO_HTTP) is None
        request = HttpRequest("POST", url, {}, b"{}")
        assert failed(await exchanged(request, LIMITS, OPEN_TO_HTTP, finding(address)), "blocked")


@pytest.mark.parametrize("host", UNSEEN)
@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_name_that_only_its_look_up_gives_away_is_blocked_at_dial(scheme, host):
    async with untouched() as canary:
        url = f"{scheme}://{host}:{canary.port}/"
        assert callback_flaw(url, OPEN_TO_HTTP) is None
        request = HttpRequest("POST", url, {}, b"{}")
        assert failed(await exchanged(request, LIMITS, OPEN_TO_HTTP, finding("127.0.0.1")), "blocked")
