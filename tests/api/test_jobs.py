"""One job: shown, expanded, its history, events and deliveries, polled at once, and forgotten."""

from store.records import JobError, Status, Step
from tracker.rules.reading import Moment

from .steps import PUBLIC_URL, a_job, fetch, flaws, ids_of, problem, see, subscribe, track


async def test_job_shows_what_was_read(client, service):
    job = await track(client)
    await see(service, job, "running", provider_status="in-progress", progress=0.25)
    shown = await fetch(client, f"/v1/jobs/{job['id']}")
    news = {
        "status": "running",
        "provider_status": "in-progress",
        "progress": 0.25,
        "sequence": 1,
        "polls": 1,
        "started_at": "2026-01-01T12:01:00.000Z",
        "updated_at": "2026-01-01T12:01:00.000Z",
        "last_polled_at": "2026-01-01T12:01:00.000Z",
        "next_poll_at": "2026-01-01T12:01:05.000Z",
    }
    assert shown == job | news


async def test_job_shows_how_it_ended(client, service):
    good, bad = await track(client, 1), await track(client, 2)
    await see(service, good, "succeeded", output={"images": ["https://cdn.example/1"]})
    await see(service, bad, "failed", error=JobError("No credits.", code="E1"))
    good, bad = [await fetch(client, f"/v1/jobs/{job['id']}") for job in (good, bad)]
    assert (good["status"], good["output"], good["error"]) == ("succeeded", {"images": ["https://cdn.example/1"]}, None)
    assert (bad["status"], bad["output"], bad["error"]) == ("failed", None, {"message": "No credits.", "code": "E1"})
    assert (good["finished_at"], good["next_poll_at"]) == ("2026-01-01T12:01:00.000Z", None)


async def test_history_is_oldest_first_and_holds_what_no_poll_saw(client, service, clock):
    job = await track(client)
    await see(service, job, "queued")
    began = clock.at
    await see(
        service, job, "succeeded", progress=1.0, history=(Moment(Status.RUNNING, "BUSY", began.replace(second=30)),)
    )
    history = await fetch(client, f"/v1/jobs/{job['id']}/history")
    assert history["next_cursor"] is None
    queued, running, succeeded = history["data"]
    assert [row["sequence"] for row in history["data"]] == [1, 2, 3]
    assert (queued["status"], queued["previous_status"]) == ("queued", None)
    assert (running["previous_status"], running["provider_status"]) == ("queued", "BUSY")
    assert (running["occurred_at"], running["detected_at"]) == ("2026-01-01T12:01:30.000Z", "2026-01-01T12:02:00.000Z")
    assert succeeded == {
        "sequence": 3,
        "status": "succeeded",
        "previous_status": "running",
        "provider_status": "SUCCEEDED",
        "progress": 1.0,
        "occurred_at": "2026-01-01T12:02:00.000Z",
        "detected_at": "2026-01-01T12:02:00.000Z",
    }


async def test_job_that_was_never_polled_has_no_history_and_no_events(client):
    job = await track(client)
    for part in ("history", "events", "deliveries"):
        assert await fetch(client, f"/v1/jobs/{job['id']}/{part}") == {"data": [], "next_cursor": None}


async def test_expand_adds_what_is_asked_for(client, service):
    job = await track(client)
    path = f"/v1/jobs/{job['id']}"
    await see(service, job, "running", steps=(Step("n1", "model", "busy"),))
    plain = await fetch(client, path)
    assert not plain.keys() & {"history", "steps", "reading"}
    whole = await fetch(client, path, expand="history,steps,reading")
    assert whole["history"] == (await fetch(client, f"{path}/history"))["data"]
    assert whole["steps"] == [{"id": "n1", "type": "model", "status": "busy", "depends_on": []}]
    assert (whole["reading"]["status"], whole["reading"]["provider_status"]) == ("running", "RUNNING")
    assert {name: value for name, value in whole.items() if name in plain} == plain
    assert await fetch(client, path, expand=["steps", "reading,history"]) == whole


async def test_expand_before_the_first_poll_is_empty(client):
    job = await track(client)
    shown = await fetch(client, f"/v1/jobs/{job['id']}", expand="history,polls,steps,reading")
    assert [shown[part] for part in ("history", "poll_times", "steps", "reading")] == [[], [], [], None]


async def test_expanded_polls_are_the_times_of_its_polls(client, service):
    job = await track(client)
    await see(service, job, "running")
    await see(service, job, "succeeded")
    shown = await fetch(client, f"/v1/jobs/{job['id']}", expand="polls")
    assert (shown["polls"], len(shown["poll_times"])) == (2, 2)
    assert job["created_at"] <= shown["poll_times"][0] <= shown["poll_times"][1] <= shown["last_polled_at"]


