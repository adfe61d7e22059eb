"""`Idempotency-Key`: a call that is repeated under the same key is carried out once."""

import asyncio
import base64
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from store.answers import Answers
from tracker.api.idempotency import Idempotency
from tracker.api.routes import CALLS
from tracker.rules.exchange import HttpAnswer
from tracker.service import Service

from .steps import KEY, PUBLIC_URL, a_job, attempt, client_of, fetch, flaws, ids_of, problem, see, subscribe, track

GUARD = 10
LONG_AGO = "2025-01-01T00:00:00Z"
DAY = 86_400
GIVEN_SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
CANCELABLE = {"provider": "scenario", "kind": "job"}


def keyed(key="k1"):
    return {"idempotency-key": key}


def said(response):
    """What has to be the same when a call is repeated."""
    headers = {name: value for name, value in response.headers.items() if name != "idempotent-replayed"}
    return response.status_code, headers, response.content


async def paths_of_posts(client, service):
    """Every POST that can be made twice, and a body for it."""
    job, subscription = await track(client, 1, **CANCELABLE), await subscribe(client)
    await client.post(f"/v1/subscriptions/{subscription['id']}/test")
    (delivery,) = await ids_of(client, "/v1/deliveries")
    await attempt(service, subscription["id"], 500)
    return {
        "/v1/jobs": a_job(2),
        "/v1/jobs/batch": {"jobs": [a_job(3), {}]},
        "/v1/jobs/{id}/poll": (f"/v1/jobs/{job['id']}/poll", None),
        "/v1/jobs/{id}/cancel": (f"/v1/jobs/{job['id']}/cancel", None),
        "/v1/subscriptions": {"callback_url": PUBLIC_URL},
        "/v1/subscriptions/{id}/test": (f"/v1/subscriptions/{subscription['id']}/test", None),
        "/v1/deliveries/{id}/retry": (f"/v1/deliveries/{delivery}/retry", None),
        "/v1/subscriptions/{id}/rotate-secret": (f"/v1/subscriptions/{subscription['id']}/rotate-secret", None),
        "/v1/subscriptions/{id}/replay": (f"/v1/subscriptions/{subscription['id']}/replay", {"since": LONG_AGO}),
        "/v1/keys": {"name": "the shop"},
    }


def accept_cancels(service):
    asked = []

    async def accept(request):
        asked.append(request)
        return HttpAnswer(200, {}, b"{}")

    service.app.state.context = replace(service.app.state.context, ask_provider=accept)
    return asked


async def test_every_post_is_answered_alike_when_it_is_repeated(client, service):
    asked = accept_cancels(service)
    posts = await paths_of_posts(client, service)
    assert set(posts) == {call.path for call in CALLS if call.method == "POST"}
    for name, given in posts.items():
        path, body = given if isinstance(given, tuple) else (name, given)
        first = await client.post(path, json=body, headers=keyed(name.replace("/", "-")))
        assert first.is_success, first.text
        assert "idempotent-replayed" not in first.headers
        service.surroundings.now.advance(60)
        again = await client.post(path, json=body, headers=keyed(name.replace("/", "-")))
        assert said(again) == said(first)
        assert again.headers["idempotent-replayed"] == "true"
    assert len(asked) == 1
    assert len(await ids_of(client, "/v1/jobs")) == 3
    assert len(await ids_of(client, "/v1/subscriptions")) == 2
    assert len(await ids_of(client, "/v1/deliveries")) == 2
    assert len(await ids_of(client, "/v1/keys")) == 1


async def test_repeat_is_answered_as_it_was_whatever_has_happened_since(client, service):
    first = await client.post("/v1/jobs", json=a_job(), headers=keyed())
    await see(service, first.json(), "succeeded")
    assert said(await client.post("/v1/jobs", json=a_job(), headers=keyed())) == said(first)
    assert (await client.post("/v1/jobs", json=a_job())).json()["status"] == "succeeded"
    await client.delete(f"/v1/jobs/{first.json()['id']}")
    assert said(await client.post("/v1/jobs", json=a_job(), headers=keyed())) == said(first)
    assert await ids_of(client, "/v1/jobs") == []


async def test_same_key_with_another_body_is_422_and_changes_nothing(client):
    await client.post("/v1/jobs", json=a_job(1), headers=keyed())
    response = await client.post("/v1/jobs", json=a_job(2), headers=keyed())
    assert flaws(response, "header") == ["Idempotency-Key"]
    assert "'k1'" in response.json()["detail"]
    assert len(await ids_of(client, "/v1/jobs")) == 1


