"""Forms: only pages of ours send them, in the session that they were made for."""

import pytest

from tracker.dashboard.routes import PAGES

from ..api.steps import a_job
from .visiting import leads_to

POSTS = [path for method, path, _ in PAGES if method == "POST"]


@pytest.fixture
async def job(stage):
    return (await stage.client.post("/v1/jobs", json=a_job())).json()


@pytest.fixture
def address(job):
    return lambda path: path.replace("{id}", job["id"])


async def is_untouched(stage, job):
    return (await stage.client.get(f"/v1/jobs/{job['id']}")).json() == job


@pytest.mark.parametrize("path", POSTS)
async def test_form_without_the_token_of_its_session_does_nothing(stage, visitor, enter, key, job, address, path):
    other = await enter(key)
    token_of_another = (await other.see("/jobs")).token()
    for token in ("", "x", token_of_another):
        answer = await visitor.send(address(path), token=token)
        assert answer.status_code == 403
    assert await is_untouched(stage, job)
    assert (await visitor.get("/jobs")).status_code == 200


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
    ],
)
async def test_form_of_another_site_does_nothing(stage, visitor, job, address, path, headers):
    answer = await visitor.send(address(path), headers=headers)
    assert answer.status_code == 403
    assert await is_untouched(stage, job)
    assert visitor.session


async def test_form_of_ours_is_taken(stage, visitor, job):
    headers = {"sec-fetch-site": "same-origin", "origin": stage.url}
    assert leads_to(await visitor.send(f"/jobs/{job['id']}/poll", headers=headers), f"/jobs/{job['id']}")


async def test_form_may_not_be_larger_than_any_of_ours(visitor):
    assert (await visitor.send("/logout", more="x" * 300_000)).status_code == 413
    assert visitor.session


async def test_body_that_is_no_form_is_refused(visitor):
    answer = await visitor.client.post("/logout", content=b"\xff\xfe")
    assert answer.status_code == 400


@pytest.mark.parametrize("path", POSTS)
async def test_form_of_nobody_leads_to_the_login(stranger, path):
    assert leads_to(await stranger.client.post(path.replace("{id}", "x")), "/login")


async def test_key_that_may_only_read_sees_no_buttons_and_could_not_use_them(stage, enter, new_key, job):
    reader = await enter((await new_key("read"))[0])
    page = await reader.see(f"/jobs/{job['id']}")
    assert page.forms() == []
    for verb in ("poll", "cancel", "forget"):
        answer = await reader.send(f"/jobs/{job['id']}/{verb}")
        assert answer.status_code == 403
        assert "scope" in answer.text
    assert await is_untouched(stage, job)


async def test_key_that_may_write_sees_buttons(enter, new_key, job):
    writer = await enter((await new_key("write"))[0])
    page = await writer.see(f"/jobs/{job['id']}")
    assert page.forms() == [f"/jobs/{job['id']}/poll", f"/jobs/{job['id']}/forget"]