async def test_unknown_expansion_is_refused(client):
    job = await track(client)
    response = await client.get(f"/v1/jobs/{job['id']}", params={"expand": "steps,secrets"})
    assert flaws(response, "parameter") == ["expand"]


async def test_events_are_as_their_webhooks_say_newest_first(client, service):
    job = await track(client)
    await see(service, job, "running")
    await see(service, job, "succeeded")
    succeeded, running = (await fetch(client, f"/v1/jobs/{job['id']}/events"))["data"]
    assert (running["type"], succeeded["type"]) == ("job.running", "job.succeeded")
    assert succeeded.keys() == {"id", "type", "timestamp", "data"}
    assert succeeded["id"].startswith("evt_")
    assert succeeded["data"]["job"] == await fetch(client, f"/v1/jobs/{job['id']}")
    assert (succeeded["data"]["sequence"], succeeded["data"]["previous_status"]) == (2, "running")


async def test_deliveries_of_a_job_are_those_of_its_callback_and_of_subscriptions(client, service):
    subscription = await subscribe(client)
    job, other = await track(client, 1, callback_url=PUBLIC_URL), await track(client, 2, callback_url=PUBLIC_URL)
    await see(service, job, "succeeded")
    await see(service, other, "succeeded")
    rows = (await fetch(client, f"/v1/jobs/{job['id']}/deliveries"))["data"]
    assert {row["job_id"] for row in rows} == {job["id"]}
    assert {(row["subscription_id"], row["callback_url"]) for row in rows} == {
        (subscription["id"], None),
        (None, PUBLIC_URL),
    }


async def test_poll_makes_a_job_due_at_once(client):
    job = await track(client, provider="photogpt", kind="training")
    assert job["next_poll_at"] == "2026-01-01T12:05:00.000Z"
    response = await client.post(f"/v1/jobs/{job['id']}/poll")
    assert (response.status_code, response.json()) == (202, job | {"next_poll_at": "2026-01-01T12:00:00.000Z"})
    assert await fetch(client, f"/v1/jobs/{job['id']}") == response.json()


async def test_poll_respects_poll_after(client):
    job = await track(client, poll_after="2026-01-01T12:10:00Z")
    response = await client.post(f"/v1/jobs/{job['id']}/poll")
    assert (response.status_code, response.json()) == (202, job)


async def test_poll_respects_the_providers_hint(client, service):
    job = await track(client)
    await see(service, job, "running", retry_after=600)
    response = await client.post(f"/v1/jobs/{job['id']}/poll")
    assert (response.status_code, response.json()["next_poll_at"]) == (202, "2026-01-01T12:11:00.000Z")


async def test_poll_of_a_job_that_ended_plans_nothing(client, service):
    job = await track(client)
    await see(service, job, "succeeded")
    response = await client.post(f"/v1/jobs/{job['id']}/poll")
    assert (response.status_code, response.json()["next_poll_at"]) == (202, None)


async def test_forgotten_job_is_gone_and_can_be_tracked_anew(client, service):
    job = await track(client)
    await see(service, job, "running")
    response = await client.delete(f"/v1/jobs/{job['id']}")
    assert (response.status_code, response.content) == (204, b"")
    problem(await client.get(f"/v1/jobs/{job['id']}"), 404)
    problem(await client.delete(f"/v1/jobs/{job['id']}"), 404)
    assert await ids_of(client, "/v1/jobs") == []
    again = await client.post("/v1/jobs", json=a_job())
    assert (again.status_code, again.json()["run"], again.json()["sequence"]) == (201, 1, 0)
    assert again.json()["id"] != job["id"]


async def test_what_a_forgotten_job_announced_is_still_delivered(client, service):
    job = await track(client, callback_url=PUBLIC_URL)
    await see(service, job, "succeeded")
    await client.delete(f"/v1/jobs/{job['id']}")
    (delivery,) = (await fetch(client, "/v1/deliveries"))["data"]
    assert (delivery["job_id"], delivery["status"]) == (job["id"], "pending")


async def test_unknown_job_is_not_found(client):
    gets = [("GET", part) for part in ("", "/history", "/events", "/deliveries", "/wait?timeout=0")]
    for method, part in [*gets, ("DELETE", ""), ("POST", "/poll")]:
        response = await client.request(method, f"/v1/jobs/job_unheard-of{part}")
        assert "'job_unheard-of'" in problem(response, 404)["detail"]


async def test_odd_id_is_not_found(client):
    for id_ in ("%00", "..%2Fx", "%FF", "a%3Fb", "日本", "x" * 2000):
        response = await client.get(f"/v1/jobs/{id_}")
        assert (response.status_code, response.json()["status"]) == (404, 404), id_