async def test_same_key_for_another_call_is_422(client):
    job, other = await track(client, 1), await track(client, 2)
    assert (await client.post(f"/v1/jobs/{job['id']}/poll", headers=keyed())).status_code == 202
    for path in (f"/v1/jobs/{other['id']}/poll", f"/v1/jobs/{job['id']}/cancel"):
        assert flaws(await client.post(path, headers=keyed()), "header") == ["Idempotency-Key"]


async def test_callers_do_not_see_each_others_keys(client, service):
    made = (await client.post("/v1/keys", json={"name": "another"})).json()
    mine = await client.post("/v1/subscriptions", json={"callback_url": PUBLIC_URL}, headers=keyed())
    async with client_of(service, made["key"]) as other:
        theirs = await other.post("/v1/subscriptions", json={"callback_url": f"{PUBLIC_URL}/2"}, headers=keyed())
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_call_that_is_under_way_is_409_until_it_has_been_answered(client, service):
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def hang(_request):
        reached.set()
        await go_on.wait()
        return HttpAnswer(200, {}, b"{}")

    service.app.state.context = replace(service.app.state.context, ask_provider=hang)
    job, other = await track(client, 1, **CANCELABLE), await track(client, 2, **CANCELABLE)
    path = f"/v1/jobs/{job['id']}/cancel"
    first = asyncio.create_task(client.post(path, headers=keyed()))
    await asyncio.wait_for(reached.wait(), GUARD)
    response = await client.post(path, headers=keyed())
    assert "under way" in problem(response, 409)["detail"]
    assert response.headers["retry-after"] == "1"
    assert flaws(await client.post(f"/v1/jobs/{other['id']}/cancel", headers=keyed()), "header") == ["Idempotency-Key"]
    go_on.set()
    answered = await asyncio.wait_for(first, GUARD)
    assert answered.status_code == 202
    assert said(await client.post(path, headers=keyed())) == said(answered)


async def test_same_call_many_times_at_once_is_carried_out_once(client):
    body = {"callback_url": PUBLIC_URL}
    responses = await asyncio.gather(*(client.post("/v1/subscriptions", json=body, headers=keyed()) for _ in range(20)))
    assert {response.status_code for response in responses} <= {201, 409}
    assert sum(response.status_code == 201 for response in responses) == 1
    assert len(await ids_of(client, "/v1/subscriptions")) == 1


async def test_refusal_is_not_kept(client):
    assert flaws(await client.post("/v1/jobs", json={}, headers=keyed())) == ["/provider", "/remote_id"]
    problem(await client.post("/v1/jobs/job_1/poll", headers=keyed()), 404)
    assert (await client.post("/v1/jobs", json=a_job(), headers=keyed())).status_code == 201


async def test_fault_is_not_kept(client, service):
    answers = iter([HttpAnswer(500, {}, b"broken"), HttpAnswer(200, {}, b"{}")])

    async def ask(_request):
        return next(answers)

    service.app.state.context = replace(service.app.state.context, ask_provider=ask)
    job = await track(client, **CANCELABLE)
    problem(await client.post(f"/v1/jobs/{job['id']}/cancel", headers=keyed()), 502)
    assert (await client.post(f"/v1/jobs/{job['id']}/cancel", headers=keyed())).status_code == 202


async def test_answer_is_kept_for_24_hours(client, service):
    first = await client.post("/v1/jobs", json=a_job(1), headers=keyed())
    service.surroundings.now.advance(DAY - 1)
    assert said(await client.post("/v1/jobs", json=a_job(1), headers=keyed())) == said(first)
    service.surroundings.now.advance(1)
    assert (await client.post("/v1/jobs", json=a_job(2), headers=keyed())).status_code == 201


async def test_sweep_deletes_what_has_expired(client, service, tmp_path):
    await client.post("/v1/jobs", json=a_job(1), headers=keyed("k1"))
    service.surroundings.now.advance(DAY - 1)
    await client.post("/v1/jobs", json=a_job(2), headers=keyed("k2"))
    service.surroundings.now.advance(1)
    await service.sweep.tick()
    with closing(sqlite3.connect(tmp_path / "tracker.db")) as database:
        assert database.execute("SELECT key FROM answers").fetchall() == [("k2",)]


async def test_answer_outlives_a_restart(settings_of, surroundings):
    responses = []
    for _ in range(2):
        async with (
            Service(settings_of(), surroundings, is_ticking=False, is_learning=False) as service,
            client_of(service, KEY) as client,
        ):
            responses.append(await client.post("/v1/jobs", json=a_job(), headers=keyed()))
    assert said(responses[0]) == said(responses[1])


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "schlüssel", "a\tb"])
async def test_key_that_is_none_is_refused_and_nothing_is_done(client, key):
    response = await client.post("/v1/jobs", json=a_job(), headers={"idempotency-key": key.encode()})
    assert flaws(response, "header") == ["Idempotency-Key"]
    assert await ids_of(client, "/v1/jobs") == []


