"""`/v1/keys`: keys that are made, shown, used, and revoked."""

import sqlite3

import pytest

from store.records import Scope
from tracker.service import Service

from .steps import KEY, client_of, fetch, flaws, ids_of, problem, track

NOON = "2026-01-01T12:00:00.000Z"


async def make(client, **body):
    response = await client.post("/v1/keys", json={"name": "the shop"} | body)
    assert response.status_code == 201, response.text
    return response.json()


async def test_new_key_is_shown_once_and_works_at_once(service, client):
    response = await client.post("/v1/keys", json={"name": "the shop", "scope": "read"})
    made = response.json()
    assert (response.status_code, response.headers["location"]) == (201, f"/v1/keys/{made['id']}")
    assert response.headers["cache-control"] == "no-store"
    key = made.pop("key")
    assert made == {
        "id": made["id"],
        "name": "the shop",
        "scope": "read",
        "last4": key[-4:],
        "created_at": NOON,
        "last_used_at": None,
        "expires_at": None,
        "revoked_at": None,
    }
    assert made["id"].startswith("key_")
    assert await fetch(client, f"/v1/keys/{made['id']}") == made
    async with client_of(service, key) as reader:
        assert await fetch(reader, "/v1/jobs") == {"data": [], "next_cursor": None}
        problem(await reader.post("/v1/jobs", json={}), 403)


async def test_key_tells_of_itself(service, client):
    operators = await fetch(client, "/v1/key")
    assert operators == {"id": None, "name": "TRACKER_API_KEY", "scope": "admin", "expires_at": None}
    made = await make(client, scope="read", expires_at="2026-01-02T12:00:00Z")
    async with client_of(service, made["key"]) as reader:
        own = {"id": made["id"], "name": "the shop", "scope": "read", "expires_at": "2026-01-02T12:00:00.000Z"}
        assert await fetch(reader, "/v1/key") == own


async def test_key_is_kept_as_a_hash_alone(client, tmp_path):
    key = (await make(client))["key"]
    with sqlite3.connect(tmp_path / "tracker.db") as database:
        dump = "\n".join(database.iterdump())
    database.close()
    assert key not in dump
    assert key.removeprefix("trk_") not in dump


@pytest.mark.parametrize("scope", Scope)
async def test_key_may_do_what_its_scope_says(service, client, scope):
    async with client_of(service, (await make(client, scope=scope.value))["key"]) as holder:
        statuses = [
            (await holder.get("/v1/jobs")).status_code,
            (await holder.post("/v1/jobs", json={"provider": "decart", "remote_id": "1"})).status_code,
            (await holder.get("/v1/keys")).status_code,
        ]
    assert statuses == {"read": [200, 403, 403], "write": [200, 201, 403], "admin": [200, 201, 200]}[scope]


async def test_key_whose_scope_is_not_said_may_write_but_not_make_keys(client):
    assert (await make(client))["scope"] == "write"


async def test_keys_are_listed_the_newest_first_with_those_that_were_revoked(service, client):
    made = []
    for number in range(3):
        made.insert(0, await make(client, name=f"key {number}"))
        service.surroundings.now.advance(1)
    await client.delete(f"/v1/keys/{made[1]['id']}")
    rows = (await fetch(client, "/v1/keys"))["data"]
    assert [row["id"] for row in rows] == [key["id"] for key in made]
    assert [row["revoked_at"] for row in rows] == [None, "2026-01-01T12:00:03.000Z", None]
    assert not any("key" in row for row in rows)
    first = await fetch(client, "/v1/keys", limit=2)
    assert await ids_of(client, "/v1/keys", cursor=first["next_cursor"]) == [made[2]["id"]]


