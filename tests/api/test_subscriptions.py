"""Subscriptions: made, shown, listed, tested and removed."""

import base64
from dataclasses import replace
from datetime import timedelta

from store.records import Share
from tracker.rules.payload import rfc3339

from .steps import LEASE, PUBLIC_URL, attempt, fetch, ids_of, problem, see, subscribe, track

SECRET = "whsec_" + base64.b64encode(b"a" * 24).decode()


async def test_new_subscription_is_shown_whole_with_its_secret(client):
    response = await client.post("/v1/subscriptions", json={"callback_url": PUBLIC_URL})
    assert response.status_code == 201
    made = response.json()
    assert response.headers["location"] == f"/v1/subscriptions/{made['id']}"
    assert made.pop("id").startswith("sub_")
    assert len(base64.b64decode(made.pop("secret").removeprefix("whsec_"), validate=True)) == 33
    assert made == {
        "callback_url": PUBLIC_URL,
        "events": ["job.succeeded", "job.failed", "job.canceled", "job.expired"],
        "providers": [],
        "kinds": [],
        "tags": [],
        "description": None,
        "headers": {},
        "payload": "full",
        "order": "none",
        "max_in_flight": None,
        "signatures": ["v1"],
        "status": "active",
        "status_reason": None,
        "health": None,
        "created_at": "2026-01-01T12:00:00.000Z",
        "updated_at": "2026-01-01T12:00:00.000Z",
    }


async def test_what_was_given_is_kept(client):
    given = {
        "callback_url": PUBLIC_URL,
        "events": ["job.*", "subscription.test"],
        "providers": ["wondercat"],
        "kinds": ["inference", "editor"],
        "tags": ["a"],
        "description": "für das Team",
        "headers": {"authorization": "Bearer xyz", "X-Team": "a b"},
        "payload": "thin",
        "order": "per_job",
        "max_in_flight": 9,
        "signatures": ["v1", "v1a"],
        "secret": SECRET,
    }
    made = await subscribe(client, **given)
    assert {name: made[name] for name in given} == given


async def test_secret_is_shown_once(client):
    made = await subscribe(client)
    secret = made.pop("secret")
    assert await fetch(client, f"/v1/subscriptions/{made['id']}") == made
    listed = await client.get("/v1/subscriptions")
    assert listed.json()["data"] == [made]
    assert secret not in listed.text


async def test_each_subscription_has_a_secret_of_its_own(client):
    assert (await subscribe(client))["secret"] != (await subscribe(client))["secret"]


async def test_list_is_newest_first(client):
    made = [(await subscribe(client))["id"] for _ in range(3)]
    assert await ids_of(client, "/v1/subscriptions") == made[::-1]


async def test_removed_subscription_is_gone_and_its_deliveries_are_canceled(client, service):
    made = await subscribe(client)
    job, other = await track(client, 1), await track(client, 2)
    await see(service, job, "succeeded")
    await attempt(service, made["id"], 200)
    await see(service, other, "succeeded")
    response = await client.delete(f"/v1/subscriptions/{made['id']}")
    assert (response.status_code, response.content) == (204, b"")
    problem(await client.get(f"/v1/subscriptions/{made['id']}"), 404)
    problem(await client.delete(f"/v1/subscriptions/{made['id']}"), 404)
    assert await ids_of(client, "/v1/subscriptions") == []
    canceled, delivered = (await fetch(client, "/v1/deliveries"))["data"]
    assert (canceled["status"], canceled["next_attempt_at"]) == ("canceled", None)
    assert delivered["status"] == "delivered"


async def test_subscription_is_told_of_what_its_filter_asks_for(client, service):
    every = {"events": ["job.*"], "providers": ["wondercat"], "kinds": ["inference"], "tags": ["red", "blue"]}
    asks = {
        "all": every,
        "event": every | {"events": ["job.failed"]},
        "provider": every | {"providers": ["decart"]},
        "kind": every | {"kinds": ["editor"]},
        "tag": every | {"tags": ["green"]},
    }
    made = {name: (await subscribe(client, **ask))["id"] for name, ask in asks.items()}
    await see(service, await track(client, tags=["blue"]), "running")
    told = [row["subscription_id"] for row in (await fetch(client, "/v1/deliveries"))["data"]]
    assert [name for name, id_ in made.items() if id_ in told] == ["all"]


