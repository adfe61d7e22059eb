"""`GET /v1/jobs`: its filters, one by one, and together."""

from dataclasses import replace
from datetime import datetime, timedelta

from tracker.service import Service

from .steps import KEY, client_of, fetch, flaws, ids_of, see, track

MICROSECOND = timedelta(microseconds=1)


async def test_list_is_newest_first_and_shows_jobs_whole(client):
    jobs = [await track(client, number) for number in range(3)]
    assert await fetch(client, "/v1/jobs") == {"data": jobs[::-1], "next_cursor": None}


async def test_empty_list_is_a_list(client):
    assert await fetch(client, "/v1/jobs") == {"data": [], "next_cursor": None}


async def test_filter_by_provider_and_kind(client):
    inference, editor = await track(client, 1), await track(client, 2, kind="editor")
    decart = await track(client, 3, provider="decart", kind="job")
    assert await ids_of(client, "/v1/jobs", provider="decart") == [decart["id"]]
    assert await ids_of(client, "/v1/jobs", kind="editor") == [editor["id"]]
    assert await ids_of(client, "/v1/jobs", provider="wondercat", kind="inference") == [inference["id"]]
    assert await ids_of(client, "/v1/jobs", provider="unheard-of") == []
    assert await ids_of(client, "/v1/jobs", kind=["job", "editor"]) == [decart["id"], editor["id"]]


async def test_filter_by_account(start):
    service = await start(WONDERCAT_API_KEY__TEAM_A="another-key")
    async with client_of(service, KEY) as client:
        await track(client, 1)
        job = await track(client, 2, account="team-a")
        assert await ids_of(client, "/v1/jobs", account="team-a") == [job["id"]]


async def test_filter_by_status_takes_several(client, service):
    queued, running, failed = [await track(client, number) for number in range(3)]
    await see(service, running, "running")
    await see(service, failed, "failed")
    assert await ids_of(client, "/v1/jobs", status="running") == [running["id"]]
    assert await ids_of(client, "/v1/jobs", status=["queued", "failed"]) == [failed["id"], queued["id"]]
    assert await ids_of(client, "/v1/jobs", status="expired") == []


async def test_filter_by_remote_id(client):
    job, _ = await track(client, remote_id="a/b c"), await track(client, remote_id="a")
    assert await ids_of(client, "/v1/jobs", remote_id="a/b c") == [job["id"]]


async def test_filter_by_tag_wants_all_of_several(client):
    both = await track(client, 1, tags=["red", "blue"])
    red = await track(client, 2, tags=["red"])
    await track(client, 3)
    assert await ids_of(client, "/v1/jobs", tag="red") == [red["id"], both["id"]]
    assert await ids_of(client, "/v1/jobs", tag=["red", "blue"]) == [both["id"]]
    assert await ids_of(client, "/v1/jobs", tag="re") == []


async def test_filter_by_metadata_spells_values_as_json_does(client):
    spelled = {"text": "text", "7": 7, "1.5": 1.5, "true": True, "null": None, "ä ö": "ä ö"}
    for text, value in spelled.items():
        job = await track(client, remote_id=text, metadata={"key": value})
        assert await ids_of(client, "/v1/jobs", **{"metadata.key": text}) == [job["id"]]
        assert await ids_of(client, "/v1/jobs", **{"metadata.other": text}) == []


async def test_metadata_filters_are_and_ed(client):
    job, _ = await track(client, 1, metadata={"a": 1, "b.c": 2}), await track(client, 2, metadata={"a": 1})
    assert await ids_of(client, "/v1/jobs", **{"metadata.a": "1", "metadata.b.c": "2"}) == [job["id"]]


async def test_bounds_on_creation_are_exclusive(client, clock):
    jobs = []
    for number in range(3):
        jobs.append(await track(client, number))
        clock.advance(1)
    first, second, third = (job["id"] for job in jobs)
    at = jobs[1]["created_at"]
    assert await ids_of(client, "/v1/jobs", created_after=at) == [third]
    assert await ids_of(client, "/v1/jobs", created_before=at) == [first]
    assert await ids_of(client, "/v1/jobs", created_after=jobs[0]["created_at"]) == [third, second]
    bounds = {"created_after": "2026-01-01T13:00:00+01:00", "created_before": jobs[2]["created_at"]}
    assert await ids_of(client, "/v1/jobs", **bounds) == [second]


async def test_bounds_on_the_end_are_exclusive_and_leave_out_what_goes_on(client, service):
    jobs = [await track(client, number) for number in range(3)]
    for job in jobs[:2]:
        await see(service, job, "succeeded")
    first, second = (job["id"] for job in jobs[:2])
    at = (await fetch(client, f"/v1/jobs/{first}"))["finished_at"]
    assert await ids_of(client, "/v1/jobs", finished_after=at) == [second]
    assert await ids_of(client, "/v1/jobs", finished_before=at) == []
    assert await ids_of(client, "/v1/jobs", finished_after="0001-01-01T00:00:00Z") == [second, first]


async def test_bounds_on_creation_hold_while_the_clock_goes_on(settings_of, surroundings, clock):
    """A list finds them among the ids."""
    going_on = replace(surroundings, now=lambda: clock.advance(0.001))
    async with Service(settings_of(), going_on, is_ticking=False) as service, client_of(service, KEY) as client:
        job = await track(client)
        at = datetime.fromisoformat(job["created_at"])
        bounds = {"created_after": at - MICROSECOND, "created_before": at + MICROSECOND}
        bounds = {name: bound.isoformat() for name, bound in bounds.items()}
        assert await ids_of(client, "/v1/jobs", **bounds) == [job["id"]]


async def test_filter_that_is_wrong_or_unknown_is_named(client):
    wrong = {
        "status": ["done", "", "QUEUED"],
        "created_after": ["yesterday", "1800000000"],
        "created_before": ["2026-01-01T12:00:00"],
        "finished_after": [""],
        "finished_before": ["9999-12-31T23:59:59-01:00"],
        "statuses": ["queued"],
        "metadata": ["x"],
        "limit": ["0"],
    }
    for name, values in wrong.items():
        for value in values:
            assert flaws(await client.get("/v1/jobs", params={name: value}), "parameter") == [name]


async def test_unknown_status_is_refused_with_those_that_exist(client):
    response = await client.get("/v1/jobs", params={"status": "done"})
    known = "queued, running, action_required, succeeded, failed, canceled, expired"
    assert known in response.json()["detail"]
