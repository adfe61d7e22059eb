"""Pages of lists: limits, cursors, and links, the same for every noun."""

import base64

import pytest

from .steps import fetch, flaws, ids_of, see, subscribe, track

LISTS = ["/v1/jobs", "/v1/subscriptions", "/v1/deliveries"]


async def fill(client, service, count):
    """So many jobs that ended, each with a delivery, and so many subscriptions."""
    await subscribe(client)
    for number in range(count):
        await see(service, await track(client, number), "succeeded")
    for _ in range(count - 1):
        await subscribe(client)


async def pages_of(client, path, **parameters):
    """All pages of a list, by their cursors, as lists of ids."""
    pages, cursor = [], {}
    while cursor is not None:
        page = await fetch(client, path, **parameters, **cursor)
        pages.append([row["id"] for row in page["data"]])
        cursor = page["next_cursor"] and {"cursor": page["next_cursor"]}
    return pages


@pytest.mark.parametrize("path", LISTS)
async def test_pages_are_the_list_cut_in_pieces(client, service, path):
    await fill(client, service, 5)
    whole = await ids_of(client, path)
    assert len(whole) == 5
    assert whole == sorted(whole, reverse=True)
    assert await pages_of(client, path, limit=2) == [whole[:2], whole[2:4], whole[4:]]
    assert await pages_of(client, path, limit=5) == [whole]


@pytest.mark.parametrize("path", LISTS)
async def test_cursor_holds_its_place_while_rows_arrive(client, service, path):
    await fill(client, service, 4)
    first = await fetch(client, path, limit=2)
    whole = await ids_of(client, path)
    await see(service, await track(client, 99), "succeeded")
    await subscribe(client)
    assert await ids_of(client, path, cursor=first["next_cursor"]) == whole[2:]


async def test_events_of_a_job_come_in_pages(client, service):
    job = await track(client)
    for status in ("queued", "running", "succeeded"):
        await see(service, job, status)
    path = f"/v1/jobs/{job['id']}/events"
    whole = await ids_of(client, path)
    assert await pages_of(client, path, limit=2) == [whole[:2], whole[2:]]


async def test_deliveries_of_a_job_come_in_pages(client, service):
    await subscribe(client, events=["job.*"])
    job = await track(client)
    for status in ("queued", "running", "succeeded"):
        await see(service, job, status)
    path = f"/v1/jobs/{job['id']}/deliveries"
    whole = await ids_of(client, path)
    assert await pages_of(client, path, limit=2) == [whole[:2], whole[2:]]


async def test_link_leads_to_the_next_page_with_the_same_filters(client):
    jobs = [await track(client, number, tags=["rot & grün"]) for number in range(3)]
    response = await client.get("/v1/jobs", params={"tag": "rot & grün", "limit": 2})
    address, _, relation = response.headers["link"].partition("; ")
    assert relation == 'rel="next"'
    following = await client.get(address.strip("<>"))
    assert [job["id"] for job in following.json()["data"]] == [jobs[0]["id"]]
    assert "link" not in following.headers


async def test_link_of_a_later_page_has_one_cursor(client):
    for number in range(3):
        await track(client, number)
    first = await client.get("/v1/jobs?limit=1")
    second = await client.get(first.links["next"]["url"])
    assert second.links["next"]["url"].count("cursor=") == 1
    assert (await client.get(second.links["next"]["url"])).json()["next_cursor"] is None


async def test_page_has_50_rows_unless_asked(client):
    for number in range(51):
        await track(client, number)
    assert [len(page) for page in await pages_of(client, "/v1/jobs")] == [50, 1]
    assert [len(page) for page in await pages_of(client, "/v1/jobs", limit=200)] == [51]


@pytest.mark.parametrize("path", LISTS)
async def test_limit_out_of_bounds_is_refused(client, path):
    for limit in ("0", "-1", "201", "99999999", "1.5", "", "ten", "\uff11"):
        assert flaws(await client.get(path, params={"limit": limit}), "parameter") == ["limit"]


@pytest.mark.parametrize("path", LISTS)
async def test_cursor_that_no_list_gave_out_is_refused(client, path):
    for cursor in ("", "!", "a", "ü", "job_1", base64.b64encode(b"' OR 1=1").decode(), "AAAA"):
        assert flaws(await client.get(path, params={"cursor": cursor}), "parameter") == ["cursor"]


async def test_cursor_of_another_list_is_refused(client):
    subscription = await subscribe(client)
    paths = {
        "job": "/v1/jobs",
        "sub": "/v1/subscriptions",
        "dlv": "/v1/deliveries",
        "key": "/v1/keys",
        "rpl": f"/v1/subscriptions/{subscription['id']}/replays",
    }
    for noun, path in paths.items():
        for prefix in (*paths, "evt"):
            cursor = base64.urlsafe_b64encode(f"{prefix}_01kdwpvng00000000000000002".encode()).decode().rstrip("=")
            response = await client.get(path, params={"cursor": cursor})
            assert response.status_code == 200 if noun == prefix else flaws(response, "parameter") == ["cursor"]


async def test_cursor_that_is_no_place_in_the_feed_is_refused_by_events(client):
    job = await track(client)
    for place in ("job_1", "9" * 19, "9" * 5000):
        cursor = base64.urlsafe_b64encode(place.encode()).decode()
        response = await client.get(f"/v1/jobs/{job['id']}/events", params={"cursor": cursor})
        assert flaws(response, "parameter") == ["cursor"]
