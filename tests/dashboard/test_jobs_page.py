"""The list of jobs: the address holds the filter, and the API judges it."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.dashboard.filters import Filters

from ..api.steps import a_job, see
from .visiting import leads_to

pairs = st.lists(
    st.tuples(st.sampled_from(["tag", "status", "metadata.a&b", "cursor"]), st.text(min_size=1)), max_size=6
)


async def track(stage, number, **changes):
    answer = await stage.client.post("/v1/jobs", json=a_job(number, **changes))
    assert answer.status_code == 201, answer.text
    return answer.json()


def shown(page):
    """The ids of the jobs in the table."""
    return [row.get("id") for row in page.all("tr") if row.get("id")]


@pytest.fixture
async def jobs(stage, clock):
    jobs = []
    for number, changes in enumerate(({"tags": ["hero"]}, {"metadata": {"shop": "a&b"}}, {"kind": "editor"})):
        clock.advance(1)
        jobs.append(await track(stage, number, **changes))
    return jobs


async def test_list_shows_jobs_the_newest_first_with_links_to_their_pages(visitor, jobs):
    page = await visitor.see("/jobs")
    assert shown(page) == [job["id"] for job in reversed(jobs)]
    links = [link.get("href") for link in page.all("a")]
    assert all(f"/jobs/{job['id']}" in links for job in jobs)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tag=hero", [0]),
        ("metadata.shop=a%26b", [1]),
        ("kind=editor&kind=inference", [2, 1, 0]),
        ("remote_id=remote-1", [1]),
        ("status=failed", []),
        ("created_before=2026-01-01T12:00:02Z", [0]),
    ],
)
async def test_address_holds_the_filter(visitor, jobs, query, expected):
    page = await visitor.see(f"/jobs?{query}")
    assert shown(page) == [jobs[number]["id"] for number in expected]


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        ("provider=&kind=&tag=+hero+&remote_id=", "/jobs?tag=hero"),
        ("metadata=shop%3Da%26b", "/jobs?metadata.shop=a%26b"),
        ("created_after=2026-01-01T12:00", "/jobs?created_after=2026-01-01T12%3A00%3A00Z"),
        ("status=failed&status=expired&kind=", "/jobs?status=failed&status=expired"),
        ("tag=", "/jobs"),
        ("remote_id=job_01m89ehhz35jrvnwkn2atb9fde", "/jobs/job_01m89ehhz35jrvnwkn2atb9fde"),
    ],
)
async def test_form_is_put_into_the_words_of_the_api(visitor, sent, address):
    assert leads_to(await visitor.get(f"/jobs?{sent}"), address)


async def test_form_shows_the_filter_again(visitor):
    page = await visitor.see("/jobs?status=failed&tag=hero&created_after=2026-01-01T12%3A00%3A00Z")
    fields = {(field.get("name"), field.get("value")): field.attributes for field in page.all("input")}
    assert "checked" in fields["status", "failed"]
    assert "checked" not in fields["status", "queued"]
    assert ("tag", "hero") in fields
    assert ("created_after", "2026-01-01T12:00:00") in fields
    links = [link.get("href") for link in page.all("a")]
    assert "/jobs?status=failed&created_after=2026-01-01T12%3A00%3A00Z" in links


async def test_what_the_api_refuses_is_told_in_its_words(visitor):
    page = await visitor.see("/jobs?status=odd", 422)
    assert "status" in page.text
    assert "odd" in page.text


async def test_pages_lead_on_and_back_with_the_filter(visitor, jobs):
    first = await visitor.see("/jobs?kind=inference&limit=1")
    (older,) = [link.get("href") for link in first.all("a") if link.get("rel") == "next"]
    second = await visitor.see(older)
    assert (shown(first), shown(second)) == ([jobs[1]["id"]], [jobs[0]["id"]])
    assert "/jobs?kind=inference&limit=1" in [link.get("href") for link in second.all("a")]


async def test_empty_list_says_the_next_step(visitor):
    assert "tracker jobs add" in (await visitor.see("/jobs")).text
    filtered = await visitor.see("/jobs?tag=none")
    assert "tracker jobs add" not in filtered.text
    assert "/jobs" in [link.get("href") for link in filtered.all("a") if link.text == "Show all jobs"]


async def test_list_tells_how_each_job_stands(stage, visitor, jobs):
    await see(stage.service, jobs[0], "running", progress=0.256)
    page = await visitor.see("/jobs?tag=hero")
    (row,) = [row for row in page.all("tr") if row.get("id")]
    assert "running" in row.text
    assert "25 %" in row.text
    (bar,) = page.all("progress")
    assert bar.get("value") == "0.256"


@given(pairs)
def test_filter_survives_its_address(filters):
    kept = Filters(tuple(filters))
    assert Filters(tuple(_read(kept.as_sent()))) == kept
    assert Filters(tuple(_read(kept.query()))).cursor == ""
    for name, value in kept.chosen:
        assert (name, value) not in _read(kept.without(name, value))


def _read(query):
    return parse_qsl(query.removeprefix("?"), keep_blank_values=True)
