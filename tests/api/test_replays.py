"""Replays of a subscription: begun, shown with their progress, listed, refused."""

from dataclasses import replace

import pytest

from .steps import attempt, fetch, flaws, ids_of, problem, see, subscribe, track

SINCE = "2026-01-01T12:00:00Z"


@pytest.fixture
async def path(client, service):
    """A subscription that got what it wanted of a job."""
    made = await subscribe(client, events=["job.*"])
    job = await track(client, tags=["hero"])
    for status in ("running", "succeeded"):
        await see(service, job, status)
    await attempt(service, made["id"], 200)
    return f"/v1/subscriptions/{made['id']}"


async def begin(client, path, **body):
    response = await client.post(f"{path}/replay", json={"since": SINCE} | body)
    assert response.status_code == 202, response.text
    return response.json()


async def test_replay_is_accepted_with_what_it_is_going_to_do(client, path):
    response = await client.post(f"{path}/replay", json={"since": SINCE})
    made = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == f"{path}/replays/{made['id']}"
    assert made.pop("id").startswith("rpl_")
    assert made == {
        "subscription_id": path.rpartition("/")[2],
        "status": "running",
        "total": 2,
        "queued": 0,
        "since": "2026-01-01T12:00:00.000Z",
        "until": "2026-01-01T12:02:01.000Z",
        "events": ["job.*"],
        "only_failed": False,
        "rate": 50.0,
        "created_at": "2026-01-01T12:02:01.000Z",
        "finished_at": None,
    }


async def test_what_was_asked_for_is_kept(client, path):
    asked = {
        "until": "2026-01-01T13:01:30+01:00",
        "events": ["job.running", "job.step"],
        "only_failed": True,
        "rate": 7,
    }
    made = await begin(client, path, **asked)
    assert {name: made[name] for name in asked} == asked | {"until": "2026-01-01T12:01:30.000Z"}


async def test_progress_shows_until_the_end(client, path, service):
    made = await begin(client, path, rate=1)
    shown = f"{path}/replays/{made['id']}"
    assert await fetch(client, shown) == made
    await service.replayer.tick()
    assert await fetch(client, shown) == made | {"queued": 1}
    service.surroundings.now.advance(1)
    await service.replayer.tick()
    done = {"queued": 2, "status": "done", "finished_at": "2026-01-01T12:02:02.000Z"}
    assert await fetch(client, shown) == made | done
    deliveries = (await fetch(client, "/v1/deliveries"))["data"]
    assert {(row["status"], row["attempt_count"]) for row in deliveries} == {("pending", 1)}


async def test_replay_of_nothing_is_done_at_once(client, path):
    for body in ({"only_failed": True}, {"until": "2026-01-01T12:00:30Z"}, {"events": ["job.failed"]}):
        made = await begin(client, path, **body)
        assert (made["status"], made["total"], made["finished_at"]) == ("done", 0, made["created_at"])


async def test_until_is_now_at_the_latest(client, path):
    made = await begin(client, path, until="2027-01-01T00:00:00Z")
    assert made["until"] == made["created_at"]


async def test_both_ends_belong_to_the_span(client, path):
    made = await begin(client, path, since="2026-01-01T12:01:00Z", until="2026-01-01T12:02:00Z")
    assert made["total"] == 2


async def test_list_is_newest_first_and_of_one_subscription(client, path):
    other = f"/v1/subscriptions/{(await subscribe(client))['id']}"
    made = [(await begin(client, path))["id"] for _ in range(3)]
    await begin(client, other)
    assert await ids_of(client, f"{path}/replays") == made[::-1]
    first = await fetch(client, f"{path}/replays", limit=2)
    assert [row["id"] for row in first["data"]] == made[:0:-1]
    assert await ids_of(client, f"{path}/replays", limit=2, cursor=first["next_cursor"]) == made[:1]


async def test_replay_is_found_under_its_own_subscription_alone(client, path):
    other = f"/v1/subscriptions/{(await subscribe(client))['id']}"
    made = await begin(client, path)
    for wrong in (f"{other}/replays/{made['id']}", f"{path}/replays/rpl_unheard-of"):
        assert "replay" in problem(await client.get(wrong), 404)["detail"]


async def test_unknown_subscription_is_not_found(client):
    nowhere = "/v1/subscriptions/sub_unheard-of"
    for response in (
        await client.post(f"{nowhere}/replay", json={"since": "2026-01-01T11:00:00Z"}),
        await client.get(f"{nowhere}/replays"),
    ):
        assert "'sub_unheard-of'" in problem(response, 404)["detail"]


async def test_subscription_that_is_removed_while_its_replay_begins_is_not_found(client, path, service):
    known = await service.subscriptions.get(path.rpartition("/")[2])
    await client.delete(path)

    class SeenBefore:
        async def get(self, _subscription_id):
            return known

    service.app.state.context = replace(service.app.state.context, subscriptions=SeenBefore())
    problem(await client.post(f"{path}/replay", json={"since": SINCE}), 404)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"since": None}, "/since"),
        ({"since": "yesterday"}, "/since"),
        ({"since": "2026-01-01T12:00:00"}, "/since"),
        ({"since": 1_767_268_800}, "/since"),
        ({"since": "2026-01-01T12:02:01Z"}, "/since"),
        ({"since": "2030-01-01T12:00:00Z"}, "/since"),
        ({"until": SINCE}, "/since"),
        ({"until": "2025-01-01T12:00:00Z"}, "/since"),
        ({"until": "soon"}, "/until"),
        ({"events": []}, "/events"),
        ({"events": ["job.exploded"]}, "/events"),
        ({"events": "job.*"}, "/events"),
        ({"only_failed": "yes"}, "/only_failed"),
        ({"only_failed": 1}, "/only_failed"),
        ({"rate": 0.09}, "/rate"),
        ({"rate": 1000.1}, "/rate"),
        ({"rate": "50"}, "/rate"),
        ({"rate": True}, "/rate"),
        ({"pace": 50}, "/pace"),
    ],
)
async def test_what_cannot_be_used_is_refused_where_it_is(client, path, changes, place):
    response = await client.post(f"{path}/replay", json={"since": SINCE} | changes)
    assert flaws(response) == [place]
    assert await ids_of(client, f"{path}/replays") == []


async def test_since_is_needed(client, path):
    assert flaws(await client.post(f"{path}/replay", json={})) == ["/since"]


async def test_span_that_is_none_is_refused_with_both_its_ends(client, path):
    response = await client.post(f"{path}/replay", json={"since": "2026-01-01T12:01:00Z", "until": SINCE})
    detail = problem(response, 422)["detail"]
    assert "2026-01-01T12:01:00.000Z" in detail
    assert "until (2026-01-01T12:00:00.000Z)" in detail
    for body in ({}, {"until": "2026-01-03T00:00:00Z"}):
        late = await client.post(f"{path}/replay", json={"since": "2026-01-02T00:00:00Z"} | body)
        assert "before now (2026-01-01T12:02:01.000Z)" in problem(late, 422)["detail"]


async def test_query_parameters_mean_nothing_where_there_are_none(client, path):
    made = await begin(client, path)
    assert flaws(await client.post(f"{path}/replay?rate=1", json={"since": SINCE}), "parameter") == ["rate"]
    assert flaws(await client.get(f"{path}/replays/{made['id']}?limit=1"), "parameter") == ["limit"]
    assert flaws(await client.get(f"{path}/replays?status=done"), "parameter") == ["status"]
