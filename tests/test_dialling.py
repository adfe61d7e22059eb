# ruff: noqa: RUF001, SIM905 - letters that look like others are what is tested; words are read more easily than lists
"""The last door: whoever comes by it, and whatever has been judged before, only what may be dialled is dialled."""

from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from tests.servers import SYSTEM_TLS, finding, untouched
from tracker.dialling import Connector
from tracker.outbound import callback_flaw
from tracker.phases import PHASES, Phases
from tracker.rules.addresses import Allowed, is_host_name, is_public, literal_address
from tracker.rules.callbacks import port_flaw

OPEN_TO_HTTP = Allowed(http=True)


async def ask(url, allowed=OPEN_TO_HTTP, *found):
    """By the HTTP client alone: nobody judges the URL."""
    PHASES.set(phases := Phases())
    connector = Connector(1, SYSTEM_TLS, allowed, finding(*found))
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)
    return phases.refusal


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "１２７.0.0.1", "127。0。0。1"])
async def test_literal_address_takes_the_same_path_as_a_name(host):
    async with untouched() as canary:
        assert "is not a public address" in await ask(f"http://{host}:{canary.port}/")


async def test_name_is_judged_by_where_it_leads():
    async with untouched() as canary:
        refusal = await ask(f"http://receiver.example:{canary.port}/", OPEN_TO_HTTP, "127.0.0.1")
        assert "receiver.example leads to a forbidden address" in refusal


@pytest.mark.parametrize("port", [22, 25, 379])
async def test_port_is_judged_too(port):
    allowed = Allowed(hosts=("receiver.example",))
    assert f"Port {port} is not allowed" in await ask(f"http://receiver.example:{port}/", allowed, "127.0.0.1")


async def test_name_that_the_operator_opened_has_to_lead_to_an_address_all_the_same():
    allowed = Allowed(hosts=("receiver.example",))
    async with untouched() as canary:
        refusal = await ask(f"http://receiver.example:{canary.port}/", allowed, "localhost")
    assert "'localhost' is not an address" in refusal


PIECES = """
    http https HTTP :// // / \\ @ : ; ? # & = % . .. [ ] [::1] 127.0.0.1 8.8.8.8 localhost example.com a.example xn--a
    bücher 日本 １２７ ① 。 ． ％ ＠ ： ／ ß ı K 0x7f 0177 443 80 :443 :8443 :80 :+80 :065 %40 %2f %00 %25 - _ ~
""".split()
GOOD = """
    example.com Example.COM. 8.8.8.8 [2606:4700:0::1111] xn--bcher-kva.example bücher.example 日本語.example
    example。com faß.example K.example 3.example 1e3.a a.b.c.d.e.f
""".split()
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=2), max_size=6).map("".join)
schemes = st.sampled_from(("http", "https", "HTTPS"))
nearly_good = st.builds(
    "{}://{}{}{}{}".format,
    schemes,
    st.just("") | st.just("") | texts,
    st.sampled_from(GOOD),
    st.sampled_from(("", ":443", ":8443")),
    st.sampled_from(("", "/", "/a/../b?c=@:[]", "?a", "//b@c")) | texts,
)
urls = nearly_good | nearly_good | texts


@settings(max_examples=500)
@given(urls)
def test_url_that_is_taken_is_read_alike_by_all_parsers_and_names_a_host_that_may_be_dialled(url):
    if callback_flaw(url, OPEN_TO_HTTP) is not None:
        return
    asked, standard = httpx.URL(url), urlsplit(url)
    dialled = URL(str(asked))
    host = dialled.raw_host
    literal = literal_address(host)
    assert is_public(literal) if literal else is_host_name(host.removesuffix("."))
    assert literal_address(asked.raw_host.decode()) == literal
    assert literal or asked.raw_host.decode() == host
    assert dialled.scheme == asked.scheme == standard.scheme
    assert dialled.port == (asked.port or dialled.port) == (standard.port or dialled.port)
    assert port_flaw(dialled.port) is None
    assert {dialled.user, dialled.password, standard.username, standard.password} == {None}
    assert asked.userinfo == b""
    if standard.hostname.isascii():
        assert literal_address(standard.hostname) == literal
        assert literal or standard.hostname == host
