"""What the tests of the API do again and again: call it, read its problems, and move jobs along without any HTTP."""

import asyncio
from datetime import timedelta
from http import HTTPStatus

import httpx

from store.records import Attempt, AttemptResult, PollShare, Share, Status
from tracker.bell import Bell
from tracker.rules import retry
from tracker.rules.reading import Reading
from tracker.rules.schedule import Timing
from tracker.rules.track import decide

from .table import hold_to_the_table

KEY = "an-admin-key-of-the-operator"
LEASE = timedelta(seconds=60)
PUBLIC_URL = "https://receiver.example/hook"


class ListeningBell(Bell):
    """Tells when somebody listens."""

    def __init__(self):
        super().__init__()
        self.listeners = asyncio.Semaphore(0)

    def listen(self, job_id):
        self.listeners.release()
        return super().listen(job_id)


def client_of(service, key=None):
    """A client that sends this key, or none; each answer is held to the route table."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=service.app),
        base_url="http://tracker",
        headers={"authorization": f"Bearer {key}"} if key else {},
        event_hooks={"response": [hold_to_the_table]},
        trust_env=False,
    )


def a_job(number=1, **changes):
    """The body of a registration."""
    return {"provider": "wondercat", "kind": "inference", "remote_id": f"remote-{number}"} | changes


async def track(client, number=1, **changes):
    """Registers a new job."""
    response = await client.post("/v1/jobs", json=a_job(number, **changes))
    assert response.status_code == 201, response.text
    return response.json()


async def subscribe(client, **changes):
    """Makes a subscription."""
    response = await client.post("/v1/subscriptions", json={"callback_url": PUBLIC_URL} | changes)
    assert response.status_code == 201, response.text
    return response.json()


async def fetch(client, path, **parameters):
    response = await client.get(path, params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


async def ids_of(client, path, **parameters):
    """The ids that a list shows, in its order."""
    return [row["id"] for row in (await fetch(client, path, **parameters))["data"]]


async def claim_due(jobs, now):
    """Claims all jobs that are due."""
    lanes = tuple(lane.name for lane in await jobs.lanes())
    return (await jobs.claim([PollShare(lanes, 100, now)], now, now + LEASE)).jobs


async def see(service, job, status, **details):
    """Polls a job a minute later, and the poll reads this status; what it came to is told as the service does."""
    now = service.surroundings.now.advance(60)
    claim = await claim_due(service.jobs, now)
    (claimed,) = [row for row in claim if row.id == job["id"]]
    reading = Reading(Status(status), details.pop("provider_status", status.upper()), **details)
    recorded = await service.jobs.record([decide(claimed, reading, Timing(1, 5), now, 0.5)])
    await service.jobs.release(row for row in claim if row is not claimed)
    service.bell.ring(recorded.changed_jobs)


async def attempt(service, subscriber, http_status, *, is_retry=False):
    """Attempts the deliveries of a subscriber that are due, and each is answered with this HTTP status."""
    now = service.surroundings.now.advance(1)
    claimed = await service.deliveries.claim([Share(subscriber, is_retry, 100)], now, now + LEASE)
    assert claimed
    await service.deliveries.record([_attempted(service, each.delivery, http_status, now) for each in claimed])


def _attempted(service, delivery, http_status, now):
    outcome = retry.judge(http_status)
    error = None if outcome is AttemptResult.DELIVERED else f"The subscriber answered HTTP {http_status}."
    made = Attempt(
        service.surroundings.new_id("att"),
        delivery.id,
        delivery.attempts + 1,
        now,
        120,
        outcome,
        http_status,
        error,
        "the answer",
    )
    return retry.decide(delivery, made, (5.0, 300.0), now, 0.5)


def problem(response, status):
    """The problem that an answer is, in the form of RFC 9457."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body.keys() - {"errors"} == {"type", "title", "status", "detail", "instance"}
    assert (body["title"], body["status"]) == (HTTPStatus(status).phrase, status)
    assert body["detail"]
    assert body["instance"] == response.request.url.path
    return body


def flaws(response, place="pointer"):
    """Where a 422 says that the input is wrong: JSON pointers, or the query parameters' names."""
    errors = problem(response, 422)["errors"]
    assert all(error.keys() == {place, "detail"} and error["detail"] for error in errors)
    return [error[place] for error in errors]