async def test_revoked_key_is_refused_at_once_and_for_good(service, client):
    made = await make(client)
    async with client_of(service, made["key"]) as holder:
        assert (await holder.get("/v1/jobs")).status_code == 200
        response = await client.delete(f"/v1/keys/{made['id']}")
        assert (response.status_code, response.content) == (204, b"")
        problem(await holder.get("/v1/jobs"), 401)
        assert (await client.delete(f"/v1/keys/{made['id']}")).status_code == 204
        problem(await holder.get("/v1/jobs"), 401)


async def test_key_expires_at_its_time(service, client):
    made = await make(client, expires_at="2026-01-01T13:00:00+00:30")
    assert made["expires_at"] == "2026-01-01T12:30:00.000Z"
    async with client_of(service, made["key"]) as holder:
        assert (await holder.get("/v1/jobs")).status_code == 200
        service.surroundings.now.advance(1800)
        problem(await holder.get("/v1/jobs"), 401)


async def test_last_use_is_shown_at_once_and_outlives_the_service(settings_of, surroundings, clock):
    async with (
        Service(settings_of(), surroundings, is_ticking=False, is_learning=False) as service,
        client_of(service, KEY) as client,
    ):
        made = await make(client)
        clock.advance(5)
        async with client_of(service, made["key"]) as holder:
            await track(holder)
        shown = await fetch(client, f"/v1/keys/{made['id']}")
    assert shown["last_used_at"] == "2026-01-01T12:00:05.000Z"
    async with (
        Service(settings_of(), surroundings, is_ticking=False, is_learning=False) as service,
        client_of(service, KEY) as client,
    ):
        assert (await fetch(client, "/v1/keys"))["data"] == [shown]


async def test_sweep_writes_the_last_use_down(service, client):
    made = await make(client)
    async with client_of(service, made["key"]) as holder:
        await holder.get("/v1/jobs")
    assert (await service.keys.get(made["id"])).last_used_at is None
    await service.sweep.tick()
    assert (await service.keys.get(made["id"])).last_used_at == service.surroundings.now()


async def test_last_admin_key_cannot_be_revoked_by_accident(start):
    service = await start(TRACKER_API_KEY="")
    async with client_of(service, service.new_api_key) as admin:
        (first,) = (await fetch(admin, "/v1/keys"))["data"]
        assert (first["name"], first["scope"], first["last4"]) == ("first start", "admin", service.new_api_key[-4:])
        await make(admin, scope="write")
        response = await admin.delete(f"/v1/keys/{first['id']}")
        assert "TRACKER_API_KEY" in problem(response, 409)["detail"]
        assert (await fetch(admin, "/v1/keys"))["data"][1]["revoked_at"] is None
        await make(admin, scope="admin")
        assert (await admin.delete(f"/v1/keys/{first['id']}")).status_code == 204
        problem(await admin.get("/v1/keys"), 401)


async def test_last_admin_key_can_be_revoked_where_the_operator_has_one(client):
    made = await make(client, scope="admin")
    assert (await client.delete(f"/v1/keys/{made['id']}")).status_code == 204


async def test_unknown_key_is_not_found(client):
    for response in (await client.get("/v1/keys/key_1"), await client.delete("/v1/keys/key_1")):
        assert "key_1" in problem(response, 404)["detail"]


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, ["/name"]),
        ({"name": ""}, ["/name"]),
        ({"name": "x" * 201}, ["/name"]),
        ({"name": "a", "scope": "root"}, ["/scope"]),
        ({"name": "a", "scope": None}, ["/scope"]),
        ({"name": "a", "expires_at": "2026-01-01T12:00:00Z"}, ["/expires_at"]),
        ({"name": "a", "expires_at": "tomorrow"}, ["/expires_at"]),
        ({"name": "a", "expires_at": 2000000000}, ["/expires_at"]),
        ({"name": "a", "key": "my own"}, ["/key"]),
    ],
)
async def test_key_that_cannot_be_made_is_refused(client, body, places):
    assert flaws(await client.post("/v1/keys", json=body)) == places
    assert (await fetch(client, "/v1/keys"))["data"] == []
