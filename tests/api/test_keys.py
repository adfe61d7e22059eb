"""Who may call what: keys, scopes, and the key that the first start makes."""

import sqlite3

import pytest

from store.records import ApiKey, Scope
from tracker.api.routes import ROUTES
from tracker.rules.keys import key_digest
from tracker.service import Service

from .steps import KEY, a_job, client_of, fetch, flaws, problem, subscribe, track

OPEN = {"/healthz", "/readyz", "/docs/providers", "/.well-known/tracker-provider-schema.json"}
OPEN |= {"/.well-known/tracker-webhook-keys", "/openapi.json", "/docs"}
READ_KEY, WRITE_KEY, ADMIN_KEY = ("a-key-that-may-read", "a-key-that-may-write", "a-key-that-may-do-all")


@pytest.fixture
async def add_key(service):
    """Stores a key as the service would."""

    async def add(key, scope, **changes):
        now = service.surroundings.now()
        id_ = service.surroundings.new_id("key")
        await service.key_ring.add(ApiKey(id_, "for a test", scope, key_digest(key), now, **changes))

    return add


def calls(method=None):
    """Every route as (method, path), with ids filled in."""
    found = [(name, route.path.replace("{id}", "x")) for route in ROUTES for name in route.methods - {"HEAD"}]
    return [call for call in found if method in (None, call[0])]


async def test_every_route_but_the_open_ones_wants_a_key(stranger):
    for method, path in calls():
        response = await stranger.request(method, path)
        if path in OPEN:
            assert response.status_code == 200
        else:
            problem(response, 401)
            assert response.headers["www-authenticate"] == "Bearer"


async def test_what_does_not_exist_is_not_told_to_strangers(stranger):
    for path in ("/", "/v1", "/v1/unheard-of", "/metrics", "/healthz/x"):
        problem(await stranger.get(path), 401)


async def test_header_without_a_valid_key_is_refused(stranger):
    keys = (f"{KEY}x", KEY[:-1], f"x {KEY}", KEY.upper(), "ü", "")
    for header in ("", KEY, f"Basic {KEY}", "Bearer", *(f"Bearer {key}" for key in keys)):
        problem(await stranger.get("/v1/jobs", headers={"authorization": header.encode()}), 401)


async def test_key_is_taken_whatever_the_case_of_its_scheme(stranger):
    for header in (f"Bearer {KEY}", f"bearer {KEY}", f"BEARER  {KEY}"):
        assert (await stranger.get("/v1/jobs", headers={"authorization": header})).status_code == 200


async def test_key_in_the_query_is_none(stranger):
    problem(await stranger.get("/v1/jobs", params={"api_key": KEY}), 401)


async def test_read_key_reads_and_nothing_else(service, add_key):
    await add_key(READ_KEY, Scope.READ)
    async with client_of(service, READ_KEY) as reader:
        assert await fetch(reader, "/v1/jobs") == {"data": [], "next_cursor": None}
        for method, path in calls("POST") + calls("DELETE"):
            needed = "admin" if path.startswith("/v1/keys") or path.endswith("/rotate-secret") else "write"
            assert repr(needed) in problem(await reader.request(method, path), 403)["detail"]


async def test_refused_call_changes_nothing(service, client, add_key):
    await add_key(READ_KEY, Scope.READ)
    job = await track(client)
    async with client_of(service, READ_KEY) as reader:
        problem(await reader.delete(f"/v1/jobs/{job['id']}"), 403)
        problem(await reader.post("/v1/jobs", json=a_job(2)), 403)
    assert (await fetch(client, "/v1/jobs"))["data"] == [job]


async def test_write_key_does_all_but_see_secrets(service, add_key):
    await add_key(WRITE_KEY, Scope.WRITE)
    async with client_of(service, WRITE_KEY) as writer:
        job = await track(writer)
        made = await subscribe(writer)
        path = f"/v1/subscriptions/{made['id']}/rotate-secret"
        assert "'admin'" in problem(await writer.post(path), 403)["detail"]
        assert (await writer.delete(f"/v1/jobs/{job['id']}")).status_code == 204
        for path in ("/v1/callback-secret", "/v1/keys", "/v1/keys/key_1"):
            assert "'admin'" in problem(await writer.get(path), 403)["detail"]


