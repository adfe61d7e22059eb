"""`ETag` and `If-None-Match` on a job: what is known is not sent again."""

import asyncio
from dataclasses import replace

import pytest

from .steps import ListeningBell, fetch, see, track

GUARD = 10


async def tag_of(client, job, **parameters):
    response = await client.get(f"/v1/jobs/{job['id']}", params=parameters)
    assert response.status_code == 200
    return response.headers["etag"]


async def known(client, job, *tags, headers=None, **parameters):
    """The status, and whether anything was sent, of a request that names these tags."""
    named = {"if-none-match": ", ".join(tags)} | (headers or {})
    response = await client.get(f"/v1/jobs/{job['id']}", params=parameters, headers=named)
    return response.status_code, bool(response.content)


async def test_job_that_is_known_is_304_without_a_body_and_with_its_tag(client):
    job = await track(client)
    tag = await tag_of(client, job)
    response = await client.get(f"/v1/jobs/{job['id']}", headers={"if-none-match": tag})
    assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
    assert response.headers["cache-control"] == "no-cache"
    assert await known(client, job, '"other"', tag) == (304, False)
    assert await known(client, job, "*") == (304, False)
    assert await known(client, job, '"other"') == (200, True)


async def test_each_change_that_shows_has_a_tag_of_its_own(client, service):
    job = await track(client)
    tags = [await tag_of(client, job)]
    for status in ("running", "running", "succeeded"):
        await see(service, job, status)
        tags.append(await tag_of(client, job))
        assert await known(client, job, *tags[:-1]) == (200, True)
        assert await known(client, job, tags[-1]) == (304, False)
    assert len(set(tags)) == 4


async def test_what_is_expanded_is_part_of_the_tag(client, service):
    job = await track(client)
    await see(service, job, "running")
    plain, expanded = await tag_of(client, job), await tag_of(client, job, expand="history")
    assert plain != expanded
    assert await known(client, job, plain, expand="history") == (200, True)
    assert await known(client, job, expanded, expand="history") == (304, False)


async def test_jobs_that_look_alike_have_tags_of_their_own(client):
    one, other = await track(client, 1), await track(client, 2)
    assert await tag_of(client, one) != await tag_of(client, other)


async def test_head_has_the_tag_and_honours_it(client):
    job = await track(client)
    tag = await tag_of(client, job)
    path = f"/v1/jobs/{job['id']}"
    assert (await client.head(path)).headers["etag"] == tag
    assert (await client.head(path, headers={"if-none-match": tag})).status_code == 304


async def test_lists_have_no_tag(client):
    assert "etag" not in (await client.get("/v1/jobs", headers={"if-none-match": "*"})).headers


async def test_preference_to_wait_waits_for_the_end_and_then_looks_at_the_tag(client, service):
    job = await track(client)
    service.bell = ListeningBell()
    service.app.state.context = replace(service.app.state.context, bell=service.bell)
    wanted = {"if-none-match": await tag_of(client, job), "prefer": "wait=300"}
    request = asyncio.create_task(client.get(f"/v1/jobs/{job['id']}", headers=wanted))
    await asyncio.wait_for(service.bell.listeners.acquire(), GUARD)
    await see(service, job, "running")
    await see(service, job, "succeeded")
    response = await asyncio.wait_for(request, GUARD)
    assert (response.status_code, response.json()["status"]) == (200, "succeeded")
    assert response.headers["preference-applied"] == "wait=300"


@pytest.mark.parametrize("seconds", ["0", "1"])
async def test_preference_to_wait_in_vain_is_304(client, service, seconds):
    job = await track(client)
    tag = await tag_of(client, job)
    service.bell.close()  # nobody waits any more
    response = await client.get(f"/v1/jobs/{job['id']}", headers={"if-none-match": tag, "prefer": f"wait={seconds}"})
    assert (response.status_code, response.headers["preference-applied"]) == (304, f"wait={seconds}")
    assert (await fetch(client, f"/v1/jobs/{job['id']}"))["status"] == "queued"
