"""Records to store, made by the real rules as the service makes them, at a fixed time."""

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from store.attempts import DeliveryRules
from store.records import (
    Attempt,
    AttemptResult,
    Filter,
    Job,
    PollShare,
    Secret,
    Share,
    Status,
    Subscription,
)
from tracker.rules import retry, track
from tracker.rules.events import subscription_disabled_event, subscription_test_event
from tracker.rules.fanout import deliveries_of, to_subscription
from tracker.rules.health import has_only_failed_for_too_long, health_after
from tracker.rules.reading import Reading
from tracker.rules.schedule import Timing

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LEASE = timedelta(seconds=60)
TIMING = Timing(first=2, interval=10)
ALL = 100
RULES = DeliveryRules(deliveries_of, health_after, has_only_failed_for_too_long, subscription_disabled_event)


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def job_id(number):
    return f"job_{number:04d}"


def subscription_id(number):
    return f"sub_{number:04d}"


def new_job(number=1, **changes):
    """A job that was registered now and is due at once."""
    times = {"created_at": NOW, "updated_at": NOW, "next_poll_at": NOW, "timeout_at": at(3600)}
    names = {"provider": "scenario", "kind": "inference", "account": "default", "remote_id": f"remote-{number}"}
    return Job(**{"id": job_id(number), "run": 1} | names | times | changes)


def new_subscription(number=1, events=("job.*",), *, providers=(), kinds=(), tags=(), **changes):
    return Subscription(
        **{
            "id": subscription_id(number),
            "callback_url": f"https://receiver-{number}.example/hook",
            "filter": Filter(events, providers, kinds, tags),
            "secrets": (Secret("whsec_bmV3"), Secret("whsec_b2xk", at(3600))),
            "created_at": NOW,
            "updated_at": NOW,
            "headers": {"x-team": f"team {number}"},
        }
        | changes
    )


def polled(job, status, now=NOW, **details):
    """What a poll comes to that reads this status."""
    reading = Reading(Status(status), status.upper(), **details)
    return track.decide(job, reading, TIMING, now, jitter=0.5)


def longest_due(waiting, count, _now):
    """A rule for tests: of more due jobs than can be claimed the longest due go first."""
    return [job.id for job in sorted(waiting, key=lambda job: (job.next_poll_at, job.id))[:count]]


async def claim_due(jobs, now, limit):
    """Claims jobs of any lane that are due."""
    lanes = tuple(lane.name for lane in await jobs.lanes())
    return await jobs.claim([PollShare(lanes, limit, now)], now, now + LEASE)


async def claim_jobs(jobs, now=NOW, limit=ALL):
    return (await claim_due(jobs, now, limit)).jobs


async def next_due_at(jobs):
    """When the first job that waits is due."""
    return min((lane.due_at for lane in await jobs.lanes()), default=None)


async def poll_due(jobs, status, now=NOW, **details):
    """Polls all due jobs, and each reads this status."""
    return await jobs.record([polled(job, status, now, **details) for job in await claim_jobs(jobs, now)])


async def claim_deliveries(deliveries, subscriber, now=NOW, count=ALL, *, is_retry=False):
    return await deliveries.claim([Share(subscriber, is_retry, count)], now, now + LEASE)


async def lanes_of(deliveries, now=NOW):
    """The lanes as far as subscribers and times go."""
    return tuple(replace(lane, callback_url=None) for lane in (await deliveries.backlog(now)).lanes)


def attempted(delivery, http_status, now=NOW, schedule=(5.0, 300.0)):
    """What an attempt comes to that is answered with this HTTP status (None: its address is blocked)."""
    outcome = AttemptResult.BLOCKED if http_status is None else retry.judge(http_status)
    number = delivery.attempts + 1
    attempt = Attempt(f"att_{delivery.id}_{number}", delivery.id, number, now, 120, outcome, http_status)
    return retry.decide(delivery, attempt, schedule, now, jitter=0.5)


async def attempt_due(deliveries, subscriber, http_status, now=NOW, *, is_retry=False, schedule=(5.0, 300.0)):
    """Attempts all due deliveries of a subscriber, and each is answered with this HTTP status."""
    claimed = await claim_deliveries(deliveries, subscriber, now, is_retry=is_retry)
    await deliveries.record([attempted(each.delivery, http_status, now, schedule) for each in claimed])


def new_test(subscription, nonce="1", now=NOW):
    """A test event, and its delivery."""
    event = subscription_test_event(subscription.id, nonce, now)
    return event, to_subscription(event, subscription)


def as_stored(job, claim):
    """The job that was registered, as a claim of it reads."""
    return replace(job, lease_epoch=claim)


class Gate:
    """Holds the writer's thread, so that what is written meanwhile has to wait."""

    def __init__(self):
        self._opened = threading.Event()
        self._reached = threading.Event()

    def work(self, _connection):
        self._reached.set()
        assert self._opened.wait(timeout=10)

    async def hold(self, write):
        """Starts the write that waits here, and returns once the writer is held."""
        task = asyncio.create_task(write(self.work))
        assert await asyncio.to_thread(self._reached.wait, 10)
        return task

    def open(self):
        self._opened.set()