async def test_values_of_headers_are_shown_to_admin_keys_alone(service, client, add_key):
    headers = {"authorization": "Bearer xyz", "x-team": "a"}
    made = await subscribe(client, headers=headers)
    assert (await fetch(client, f"/v1/subscriptions/{made['id']}"))["headers"] == headers
    for key, scope in ((READ_KEY, Scope.READ), (WRITE_KEY, Scope.WRITE)):
        await add_key(key, scope)
        async with client_of(service, key) as other:
            alone = await fetch(other, f"/v1/subscriptions/{made['id']}")
            (listed,) = (await fetch(other, "/v1/subscriptions"))["data"]
            assert alone["headers"] == listed["headers"] == {"authorization": "***", "x-team": "***"}


async def test_who_may_not_see_header_values_cannot_have_them_sent_elsewhere(service, client, add_key):
    await add_key(WRITE_KEY, Scope.WRITE)
    path = f"/v1/subscriptions/{(await subscribe(client, headers={'authorization': 'Bearer xyz'}))['id']}"
    elsewhere = {"callback_url": "https://elsewhere.example"}
    async with client_of(service, WRITE_KEY) as writer:
        assert flaws(await writer.patch(path, json=elsewhere)) == ["/callback_url"]
        assert (await writer.patch(path, json={"description": "mine"})).status_code == 200
        assert (await writer.patch(path, json=elsewhere | {"headers": {}})).status_code == 200
    assert (await fetch(client, path))["headers"] == {}
    made = await subscribe(client, headers={"authorization": "Bearer xyz"})
    assert (await client.patch(f"/v1/subscriptions/{made['id']}", json=elsewhere)).status_code == 200


async def test_mask_is_not_taken_for_a_value(client):
    body = {"callback_url": "https://receiver.example", "headers": {"authorization": "***"}}
    answer = await client.post("/v1/subscriptions", json=body)
    assert flaws(answer) == ["/headers"]
    assert "stands for the value of 'authorization'" in answer.json()["detail"]


async def test_admin_key_sees_secrets(service, add_key):
    await add_key(ADMIN_KEY, Scope.ADMIN)
    async with client_of(service, ADMIN_KEY) as admin:
        assert (await fetch(admin, "/v1/callback-secret"))["secret"] == service.callback_secret


async def test_host_header_does_not_change_what_a_call_needs(service, add_key):
    await add_key(READ_KEY, Scope.READ)
    async with client_of(service, READ_KEY) as reader:
        for host in ("tracker/healthz?", "tracker/x#", "tracker\\x?", "@x/healthz?"):
            problem(await reader.get("/v1/callback-secret", headers={"host": host}), 403)


async def test_revoked_key_is_none(service, stranger, add_key):
    await add_key(READ_KEY, Scope.READ, revoked_at=service.surroundings.now())
    problem(await stranger.get("/v1/jobs", headers={"authorization": f"Bearer {READ_KEY}"}), 401)


async def test_digest_of_a_key_is_not_the_key(stranger, add_key):
    await add_key(READ_KEY, Scope.READ)
    problem(await stranger.get("/v1/jobs", headers={"authorization": f"Bearer {key_digest(READ_KEY)}"}), 401)


async def test_first_start_without_a_key_makes_an_admin_key(start):
    service = await start(TRACKER_API_KEY="")
    assert service.new_api_key.startswith("trk_")
    async with client_of(service, service.new_api_key) as admin:
        await track(admin)
        await fetch(admin, "/v1/callback-secret")


async def test_key_of_the_first_start_is_shown_once_and_goes_on_working(settings_of, surroundings):
    async with Service(settings_of(TRACKER_API_KEY=""), surroundings, is_ticking=False, is_learning=False) as first:
        key = first.new_api_key
    async with Service(settings_of(TRACKER_API_KEY=""), surroundings, is_ticking=False, is_learning=False) as second:
        assert second.new_api_key is None
        async with client_of(second, key) as admin:
            await track(admin)


async def test_key_of_the_first_start_is_kept_as_a_hash_alone(start, tmp_path):
    service = await start(TRACKER_API_KEY="")
    with sqlite3.connect(tmp_path / "tracker.db") as database:
        dump = "\n".join(database.iterdump())
    database.close()
    assert key_digest(service.new_api_key) in dump
    assert service.new_api_key not in dump
    assert service.new_api_key.removeprefix("trk_") not in dump


async def test_no_key_is_made_where_the_operator_gives_one(start):
    service = await start()
    assert service.new_api_key is None
    assert await service.keys.add_first(
        ApiKey("key_1", "none before", Scope.READ, "digest", service.surroundings.now())
    )


async def test_keys_of_the_database_work_beside_the_operators(service, client, add_key):
    await add_key(READ_KEY, Scope.READ)
    async with client_of(service, READ_KEY) as reader:
        assert await fetch(reader, "/v1/jobs") == await fetch(client, "/v1/jobs")