async def test_two_keys_are_refused(client):
    headers = [("idempotency-key", "k1"), ("idempotency-key", "k1")]
    assert flaws(await client.post("/v1/jobs", json=a_job(), headers=headers), "header") == ["Idempotency-Key"]


@pytest.mark.parametrize("key", ["x", "x" * 255, "!~{}\"'", "8e03978e-40d5-43e8-bc93-6894a57f9324"])
async def test_key_is_any_visible_ascii(client, key):
    assert (await client.post("/v1/jobs", json=a_job(), headers=keyed(key))).status_code == 201


async def test_key_of_what_is_no_post_means_nothing(client):
    job = await track(client)
    for _ in range(2):
        assert (await client.get("/v1/jobs", headers=keyed())).status_code == 200
    assert (await client.delete(f"/v1/jobs/{job['id']}", headers=keyed())).status_code == 204
    problem(await client.delete(f"/v1/jobs/{job['id']}", headers=keyed()), 404)


async def test_without_a_key_a_call_is_made_each_time(client):
    for _ in range(2):
        await subscribe(client)
    assert len(await ids_of(client, "/v1/subscriptions")) == 2


async def test_answer_that_holds_a_secret_is_stored_sealed(client, tmp_path):
    made = await client.post("/v1/subscriptions", json={"callback_url": PUBLIC_URL}, headers=keyed("k1"))
    rotate = f"/v1/subscriptions/{made.json()['id']}/rotate-secret"
    rotated = await client.post(rotate, headers=keyed("k2"))
    key = await client.post("/v1/keys", json={"name": "the shop"}, headers=keyed("k3"))
    await client.post("/v1/jobs", json=a_job(), headers=keyed("k4"))
    with closing(sqlite3.connect(tmp_path / "tracker.db")) as database:
        stored = [body for (body,) in database.execute("SELECT body FROM answers ORDER BY key")]
    assert [body.startswith("§".encode()) for body in stored] == [True, True, True, False]
    for secret in (made.json()["secret"], rotated.json()["secret"], key.json()["key"], KEY):
        assert not [body for body in stored if secret.encode() in body]
    assert said(await client.post(rotate, headers=keyed("k2"))) == said(rotated)
    assert said(await client.post("/v1/keys", json={"name": "the shop"}, headers=keyed("k3"))) == said(key)


async def test_rotation_that_is_repeated_is_one(client, service):
    subscription = await subscribe(client)
    rotate, body = f"/v1/subscriptions/{subscription['id']}/rotate-secret", {"secret": GIVEN_SECRET}
    first = await client.post(rotate, json=body, headers=keyed())
    assert said(await client.post(rotate, json=body, headers=keyed())) == said(first)
    assert flaws(await client.post(rotate, json=body)) == ["/secret"]
    assert len((await service.subscriptions.get(subscription["id"])).secrets) == 2


async def test_secret_is_opened_by_the_key_that_was_used_alone(settings_of, surroundings):
    """The operator changes TRACKER_API_KEY, and repeats a call that was made with the one before."""
    responses = []
    for key in (KEY, f"{KEY}-changed"):
        async with (
            Service(settings_of(TRACKER_API_KEY=key), surroundings, is_ticking=False, is_learning=False) as service,
            client_of(service, key) as client,
        ):
            responses.append(await client.post("/v1/keys", json={"name": "the shop"}, headers=keyed()))
    made, repeat = responses
    assert "HTTP 201" in problem(repeat, 409)["detail"]
    assert repeat.headers["location"] == made.headers["location"]


async def test_call_that_another_process_answered_meanwhile_is_answered_like_there(client, service):
    """Two services on one database: each knows what is under way in it alone."""
    other = Idempotency(Answers(service._database), service.surroundings)
    context = service.app.state.context
    subscription = await subscribe(client)
    path = f"/v1/subscriptions/{subscription['id']}/test"

    class Late(Answers):
        """Looks before the other process has answered, and is slower than it."""

        async def find(self, *arguments):
            if not self.has_looked:
                self.has_looked = True
                service.app.state.context = replace(context, idempotency=other)
                self.theirs = await client.post(path, headers=keyed())
                return None
            return await super().find(*arguments)

    late = Late(service._database)
    late.has_looked = False
    service.app.state.context = replace(context, idempotency=Idempotency(late, service.surroundings))
    ours = await client.post(path, headers=keyed())
    assert said(ours) == said(late.theirs)
    assert len(await ids_of(client, "/v1/deliveries")) == 1
    assert await fetch(client, f"/v1/deliveries/{ours.json()['id']}")
