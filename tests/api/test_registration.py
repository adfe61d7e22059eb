"""`POST /v1/jobs`: what is accepted, and what the answer shows."""

import asyncio

from .steps import KEY, PUBLIC_URL, a_job, client_of, fetch, see, track

NOON = "2026-01-01T12:00:00.000Z"


async def test_new_job_is_answered_with_201_and_shown_whole(client):
    response = await client.post("/v1/jobs", json={"provider": "decart", "remote_id": "remote-1"})
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    job = response.json()
    assert job.pop("id").startswith("job_")
    nothing_yet = ("provider_status", "progress", "output", "error", "callback_url", "poll_problem")
    no_time_yet = ("started_at", "finished_at", "last_polled_at", "result_expires_at")
    assert job == dict.fromkeys(nothing_yet + no_time_yet) | {
        "provider": "decart",
        "kind": "job",
        "account": "default",
        "remote_id": "remote-1",
        "params": {},
        "status": "queued",
        "tags": [],
        "metadata": {},
        "sequence": 0,
        "run": 1,
        "polls": 0,
        "created_at": NOON,
        "updated_at": NOON,
        "timeout_at": "2026-01-01T13:00:00.000Z",
        "next_poll_at": "2026-01-01T12:00:01.000Z",
    }


async def test_location_leads_to_the_job(client):
    response = await client.post("/v1/jobs", json=a_job())
    assert response.headers["location"] == f"/v1/jobs/{response.json()['id']}"
    assert await fetch(client, response.headers["location"]) == response.json()


async def test_what_was_given_is_kept_to_the_letter(client):
    given = {
        "params": {"projectId": "p1", "n": 3},
        "tags": ["bücher", "b", "a"],
        "metadata": {"text": "日本 \\u0000", "true": True, "one": 1, "float": 1.5, "null": None, "large": 2**63},
        "callback_url": PUBLIC_URL,
    }
    job = await track(client, **given)
    assert {name: job[name] for name in given} == given
    assert [type(value) for value in job["metadata"].values()] == [str, bool, int, float, type(None), int]
    assert await fetch(client, f"/v1/jobs/{job['id']}") == job


async def test_tag_that_is_given_twice_is_kept_once(client):
    assert (await track(client, tags=["b", "a", "b"]))["tags"] == ["b", "a"]


async def test_same_job_again_is_answered_with_200_and_the_job_as_it_is(client):
    known = await track(client, tags=["first"])
    response = await client.post("/v1/jobs", json=a_job(tags=["second"]))
    assert (response.status_code, response.json()) == (200, known)
    assert response.headers["location"] == f"/v1/jobs/{known['id']}"


async def test_job_that_is_registered_many_times_at_once_is_new_once(client):
    responses = await asyncio.gather(*(client.post("/v1/jobs", json=a_job()) for _ in range(20)))
    assert sorted(response.status_code for response in responses) == [200] * 19 + [201]
    assert len({response.json()["id"] for response in responses}) == 1


async def test_job_that_differs_in_its_name_is_another_one(start):
    service = await start(WONDERCAT_API_KEY__TEAM_A="another-key")
    changes = [{}, {"remote_id": "other"}, {"kind": "editor"}, {"provider": "decart", "kind": "job"}]
    async with client_of(service, KEY) as client:
        jobs = [await track(client, **change) for change in [*changes, {"account": "team-a"}]]
    assert len({job["id"] for job in jobs}) == 5
    assert {job["run"] for job in jobs} == {1}


async def test_kind_may_be_left_out_where_the_provider_has_a_usual_one(client):
    response = await client.post("/v1/jobs", json={"provider": "photogpt", "remote_id": "1"})
    assert (response.status_code, response.json()["kind"]) == (201, "job")


async def test_job_that_ended_is_not_tracked_again_unasked(client, service):
    job = await track(client)
    await see(service, job, "succeeded")
    response = await client.post("/v1/jobs", json=a_job())
    assert (response.status_code, response.json()["id"], response.json()["status"]) == (200, job["id"], "succeeded")


async def test_rerun_of_a_job_that_ended_is_a_new_job(client, service):
    first = await track(client)
    await see(service, first, "failed")
    second = await track(client, rerun=True, tags=["again"])
    assert second["id"] != first["id"]
    assert (second["run"], second["sequence"], second["status"], second["tags"]) == (2, 0, "queued", ["again"])
    assert (await fetch(client, f"/v1/jobs/{first['id']}"))["status"] == "failed"
    response = await client.post("/v1/jobs", json=a_job())
    assert (response.status_code, response.json()["id"]) == (200, second["id"])


async def test_rerun_of_a_job_that_goes_on_is_that_job(client):
    job = await track(client)
    response = await client.post("/v1/jobs", json=a_job(rerun=True))
    assert (response.status_code, response.json()) == (200, job)


async def test_rerun_of_a_job_that_was_never_tracked_is_its_first_run(client):
    assert (await track(client, rerun=True))["run"] == 1


async def test_no_poll_is_planned_before_poll_after(client):
    job = await track(client, poll_after="2026-01-01T15:00:00+01:00")
    assert job["next_poll_at"] == "2026-01-01T14:00:00.000Z"


async def test_poll_after_that_has_passed_changes_nothing(client):
    assert (await track(client, poll_after="2020-01-01T00:00:00Z"))["next_poll_at"] == "2026-01-01T12:00:01.000Z"


async def test_job_that_could_not_be_polled_before_its_time_out_is_refused(client):
    response = await client.post("/v1/jobs", json=a_job(poll_after="2026-01-01T12:01:00Z", timeout_seconds=60))
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/poll_after"]
    assert "2026-01-01T12:01:00.000Z" in response.json()["detail"]
    await track(client, poll_after="2026-01-01T12:00:59Z", timeout_seconds=60)


async def test_time_out_is_counted_from_the_registration(client):
    assert (await track(client, timeout_seconds=90.5))["timeout_at"] == "2026-01-01T12:01:30.500Z"


async def test_account_reads_credentials_of_its_own(start):
    service = await start(WONDERCAT_API_KEY="", WONDERCAT_API_KEY__TEAM_A="another-key")
    async with client_of(service, KEY) as client:
        assert (await track(client, account="team-a"))["account"] == "team-a"


async def test_callback_may_reach_what_the_operator_opened(client):
    assert (await track(client, callback_url="http://127.0.0.1:9000/hook"))["callback_url"]


async def test_content_type_may_name_its_character_set_or_be_left_out(client):
    body = b'{"provider": "decart", "remote_id": "1"}'
    named = await client.post("/v1/jobs", content=body, headers={"content-type": "Application/JSON; charset=utf-8"})
    unnamed = await client.post("/v1/jobs", content=body)
    assert (named.status_code, unnamed.status_code) == (201, 200)
