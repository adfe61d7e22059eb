"""What every page says of itself, and what no page has."""

import pytest

from tracker.dashboard.routes import PAGES

from ..api.steps import a_job
from .visiting import Seen

PATHS = [path for method, path, _ in PAGES if method == "GET" and path != "/live"]


@pytest.fixture
async def job(stage):
    return (await stage.client.post("/v1/jobs", json=a_job())).json()


def directives(answer):
    parts = answer.headers["content-security-policy"].split("; ")
    return {name: values for name, *values in (part.split() for part in parts)}


@pytest.mark.parametrize("path", [*PATHS, "/jobs/unknown", "/login"])
async def test_page_runs_and_loads_nothing_that_is_not_ours(visitor, job, path):
    answer = await visitor.get(path.replace("{id}", job["id"]))
    policy = directives(answer)
    assert policy["default-src"] == ["'none'"]
    for name in ("script-src", "style-src", "connect-src", "form-action"):
        assert policy[name] == ["'self'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert policy["img-src"] == (["'self'", "http:", "https:"] if path == "/jobs/{id}" else ["'self'"])
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [*PATHS, "/jobs/unknown", "/login"])
async def test_page_has_nothing_inline(visitor, job, path):
    page = Seen((await visitor.get(path.replace("{id}", job["id"]))).text)
    assert page.all("style") == []
    for element in page.elements:
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
    assert all(script.get("src").startswith("/static/") and not script.text for script in page.all("script"))


@pytest.mark.parametrize("path", [*PATHS, "/jobs/unknown", "/login"])
async def test_ids_of_a_page_are_its_own(visitor, job, path):
    page = Seen((await visitor.get(path.replace("{id}", job["id"]))).text)
    ids = [element.get("id") for element in page.elements if element.get("id")]
    assert len(ids) == len(set(ids))


async def test_files_are_kept_for_good_under_an_address_that_changes_with_them(stranger):
    page = await stranger.see("/login")
    (style,) = [link.get("href") for link in page.all("link") if link.get("rel") == "stylesheet"]
    answer = await stranger.get(style)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    # A replica of another version leads here.
    other = await stranger.get("/static/0123456789abcdef/style.css")
    assert (other.text, other.headers["cache-control"]) == (answer.text, "no-cache")


async def test_file_that_is_none_of_ours_is_not_found(stranger):
    for name in ("secrets.txt", "..%2F__init__.py", "layout.html"):
        assert (await stranger.get(f"/static/x/{name}")).status_code in (401, 404)


async def test_what_is_no_page_is_the_apis_to_answer(visitor):
    answer = await visitor.get("/v1/jobs")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_wrong_method_gets_a_page_too(visitor):
    answer = await visitor.client.delete("/jobs")
    assert answer.status_code == 405
    assert "Method Not Allowed" in Seen(answer.text).text


async def test_problem_is_shown_within_the_frame_of_who_is_signed_in(visitor, stranger):
    assert [nav.get("aria-label") for nav in (await visitor.see("/jobs/unknown", 404)).all("nav")] == ["Pages"]
    assert (await stranger.see("/static/x/unknown", 404)).all("nav") == []
