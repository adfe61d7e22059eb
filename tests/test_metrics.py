"""What `/metrics` says after real runs: the counters agree with what providers and receivers saw."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from store.records import FINAL_STATUSES, AttemptResult, DeliveryStatus, Status
from tests.flow import fetch, live, register
from tests.rules.strategies import TIMING, at, new_job, reading
from tests.scraping import Scrape, families_of, scrape
from tracker.demo.receiver import Mischief
from tracker.demo.simulators import Fault, Phase, photogpt, scenario_scripts, wondercat
from tracker.demo.stage import SUBSCRIPTION_PATH, set_up
from tracker.metrics import OTHER, Metrics
from tracker.rules.track import decide

LONG = wondercat.success("inference", 10_000)


@pytest.fixture
async def stage(surroundings, back_end):
    async with set_up(
        surroundings, overrides=back_end | {"TRACKER_ATTEMPT_TIMEOUT": "2s"}, is_ticking=False, is_learning=False
    ) as stage:
        yield stage


async def begin(stage, count=1, script=None, provider="wondercat", kind="inference", **body):
    for number in range(count):
        made = script or wondercat.success("inference", 3)
        stage.world.add(provider, kind, made, job_id=f"r{number}")
        await register(stage, provider=provider, kind=kind, remote_id=f"r{number}", **body)


async def test_polls_requests_and_ends_are_counted(stage, clock):
    await begin(stage, 3)
    stage.world.break_polls(Fault.SERVER_ERROR, job_id="r0", times=2)
    stage.world.break_polls(Fault.HTML, job_id="r1")
    await live(stage, clock, 60)
    seen = await scrape(stage.client)
    polls = [job["polls"] for job in (await fetch(stage, "/v1/jobs"))["data"]]
    assert stage.world.requests == sum(polls)
    assert seen("provider_requests_total", provider="wondercat") == sum(polls)
    assert seen.all("polls_total", "outcome") == {"ok": sum(polls) - 3, "http_status": 2, "not_json": 1}
    assert seen("jobs_finished_total", provider="wondercat", status="succeeded") == 3
    assert seen("finished_job_polls_count", provider="wondercat") == 3
    assert seen("finished_job_polls_sum", provider="wondercat") == sum(polls)


async def test_a_request_that_is_sent_again_is_counted_again_and_the_poll_once(stage, clock):
    await begin(stage)
    stage.world.break_polls(Fault.HUNG_UP)
    await live(stage, clock, 1)
    seen = await scrape(stage.client)
    assert seen("provider_requests_total", provider="wondercat") == stage.world.requests == 2
    assert seen.all("polls_total", "outcome") == {"ok": 1}


async def test_many_jobs_in_one_list_are_one_request_and_many_polls(stage, clock):
    await begin(stage, 20, scenario_scripts.success(20), "scenario", "job")
    await live(stage, clock, 3)
    seen = await scrape(stage.client)
    assert seen("provider_requests_total", provider="scenario") == stage.world.lists["scenario"] == 1
    assert seen.all("polls_total", "outcome") == {"ok": 20}
    await live(stage, clock, 30)
    seen = await scrape(stage.client)
    assert seen("provider_requests_total", provider="scenario") == stage.world.requests
    assert seen("jobs_finished_total", provider="scenario", status="succeeded") == 20


async def test_a_job_that_nobody_could_poll_once_more_is_an_end_without_a_poll(stage, clock):
    await begin(stage, script=LONG, timeout_seconds=60)
    stage.world.break_polls(Fault.UNAUTHORIZED, times=1000)
    for _ in range(6):
        await live(stage, clock, 30)
        await stage.service.sweep.tick()
    seen = await scrape(stage.client)
    (job,) = (await fetch(stage, "/v1/jobs"))["data"]
    assert job["error"]["code"] == "timeout"
    assert seen("jobs_finished_total", provider="wondercat", status="expired") == 1
    assert seen.all("polls_total", "outcome") == {"unauthorized": job["polls"]}


async def test_detection_delay_is_measured_where_the_provider_tells_the_end(stage, clock):
    await begin(stage, 1, scenario_scripts.success(2.9), "scenario", "job")
    stage.world.add("photogpt", "job", photogpt.success(3), job_id="p1")
    await register(stage, provider="photogpt", remote_id="p1")
    await live(stage, clock, 30)
    seen = await scrape(stage.client)
    assert seen.all("jobs_finished_total", "provider") == {"scenario": 1, "photogpt": 1}
    assert seen("detection_delay_seconds_sum", provider="scenario") == pytest.approx(0.1)
    assert seen("detection_delay_seconds_bucket", provider="scenario", le="0.25") == 1
    assert seen.all("detection_delay_seconds_count", "provider") == {"scenario": 1}, "PhotoGPT tells no end"


async def test_attempts_and_deliveries_are_counted_by_what_came_of_them(stage, clock):
    await begin(stage, 3)
    stage.inbox.misbehave(Mischief.SERVER_ERROR, path="/r0", times=2)
    stage.inbox.misbehave(Mischief.GONE, path="/r1")
    stage.inbox.misbehave(Mischief.HANG, path="/r2")
    await live(stage, clock, 1000)
    seen = await scrape(stage.client)
    assert seen.all("attempts_total", "outcome") == {"delivered": 2, "rejected": 3, "timeout": 1}
    assert seen.all("deliveries_finished_total", "status") == {"delivered": 2, "canceled": 1}


async def test_delivery_latency_tells_first_tries_from_retries(stage, clock):
    await begin(stage, 2)
    stage.inbox.misbehave(Mischief.SERVER_ERROR, path="/r0", times=2)
    await live(stage, clock, 1000)
    seen = await scrape(stage.client)
    assert seen("delivery_latency_seconds_bucket", attempt="first", le="0.05") == 1
    assert seen("delivery_latency_seconds_count", attempt="first") == 1
    retries = {name: seen(f"delivery_latency_seconds_{name}", attempt="retry") for name in ("count", "sum")}
    assert retries == {"count": 1, "sum": pytest.approx(305)}, "5 s and 5 min"


async def test_a_delivery_that_is_sent_once_more_is_no_latency(stage, clock):
    await begin(stage)
    await live(stage, clock, 60)
    (delivery,) = (await fetch(stage, "/v1/deliveries"))["data"]
    await live(stage, clock, 100_000)
    assert (await stage.client.post(f"/v1/deliveries/{delivery['id']}/retry")).status_code == 202
    await live(stage, clock, 1)
    seen = await scrape(stage.client)
    assert seen("deliveries_finished_total", status="delivered") == 2
    assert seen.all("delivery_latency_seconds_count", "attempt") == {"first": 1}


async def test_oldest_due_work_is_told_in_seconds(stage, clock):
    await begin(stage)
    subscription = await subscribe(stage)
    assert (await stage.client.post(f"/v1/subscriptions/{subscription}/test")).status_code == 202
    assert (await scrape(stage.client))("oldest_due_poll_seconds") == 0
    clock.advance(41)
    seen = await scrape(stage.client)
    assert seen("oldest_due_poll_seconds") == 40, "the first poll comes after a second"
    assert seen("oldest_due_delivery_seconds") == 41
    await live(stage, clock, 0)
    seen = await scrape(stage.client)
    assert (seen("oldest_due_poll_seconds"), seen("oldest_due_delivery_seconds")) == (0, 0)


async def subscribe(stage):
    body = {"callback_url": stage.callbacks + SUBSCRIPTION_PATH, "secret": stage.subscription_secret}
    answer = await stage.client.post("/v1/subscriptions", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def test_what_is_held_back_is_not_due_but_told_of(stage, clock):
    await begin(stage, 3, LONG)
    stage.world.break_polls(Fault.RATE_LIMITED, retry_after=900)
    subscription = await subscribe(stage)
    stage.inbox.misbehave(Mischief.RATE_LIMITED, retry_after=900)
    for _ in range(3):
        await stage.client.post(f"/v1/subscriptions/{subscription}/test")
    await live(stage, clock, 600)
    seen = await scrape(stage.client)
    assert (seen("oldest_due_poll_seconds"), seen("oldest_due_delivery_seconds")) == (0, 0)
    assert seen("held_accounts", provider="wondercat", status="slowed") == 1
    assert seen("held_accounts", provider="wondercat", status="suspended") == 0
    assert seen("held_subscribers") == 1
    await live(stage, clock, 600)
    seen = await scrape(stage.client)
    assert (seen.all("held_accounts", "status"), seen("held_subscribers")) == ({}, 0)


async def test_a_provider_that_cannot_be_reached_has_an_open_breaker(stage, clock):
    await begin(stage, 8, LONG)
    stage.world.break_polls(Fault.HUNG_UP, times=10_000)
    await live(stage, clock, 30)
    assert (await scrape(stage.client))("open_breakers", provider="wondercat") == 1
    stage.world.heal()
    await live(stage, clock, 120)
    assert (await scrape(stage.client))("open_breakers", provider="wondercat") == 0


async def test_slots_and_those_that_are_taken_are_told(stage, clock):
    stage.inbox.misbehave(Mischief.HANG, times=3)
    for _ in range(3):
        await stage.client.post(f"/v1/subscriptions/{await subscribe(stage)}/test")
    clock.advance(1)
    await stage.service.deliverer.tick()
    seen = await scrape(stage.client)
    assert (seen("slots", loop="poll"), seen("slots", loop="deliver")) == (256, 256)
    assert (seen("busy_slots", loop="poll"), seen("busy_slots", loop="deliver")) == (0, 3)
    await stage.service.deliverer.drain()
    assert (await scrape(stage.client))("busy_slots", loop="deliver") == 0


async def test_requests_that_wait_for_a_job_are_told(stage, clock):
    await begin(stage)
    (job,) = (await fetch(stage, "/v1/jobs"))["data"]
    waiting = asyncio.create_task(fetch(stage, f"/v1/jobs/{job['id']}/wait?timeout=300"))
    async with asyncio.timeout(10):
        while (await scrape(stage.client))("waiting_requests") != 1:
            assert not waiting.done()
    await live(stage, clock, 60)
    assert (await waiting)["status"] == "succeeded"
    seen = await scrape(stage.client)
    assert (seen("waiting_requests"), seen("waiting_writes")) == (0, 0)


def labels_allowed(stage):
    """Every label, and the words that it may be."""
    providers = {provider.description.name for provider in stage.service.catalog}
    polls = {"ok", "unknown_status", "timeout", "connection", "http_status", "rate_limited", "unauthorized"}
    outcomes = polls | {"not_json", "too_large", "redirect", "invalid"} | set(AttemptResult)
    statuses = {*FINAL_STATUSES, *DeliveryStatus, "slowed", "suspended"}
    return {"provider": providers, "outcome": outcomes, "status": statuses, "loop": {"poll", "deliver"}} | {
        "attempt": {"first", "retry"}
    }


async def test_labels_are_words_of_the_descriptions_whatever_is_registered(stage, clock):
    allowed = labels_allowed(stage)
    stage.world.break_polls(Fault.SERVER_ERROR, times=3)
    stage.inbox.misbehave(Mischief.SERVER_ERROR, times=3)
    for number in range(20):
        stage.world.add("wondercat", "inference", (Phase("daydreaming", 9), Phase("failed")), job_id=f"w{number}")
        body = {
            "metadata": {"model": f"m{number}"},
            "tags": [f"t{number}"],
            "callback_url": f"{stage.callbacks}/{number}",
        }
        await register(stage, provider="wondercat", kind="inference", remote_id=f"w{number}", **body)
    await live(stage, clock, 400)
    samples = [sample for family in await families_of(stage.client) for sample in family.samples]
    ours = [sample for sample in samples if sample.name.startswith("tracker_") and sample.name != "tracker_build_info"]
    strange = {
        (sample.name, label, word)
        for sample in ours
        for label, word in sample.labels.items()
        if label != "le" and word not in allowed[label]
    }
    assert strange == set()
    assert len(ours) < 200


UNITS = (
    *("_total", "_info", "_seconds", "_polls", "_slots", "_accounts", "_subscribers", "_breakers", "_writes"),
    "_requests",
)


async def test_every_metric_says_what_it_is_and_in_which_unit(stage, clock):
    await begin(stage, 2)
    await live(stage, clock, 60)
    families = await families_of(stage.client)
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        is_ours = re.fullmatch(r"tracker_[a-z_]+", name) is not None
        assert is_ours or name.startswith("process_")
        assert family.documentation.endswith(".")
        assert not is_ours or name.endswith(UNITS)
    shown = {family.name for family in families}
    assert {"tracker_polls", "tracker_build_info", "tracker_open_breakers", "process_open_fds"} <= shown


async def test_two_services_in_one_process_count_for_themselves(stage, clock, surroundings):
    async with set_up(surroundings, is_ticking=False, is_learning=False) as other:
        await begin(stage, 2)
        await live(stage, clock, 60)
        mine, others = await scrape(stage.client), await scrape(other.client)
    assert mine("jobs_finished_total", provider="wondercat", status="succeeded") == 2
    assert others.all("jobs_finished_total", "status") == {}


nobodys_words = st.text().map(lambda text: f"x{text}")


@settings(deadline=None)
@given(st.lists(st.tuples(nobodys_words, nobodys_words), max_size=30))
def test_words_that_no_description_has_never_become_labels(polls):
    metrics = Metrics(["scenario"])
    polled = decide(new_job(), reading(Status.RUNNING), TIMING, at(1), 0.5)
    for name, verdict in [*polls, ("scenario", "ok")]:
        metrics.asked(name)
        metrics.polled([replace(polled, job=replace(polled.job, provider=name), verdict=verdict)])
    seen = Scrape(list(text_string_to_metric_families(generate_latest(metrics.registry).decode())))
    of_others = {OTHER: float(len(polls))} if polls else {}
    assert seen.all("provider_requests_total", "provider") == {"scenario": 1} | of_others
    assert seen("polls_total", provider="scenario", outcome="ok") == 1
    assert seen("polls_total", provider=OTHER, outcome=OTHER) == (len(polls) or None)
