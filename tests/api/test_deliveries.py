"""Deliveries: listed, filtered, shown with their attempts, and tried again."""

import pytest

from .steps import PUBLIC_URL, attempt, fetch, flaws, ids_of, problem, see, subscribe, track


@pytest.fixture
async def subscription(client):
    return await subscribe(client)


@pytest.fixture
async def delivery(client, service, subscription):
    """The delivery of a job's end."""
    await see(service, await track(client), "succeeded")
    (delivery,) = (await fetch(client, "/v1/deliveries", subscription_id=subscription["id"]))["data"]
    return delivery


async def test_delivery_is_shown_whole(client, subscription, delivery):
    (job_id,) = await ids_of(client, "/v1/jobs")
    (event_id,) = await ids_of(client, f"/v1/jobs/{job_id}/events")
    at = "2026-01-01T12:01:00.000Z"
    assert await fetch(client, f"/v1/deliveries/{delivery['id']}") == delivery
    assert delivery.pop("id").startswith("dlv_")
    assert delivery == {
        "event_id": event_id,
        "event_type": "job.succeeded",
        "job_id": job_id,
        "subscription_id": subscription["id"],
        "callback_url": None,
        "status": "pending",
        "attempt_count": 0,
        "attempts": [],
        "next_attempt_at": at,
        "created_at": at,
        "updated_at": at,
        "delivered_at": None,
    }


async def test_attempts_are_shown_in_order(client, service, subscription, delivery):
    await attempt(service, subscription["id"], 500)
    service.surroundings.now.advance(5)
    await attempt(service, subscription["id"], 204, is_retry=True)
    shown = await fetch(client, f"/v1/deliveries/{delivery['id']}")
    assert (shown["status"], shown["attempt_count"], shown["next_attempt_at"]) == ("delivered", 2, None)
    assert shown["delivered_at"] == "2026-01-01T12:01:07.000Z"
    assert (await fetch(client, "/v1/deliveries"))["data"] == [shown]
    rejected, delivered = shown["attempts"]
    assert rejected.pop("id").startswith("att_")
    assert rejected == {
        "number": 1,
        "started_at": "2026-01-01T12:01:01.000Z",
        "duration_ms": 120,
        "outcome": "rejected",
        "http_status": 500,
        "error": "The subscriber answered HTTP 500.",
        "error_class": None,
        "address": None,
        "is_private": False,
        "phases": None,
        "response_body": "the answer",
    }
    assert (delivered["number"], delivered["outcome"], delivered["error"]) == (2, "delivered", None)


async def test_delivery_waits_for_its_next_attempt(client, service, subscription, delivery):
    await attempt(service, subscription["id"], 503)
    shown = await fetch(client, f"/v1/deliveries/{delivery['id']}")
    assert (shown["status"], shown["next_attempt_at"]) == ("pending", "2026-01-01T12:01:06.000Z")


async def test_filters_one_by_one_and_together(client, service, subscription, delivery):
    other = await subscribe(client)
    job = await track(client, 2, callback_url=PUBLIC_URL)
    await see(service, job, "failed")
    await attempt(service, other["id"], 200)
    (event_id,) = await ids_of(client, f"/v1/jobs/{job['id']}/events")
    of_job = await ids_of(client, "/v1/deliveries", job_id=job["id"])
    (of_other,) = await ids_of(client, "/v1/deliveries", subscription_id=other["id"])
    assert len(of_job) == 3
    assert await ids_of(client, "/v1/deliveries", event_id=event_id) == of_job
    assert await ids_of(client, "/v1/deliveries", status="delivered") == [of_other]
    assert await ids_of(client, "/v1/deliveries", status=["delivered", "pending"]) == [*of_job, delivery["id"]]
    together = {"subscription_id": subscription["id"], "event_id": event_id, "status": "pending"}
    assert set(await ids_of(client, "/v1/deliveries", **together)) == set(of_job) - {
        of_other,
        *await of_callback(client),
    }
    assert await ids_of(client, "/v1/deliveries", job_id="job_unheard-of") == []


async def of_callback(client):
    rows = (await fetch(client, "/v1/deliveries"))["data"]
    return [row["id"] for row in rows if row["subscription_id"] is None]


async def test_filter_that_is_wrong_or_unknown_is_named(client):
    for name, value in (("status", "done"), ("state", "pending"), ("provider", "decart"), ("limit", "x")):
        assert flaws(await client.get("/v1/deliveries", params={name: value}), "parameter") == [name]


async def test_delivery_that_was_given_up_can_be_retried(client, service, subscription, delivery):
    for number in range(3):
        await attempt(service, subscription["id"], 500, is_retry=number > 0)
        service.surroundings.now.advance(400)
    path = f"/v1/deliveries/{delivery['id']}"
    assert (await fetch(client, path))["status"] == "exhausted"
    response = await client.post(f"{path}/retry")
    shown = response.json()
    assert (response.status_code, shown["status"], shown["attempt_count"]) == (202, "pending", 3)
    assert len(shown["attempts"]) == 3
    assert await fetch(client, path) == shown
    await attempt(service, subscription["id"], 200, is_retry=True)
    assert (await fetch(client, path))["status"] == "delivered"


async def test_delivery_that_arrived_can_be_sent_once_more(client, service, subscription, delivery):
    await attempt(service, subscription["id"], 200)
    response = await client.post(f"/v1/deliveries/{delivery['id']}/retry")
    shown = response.json()
    assert (response.status_code, shown["status"], shown["delivered_at"]) == (202, "pending", None)
    assert shown["next_attempt_at"] == "2026-01-01T12:01:01.000Z"


async def test_delivery_whose_subscription_is_gone_cannot_be_retried(client, subscription, delivery):
    await client.delete(f"/v1/subscriptions/{subscription['id']}")
    response = await client.post(f"/v1/deliveries/{delivery['id']}/retry")
    assert subscription["id"] in problem(response, 409)["detail"]


async def test_delivery_of_a_callback_names_its_url_and_can_be_retried(client, service):
    await see(service, await track(client, callback_url=f"{PUBLIC_URL}?job=1"), "succeeded")
    (delivery,) = (await fetch(client, "/v1/deliveries"))["data"]
    assert (delivery["subscription_id"], delivery["callback_url"]) == (None, f"{PUBLIC_URL}?job=1")
    await attempt(service, "https://receiver.example", 410)
    assert (await fetch(client, f"/v1/deliveries/{delivery['id']}"))["status"] == "canceled"
    assert (await client.post(f"/v1/deliveries/{delivery['id']}/retry")).json()["status"] == "pending"
    assert await ids_of(client, "/v1/subscriptions") == []


async def test_unknown_delivery_is_not_found(client):
    assert "'dlv_unheard-of'" in problem(await client.get("/v1/deliveries/dlv_unheard-of"), 404)["detail"]
    problem(await client.post("/v1/deliveries/dlv_unheard-of/retry"), 404)
