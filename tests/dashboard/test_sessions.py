"""Who is let in, with what, and for how long."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.dashboard.forms import local_path
from tracker.dashboard.routes import PAGES
from tracker.dashboard.sessions import COOKIE, LoginLinks, Sessions
from tracker.surroundings import Surroundings

from .visiting import Seen, Visitor, leads_to

ELSEWHERE = ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "", "/a\nb", "jobs"]


@pytest.mark.parametrize("path", [path for method, path, _ in PAGES if method == "GET" and path not in ("/", "/live")])
async def test_who_is_not_signed_in_is_led_to_the_login_and_back(stranger, path):
    answer = await stranger.get(path.replace("{id}", "x"), page="2")
    assert answer.status_code == 303
    came_for = path.replace("{id}", "x") + "?page=2"
    assert httpx.URL(answer.headers["location"]).params["next"] == came_for
    form = await stranger.see(answer.headers["location"])
    assert came_for in [field.get("value") for field in form.all("input") if field.get("name") == "next"]


async def test_login_leads_to_what_was_asked_for(stranger, key):
    answer = await stranger.client.post("/login", data={"key": key, "next": "/jobs?status=failed"})
    assert leads_to(answer, "/jobs?status=failed")


@pytest.mark.parametrize("path", ELSEWHERE)
async def test_login_leads_to_pages_of_ours_alone(stranger, key, path):
    assert leads_to(await stranger.client.post("/login", data={"key": key, "next": path}), "/")


@given(st.text(st.sampled_from("/\\.:@?#ab\t\n "), max_size=12))
def test_path_of_ours_has_no_other_host(text):
    path = local_path(text)
    joined = httpx.URL("http://tracker.example/").join(path)
    assert (joined.host, joined.scheme) == ("tracker.example", "http")
    assert path.startswith("/")
    assert path[1:2] not in ("/", "\\")


@pytest.mark.parametrize("key", ["wrong", "", "trk_" + "x" * 43, "ключ", "a\x00b"])
async def test_unknown_key_is_refused(stranger, key):
    answer = await stranger.sign_in(key)
    assert answer.status_code == 401
    assert stranger.session is None
    (alert,) = [element for element in Seen(answer.text).elements if element.get("role") == "alert"]
    assert alert.text


async def test_session_is_a_cookie_for_http_alone_that_does_not_tell_the_key(stranger, key):
    answer = await stranger.sign_in(key)
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict", "Max-Age=604800"} <= set(cookie.split("; "))
    assert key not in cookie
    assert "Secure" not in cookie


@pytest.mark.parametrize(("host", "is_secure"), [("localhost:8000", False), ("[::1]:8000", False), ("t.example", True)])
async def test_session_goes_over_https_alone_unless_at_this_machine(stranger, key, host, is_secure):
    answer = await stranger.sign_in(key, host=host)
    assert ("Secure" in answer.headers["set-cookie"].split("; ")) is is_secure


async def test_login_says_where_a_browser_keeps_no_session(stranger):
    plain = await stranger.client.get("/login", headers={"host": "tracker.example"})
    assert "only over https" in plain.text
    assert "only over https" not in (await stranger.get("/login")).text


async def test_login_that_another_site_sends_is_refused(stranger, key):
    assert (await stranger.sign_in(key, **{"sec-fetch-site": "cross-site"})).status_code == 403
    assert (await stranger.sign_in(key, origin="https://evil.example")).status_code == 403
    assert stranger.session is None


async def test_revoked_key_ends_the_session_at_its_next_page(stage, new_key, enter):
    key, key_id = await new_key("write")
    visitor = await enter(key)
    assert (await visitor.get("/jobs")).status_code == 200
    await stage.client.delete(f"/v1/keys/{key_id}")
    assert leads_to(await visitor.get("/jobs"), "/login?next=%2Fjobs")
    assert visitor.session is None


async def test_session_is_over_after_seven_days(visitor, clock):
    clock.advance(7 * 86_400 - 1)
    assert (await visitor.get("/jobs")).status_code == 200
    clock.advance(2)
    assert (await visitor.get("/jobs")).status_code == 303


async def test_changed_cookie_is_no_session(stage, visitor):
    session = visitor.session
    for changed in (session[:-1] + ("A" if session[-1] != "A" else "B"), session[:40], "x", "ü"):
        async with Visitor(stage.url, headers={"cookie": f"{COOKIE}={changed}".encode()}) as other:
            assert (await other.get("/jobs")).status_code == 303


async def test_logout_ends_the_session(visitor):
    assert leads_to(await visitor.send("/logout"), "/login")
    assert visitor.session is None


def test_replicas_with_one_secret_share_their_sessions(surroundings):
    one, same, other = (Sessions(secret, surroundings) for secret in ("a" * 66, "a" * 66, "b" * 66))
    session = one.seal("trk_1")
    assert same.open(session) == "trk_1"
    assert same.is_form_token(session, one.form_token(session))
    assert other.open(session) is None
    assert other.form_token(session) != one.form_token(session)


async def test_link_signs_in_once(stage, stranger, key):
    path = stage.service.site.login_path(key)
    assert key not in path
    assert leads_to(await stranger.get(path), "/")
    assert (await stranger.get("/jobs")).status_code == 200
    async with Visitor(stage.url) as second:
        assert (await second.get(path)).status_code == 401
        assert second.session is None


async def test_link_is_not_used_up_by_what_looks_ahead(stage, stranger, key):
    path = stage.service.site.login_path(key)
    await stranger.client.head(path)
    await stranger.client.get(path, headers={"sec-purpose": "prefetch"})
    assert stranger.session is None
    assert leads_to(await stranger.get(path), "/")


async def test_link_is_for_this_machine_alone(stage, key):
    transport = httpx.ASGITransport(stage.service.site, client=("192.0.2.1", 4000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as far:
        assert (await far.get(stage.service.site.login_path(key))).status_code == 401


def test_link_is_over_after_an_hour(clock):
    links = LoginLinks(Surroundings(now=clock))
    early, late = links.code_for("trk_1"), links.code_for("trk_2")
    clock.advance(3600)
    assert links.take(early) == "trk_1"
    clock.advance(1)
    assert links.take(late) is None
    assert links.take("never made") is None
