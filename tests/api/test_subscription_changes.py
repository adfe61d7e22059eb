"""Subscriptions are changed, paused, and made active again."""

import pytest

from .steps import PUBLIC_URL, attempt, fetch, flaws, see, subscribe, track

CHANGES = {
    "callback_url": "https://another.example/hook",
    "events": ["job.*"],
    "providers": ["decart"],
    "kinds": ["job"],
    "tags": ["b"],
    "description": "another",
    "headers": {"x-team": "b"},
    "payload": "thin",
    "order": "latest",
    "max_in_flight": 2,
    "signatures": ["v1", "v1a"],
    "status": "paused",
}


async def change(client, made, **changes):
    response = await client.patch(f"/v1/subscriptions/{made['id']}", json=changes)
    assert response.status_code == 200, response.text
    return response.json()


async def statuses(client, **wanted):
    return [row["status"] for row in (await fetch(client, "/v1/deliveries", **wanted))["data"]]


async def test_everything_may_be_changed_at_once(client, surroundings):
    made = await subscribe(client)
    made.pop("secret")
    surroundings.now.advance(60)
    changed = await change(client, made, **CHANGES)
    assert changed == made | CHANGES | {"updated_at": "2026-01-01T12:01:00.000Z"}
    assert await fetch(client, f"/v1/subscriptions/{made['id']}") == changed


@pytest.mark.parametrize("name", CHANGES)
async def test_what_is_not_named_stays_as_it_is(client, name):
    before = await change(client, await subscribe(client), **CHANGES)
    after = await change(client, before, **{name: CHANGES[name]})
    assert {key: value for key, value in after.items() if key != "updated_at"} == {
        key: value for key, value in before.items() if key != "updated_at"
    }


async def test_null_is_what_a_new_one_has(client):
    made = await subscribe(client)
    changed = await change(client, await change(client, made, **CHANGES), **dict.fromkeys(CHANGES))
    assert changed["callback_url"] == CHANGES["callback_url"]
    names = CHANGES.keys() - {"callback_url", "status"}
    assert {name: changed[name] for name in names} == {name: made[name] for name in names}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"callback_url": "ftp://a.example"}, "/callback_url"),
        ({"events": ["job.unheard"]}, "/events"),
        ({"providers": ["nobody"]}, "/providers"),
        ({"headers": {"host": "x"}}, "/headers"),
        ({"headers": {"x-team": "***"}}, "/headers"),
        ({"signatures": ["v1a"]}, "/signatures"),
        ({"payload": "fat"}, "/payload"),
        ({"order": "any"}, "/order"),
        ({"max_in_flight": 0}, "/max_in_flight"),
        ({"max_in_flight": 101}, "/max_in_flight"),
        ({"status": "asleep"}, "/status"),
        ({"from_now": "yes"}, "/from_now"),
        ({"secret": "whsec_x"}, "/secret"),
        ({"id": "sub_1"}, "/id"),
    ],
)
async def test_wrong_change_is_refused_and_changes_nothing(client, changes, pointer):
    made = await subscribe(client)
    before = await fetch(client, f"/v1/subscriptions/{made['id']}")
    response = await client.patch(f"/v1/subscriptions/{made['id']}", json={"description": "new"} | changes)
    assert flaws(response) == [pointer]
    assert await fetch(client, f"/v1/subscriptions/{made['id']}") == before


async def test_paused_subscription_collects_and_resumes_with_what_it_has_collected(client, service):
    made = await subscribe(client)
    await change(client, made, status="paused")
    await see(service, await track(client), "succeeded")
    assert (await service.deliveries.backlog(service.surroundings.now())).lanes == ()
    await change(client, made, status="active")
    await attempt(service, made["id"], 200)
    assert await statuses(client) == ["delivered"]


async def test_or_by_choice_starts_from_now(client, service):
    made = await subscribe(client)
    await change(client, made, status="paused")
    await see(service, await track(client, 1), "succeeded")
    await change(client, made, status="active", from_now=True)
    await see(service, await track(client, 2), "succeeded")
    assert await statuses(client) == ["pending", "canceled"]


async def test_enabling_a_subscription_that_was_disabled_for_410_forgets_the_reason(client, service):
    made = await subscribe(client)
    await see(service, await track(client), "succeeded")
    await attempt(service, made["id"], 410)
    disabled = await fetch(client, f"/v1/subscriptions/{made['id']}")
    assert (disabled["status"], "410" in disabled["status_reason"]) == ("disabled", True)
    enabled = await change(client, made, status="active")
    assert (enabled["status"], enabled["status_reason"]) == ("active", None)
    assert await statuses(client) == ["pending"]


async def test_what_waits_goes_to_the_new_address(client, service):
    made = await subscribe(client)
    assert made["callback_url"] == PUBLIC_URL
    await see(service, await track(client), "succeeded")
    await change(client, made, callback_url="https://another.example/hook")
    (lane,) = (await service.deliveries.backlog(service.surroundings.now())).lanes
    assert lane.callback_url == "https://another.example/hook"
