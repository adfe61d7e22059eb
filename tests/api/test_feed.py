"""`GET /v1/events`: the feed, page by page, whose cursor never skips an event."""

import asyncio

import pytest

from .steps import fetch, flaws, see, subscribe, track
from .streams import cursor, ids_of, new_event, tell


async def types_in(client, **parameters):
    return [event["type"] for event in (await fetch(client, "/v1/events", **parameters))["data"]]


async def test_feed_shows_what_webhooks_carry_oldest_first(client, service):
    job = await track(client, tags=["hero"])
    await see(service, job, "running")
    await see(service, job, "succeeded", output={"url": "https://cdn.example/ü"})
    page = await fetch(client, "/v1/events")
    assert [event["type"] for event in page["data"]] == ["job.running", "job.succeeded"]
    event = page["data"][1]
    assert list(event) == ["id", "type", "timestamp", "data"]
    assert event["data"]["job"] == await fetch(client, f"/v1/jobs/{job['id']}")
    newest_first = await fetch(client, f"/v1/jobs/{job['id']}/events")
    assert newest_first["data"] == page["data"][::-1]


async def test_cursor_at_the_end_leads_on_to_what_happens_later(client, service):
    empty = await fetch(client, "/v1/events")
    assert empty == {"data": [], "next_cursor": cursor(0)}
    await tell(service, 1, 2)
    page = await fetch(client, "/v1/events", after=empty["next_cursor"])
    assert [event["id"] for event in page["data"]] == ids_of([1, 2])
    at_end = await fetch(client, "/v1/events", after=page["next_cursor"])
    assert at_end == {"data": [], "next_cursor": page["next_cursor"]}
    await tell(service, 3)
    later = await fetch(client, "/v1/events", after=at_end["next_cursor"])
    assert [event["id"] for event in later["data"]] == ids_of([3])


async def test_pages_hold_every_event_once_while_others_arrive(client, service):
    async def write():
        for number in range(0, 198, 3):
            await tell(service, number, number + 1, number + 2)

    writing, seen, after = asyncio.create_task(write()), [], {}
    while True:
        is_over = writing.done()
        page = await fetch(client, "/v1/events", limit=7, **after)
        seen += [event["id"] for event in page["data"]]
        after = {"after": page["next_cursor"]}
        if is_over and not page["data"]:
            break
    assert seen == ids_of(range(198))


async def test_link_leads_to_the_next_page_with_the_same_filters_and_is_gone_at_the_end(client, service):
    await tell(service, *(new_event(number, "job.failed", kind="ü & x") for number in range(5)), 5)
    first = await client.get("/v1/events", params={"type": "job.*", "kind": "ü & x", "limit": 2, "after": cursor(0)})
    second = await client.get(first.links["next"]["url"])
    third = await client.get(second.links["next"]["url"])
    pages = [[event["id"] for event in page.json()["data"]] for page in (first, second, third)]
    assert pages == [ids_of([0, 1]), ids_of([2, 3]), ids_of([4])]
    assert "link" not in third.headers


async def test_filters_of_different_sorts_must_all_fit_and_any_value_of_one(client, service):
    for number, (provider, kind) in enumerate([("wondercat", "inference"), ("wondercat", "editor"), ("decart", "job")]):
        await see(service, await track(client, number, provider=provider, kind=kind, tags=[f"t{number}"]), "succeeded")
    await subscribe(client)
    jobs = (await fetch(client, "/v1/jobs"))["data"][::-1]
    filters = [
        ({"provider": "wondercat"}, [0, 1]),
        ({"provider": ["wondercat", "decart"]}, [0, 1, 2]),
        ({"provider": "wondercat", "kind": "editor"}, [1]),
        ({"tag": ["t0", "t2"]}, [0, 2]),
        ({"tag": ["t0", "t2"], "kind": "job"}, [2]),
        ({"job_id": jobs[1]["id"]}, [1]),
        ({"job_id": [jobs[1]["id"], "job_unknown"], "type": "job.succeeded"}, [1]),
        ({"type": ["job.failed", "subscription.*"]}, []),
        ({"type": "*"}, [0, 1, 2]),
    ]
    for parameters, expected in filters:
        found = (await fetch(client, "/v1/events", **parameters))["data"]
        assert [event["data"]["job"]["id"] for event in found] == [jobs[number]["id"] for number in expected]


async def test_events_outlive_their_job(client, service):
    job = await track(client)
    await see(service, job, "succeeded")
    await client.delete(f"/v1/jobs/{job['id']}")
    assert await types_in(client, job_id=job["id"]) == ["job.succeeded"]


async def test_event_about_no_job_is_in_the_feed(client):
    made = await subscribe(client)
    await client.post(f"/v1/subscriptions/{made['id']}/test")
    assert await types_in(client) == ["subscription.test"]
    assert await types_in(client, provider="decart") == []


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/stream"])
async def test_wrong_parameters_are_named(client, path):
    for name, values in {
        "after": ("", "!", "ü", "job_1", cursor("job_1"), cursor("9" * 19), cursor(-1)),
        "type": ("", "job", "job.unheard-of", "job*", "x.*"),
        "cursor": (cursor(1),),
        "status": ("running",),
    }.items():
        for value in values:
            assert flaws(await client.get(path, params={name: value}), "parameter") == [name]


async def test_limit_is_that_of_all_lists(client, service):
    await tell(service, *range(201))
    assert len(await types_in(client)) == 50
    assert len(await types_in(client, limit=200)) == 200
    assert flaws(await client.get("/v1/events?limit=201"), "parameter") == ["limit"]
    assert flaws(await client.get("/v1/events/stream?limit=1"), "parameter") == ["limit"]