async def test_test_is_accepted_with_the_delivery_that_it_makes(client):
    made = await subscribe(client, events=["job.failed"], providers=["decart"])
    response = await client.post(f"/v1/subscriptions/{made['id']}/test")
    delivery = response.json()
    assert (response.status_code, delivery["event_type"], delivery["status"]) == (202, "subscription.test", "pending")
    assert (delivery["subscription_id"], delivery["job_id"]) == (made["id"], None)
    assert delivery["next_attempt_at"] == delivery["created_at"]
    assert await fetch(client, f"/v1/deliveries/{delivery['id']}") == delivery


async def test_each_test_is_an_event_of_its_own(client):
    path = f"/v1/subscriptions/{(await subscribe(client))['id']}/test"
    first, second = [(await client.post(path)).json() for _ in range(2)]
    assert first["event_id"] != second["event_id"]
    assert first["id"] != second["id"]


async def test_headers_of_a_subscription_go_along_and_never_replace_ours(client, service):
    made = await subscribe(client, headers={"Authorization": "Bearer xyz", "User-Agent": "another"})
    await client.post(f"/v1/subscriptions/{made['id']}/test")
    now = service.surroundings.now()
    (claimed,) = await service.deliveries.claim([Share(made["id"], is_retry=False, count=1)], now, now + LEASE)
    headers = service.deliverer._sender._request(claimed, now).headers
    assert headers["authorization"] == "Bearer xyz"
    assert headers["user-agent"].startswith("tracker/")
    assert len(headers) == len({name.lower() for name in headers})


async def test_unknown_subscription_is_not_found(client):
    path = "/v1/subscriptions/sub_unheard-of"
    for method, part in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test")):
        response = await client.request(method, path + part, json={} if method == "PATCH" else None)
        assert "'sub_unheard-of'" in problem(response, 404)["detail"]


async def test_subscription_that_is_removed_while_it_is_tested_is_not_found(client, service):
    made = await subscribe(client)
    known = await service.subscriptions.get(made["id"])
    await client.delete(f"/v1/subscriptions/{made['id']}")

    class SeenBefore:
        async def get(self, _subscription_id):
            return known

    service.app.state.context = replace(service.app.state.context, subscriptions=SeenBefore())
    problem(await client.post(f"/v1/subscriptions/{made['id']}/test"), 404)


async def test_subscription_tells_that_it_answers_badly_until_it_answers_well(client, service, clock):
    made = await subscribe(client, events=["job.*"])
    path = f"/v1/subscriptions/{made['id']}"
    await client.post(f"{path}/test")
    await attempt(service, made["id"], 500)
    since = rfc3339(clock.at)
    shown = await fetch(client, path)
    assert shown["health"] == {"failures": 1, "failing_since": since, "held_until": None}
    assert (await fetch(client, "/v1/subscriptions"))["data"] == [shown]
    changed = (await client.patch(path, json={"description": "new"})).json()
    assert changed["health"] == shown["health"]
    clock.advance(60)
    await attempt(service, made["id"], 503, is_retry=True)
    held = (await fetch(client, path))["health"]
    assert held == {"failures": 2, "failing_since": since, "held_until": rfc3339(clock.at + timedelta(seconds=5))}
    clock.advance(600)
    await attempt(service, made["id"], 200, is_retry=True)
    assert (await fetch(client, path))["health"] is None


async def test_subscription_that_is_made_active_begins_anew(client, service):
    made = await subscribe(client)
    path = f"/v1/subscriptions/{made['id']}"
    await client.post(f"{path}/test")
    await attempt(service, made["id"], 410)
    assert (await fetch(client, path))["health"]["failures"] == 1
    assert (await client.patch(path, json={"status": "active"})).json()["health"] is None
    assert (await fetch(client, path))["health"] is None
