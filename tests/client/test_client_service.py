"""Subscriptions, deliveries, providers and webhooks through both clients, against the real service."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.flow import live
from tracker.client import InvalidWebhook, NotFound
from tracker.demo.simulators import scenario_scripts

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="


async def test_subscription_is_made_shown_listed_and_removed(user, tracker):
    options = {"events": "job.*", "providers": ["scenario"], "kinds": ["job"], "tags": ["hero"], "description": "mine"}
    made = await user.use(tracker.subscriptions.create, "https://a.example/hook", **options, headers={"x-a": "1"})
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(made)
    shown = await user.use(tracker.subscriptions.get, made.id)
    assert (shown.events, shown.providers, shown.tags, shown.secret) == (("job.*",), ("scenario",), ("hero",), None)
    assert await user.take(tracker.subscriptions.list()) == [shown]
    assert await user.use(tracker.subscriptions.remove, made.id) is None
    with pytest.raises(NotFound, match=made.id):
        await user.use(tracker.subscriptions.get, made.id)


async def test_subscription_is_changed_also_to_nothing(user, tracker):
    made = await user.use(tracker.subscriptions.create, "https://a.example/hook", description="mine", tags=["hero"])
    changes = {"status": "paused", "events": "job.*", "description": None, "payload": "thin", "order": "per_job"}
    changed = await user.use(tracker.subscriptions.update, made.id, **changes, max_in_flight=2)
    assert changed == await user.use(tracker.subscriptions.get, made.id)
    assert (changed.status, changed.events, changed.payload, changed.order) == ("paused", ("job.*",), "thin", "per_job")
    assert (changed.description, changed.tags, changed.max_in_flight) == (None, ("hero",), 2)
    again = await user.use(tracker.subscriptions.update, made.id, status="active", from_now=True)
    assert again.status == "active"


async def test_subscription_takes_a_second_signature(user, tracker):
    made = await user.use(tracker.subscriptions.create, "https://a.example/hook", signatures=["v1", "v1a"])
    assert made.signatures == ("v1", "v1a")
    changed = await user.use(tracker.subscriptions.update, made.id, signatures=["v1"])
    assert changed.signatures == ("v1",)


async def test_rotation_gives_the_new_secret_and_shows_it_nowhere(user, tracker, clock):
    made = await user.use(tracker.subscriptions.create, "https://a.example/hook")
    rotated = await user.use(tracker.subscriptions.rotate_secret, made.id, grace_seconds=60)
    assert rotated.secret not in ("", made.secret)
    assert rotated.secret not in repr(rotated)
    assert rotated.previous_secret_expires_at == clock.at + timedelta(seconds=60)
    assert (await user.use(tracker.subscriptions.rotate_secret, made.id, secret=SECRET)).secret == SECRET


async def test_replay_is_begun_and_watched(user, tracker, stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(1), job_id="r1")
    since = clock.at
    await user.use(tracker.jobs.track, "scenario", "r1")
    await live(stage, clock, 60)
    made = await user.use(
        tracker.subscriptions.create, f"{stage.callbacks}/subscription", secret=stage.subscription_secret
    )
    wanted = {"since": since, "until": clock.at, "events": ["job.*"], "only_failed": False, "rate": 100}
    begun = await user.use(tracker.subscriptions.replay, made.id, **wanted)
    assert {name: getattr(begun, name) for name in wanted} == wanted | {"events": ("job.*",)}
    await live(stage, clock, 60)
    done = await user.use(tracker.subscriptions.get_replay, made.id, begun.id)
    assert (done.status, done.total, done.queued) == ("done", len(stage.inbox.arrivals), len(stage.inbox.arrivals))
    assert done.total >= 3
    assert await user.take(tracker.subscriptions.replays(made.id)) == [done]


async def test_test_event_arrives_and_its_delivery_tells_so(user, tracker, stage, clock):
    made = await user.use(
        tracker.subscriptions.create, f"{stage.callbacks}/subscription", secret=stage.subscription_secret
    )
    sent = await user.use(tracker.subscriptions.test, made.id)
    assert (sent.status, sent.subscription_id, sent.event_type) == ("pending", made.id, "subscription.test")
    await live(stage, clock, 1)
    delivery = await user.use(tracker.deliveries.get, sent.id)
    assert (delivery.status, delivery.attempts[0].outcome, delivery.attempt_count) == ("delivered", "delivered", 1)
    again = await user.use(tracker.deliveries.retry, sent.id)
    assert (again.id, again.status) == (sent.id, "pending")
    (arrival,) = stage.inbox.arrivals
    event = tracker.webhooks.verify(arrival.body, arrival.headers, stage.subscription_secret, now=clock.at)
    assert (event.id, event.type, event.job) == (sent.event_id, "subscription.test", None)


async def test_deliveries_are_found_by_each_filter(user, tracker, stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(1), job_id="r1")
    job = await user.use(tracker.jobs.track, "scenario", "r1", callback_url=f"{stage.callbacks}/r1")
    made = await user.use(
        tracker.subscriptions.create, f"{stage.callbacks}/subscription", secret=stage.subscription_secret
    )
    await live(stage, clock, 60)
    (own,) = [each for each in await user.take(tracker.deliveries.list(job_id=job.id)) if each.subscription_id is None]
    (subscribed,) = await user.take(tracker.deliveries.list(subscription_id=made.id))
    assert own.event_id == subscribed.event_id
    both = await user.take(tracker.deliveries.list(event_id=own.event_id, status=["delivered", "pending"], page_size=1))
    assert {each.id for each in both} == {own.id, subscribed.id}
    assert await user.take(tracker.deliveries.list(job_id=job.id, status="exhausted")) == []


async def test_webhook_of_a_job_is_verified_with_the_callback_secret(user, tracker, stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(1), job_id="r1")
    job = await user.use(tracker.jobs.track, "scenario", "r1", callback_url=f"{stage.callbacks}/r1")
    await live(stage, clock, 60)
    (arrival,) = stage.inbox.arrivals
    secret = (await user.use(tracker.webhooks.callback_secret)).secret
    event = tracker.webhooks.verify(arrival.body, arrival.headers, secret, now=clock.at, tolerance=3600)
    assert (event.type, event.job.id, event.job.output) == ("job.succeeded", job.id, {"assetIds": ["asset_r1"]})
    assert event.transition == (await user.use(job.history))[-1]
    with pytest.raises(InvalidWebhook):
        tracker.webhooks.verify(arrival.body, arrival.headers, SECRET, now=clock.at, tolerance=3600)


async def test_providers_tell_their_accounts_and_what_is_learned(user, tracker):
    providers = await user.use(tracker.providers.list)
    assert {"scenario", "wondercat", "decart", "photogpt"} <= {provider.name for provider in providers}
    scenario = await user.use(tracker.providers.get, "scenario")
    assert scenario.credentials == ("SCENARIO_SDK_API_KEY", "SCENARIO_SDK_API_SECRET")
    assert [(account.name, account.has_credentials) for account in scenario.accounts] == [("default", True)]
    assert scenario.learned[0]["kind"] == "job"
    with pytest.raises(NotFound, match="nobody"):
        await user.use(tracker.providers.get, "nobody")
