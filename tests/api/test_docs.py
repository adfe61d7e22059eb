"""What is open to the authors of descriptions: a page to read, and a schema for their editors."""

import re
from pathlib import Path

import tracker.providers
from tracker.providers.schema import description_schema

from .steps import problem

FORMAT = Path(tracker.providers.__file__).with_name("FORMAT.md").read_text("utf-8")


async def test_the_schema_is_served_to_all(stranger):
    response = await stranger.get("/.well-known/tracker-provider-schema.json")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/schema+json"
    assert response.json() == description_schema()


async def test_the_page_about_the_format_is_served_to_all(stranger):
    response = await stranger.get("/docs/providers")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    title = FORMAT.partition("\n")[0].removeprefix("# ")
    assert f"<title>{title}</title>" in response.text
    assert re.search(f"<h1 id=[^>]+>{title}</h1>", response.text)


async def test_the_page_has_every_table_and_every_example(stranger):
    page = (await stranger.get("/docs/providers")).text
    assert page.count("<table>") == FORMAT.count("\n| --- |")
    assert page.count("<pre>") == FORMAT.count("\n```") // 2 + len(re.findall(r"\n\n    \S", FORMAT))
    assert not re.search(r"^\|", page, re.MULTILINE)


async def test_every_section_of_the_page_can_be_linked_to(stranger):
    page = (await stranger.get("/docs/providers")).text
    ids = re.findall(r'<h[1-6] id="([^"]+)">', page)
    assert len(ids) == len(set(ids)) == len(re.findall(r"^#+ ", FORMAT, re.MULTILINE))
    assert {"auth", "kinds-name", "rules-where", "progress"} <= set(ids)
    linked = re.findall(r'<a href="#([^"]+)">', page)
    assert linked == re.findall(r'<h2 id="([^"]+)">', page)


async def test_nothing_runs_or_is_fetched_on_the_page(stranger):
    response = await stranger.get("/docs/providers")
    assert response.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script|<img|<link|<iframe| on[a-z]+=|javascript:| style=", response.text)


async def test_what_stands_beside_the_page_is_not_open(stranger):
    for path in ("/docs/providers/x", "/docs/other", "/docs//"):
        problem(await stranger.get(path), 401)


async def test_a_slash_too_many_is_no_secret(stranger):
    for path in ("/docs/", "/docs/providers/"):
        problem(await stranger.get(path), 404)
