"""Deliveries on real HTTP and a clock moved by hand: who is held back, what goes in which order, and in which form."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from store.records import ApiKey, Scope, Share
from tests.conftest import on_both_back_ends
from tests.flow import fetch, live, register
from tracker.demo.receiver import Mischief
from tracker.demo.simulators import scenario_scripts
from tracker.demo.stage import SUBSCRIPTION_PATH, set_up
from tracker.outbound import Limits, Outbound
from tracker.rules.addresses import Allowed
from tracker.rules.health import BREAKS_AT, FIRST_HOLD
from tracker.rules.keys import key_digest
from tracker.rules.payload import LARGEST_FULL_BODY
from tracker.sending import KEPT_OF_ANSWER, Sender
from tracker.signer import Signer


@pytest.fixture
async def stage(surroundings, back_end):
    async with set_up(surroundings, overrides=back_end, is_ticking=False, is_learning=False) as stage:
        yield stage


@pytest.fixture
async def subscribe(stage):
    """Subscribes the receiver, and returns the id."""

    async def add(**body):
        address = {"callback_url": stage.callbacks + SUBSCRIPTION_PATH, "secret": stage.subscription_secret}
        answer = await stage.client.post("/v1/subscriptions", json=address | body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    return add


async def send_tests(stage, subscription_id, count):
    for _ in range(count):
        assert (await stage.client.post(f"/v1/subscriptions/{subscription_id}/test")).status_code == 202


async def attempts(stage, **wanted):
    """How many attempts each delivery has had, and what became of it."""
    query = "&".join(f"{name}={value}" for name, value in wanted.items())
    rows = (await fetch(stage, f"/v1/deliveries?limit=200&{query}"))["data"]
    return [(row["attempt_count"], row["status"]) for row in rows]


async def test_who_fails_is_left_alone_but_for_trials_and_then_gets_everything(stage, clock, subscribe):
    subscription_id = await subscribe()
    stage.inbox.misbehave(Mischief.SERVER_ERROR, times=1000)
    await send_tests(stage, subscription_id, 30)
    await live(stage, clock, FIRST_HOLD * 0.9)
    assert len(stage.inbox.arrivals) == BREAKS_AT
    await live(stage, clock, 600)
    used = [count for count, _ in await attempts(stage)]
    assert len(used) == 30
    assert sum(used) == len(stage.inbox.arrivals) < BREAKS_AT + 20
    stage.inbox.behave()
    await live(stage, clock, 70)
    assert {status for count, status in await attempts(stage) if count < 2} == {"delivered"}
    await live(stage, clock, 400)
    assert {status for _, status in await attempts(stage)} == {"delivered"}


@pytest.mark.parametrize("mischief", [Mischief.RATE_LIMITED, Mischief.UNAVAILABLE])
async def test_who_asks_for_a_pause_gets_one_as_a_whole(stage, clock, subscribe, mischief):
    subscription_id = await subscribe()
    stage.inbox.misbehave(mischief, retry_after=900)
    await send_tests(stage, subscription_id, 10)
    await live(stage, clock, 899)
    assert len(stage.inbox.arrivals) == 1
    await live(stage, clock, 10)
    assert await attempts(stage, status="delivered") == [(1, "delivered")] * 9 + [(2, "delivered")]


async def test_a_pause_of_one_subscriber_holds_up_no_other(stage, clock, subscribe):
    held = await subscribe()
    other = await subscribe(callback_url=f"{stage.callbacks}/other", secret=None)
    stage.inbox.misbehave(Mischief.RATE_LIMITED, path=SUBSCRIPTION_PATH, retry_after=900)
    await send_tests(stage, held, 3)
    await live(stage, clock, 1)
    await send_tests(stage, other, 3)
    await live(stage, clock, 1)
    assert [arrival.path for arrival in stage.inbox.arrivals] == [SUBSCRIPTION_PATH, *["/other"] * 3]


async def test_a_manual_retry_is_sent_whatever_holds_the_subscriber_back(stage, clock, subscribe):
    subscription_id = await subscribe()
    stage.inbox.misbehave(Mischief.RATE_LIMITED, retry_after=900)
    await send_tests(stage, subscription_id, 1)
    await live(stage, clock, 1)
    await stage.client.patch(f"/v1/subscriptions/{subscription_id}", json={"status": "paused"})
    (row,) = (await fetch(stage, "/v1/deliveries"))["data"]
    assert (await stage.client.post(f"/v1/deliveries/{row['id']}/retry")).status_code == 202
    await live(stage, clock, 1)
    assert await attempts(stage) == [(2, "delivered")]


@on_both_back_ends
async def test_per_job_the_events_of_a_job_arrive_in_sequence_though_the_first_is_refused(stage, clock, subscribe):
    await subscribe(events=["job.*"], order="per_job")
    stage.inbox.misbehave(Mischief.SERVER_ERROR, path=SUBSCRIPTION_PATH, times=2)
    stage.world.add("scenario", "job", scenario_scripts.success(2.9), job_id="r1")
    await register(stage, provider="scenario", remote_id="r1")
    await live(stage, clock, 1000)
    arrivals = [arrival for arrival in stage.inbox.arrivals if arrival.path == SUBSCRIPTION_PATH]
    types = [arrival.json["type"] for arrival in arrivals]
    assert types == ["job.queued"] * 3 + ["job.running", "job.succeeded"]
    assert [arrival.was_accepted for arrival in arrivals] == [False, False, True, True, True]


@on_both_back_ends
async def test_latest_sends_the_end_and_not_what_led_to_it(stage, clock, subscribe):
    await subscribe(events=["job.*"], order="latest")
    stage.world.add("scenario", "job", scenario_scripts.success(2.9), job_id="r1")
    await register(stage, provider="scenario", remote_id="r1")
    await live(stage, clock, 60)
    arrivals = [arrival for arrival in stage.inbox.arrivals if arrival.path == SUBSCRIPTION_PATH]
    assert [arrival.json["type"] for arrival in arrivals] == ["job.succeeded"]
    subscribed = [status for _, status in await attempts(stage) if status == "superseded"]
    assert subscribed == ["superseded", "superseded"]


async def arrival_of(stage, clock, **job):
    """What arrives of the end of a job, at the subscription."""
    stage.world.add("scenario", "job", scenario_scripts.success(1), job_id="r1")
    await register(stage, provider="scenario", remote_id="r1", **job)
    await live(stage, clock, 30)
    (arrival,) = [arrival for arrival in stage.inbox.arrivals if arrival.path == SUBSCRIPTION_PATH]
    assert arrival.error is None
    return arrival


async def test_a_thin_webhook_carries_ids_a_status_and_where_to_ask(stage, clock, subscribe):
    await subscribe(payload="thin")
    body = (await arrival_of(stage, clock)).json
    shown = (await fetch(stage, "/v1/jobs"))["data"][0]
    url = f"{stage.service.settings.public_url}/v1/jobs/{shown['id']}"
    names = ("id", "provider", "kind", "account", "remote_id", "status")
    assert body["data"]["job"] == {name: shown[name] for name in names} | {"url": url}
    assert body["data"].keys() == {"sequence", "previous_status", "occurred_at", "detected_at", "job"}


@on_both_back_ends
async def test_a_webhook_that_would_be_too_large_is_thin_and_says_so(stage, clock, subscribe):
    await subscribe()
    arrival = await arrival_of(stage, clock, metadata={"note": "x" * LARGEST_FULL_BODY})
    assert len(arrival.body) < 1024
    assert (arrival.json["data"]["truncated"], arrival.json["data"]["job"]["status"]) == (True, "succeeded")
    (own,) = [arrival for arrival in stage.inbox.arrivals if arrival.path == "/r1"]
    assert own.error is None
    assert own.json["data"]["truncated"]


async def test_the_form_of_a_delivery_stays_that_of_its_first_try(stage, clock, subscribe):
    subscription_id = await subscribe(payload="thin")
    stage.inbox.misbehave(Mischief.UNAVAILABLE, path=SUBSCRIPTION_PATH, retry_after=100)
    await arrival_of(stage, clock)
    await stage.client.patch(f"/v1/subscriptions/{subscription_id}", json={"payload": "full"})
    await live(stage, clock, 400)
    first, second = [arrival for arrival in stage.inbox.arrivals if arrival.path == SUBSCRIPTION_PATH]
    assert first.body == second.body


async def test_an_attempt_shows_its_phases_and_what_a_private_address_answered_to_admin_keys_alone(
    stage, clock, subscribe
):
    subscription_id = await subscribe()
    stage.inbox.misbehave(Mischief.SERVER_ERROR)
    await send_tests(stage, subscription_id, 1)
    await live(stage, clock, 1)
    (row,) = (await fetch(stage, "/v1/deliveries"))["data"]
    (shown,) = row["attempts"]
    assert shown["address"] == stage.callbacks.removeprefix("http://")
    assert (shown["is_private"], shown["response_body"]) == (True, "It broke.")
    assert {"connect", "first_byte", "total"} <= shown["phases"].keys()
    key = "trk_of-a-reader-of-deliveries"
    reader = ApiKey("key_reader", "reader", Scope.READ, key_digest(key), clock.at)
    await stage.service.key_ring.add(reader)
    answer = await stage.client.get("/v1/deliveries", headers={"authorization": f"Bearer {key}"})
    assert answer.json()["data"][0]["attempts"] == [shown | {"response_body": None}]


async def test_a_fault_of_our_own_network_is_not_charged(stage, clock, subscribe):
    """A name whose look-up fails for the moment: that is our resolver, not the subscriber."""
    subscription_id = await subscribe(callback_url="https://receiver.example/hook")
    await send_tests(stage, subscription_id, 1)
    share = Share(subscription_id, is_retry=False, count=1)
    (claimed,) = await stage.service.deliveries.claim([share], clock.at, clock.at + timedelta(seconds=60))
    signer = Signer(stage.service.vault, stage.service.callback_secret, stage.service.private_key)
    limits = Limits(15, KEPT_OF_ANSWER, cuts=True)
    async with Outbound(1, limits, Allowed(), no_resolver) as outbound:
        sender = Sender(outbound, stage.service.surroundings, (5.0,), signer, "http://tracker.example/v1/jobs")
        await stage.service.deliveries.record([await sender.attempt(claimed)])
    (row,) = (await fetch(stage, "/v1/deliveries"))["data"]
    assert (row["attempt_count"], row["status"]) == (0, "pending")
    assert [(each["number"], each["error_class"]) for each in row["attempts"]] == [(1, "name_lookup_failed")]


async def no_resolver(_host, _port, _family):
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
