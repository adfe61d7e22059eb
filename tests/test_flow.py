"""The main job, end to end on real HTTP: register → poll → diff → signed webhook → history."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.conftest import on_both_back_ends
from tests.flow import fetch, live, register, told
from tracker.demo.receiver import Mischief
from tracker.demo.recipes import RECIPES, begin, sped_up
from tracker.demo.simulators import Fault, Phase, decart, photogpt, scenario_scripts, wondercat
from tracker.demo.stage import SUBSCRIPTION_PATH, set_up
from tracker.providers.catalog import load_descriptions
from tracker.surroundings import Surroundings

PROBLEMS = {
    Fault.SERVER_ERROR: "http_status",
    Fault.UNAVAILABLE: "http_status",
    Fault.RATE_LIMITED: "rate_limited",
    Fault.UNAUTHORIZED: "unauthorized",
    Fault.FORBIDDEN: "unauthorized",
    Fault.TRUNCATED: "connection",
    Fault.HUNG_UP: "connection",
    Fault.OVERSIZED: "too_large",
    Fault.HTML: "not_json",
    Fault.MALFORMED: "not_json",
    Fault.REDIRECT: "redirect",
}


@pytest.fixture
async def stage(surroundings, back_end):
    # An attempt that hangs is given up soon, so that a test that leaves one ends.
    async with set_up(
        surroundings, overrides=back_end | {"TRACKER_ATTEMPT_TIMEOUT": "2s"}, is_ticking=False, is_learning=False
    ) as stage:
        yield stage


@on_both_back_ends
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.provider}-{recipe.kind}-{recipe.outcome}")
async def test_job_of_every_kind_ends_with_one_signed_webhook(stage, clock, recipe):
    begin(recipe, "r1", stage.world)
    job = await register(stage, provider=recipe.provider, kind=recipe.kind, remote_id="r1")
    await live(stage, clock, 2000)
    shown = await fetch(stage, f"/v1/jobs/{job['id']}")
    assert shown["status"] == recipe.ends
    assert shown["next_poll_at"] is None
    assert told(stage, "r1") == [f"job.{recipe.ends}"]
    assert stage.inbox.arrivals[0].json["data"]["job"] == shown
    polls = stage.world.polls["r1"]
    assert shown["polls"] == polls
    await live(stage, clock, 100_000)
    assert stage.world.polls["r1"] == polls, "a final job is never polled again"


async def test_scenario_tells_states_that_no_poll_saw_with_the_providers_times(stage, clock):
    remote = stage.world.add("scenario", "job", scenario_scripts.success(2.9), job_id="r1")
    job = await register(stage, provider="scenario", remote_id="r1", events=["job.*"])
    await live(stage, clock, 5)
    assert stage.world.polls["r1"] == 1
    assert told(stage, "r1") == ["job.queued", "job.running", "job.succeeded"]
    history = (await fetch(stage, f"/v1/jobs/{job['id']}/history"))["data"]
    assert [row["sequence"] for row in history] == [1, 2, 3]
    assert [row["previous_status"] for row in history] == [None, "queued", "running"]
    seconds = [0, 0.3 * 2.9, 2.9]
    expected = [(remote.created_at + timedelta(seconds=s)).isoformat(timespec="milliseconds") for s in seconds]
    assert [row["occurred_at"].replace("Z", "+00:00") for row in history] == expected


async def test_scenario_shows_progress_output_and_why_it_failed(stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(8), job_id="good")
    stage.world.add("scenario", "job", scenario_scripts.failure(4), job_id="bad")
    good = await register(stage, provider="scenario", remote_id="good", events=["job.progress", "job.succeeded"])
    bad = await register(stage, provider="scenario", remote_id="bad")
    await live(stage, clock, 4)
    assert 0 < (await fetch(stage, f"/v1/jobs/{good['id']}"))["progress"] < 1
    await live(stage, clock, 10)
    shown = await fetch(stage, f"/v1/jobs/{good['id']}")
    assert (shown["progress"], shown["output"]) == (1.0, {"assetIds": ["asset_good"]})
    assert told(stage, "good") == ["job.progress", "job.progress", "job.succeeded"]
    error = (await fetch(stage, f"/v1/jobs/{bad['id']}"))["error"]
    assert error == {
        "message": "The input image could not be read.",
        "hint": "Upload the image as PNG or JPEG.",
    }


async def test_workflow_asks_for_action_and_tells_of_its_steps(stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.workflow(18), job_id="r1")
    job = await register(stage, provider="scenario", remote_id="r1", events=["job.*"])
    await live(stage, clock, 30)
    history = (await fetch(stage, f"/v1/jobs/{job['id']}/history"))["data"]
    assert [row["status"] for row in history] == ["queued", "running", "action_required", "running", "succeeded"]
    steps = (await fetch(stage, f"/v1/jobs/{job['id']}?expand=steps"))["steps"]
    assert [(step["id"], step["status"]) for step in steps] == [
        ("draft", "success"),
        ("approval", "success"),
        ("final", "success"),
    ]
    moved = [arrival.json["data"]["step"] for arrival in stage.inbox.arrivals if "step" in arrival.json["data"]]
    assert {"id": "draft", "type": "custom-model", "status": "success", "previous_status": "processing"} in moved


async def test_decart_output_is_the_url_of_the_content(stage, clock):
    stage.world.add("decart", "job", decart.success(), job_id="r1")
    job = await register(stage, provider="decart", remote_id="r1")
    await live(stage, clock, 60)
    output = (await fetch(stage, f"/v1/jobs/{job['id']}"))["output"]
    content = await stage.client.get(output["content_url"], headers={"X-API-KEY": "simulated-decart"})
    assert (content.status_code, content.content) == (200, b"A video of job r1.")


@pytest.mark.parametrize(
    ("provider", "kind", "word", "expected"),
    [
        ("scenario", "job", "queued", [3, 6, 9, 12]),
        ("wondercat", "publish", "idle", [1, 2, 3.5, 5.75, 9.125, 14.125, 19.125]),
        ("decart", "job", "pending", [1, 2, 3.5, 5.75, 9.125, 14.188, 21.781, 31.781]),
        ("photogpt", "job", "CREATED", [5, 10, 15]),
        ("photogpt", "training", "new", [300, 600]),
    ],
)
async def test_documented_intervals_are_kept(stage, clock, provider, kind, word, expected):
    start, polled = clock.at, []
    stage.world.asked = lambda _job_id: polled.append(round((clock.at - start).total_seconds(), 3))
    stage.world.add(provider, kind, (Phase(word), Phase("unreached")), job_id="r1")
    await register(stage, provider=provider, kind=kind, remote_id="r1")
    await live(stage, clock, expected[-1] + 1)
    assert polled == expected


@pytest.mark.parametrize("fault", PROBLEMS)
async def test_trouble_with_a_poll_shows_and_passes_and_ends_nothing(stage, clock, fault):
    stage.world.add("wondercat", "inference", wondercat.success("inference", 3), job_id="r1")
    stage.world.break_polls(fault, job_id="r1", times=2)
    job = await register(stage, provider="wondercat", kind="inference", remote_id="r1", events=["job.*"])
    await live(stage, clock, 1.5)
    shown = await fetch(stage, f"/v1/jobs/{job['id']}")
    assert (shown["status"], shown["sequence"]) == ("queued", 0)
    assert shown["poll_problem"]["code"] == PROBLEMS[fault]
    assert shown["poll_problem"]["count"] == 1
    assert shown["poll_problem"]["retry_at"] == shown["next_poll_at"]
    await live(stage, clock, 60)
    shown = await fetch(stage, f"/v1/jobs/{job['id']}")
    assert (shown["status"], shown["poll_problem"]) == ("succeeded", None)
    # The client asks a second time by itself where a connection is hung up, so that fault is over sooner.
    assert told(stage, "r1")[-1] == "job.succeeded"


async def test_retry_after_is_a_floor_under_the_next_poll(stage, clock):
    polled = []
    stage.world.asked = lambda _: polled.append(clock.at)
    stage.world.add("decart", "job", decart.success(3), job_id="r1")
    stage.world.break_polls(Fault.RATE_LIMITED, job_id="r1", retry_after=7)
    await register(stage, provider="decart", remote_id="r1")
    await live(stage, clock, 30)
    assert (polled[1] - polled[0]).total_seconds() == 7


async def test_unknown_job_is_given_a_grace_and_then_expires(stage, clock):
    job = await register(stage, provider="decart", remote_id="nobody")
    await live(stage, clock, 55)
    shown = await fetch(stage, f"/v1/jobs/{job['id']}")
    assert (shown["status"], shown["poll_problem"]["http_status"]) == ("queued", 404)
    await live(stage, clock, 60)
    shown = await fetch(stage, f"/v1/jobs/{job['id']}")
    assert (shown["status"], shown["error"]["code"]) == ("expired", "not_found")
    assert told(stage, "nobody") == ["job.expired"]


async def test_job_that_outlives_its_time_is_polled_once_more_and_expires(stage, clock):
    stage.world.add("decart", "job", (Phase("processing"), Phase("completed")), job_id="r1")
    job = await register(stage, provider="decart", remote_id="r1", timeout_seconds=20)
    await live(stage, clock, 19.9)
    polls = stage.world.polls["r1"]
    await live(stage, clock, 60)
    shown = await fetch(stage, f"/v1/jobs/{job['id']}")
    assert (shown["status"], shown["error"]["code"]) == ("expired", "timeout")
    assert stage.world.polls["r1"] == polls + 1
    assert told(stage, "r1") == ["job.expired"]


async def test_end_that_comes_with_the_time_out_is_not_lost(stage, clock):
    stage.world.add("decart", "job", (Phase("processing", 20), Phase("completed")), job_id="r1")
    job = await register(stage, provider="decart", remote_id="r1", timeout_seconds=20)
    await live(stage, clock, 60)
    assert (await fetch(stage, f"/v1/jobs/{job['id']}"))["status"] == "succeeded"


async def test_unknown_word_is_running_and_flagged(stage, clock):
    stage.world.add("scenario", "job", (Phase("daydreaming", 10), Phase("success")), job_id="r1")
    job = await register(stage, provider="scenario", remote_id="r1")
    await live(stage, clock, 5)
    shown = await fetch(stage, f"/v1/jobs/{job['id']}")
    assert (shown["status"], shown["provider_status"]) == ("running", "daydreaming")
    assert shown["poll_problem"]["code"] == "unknown_status"
    await live(stage, clock, 10)
    shown = await fetch(stage, f"/v1/jobs/{job['id']}")
    assert (shown["status"], shown["poll_problem"]) == ("succeeded", None)


@on_both_back_ends
async def test_subscription_gets_what_it_asked_for_and_nothing_else(stage, clock):
    body = {
        "callback_url": stage.callbacks + SUBSCRIPTION_PATH,
        "events": ["job.succeeded"],
        "providers": ["photogpt"],
        "tags": ["hero"],
        "secret": stage.subscription_secret,
        "headers": {"x-team": "a"},
    }
    assert (await stage.client.post("/v1/subscriptions", json=body)).status_code == 201
    for name, tags in [("wanted", ["hero"]), ("other", [])]:
        stage.world.add("photogpt", "job", photogpt.success(), job_id=name)
        await register(stage, provider="photogpt", remote_id=name, tags=tags, callback_url=None)
    await live(stage, clock, 60)
    (arrival,) = stage.inbox.arrivals
    assert (arrival.path, arrival.error, arrival.headers["x-team"]) == (SUBSCRIPTION_PATH, None, "a")
    assert arrival.json["data"]["job"]["remote_id"] == "wanted"


async def test_refused_webhook_comes_again_with_the_same_id_and_bytes(stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(2), job_id="r1")
    for mischief in (Mischief.SERVER_ERROR, Mischief.REDIRECT, Mischief.HUGE_BODY):
        stage.inbox.misbehave(mischief, path="/r1")
    job = await register(stage, provider="scenario", remote_id="r1")
    await live(stage, clock, 10)
    await live(stage, clock, 400)
    assert len(stage.inbox.arrivals) == 3
    assert len({arrival.webhook_id for arrival in stage.inbox.arrivals}) == 1
    assert len({arrival.body for arrival in stage.inbox.arrivals}) == 1
    assert len({arrival.headers["webhook-timestamp"] for arrival in stage.inbox.arrivals}) == 3
    (delivery,) = (await fetch(stage, f"/v1/jobs/{job['id']}/deliveries"))["data"]
    assert delivery["status"] == "delivered"
    assert [(a["number"], a["outcome"], a["http_status"]) for a in delivery["attempts"]] == [
        (1, "rejected", 500),
        (2, "rejected", 302),
        (3, "delivered", 200),
    ]
    assert len(delivery["attempts"][2]["response_body"]) == 4096


async def test_subscriber_that_never_takes_it_exhausts_the_schedule_and_a_manual_retry_sends_once_more(stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(2), job_id="r1")
    stage.inbox.misbehave(Mischief.SERVER_ERROR, path="/r1", times=10)
    job = await register(stage, provider="scenario", remote_id="r1")
    await live(stage, clock, 4 * 86_400)
    (delivery,) = (await fetch(stage, f"/v1/jobs/{job['id']}/deliveries"))["data"]
    assert (delivery["status"], len(delivery["attempts"])) == ("exhausted", 10)
    waits = [
        (b.arrived_at - a.arrived_at).total_seconds()
        for a, b in zip(stage.inbox.arrivals, stage.inbox.arrivals[1:], strict=False)
    ]
    assert waits == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert (await stage.client.post(f"/v1/deliveries/{delivery['id']}/retry")).status_code == 202
    await live(stage, clock, 1)
    assert (await fetch(stage, f"/v1/deliveries/{delivery['id']}"))["status"] == "delivered"


async def test_410_ends_the_callback_of_a_job(stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(30), job_id="r1")
    stage.inbox.misbehave(Mischief.GONE, path="/r1")
    job = await register(stage, provider="scenario", remote_id="r1", events=["job.*"])
    await live(stage, clock, 600)
    assert len(stage.inbox.arrivals) == 1
    statuses = {d["status"] for d in (await fetch(stage, f"/v1/jobs/{job['id']}/deliveries"))["data"]}
    assert statuses == {"canceled"}


async def test_410_disables_a_subscription_and_keeps_what_waits(stage, clock):
    body = {"callback_url": stage.callbacks + SUBSCRIPTION_PATH, "secret": stage.subscription_secret}
    subscription = (await stage.client.post("/v1/subscriptions", json=body)).json()
    stage.inbox.misbehave(Mischief.GONE, path=SUBSCRIPTION_PATH)
    for name in ("r1", "r2"):
        stage.world.add("scenario", "job", scenario_scripts.success(2), job_id=name)
    await register(stage, provider="scenario", remote_id="r1", callback_url=None)
    await live(stage, clock, 10)
    await register(stage, provider="scenario", remote_id="r2", callback_url=None)
    await live(stage, clock, 600)
    assert (await fetch(stage, f"/v1/subscriptions/{subscription['id']}"))["status"] == "disabled"
    assert len(stage.inbox.arrivals) == 1
    waiting = (await fetch(stage, f"/v1/deliveries?subscription_id={subscription['id']}"))["data"]
    assert [delivery["status"] for delivery in waiting] == ["pending", "pending"]


async def test_forgotten_job_is_polled_no_more_and_may_be_registered_anew(stage, clock):
    stage.world.add("decart", "job", (Phase("processing"), Phase("completed")), job_id="r1")
    job = await register(stage, provider="decart", remote_id="r1")
    await live(stage, clock, 2)
    polls = stage.world.polls["r1"]
    assert (await stage.client.delete(f"/v1/jobs/{job['id']}")).status_code == 204
    await live(stage, clock, 100)
    assert stage.world.polls["r1"] == polls
    assert (await stage.client.get(f"/v1/jobs/{job['id']}")).status_code == 404
    again = await register(stage, provider="decart", remote_id="r1")
    assert (again["id"] != job["id"], again["run"]) == (True, 1)


async def test_canceled_job_is_told_of_as_the_provider_says(stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(60), job_id="r1")
    job = await register(stage, provider="scenario", remote_id="r1")
    await live(stage, clock, 20)
    answer = await stage.client.post(f"/v1/jobs/{job['id']}/cancel")
    assert (answer.status_code, answer.json()["id"]) == (202, job["id"])
    await live(stage, clock, 0.1)
    assert (await fetch(stage, f"/v1/jobs/{job['id']}"))["status"] == "canceled"
    assert told(stage, "r1") == ["job.canceled"]
    again = await stage.client.post(f"/v1/jobs/{job['id']}/cancel")
    assert (again.status_code, again.json()["detail"]) == (409, "The job has ended: it is canceled.")


async def test_job_whose_kind_cannot_be_canceled_goes_on(stage, clock):
    stage.world.add("decart", "job", decart.success(), job_id="r1")
    job = await register(stage, provider="decart", remote_id="r1")
    answer = await stage.client.post(f"/v1/jobs/{job['id']}/cancel")
    assert answer.status_code == 409
    assert "cannot be canceled" in answer.json()["detail"]
    await live(stage, clock, 60)
    assert told(stage, "r1") == ["job.succeeded"]


async def test_cancel_that_the_provider_refuses_is_said_and_changes_nothing(stage):
    job = await register(stage, provider="scenario", remote_id="nobody")
    answer = await stage.client.post(f"/v1/jobs/{job['id']}/cancel")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "application/problem+json")
    assert "HTTP 404" in answer.json()["detail"]
    assert (await fetch(stage, f"/v1/jobs/{job['id']}"))["next_poll_at"] == job["next_poll_at"]


async def test_rerun_of_a_finished_job_is_a_new_job_with_a_history_of_its_own(stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(2), job_id="r1")
    first = await register(stage, provider="scenario", remote_id="r1")
    await live(stage, clock, 10)
    body = {"provider": "scenario", "remote_id": "r1"}
    same = await stage.client.post("/v1/jobs", json=body)
    assert (same.status_code, same.json()["id"], same.json()["status"]) == (200, first["id"], "succeeded")
    rerun = await stage.client.post("/v1/jobs", json=body | {"rerun": True})
    assert (rerun.status_code, rerun.json()["run"]) == (201, 2)
    await live(stage, clock, 10)
    assert (await fetch(stage, f"/v1/jobs/{rerun.json()['id']}"))["sequence"] == 3


async def test_hanging_subscriber_holds_up_nobody_else():
    """Ten deliveries to a subscriber that hangs take its one slot; the callbacks go out beside them."""
    descriptions = [sped_up(description, 20) for description in load_descriptions(None)]
    async with set_up(Surroundings(), descriptions, {"TRACKER_ATTEMPT_TIMEOUT": "4s"}) as stage:
        stage.inbox.misbehave(Mischief.HANG, path=SUBSCRIPTION_PATH, times=10)
        body = {"callback_url": stage.callbacks + SUBSCRIPTION_PATH, "secret": stage.subscription_secret}
        assert (await stage.client.post("/v1/subscriptions", json=body)).status_code == 201
        for number in range(10):
            stage.world.add("scenario", "job", scenario_scripts.success(0.1), job_id=f"r{number}")
            await register(stage, provider="scenario", remote_id=f"r{number}")
        paths = {f"/r{number}" for number in range(10)}
        async with asyncio.timeout(3.5):
            await stage.inbox.until(lambda arrivals: paths <= {arrival.path for arrival in arrivals})
        # It has not accepted anything yet, so it is not trusted with more.
    assert sum(arrival.path == SUBSCRIPTION_PATH for arrival in stage.inbox.arrivals) == 1
